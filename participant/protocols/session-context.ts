/**
 * The public side of a session: all that somebody needs who was not there and wants to judge what was said in it. None
 * of it is secret. The session id is a hash of it, so a context that was made up fits no signed message.
 */
import type { SecurityLevel } from '../base/level.ts'
import type { Point } from '../math/curve.ts'
import { evaluateInExponent } from '../math/polynomial.ts'
import type { PartyId, Roster } from '../party/roster.ts'
import { type SessionFacts, sessionId } from '../party/session.ts'
import type { PeerAux } from './material.ts'

export interface SessionContext {
  /** As in the session id: `keygen`, `aux-info`, `sign`, … */
  readonly purpose: string
  readonly level: SecurityLevel
  readonly roster: Roster
  readonly threshold: number
  readonly account: string
  readonly epoch: number
  readonly signers: readonly PartyId[]
  readonly nonces: ReadonlyMap<PartyId, Uint8Array>
  /** When there is a key: its Feldman points, threshold of them. */
  readonly feldman?: readonly Point[]
  /** When there is auxiliary information: everybody's moduli. */
  readonly aux?: ReadonlyMap<PartyId, PeerAux>
  /** When signing: 32 bytes. */
  readonly digest?: Uint8Array
}

/** A session in which a presignature is spent; the one that made it differs in purpose and digest alone. */
const PRESIGNED = 'sign-presigned'

/** For spending on this digest the presignature that the session of this context made. */
export function presignedContext(presign: SessionContext, digest: Uint8Array): SessionContext {
  return { ...presign, purpose: PRESIGNED, digest }
}

/** The id under which the broadcasts were said that this session rests on: its own, unless a presignature is spent. */
export function recordSessionOf(c: SessionContext): Uint8Array {
  if (c.purpose !== PRESIGNED) return sessionOf(c)
  const { digest: _, ...rest } = c
  return sessionOf({ ...rest, purpose: 'presign' })
}

/** The id that every message of this session carries. Throws UsageError when the context contradicts itself. */
export function sessionOf(c: SessionContext): Uint8Array {
  const { purpose, level, roster, threshold, account, epoch, signers, nonces } = c
  const facts: SessionFacts = { purpose, level, roster, threshold, account, epoch, signers, nonces }
  const publicKey = c.feldman?.[0]
  return sessionId({
    ...facts,
    ...(publicKey === undefined ? {} : { publicKey }),
    ...(c.digest === undefined ? {} : { digest: c.digest }),
  })
}

/** X_j of every member, from the Feldman points. */
export function publicSharesOf(roster: Roster, feldman: readonly Point[]): ReadonlyMap<PartyId, Point> {
  return new Map(roster.members.map((m) => [m.id, evaluateInExponent(feldman, BigInt(m.index))]))
}
