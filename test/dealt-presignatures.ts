/**
 * Presignatures of two parties from one place that knows the whole key, as presigning would have made them. Each party
 * makes its own part from a seed that both are told; the parts fit, and are spent like any others.
 */

import type { KeyShare } from '../participant/key-share/key-share.ts'
import { modQ } from '../participant/math/curve.ts'
import { sessionOf } from '../participant/protocols/session-context.ts'
import { dealPresignatures } from '../participant/protocols/testing.ts'
import type { Presigned } from '../participant/signer/pool.ts'
import { seededRandom } from '../participant/zk/testing.ts'

/** As it is told to a process. */
export interface Deal {
  readonly way: 'rooms' | 'http'
  readonly account: string
  /** The whole key, decimal. */
  readonly x: string
  readonly seeds: readonly string[]
}

export const OWNER = 'client'

/** The key of two shares, of the members with indexes 1 and 2, any two of whom sign. */
export function wholeKey(first: KeyShare, second: KeyShare): bigint {
  return modQ(2n * first.core.x.expose() - second.core.x.expose())
}

export function dealtPart(share: KeyShare, x: bigint, seed: string): Presigned {
  const { level, roster, account, epoch, core, aux, identity } = share
  const random = seededRandom(seed)
  const signers = roster.members.map((m) => m.id)
  const context = {
    purpose: 'presign',
    level,
    roster,
    threshold: core.threshold,
    account,
    epoch,
    signers,
    nonces: new Map(signers.map((id) => [id, random.bytes(32)])),
    feldman: core.feldman,
    aux: new Map([...aux.peers, [identity.id, aux] as const]),
  }
  const view = random.bytes(32)
  const presignature = dealPresignatures(signers, x, random).get(identity.id)
  if (presignature === undefined) throw new Error('expected a share of two signers')
  return { id: sessionOf(context), owner: OWNER, presignature, context, view, record: [] }
}
