/**
 * Ring-Pedersen commitments (CGGMP24, section 2.2.2): parameters with a modulus of their own.
 *
 *   commit(x, y) = s^x·t^y mod N̂,   t = r² mod N̂,   s = t^λ mod N̂
 *
 *   N̂     product of two safe primes p, q; everybody knows N̂, the holder alone p and q
 *   s, t   bases in the squares modulo N̂, everybody        λ   the holder: it could open a commitment to anything
 *
 * Whoever holds λ and φ(N̂) computes commit(x, y) = t^(λx + y mod φ(N̂)), one exponentiation by CRT.
 *
 * Differs from the paper: λ is drawn below φ(N̂)/4, the order of the group that t lies in, and not below φ(N̂);
 * s has the same distribution.
 */
import { bitLength } from '../base/bytes.ts'
import { UsageError } from '../base/errors.ts'
import type { SecurityLevel } from '../base/level.ts'
import { systemRandom } from '../base/random.ts'
import { type Secret, secret } from '../base/secret.ts'
import { crtModulus } from '../math/crt.ts'
import { engine as defaultEngine, type Engine } from '../math/engine.ts'
import { fixedBase } from '../math/fixed-base.ts'
import { modulus } from '../math/modulus.ts'
import { gcd } from '../math/number-theory.ts'
import { safePrime } from '../math/primes.ts'
import { uniformBelow, unit } from '../math/sampling.ts'
import { type GenerateOptions, twoPrimes } from './two-primes.ts'

export interface RingPedersen {
  readonly NHat: bigint
  readonly s: bigint
  readonly t: bigint
  /** s^x·t^y mod N̂ for any integers; RangeError when one is negative and its base no unit. */
  commit(x: bigint, y: bigint): bigint
  /** a^e mod N̂ for any integer e; RangeError when e < 0 and a is no unit. */
  pow(a: bigint, e: bigint): bigint
  mul(a: bigint, b: bigint): bigint
  /** 0 < a < N̂ and gcd(a, N̂) = 1. */
  isUnit(a: bigint): boolean
}

export interface RingPedersenSecret extends RingPedersen {
  readonly p: Secret<bigint>
  readonly q: Secret<bigint>
  readonly lambda: Secret<bigint>
  /** φ(N̂) = (p − 1)(q − 1). */
  readonly phi: Secret<bigint>
}

/** Longest exponents of s, and by how much those of t are longer than N̂, in commitments made with tables. */
const TABLE_BITS = 2048
const TABLE_SLACK = 1024
/** 0.8 MB for each peer at 3072 bits. */
const TABLE_SHAPE = { teeth: 8, strips: 4 } as const

/**
 * A peer's parameters. Says nothing about them: size, `baseProblem` and Π^prm come first. RangeError for N̂ < 2. Where
 * BigInt computes, commitments take s and t from tables, made with the first; keep the object.
 */
export function ringPedersen(NHat: bigint, s: bigint, t: bigint, engine: Engine = defaultEngine): RingPedersen {
  const modNHat = modulus(NHat, engine)
  const power = (base: bigint, bits: number): ((e: bigint) => bigint) => {
    // OpenSSL is as fast, and hides the exponent
    if (engine.name === 'openssl') return (e) => modNHat.pow(base, e)
    const table = fixedBase(base, NHat, { bits, ...TABLE_SHAPE })
    return (e) => (bitLength(e) > bits ? modNHat.pow(base, e) : table.pow(e))
  }
  const powS = power(s, TABLE_BITS)
  const powT = power(t, modNHat.bits + TABLE_SLACK)
  return Object.freeze({
    NHat,
    s,
    t,
    commit: (x: bigint, y: bigint) => modNHat.mul(powS(x), powT(y)),
    pow: modNHat.pow,
    mul: modNHat.mul,
    isUnit: modNHat.isUnit,
  })
}

/**
 * The holder's parameters, with s = t^λ. The caller vouches that p and q are safe primes; UsageError when they are
 * equal or even, or when the bases are degenerate.
 */
export function ringPedersenSecret(p: bigint, q: bigint, lambda: bigint, t: bigint): RingPedersenSecret {
  const modNHat = crtModulus(p, q)
  const NHat = modNHat.m
  if (t <= 0n || t >= NHat || !modNHat.isUnit(t)) throw new UsageError('ring-Pedersen t is not a unit modulo N̂')
  const s = modNHat.pow(t, lambda)
  const problem = baseProblem(NHat, s, t)
  if (problem !== undefined) throw new UsageError(`ring-Pedersen ${problem}`)
  return Object.freeze({
    NHat,
    s,
    t,
    p: secret(p),
    q: secret(q),
    lambda: secret(lambda),
    phi: secret((p - 1n) * (q - 1n)),
    // the exponent is reduced modulo p − 1 and q − 1
    commit: (x: bigint, y: bigint) => modNHat.pow(t, lambda * x + y),
    pow: modNHat.pow,
    mul: modNHat.mul,
    isUnit: modNHat.isUnit,
  })
}

/** What is wrong with a pair of bases, whoever made it; undefined when nothing is. Total. */
export function baseProblem(NHat: bigint, s: bigint, t: bigint): string | undefined {
  for (const [name, base] of [
    ['s', s],
    ['t', t],
  ] as const) {
    if (base <= 0n || base >= NHat) return `${name} is not between 0 and N̂`
    if (base === 1n) return `${name} is 1`
    if (base === NHat - 1n) return `${name} is N̂ − 1`
    if (gcd(base, NHat) !== 1n) return `${name} is not a unit modulo N̂`
  }
  return s === t ? 's and t are equal' : undefined
}

/** Two safe primes take seconds to a minute. TransportError when cancelled. */
export async function generateRingPedersen(
  level: SecurityLevel,
  options: GenerateOptions = {},
): Promise<RingPedersenSecret> {
  const [p, q] = await twoPrimes(safePrime, level.modulusBits, options)
  const random = options.random ?? systemRandom
  const NHat = p * q
  const order = ((p - 1n) * (q - 1n)) / 4n
  for (;;) {
    const r = unit(random, NHat)
    const t = (r * r) % NHat
    const lambda = uniformBelow(random, order)
    // fails for λ ∈ {0, 1} and the like: never, but it costs nothing to be sure
    if (baseProblem(NHat, modulus(NHat).pow(t, lambda), t) === undefined) return ringPedersenSecret(p, q, lambda, t)
  }
}
