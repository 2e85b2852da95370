/**
 * What one party keeps for one account: its share of the key, its moduli, and who the others are.
 *
 * The secrets in it are the share x, the identity keys and the primes of the own moduli; all are wrapped. One
 * AuxInfo object serves every account of the same roster.
 */
import { utf8ToBytes } from '../base/bytes.ts'
import { UsageError } from '../base/errors.ts'
import type { SecurityLevel } from '../base/level.ts'
import type { Identity, Roster } from '../party/roster.ts'
import type { AuxInfo, CoreShare } from '../protocols/material.ts'

/** Consistent in itself when it comes from `parseKeyShares`, the dealer or the protocols. */
export interface KeyShare {
  /** The host's name for the key; the same for all parties. */
  readonly account: string
  readonly curve: 'secp256k1'
  readonly level: SecurityLevel
  /** Counts refreshes, from 0; below 2^32. Shares of different epochs don't fit together. */
  readonly epoch: number
  readonly roster: Roster
  readonly identity: Identity
  readonly core: CoreShare
  readonly aux: AuxInfo
}

/** Longest account id in bytes of UTF-8; the session id takes no more. */
export const ACCOUNT_LIMIT = 128

/** Neither control nor invisible format characters, nor lone surrogates, nor line separators. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u

/** Whether the text can name an account: 1 to 128 bytes, printable, no white space at its ends. */
export function isAccountId(account: string): boolean {
  if (account === '' || account === '__proto__' || account.trim() !== account || UNPRINTABLE.test(account)) return false
  return utf8ToBytes(account).length <= ACCOUNT_LIMIT
}

/** Throws UsageError when the text can't name an account. */
export function requireAccountId(account: string): void {
  if (!isAccountId(account)) {
    throw new UsageError(
      `account: expected 1 to ${ACCOUNT_LIMIT} bytes of printable text without white space at its ends`,
    )
  }
}
