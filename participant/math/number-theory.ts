/**
 * Residues, gcd and inverses (euclid.ts), the Jacobi symbol, and primality for inputs that an adversary chose.
 *
 * All of it is variable-time.
 */
import { type Random, systemRandom } from '../base/random.ts'
import { mod } from './euclid.ts'
import { modulus } from './modulus.ts'
import { uniformBelow } from './sampling.ts'

export { joiner as crt } from './crt.ts'
export { egcd, gcd, inv, mod } from './euclid.ts'

/** The Jacobi symbol (a | n) for any integer a and odd n ≥ 1; RangeError for any other n. */
export function jacobi(a: bigint, n: bigint): -1 | 0 | 1 {
  if (n < 1n || n % 2n === 0n) throw new RangeError('expected an odd positive integer')
  let [x, y] = [mod(a, n), n]
  let sign: -1 | 1 = 1
  while (x !== 0n) {
    const twos = trailingZeros(x)
    x >>= BigInt(twos)
    // (2 | y) = −1 exactly when y ≡ ±3 (mod 8)
    const y8 = Number(BigInt.asUintN(3, y))
    if (twos % 2 === 1 && (y8 === 3 || y8 === 5)) sign = flip(sign)
    // reciprocity: both odd; the sign turns when both are ≡ 3 (mod 4)
    if (y8 % 4 === 3 && Number(BigInt.asUintN(2, x)) === 3) sign = flip(sign)
    ;[x, y] = [y % x, x]
  }
  return y === 1n ? sign : 0
}

function flip(sign: -1 | 1): -1 | 1 {
  return sign === 1 ? -1 : 1
}

/** The number of zero bits at the low end of x > 0. */
function trailingZeros(x: bigint): number {
  let zeros = 0
  let rest = x
  let word = Number(BigInt.asUintN(32, rest))
  while (word === 0) {
    zeros += 32
    rest >>= 32n
    word = Number(BigInt.asUintN(32, rest))
  }
  return zeros + 31 - Math.clz32(word & -word)
}

export interface PrimalityOptions {
  /** A composite passes with probability at most 4^−rounds, whoever made it. Default 64. */
  readonly rounds?: number
  readonly random?: Random
}

/** Trial division, then Miller–Rabin with random bases, which nobody who made n could foresee. Total. */
export function isProbablePrime(n: bigint, options: PrimalityOptions = {}): boolean {
  if (n < 2n) return false
  for (const p of SMALL_PRIMES) {
    if (n % BigInt(p) === 0n) return n === BigInt(p)
  }
  if (n < BigInt(SMALL_LIMIT) ** 2n) return true
  const { rounds = 64, random = systemRandom } = options
  const twos = trailingZeros(n - 1n)
  const odd = (n - 1n) >> BigInt(twos)
  const M = modulus(n)
  for (let i = 0; i < rounds; i++) {
    if (isWitness(M.pow(uniformBelow(random, n - 3n) + 2n, odd), twos, n)) return false
  }
  return true
}

/** Whether x = a^odd, with n − 1 = 2^twos·odd, shows that n is composite. */
function isWitness(x: bigint, twos: number, n: bigint): boolean {
  if (x === 1n || x === n - 1n) return false
  let square = x
  for (let i = 1; i < twos; i++) {
    square = (square * square) % n
    if (square === n - 1n) return false
  }
  return true
}

/** All primes up to the limit, in order. */
export function primesUpTo(limit: number): readonly number[] {
  const composite = new Uint8Array(limit + 1)
  const primes: number[] = []
  for (let p = 2; p <= limit; p++) {
    if (composite[p] === 1) continue
    primes.push(p)
    for (let multiple = p * p; multiple <= limit; multiple += p) composite[multiple] = 1
  }
  return primes
}

const SMALL_LIMIT = 2000
const SMALL_PRIMES = primesUpTo(SMALL_LIMIT)
