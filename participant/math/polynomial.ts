/**
 * Shamir and Feldman: polynomials over the scalars of secp256k1, their commitments, and interpolation.
 *
 *   f(x) = a_0 + a_1·x + … + a_{t−1}·x^{t−1},   F_k = a_k·G,   f(0) = Σ λ_i·f(x_i) for any t distinct x_i ≠ 0
 *
 * Coefficients are drawn from 1 … q−1, as the encoding of a point has no place for the identity; this is within
 * t·2^-256 of uniform.
 */
import { UsageError } from '../base/errors.ts'
import type { Random } from '../base/random.ts'
import { type Secret, secret } from '../base/secret.ts'
import { G, IDENTITY, invQ, modQ, mul, mulPublic, type Point, randomNonZeroScalar } from './curve.ts'

/** t coefficients, constant term first: any t values of the polynomial determine it, fewer say nothing of f(0). */
export function randomPolynomial(random: Random, t: number): readonly Secret<bigint>[] {
  if (!Number.isInteger(t) || t < 1) throw new UsageError('expected at least one coefficient')
  return Object.freeze(Array.from({ length: t }, () => secret(randomNonZeroScalar(random))))
}

/** f(x) mod q. */
export function evaluate(coefficients: readonly Secret<bigint>[], x: bigint): bigint {
  return coefficients.reduceRight((sum, a) => modQ(sum * x + a.expose()), 0n)
}

/** F_k = a_k·G, constant term first. */
export function feldman(coefficients: readonly Secret<bigint>[]): readonly Point[] {
  return Object.freeze(coefficients.map((a) => mul(G, a.expose())))
}

/** f(x)·G from the Feldman points; x is public. */
export function evaluateInExponent(points: readonly Point[], x: bigint): Point {
  return points.reduceRight((sum, F) => mulPublic(sum, x).add(F), IDENTITY)
}

/**
 * λ_i, the weight of f(xs[i]) in f(at). UsageError when an x is 0 modulo q, when two are the same modulo q, or when
 * i is no index of xs.
 */
export function lagrange(xs: readonly bigint[], i: number, at = 0n): bigint {
  const residues = xs.map(modQ)
  if (residues.includes(0n)) throw new UsageError('evaluation point is 0 modulo the curve order')
  if (new Set(residues).size !== residues.length) throw new UsageError('evaluation points are not distinct')
  const mine = residues[i]
  if (mine === undefined) throw new UsageError('expected the index of an evaluation point')
  let [numerator, denominator] = [1n, 1n]
  for (const x of residues) {
    if (x === mine) continue
    numerator = modQ(numerator * (at - x))
    denominator = modQ(denominator * (mine - x))
  }
  return modQ(numerator * invQ(denominator))
}
