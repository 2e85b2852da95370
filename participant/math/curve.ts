/**
 * secp256k1 over @noble/curves: points, and scalars as bigint in [0, q).
 *
 * `mul` is for secret scalars (noble's constant-time ladder); `mulPublic` and `combine` are variable-time and for
 * values that everybody knows.
 */
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { bytesToBigint } from '../base/bytes.ts'
import type { Random } from '../base/random.ts'

export const Point = secp256k1.Point
export type Point = InstanceType<typeof Point>

/** The order of the group. */
export const Q: bigint = Point.Fn.ORDER
export const G: Point = Point.BASE
export const IDENTITY: Point = Point.ZERO

/** Canonical residue modulo q, also of a negative number. */
export function modQ(a: bigint): bigint {
  const r = a % Q
  return r < 0n ? r + Q : r
}

/** Inverse modulo q of a value that is not 0 modulo q; RangeError otherwise. */
export function invQ(a: bigint): bigint {
  const r = modQ(a)
  if (r === 0n) throw new RangeError('zero has no inverse')
  return Point.Fn.inv(r)
}

/** k·P with k secret; any integer k. */
export function mul(P: Point, k: bigint): Point {
  const s = modQ(k)
  return s === 0n || P.is0() ? IDENTITY : P.multiply(s)
}

/** The same point, whose coordinates cost no inversion any more. */
export function affine(P: Point): Point {
  return P.is0() ? P : Point.fromAffine(P.toAffine())
}

/** k·P in variable time, for public k. */
export function mulPublic(P: Point, k: bigint): Point {
  return P.is0() ? IDENTITY : P.multiplyUnsafe(modQ(k))
}

/** Σ k_i·P_i in variable time, for public scalars. Points without a table of their own share doublings two by two. */
export function combine(terms: readonly (readonly [k: bigint, P: Point])[]): Point {
  let total = IDENTITY
  let waiting: (typeof terms)[number] | undefined
  for (const term of terms) {
    const [k, P] = term
    if (P === G) {
      total = total.add(mulPublic(P, k))
    } else if (waiting === undefined) {
      waiting = term
    } else {
      const [l, R] = waiting
      total = total.add(R.mulAddUnsafe(modQ(l), P, modQ(k)))
      waiting = undefined
    }
  }
  return waiting === undefined ? total : total.add(mulPublic(waiting[1], waiting[0]))
}

export function sum(points: readonly Point[]): Point {
  return points.reduce((a, b) => a.add(b), IDENTITY)
}

/** Uniform in [0, q): 64 bytes reduced, so within 2^-256 of uniform. */
export function randomScalar(random: Random): bigint {
  return modQ(bytesToBigint(random.bytes(64)))
}

/** Uniform in [1, q). */
export function randomNonZeroScalar(random: Random): bigint {
  for (;;) {
    const k = randomScalar(random)
    if (k !== 0n) return k
  }
}
