/**
 * The session id: a hash of everything that the parties must agree on before they start, and of a fresh nonce from
 * each of them. It is in every envelope and in every challenge, so nothing of one session fits into another
 * (attacks.md, rows 12, 16, 37, 47, 48).
 */

import { UsageError } from '../base/errors.ts'
import type { SecurityLevel } from '../base/level.ts'
import type { Point } from '../math/curve.ts'
import { point, text, u16, u32 } from '../wire/codec.ts'
import { WIRE_VERSION } from '../wire/envelope.ts'
import { Transcript } from '../wire/transcript.ts'
import { type PartyId, type Roster, rosterDigest } from './roster.ts'

export type Protocol = 'keygen' | 'aux-info' | 'presign' | 'sign'

export interface SessionFacts {
  /** What the parties came for: `keygen`, `aux-info`, or `sign` for a presigning with its signing. */
  readonly purpose: string
  readonly level: SecurityLevel
  readonly roster: Roster
  readonly threshold: number
  readonly account: string
  readonly epoch: number
  /** Absent before there is a key. */
  readonly publicKey?: Point
  /** The parties that take part, in roster order. */
  readonly signers: readonly PartyId[]
  /** 32 bytes, when signing. */
  readonly digest?: Uint8Array
  /** 32 bytes from every signer. */
  readonly nonces: ReadonlyMap<PartyId, Uint8Array>
}

/** 32 bytes. Throws UsageError when signers are not distinct members in roster order, or a nonce is missing. */
export function sessionId(f: SessionFacts): Uint8Array {
  const order = f.roster.members.map((m) => m.id).filter((id) => f.signers.includes(id))
  if (order.length !== f.signers.length || order.some((id, i) => id !== f.signers[i])) {
    throw new UsageError('signers: expected distinct members in roster order')
  }
  const t = new Transcript('session')
    .text('purpose', f.purpose)
    .bytes('wire version', Uint8Array.of(WIRE_VERSION))
    .bytes('level', f.level.digest)
    .bytes('roster', rosterDigest(f.roster))
    .value('threshold', u16, f.threshold)
    .value('account', text(256), f.account)
    .value('epoch', u32, f.epoch)
  if (f.publicKey !== undefined) t.value('public key', point, f.publicKey)
  if (f.digest !== undefined) t.bytes('digest', f.digest)
  t.value('signers', u16, f.signers.length)
  for (const id of f.signers) {
    const nonce = f.nonces.get(id)
    if (nonce?.length !== 32) throw new UsageError(`nonce of ${id}: expected 32 bytes`)
    t.text('signer', id).bytes('nonce', nonce)
  }
  return t.digest()
}
