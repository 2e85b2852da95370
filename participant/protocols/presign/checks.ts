/**
 * The checks of presigning, message by message. CGGMP24, Fig. 8. They need no secret, and are the same for a party of
 * the session and for whoever reads the evidence later.
 */
import { affine, invQ, modQ, mulPublic, type Point, sum } from '../../math/curve.ts'
import { type Judge, verified, verifiedTwo } from '../../party/judge.ts'
import type { Failed } from '../../party/party.ts'
import type { PartyId } from '../../party/roster.ts'
import { affG } from '../../zk/aff-g.ts'
import { elog } from '../../zk/elog.ts'
import { encElg } from '../../zk/enc-elg.ts'
import type { Presignature } from '../material.ts'
import type { One, OneProofs, Three, Two, TwoProducts } from './rounds.ts'
import * as claim from './statements.ts'
import { type Context, of } from './statements.ts'

/** Round 2: ψ0, ψ1, made by `from` for `to`. */
export function checkOneProofs(
  judge: Judge,
  ctx: Context,
  from: PartyId,
  to: PartyId,
  one: One,
  m: OneProofs,
): Promise<Failed | undefined> {
  const at = { prover: from, verifier: to }
  return verifiedTwo(
    judge,
    encElg,
    { ...at, name: 'psi0', statement: claim.psi0(ctx, from, to, one), given: m.psi0 },
    { ...at, name: 'psi1', statement: claim.psi1(ctx, from, to, one), given: m.psi1 },
  )
}

/** Round 3: ψ'. */
export function checkTwo(judge: Judge, from: PartyId, one: One, m: Two): Promise<Failed | undefined> {
  const at = { prover: from, verifier: '', name: 'psi-prime' }
  return verified(judge, elog, at, claim.psiPrime(one, m), m.psiPrime)
}

/** Round 3: ψ, ψ̂, made by `from` for `to`, about K of `to` and Γ of `from`. */
export function checkTwoProducts(
  judge: Judge,
  ctx: Context,
  from: PartyId,
  to: PartyId,
  K: bigint,
  Gamma: Point,
  m: TwoProducts,
): Promise<Failed | undefined> {
  const at = { prover: from, verifier: to }
  return verifiedTwo(
    judge,
    affG,
    { ...at, name: 'psi', statement: claim.psi(ctx, from, to, K, Gamma, m), given: m.psi },
    { ...at, name: 'psi-hat', statement: claim.psiHat(ctx, from, to, K, m), given: m.psiHat },
  )
}

/** Output: ψ''. `Gamma` is the sum of everybody's. */
export function checkThree(judge: Judge, from: PartyId, one: One, Gamma: Point, m: Three): Promise<Failed | undefined> {
  const at = { prover: from, verifier: '', name: 'psi-prime-prime' }
  return verified(judge, elog, at, claim.psiPrimePrime(one, Gamma, m), m.psiPrimePrime)
}

/** What everybody knows of a presignature. */
export type PublicPresignature = Pick<Presignature, 'Gamma' | 'DeltaTilde' | 'STilde'>

/** Fig. 8, output, from everybody's third messages; δ ≠ 0. */
export function publicPresignature(
  Gamma: Point,
  threes: ReadonlyMap<PartyId, Pick<Three, 'delta' | 'Delta' | 'S'>>,
): PublicPresignature {
  const inverse = invQ([...threes.values()].reduce((a, m) => modQ(a + m.delta), 0n))
  const scaled = (of: (m: Pick<Three, 'Delta' | 'S'>) => Point): ReadonlyMap<PartyId, Point> =>
    new Map([...threes].map(([id, m]) => [id, mulPublic(of(m), inverse)]))
  return { Gamma: affine(Gamma), DeltaTilde: scaled((m) => m.Delta), STilde: scaled((m) => m.S) }
}

/** Γ: the nonce point. */
export function nonceOf(ctx: Context, twos: ReadonlyMap<PartyId, Pick<Two, 'Gamma'>>): Point {
  return sum(ctx.signers.map((id) => of(twos, id).Gamma))
}
