/**
 * Moduli that are not what Π^mod says, with the best proof that whoever made them can give. For tests.
 */

import { joiner } from '../math/crt.ts'
import { modulus } from '../math/modulus.ts'
import { gcd, inv, jacobi, mod as reduce } from '../math/number-theory.ts'
import { type Commitment, type Entry, mod, type Response, type Statement } from './mod.ts'
import type { Binding, Proof } from './sigma.ts'

export interface Forged {
  readonly statement: Statement
  readonly proof: Proof<Commitment, Response>
}

/** Sixteen primes of 16 bits and one of 1568, all ≡ 3 (mod 4): 1824 bits, coprime to φ. */
export const MANY_FACTORS: readonly bigint[] = [
  ...[65519n, 65479n, 65447n, 65423n, 65419n, 65407n, 65371n, 65327n, 65323n, 65287n, 65267n, 65239n, 65203n],
  ...[65183n, 65179n, 65171n, (1n << 1568n) - 1137n],
]

/** Three primes of 608 bits, all ≡ 3 (mod 4): 1824 bits. */
export const THREE_PRIMES: readonly bigint[] = [825n, 5589n, 5969n].map((c) => (1n << 608n) - c)

/** A prime of 912 bits that is ≡ 5 (mod 8). */
export const NO_BLUM_PRIME = (1n << 912n) - 3003n

/** The largest Blum prime below 2^16, and one that makes a modulus of 1824 bits of it, coprime to φ. */
export const SMALL_FACTOR: readonly [bigint, bigint] = [65519n, (((1n << 1824n) / 65519n) | 3n) - 2036n]

/** Two Blum primes p, q with p | q − 1: their product, of 1824 bits, shares p with φ. */
export const DEPENDENT_PRIMES: readonly [bigint, bigint] = (() => {
  const p = (1n << 400n) - 593n
  return [p, 2n * p * ((1n << 1023n) - 461n) + 1n]
})()

/** N-th roots in a proof of `insecure-test`. */
const ROOTS = 1

/** The least w ≥ 2 with Jacobi symbol −1. */
export function smallNonResidue(N: bigint): bigint {
  for (let w = 2n; ; w++) if (jacobi(w, N) === -1) return w
}

/** s times a factor that takes it out of the squares modulo N, so out of the group that a square generates. */
export function nonResidue(N: bigint, s: bigint): bigint {
  return (s * smallNonResidue(N)) % N
}

/**
 * For N with these prime factors, each ≡ 3 (mod 4) or ≡ 5 (mod 8): all z are right if gcd(N, φ(N)) = 1, and x is right whenever one of
 * ±y, ±w·y is a fourth power. With one Blum prime that is always so; with two it is what the honest prover does.
 */
export function bestEffort(primes: readonly bigint[], binding: Binding, w: bigint): Forged {
  const N = primes.reduce((a, b) => a * b)
  const phi = primes.reduce((a, p) => a * (p - 1n), 1n)
  const statement = { N }
  const ring = modulus(N)
  const ys = mod.challenge(binding, statement, { w })
  // for N that shares p with φ(N): right for the values that have a root
  const root = inv(N, phi / gcd(N, phi))
  const entries = ys.map((y): Entry => {
    for (const [a, b] of [
      [false, false],
      [true, false],
      [false, true],
      [true, true],
    ] as const) {
      const power = reduce((a ? -1n : 1n) * (b ? w : 1n) * y, N)
      const x = fourthRoot(power, primes)
      if (x ** 4n % N === power) return { x, a, b }
    }
    return { x: 1n, a: false, b: false }
  })
  const z = ys.slice(0, ROOTS).map((y) => ring.pow(y, root))
  return { statement, proof: { commitment: { w }, response: { entries, z } } }
}

/** A prime of the size of `insecure-test` in the place of N: every equation holds. */
export function forgePrime(binding: Binding): Forged {
  // prime and ≡ 3 (mod 4)
  const N = (1n << 1824n) - 8129n
  return bestEffort([N], binding, smallNonResidue(N))
}

/** A fourth root when there is one. */
function fourthRoot(power: bigint, primes: readonly bigint[]): bigint {
  let [x, m] = [0n, 1n]
  for (const p of primes) {
    // p ≡ 3 (mod 4): (p+1)/4 takes a square to the root that is a square; twice, to a fourth root.
    // p ≡ 5 (mod 8): fourth powers have odd order (p−1)/4, modulo which 4 has an inverse.
    const half = (p + 1n) / 4n
    const exponent = p % 4n === 3n ? (half * half) % (p - 1n) : inv(4n, (p - 1n) / 4n)
    const root = modulus(p).pow(power, exponent)
    x = m === 1n ? root : joiner(m, p)(x, root)
    m *= p
  }
  return x
}
