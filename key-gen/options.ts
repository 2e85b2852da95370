/** The flags that `deal` and `join` have in common, checked: each mistake names its flag. */
import { CommandError } from '../config/failure.ts'
import { required, wholeNumber } from '../config/program.ts'
import { ACCOUNT_LIMIT } from '../participant/key-share/key-share.ts'
import { MAX_PARTIES, PARTY_ID } from '../participant/party/roster.ts'

const DEFAULT_PARTIES = 2
const DEFAULT_THRESHOLD = 2
/** What a room can agree on at once. */
const MAX_ACCOUNTS = 1024
/** Neither control nor invisible format characters, nor lone surrogates, nor line separators. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u

export interface Group {
  readonly parties: number
  readonly threshold: number
}

export function readGroup(parties: string | undefined, threshold: string | undefined, names?: number): Group {
  const n = wholeNumber('--parties', parties, 2, MAX_PARTIES, names ?? DEFAULT_PARTIES)
  return { parties: n, threshold: wholeNumber('--threshold', threshold, 2, n, DEFAULT_THRESHOLD) }
}

export function readAccounts(accounts: readonly string[] | undefined): readonly string[] {
  const given = required('--account', accounts)
  if (given.length > MAX_ACCOUNTS) throw new CommandError(`--account: expected at most ${MAX_ACCOUNTS} of them`)
  if (new Set(given).size !== given.length) throw new CommandError('--account: expected each id once')
  for (const account of given) {
    const bytes = new TextEncoder().encode(account).length
    const isSound = account.trim() === account && !UNPRINTABLE.test(account) && account !== '__proto__'
    if (bytes < 1 || bytes > ACCOUNT_LIMIT || !isSound) {
      throw new CommandError(
        `--account: expected 1 to ${ACCOUNT_LIMIT} bytes of printable text without white space at its ends`,
      )
    }
  }
  return given
}

export function readName(flag: string, name: string): string {
  if (!PARTY_ID.test(name)) {
    throw new CommandError(
      `${flag}: expected names of 1 to 32 letters, digits, dots, dashes or underscores, starting with a letter or digit`,
    )
  }
  return name
}

/** From a list with commas; client and service, or party-1 … party-n, without one. */
export function readNames(names: string | undefined, parties: number): readonly string[] {
  if (names === undefined) {
    return parties === 2 ? ['client', 'service'] : Array.from({ length: parties }, (_, i) => `party-${i + 1}`)
  }
  const list = names.split(',').map((name) => readName('--names', name.trim()))
  if (list.length !== parties) throw new CommandError(`--names: expected ${parties} names, as many as --parties`)
  // There are file systems on which Client and client are one file.
  if (new Set(list.map((name) => name.toLowerCase())).size !== parties) {
    throw new CommandError('--names: expected distinct names')
  }
  return list
}

export function shareFileName(party: string): string {
  return `${party}_key_shares.json`
}
