/**
 * Two proofs of one prover, checked together. Π^enc-elg and Π^aff-g keep one equation about what travels, under the
 * prover's Paillier key: enc(z; ρ) ⊕ e ⊙ C = D. The verifier can't use the prover's primes, so ρ^N is the most costly
 * part of it. Two of them cost one ρ^N, with a weight a of 128 random bits:
 *
 *   enc(z + a·z'; ρ·ρ'^a) ⊕ e ⊙ C ⊕ a·e' ⊙ C' = D ⊕ a ⊙ D'
 *
 * When both hold, so does this. When it holds, each of the two holds for some ρ, which is all that they are for, but with
 * probability 2^−128 over the weight (PAPER.md, "Two proofs at once"). The verifier draws the weight when it has both
 * proofs: what the prover could foresee would be no weight.
 */
import { bytesToBigint } from '../base/bytes.ts'
import { InternalError } from '../base/errors.ts'
import type { SecurityLevel } from '../base/level.ts'
import type { Random } from '../base/random.ts'
import type { PaillierKey } from '../paillier/paillier-key.ts'
import { type ChallengeCheck, type Compact, type CompactProof, type CompactSigma, compact } from './compact.ts'
import type { Binding, Provable } from './sigma.ts'

/** enc(z; rho) ⊕ e ⊙ C = D. C, D are ciphertexts, rho is a unit, e ≥ 0. */
export interface Encryption {
  readonly key: PaillierKey
  readonly z: bigint
  readonly rho: bigint
  readonly e: bigint
  readonly C: bigint
  readonly D: bigint
}

export function holds({ key, z, rho, e, C, D }: Encryption): boolean {
  return key.add(key.encrypt(z, rho), key.pow(C, e)) === D
}

/** Whether both hold, for some ρ each. Throws InternalError when they are under different keys. */
export function bothHold(one: Encryption, two: Encryption, weight: bigint): boolean {
  const { key } = one
  if (two.key.N !== key.N) throw new InternalError('expected two proofs of one prover')
  const rho = (one.rho * key.powModN(two.rho, weight)) % key.N
  const powers = key.add(key.pow(one.C, one.e), key.pow(two.C, weight * two.e))
  const left = key.add(key.encrypt(one.z + weight * two.z, rho), powers)
  return left === key.add(one.D, key.pow(two.D, weight))
}

/** 128 random bits. */
export function drawWeight(random: Random): bigint {
  return bytesToBigint(random.bytes(16))
}

export interface PairSigma<S, W, C extends T, T, K, R, Ch extends string> extends CompactSigma<S, W, C, T, K, R, Ch> {
  /** The equation of `check`. Total for what `admit` lets pass. */
  equation(level: SecurityLevel, x: S, sent: T, e: bigint, response: R): Encryption
}

/** A proof with all that it takes to check it. */
export interface Claim<S, P> {
  readonly b: Binding
  readonly x: S
  readonly given: P
}

/** Which of two proofs does not hold, and the first check of it that fails. */
export type FailedOne<Ch> = readonly [which: 0 | 1, check: Ch]

export interface PairProvable<S, W, P, Ch extends string> extends Provable<S, W, P, Ch> {
  /**
   * For two proofs of one prover, at one level. What fails is named as `verify` of one after the other would name it.
   */
  verifyTwo(one: Claim<S, P>, two: Claim<S, P>, weight: bigint): FailedOne<Ch> | undefined
}

export interface Pair<S, W, C extends T, T, K, R, Ch extends string>
  extends Compact<S, W, C, T, K, R, Ch>,
    PairProvable<S, W, CompactProof<T, R>, Ch | ChallengeCheck> {
  readonly sigma: PairSigma<S, W, C, T, K, R, Ch>
}

/** A compact proof of which two can be checked together. */
export function pair<S, W, C extends T, T, K, R, Ch extends string>(
  sigma: PairSigma<S, W, C, T, K, R, Ch>,
): Pair<S, W, C, T, K, R, Ch> {
  const single = compact(sigma)
  type Given = Claim<S, CompactProof<T, R>>
  const begins = ({ b, x, given }: Given): boolean => single.begin(b, x, given) === undefined
  const equationOf = ({ b, x, given: { commitment, e, response } }: Given): Encryption =>
    sigma.equation(b.level, x, commitment, e, response)
  return {
    ...single,
    sigma,
    verifyTwo(one, two, weight) {
      if (begins(one) && begins(two) && bothHold(equationOf(one), equationOf(two), weight)) return undefined
      const first = single.verify(one.b, one.x, one.given)
      if (first !== undefined) return [0, first]
      const second = single.verify(two.b, two.x, two.given)
      return second === undefined ? undefined : [1, second]
    },
  }
}
