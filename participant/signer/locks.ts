/**
 * Locks: after a signature that failed although every proof held, an account does not sign with that peer again until
 * an operator has looked at it. A peer that may try such a thing as often as it likes learns from each failure
 * (attacks.md, row 42; CVE-2023-33242), so nothing is tried again by itself.
 */
import { bytesToHex } from '../base/bytes.ts'
import { type FaultCode, InternalError, ProtocolAbort } from '../base/errors.ts'
import type { PartyId } from '../party/roster.ts'

export interface Lock {
  readonly account: string
  readonly self: PartyId
  readonly peer: PartyId
  /** What failed; INTERNAL when the signature did not verify although all that it is made of did. */
  readonly code: FaultCode | 'INTERNAL'
  /** First 8 hex digits of the session's id. */
  readonly session: string
  /** RFC 3339, UTC. */
  readonly since: string
}

export type LockKey = Pick<Lock, 'account' | 'self' | 'peer'>

/** Where locks are kept; for hosts that must remember them beyond the process, `fileLocks` of `wallet-mpc/node`. */
export interface Locks {
  find(key: LockKey): Promise<Lock | undefined>
  /** Resolves when the lock would survive a crash, as far as this store can. A second lock changes nothing. */
  add(lock: Lock): Promise<void>
}

/** Locks that end with the process. */
export function memoryLocks(): Locks & { clear(key: LockKey): boolean } {
  const locks = new Map<string, Lock>()
  return {
    find: (key) => Promise.resolve(locks.get(lockName(key))),
    add: (lock) => {
      const name = lockName(lock)
      if (!locks.has(name)) locks.set(name, lock)
      return Promise.resolve()
    },
    clear: (key) => locks.delete(lockName(key)),
  }
}

/** Tells every two keys apart. */
export function lockName({ account, self, peer }: LockKey): string {
  return JSON.stringify([account, self, peer])
}

/** The first lock between us and one of these parties. */
export async function findLock(
  locks: Locks,
  account: string,
  self: PartyId,
  signers: readonly PartyId[],
): Promise<Lock | undefined> {
  for (const peer of signers) {
    const lock = peer === self ? undefined : await locks.find({ account, self, peer })
    if (lock !== undefined) return lock
  }
  return undefined
}

/** Values that are wrong although their proofs hold. */
const FINAL: readonly FaultCode[] = ['DELTA', 'CHI', 'PARTIAL_SIG']

/** What to lock after a signing of these signers ended with this error: nothing, in most cases. */
export function locksAfter(
  error: unknown,
  o: { readonly account: string; readonly self: PartyId; readonly signers: readonly PartyId[]; session: Uint8Array },
): readonly Lock[] {
  const { account, self, signers } = o
  const common = { account, self, session: bytesToHex(o.session).slice(0, 8), since: new Date().toISOString() }
  if (error instanceof InternalError) {
    // who did it can't be told: nobody signs until somebody has looked
    return signers.filter((id) => id !== self).map((peer) => ({ ...common, peer, code: 'INTERNAL' }))
  }
  if (!(error instanceof ProtocolAbort)) return []
  return error.faults.filter((f) => FINAL.includes(f.code)).map((f) => ({ ...common, peer: f.culprit, code: f.code }))
}
