/**
 * Signing with a presignature: 1 round. CGGMP24, Fig. 10.
 *
 * σ_i = k̃_i·m + r·χ̃_i, each checked by itself: σ_j·Γ = m·Δ̃_j + r·S̃_j. The sum is made low-s, verified under the
 * public key before it is returned, and carries the recovery id.
 */
import { bytesToBigint } from '../../base/bytes.ts'
import { InternalError, StateError, UsageError } from '../../base/errors.ts'
import { combine, modQ, mulPublic, Q } from '../../math/curve.ts'
import { verifies } from '../../math/ecdsa.ts'
import type { Failed, Party, ProtocolRounds } from '../../party/party.ts'
import type { PartyId } from '../../party/roster.ts'
import { boundBroadcastRound } from '../../party/rounds.ts'
import { scalar, struct } from '../../wire/codec.ts'
import type { Presignature, Signature } from '../material.ts'
import type { PublicPresignature } from '../presign/checks.ts'
import { of, requireSession } from '../presign/statements.ts'

export interface Partial {
  readonly sigma: bigint
}

export const one = boundBroadcastRound('1', struct<Partial>({ sigma: scalar }), 'only one σ fits the public Δ̃ and S̃')

export const signRounds: ProtocolRounds = { protocol: 'sign', rounds: [one] }

export interface SignInput {
  readonly presignature: Presignature
  /** 32 bytes, the hash of what is signed. */
  readonly digest: Uint8Array
}

/**
 * Throws ProtocolAbort with the culprits, TransportError at the deadline, StateError for a presignature that was used
 * before, UsageError for a digest that isn't 32 bytes or other parties than the presignature's. After that the
 * presignature is used up even when signing fails.
 */
export async function sign({ presignature, digest }: SignInput, party: Party): Promise<Signature> {
  requireSession(party, presignature.signers)
  const sigma = partial(presignature, digest)
  await party.broadcast(one, { sigma })
  const partials = await party.collect(one)
  const sigmas = [sigma, ...partials.values().map((m) => m.message.sigma)]
  const signature = tryCombine(presignature, digest, sigmas)
  if (signature !== undefined) return signature
  // only then it matters whose share is wrong
  await party.checkEach(one, partials, (j, m) => checkPartial(presignature, digest, j, m.sigma))
  return combinePartials(presignature, digest, sigmas)
}

/** By their nonce share, which a copy of a presignature has too. */
const used = new WeakSet<Presignature['kTilde']>()

/** Our share of the signature. Uses the presignature up: a second call throws StateError (attacks.md, row 43). */
export function partial(p: Presignature, digest: Uint8Array): bigint {
  const m = messageScalar(digest)
  const r = nonceX(p)
  if (used.has(p.kTilde)) throw new StateError('presignature was used before')
  used.add(p.kTilde)
  return modQ(p.kTilde.expose() * m + r * p.chiTilde.expose())
}

/** σ_j·Γ = m·Δ̃_j + r·S̃_j. Needs no secret. */
export function checkPartial(
  p: PublicPresignature,
  digest: Uint8Array,
  from: PartyId,
  sigma: bigint,
): Failed | undefined {
  const expected = combine([
    [messageScalar(digest), of(p.DeltaTilde, from)],
    [nonceX(p), of(p.STilde, from)],
  ])
  return mulPublic(p.Gamma, sigma).equals(expected) ? undefined : { code: 'PARTIAL_SIG', check: 'eq sigma Gamma' }
}

/** The signature from everybody's partial ones, verified under the public key. Throws InternalError if it doesn't hold. */
export function combinePartials(p: Presignature, digest: Uint8Array, sigmas: readonly bigint[]): Signature {
  const signature = tryCombine(p, digest, sigmas)
  if (signature !== undefined) return signature
  throw new InternalError('signature does not verify under the public key; it was not released')
}

/** As `combinePartials`; undefined if it doesn't hold. */
export function tryCombine(p: Presignature, digest: Uint8Array, sigmas: readonly bigint[]): Signature | undefined {
  const { x, y } = p.Gamma.toAffine()
  const r = nonceX(p)
  const sum = sigmas.reduce((a, b) => modQ(a + b), 0n)
  const high = sum > Q / 2n
  const s = high ? Q - sum : sum
  const recovery = (((y & 1n) === 1n ? 1 : 0) ^ (high ? 1 : 0)) | (x >= Q ? 2 : 0)
  return verifies(p.publicKey, messageScalar(digest), r, s) ? { r, s, recovery } : undefined
}

/** r: the x-coordinate of Γ modulo q. */
function nonceX(p: PublicPresignature): bigint {
  return modQ(p.Gamma.toAffine().x)
}

/** The digest as a number, big-endian (SEC 1, section 4.1.3); leading zeros count as they stand. */
function messageScalar(digest: Uint8Array): bigint {
  if (digest.length !== 32) throw new UsageError('digest: expected 32 bytes')
  return modQ(bytesToBigint(digest))
}
