/** What key-gen says when shares are written: everything public about them, for people or as one JSON object. */
import { table } from '../config/terminal.ts'
import { ethereumAddress, fingerprint, type KeyShare, type PartyId } from '../participant/index.ts'

export interface Report {
  readonly threshold: number
  /** Names in the order of the roster. */
  readonly parties: readonly PartyId[]
  readonly fingerprint: string
  /** Keys compressed, 0x and hex. */
  readonly accounts: readonly { readonly account: string; readonly address: string; readonly publicKey: string }[]
  readonly files: readonly { readonly party: PartyId; readonly path: string }[]
}

/** From any one party's shares. */
export function reportOf(shares: ReadonlyMap<string, KeyShare>, files: Report['files']): Report {
  const all = [...shares.values()]
  const [first] = all
  if (first === undefined) throw new RangeError('expected at least one share')
  return {
    threshold: first.core.threshold,
    parties: first.roster.members.map((m) => m.id),
    fingerprint: fingerprint(first.roster),
    accounts: all.map(({ account, core }) => ({
      account,
      address: ethereumAddress(core.publicKey),
      publicKey: `0x${core.publicKey.toHex(true)}`,
    })),
    files,
  }
}

export function reportText(report: Report): string {
  const accounts = report.accounts.map(({ account, address, publicKey }) =>
    table([
      ['account', account],
      ['address', address],
      ['public key', publicKey],
    ]),
  )
  const rest = table([
    ['parties', `${report.parties.join(', ')}; any ${report.threshold} of ${report.parties.length} sign`],
    ['fingerprint', report.fingerprint],
    ...report.files.map(({ party, path }): [string, string] => ['wrote', `${path} (${party})`]),
  ])
  return `${[...accounts, rest].join('\n')}`
}
