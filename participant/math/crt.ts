/**
 * Arithmetic modulo N = pq and N² for whoever knows p and q: the Chinese remainder theorem, with exponents reduced
 * by the group orders, is two to four times faster than plain exponentiation and gives the same results.
 *
 *   r^N mod p² = ((r mod p)^(q mod p−1))^p mod p²,  since x^p mod p² depends on x mod p alone.
 *
 * An arithmetic fault in one half of a published result would reveal p (Boneh, DeMillo, Lipton): the machine's
 * arithmetic is trusted.
 */
import { bitLength } from '../base/bytes.ts'
import { UsageError } from '../base/errors.ts'
import type { Engine } from './engine.ts'
import { inv, mod } from './euclid.ts'
import { type Modulus, primeModulus, squareModulus } from './modulus.ts'

/** Modulo N = pq. The halves are secret: they show p and q. */
export interface CrtModulus extends Modulus {
  readonly halves: readonly [p: Modulus, q: Modulus]
}

/** Modulo N². The halves (p², q²) are secret. */
export interface CrtSquareModulus extends Modulus {
  readonly halves: readonly [pp: Modulus, qq: Modulus]
  /** r^N mod N², the part of a Paillier encryption that hides. */
  powN(r: bigint): bigint
}

/** One of the two coprime parts of a modulus, a power of the prime p. */
interface Half {
  readonly prime: bigint
  /** Modulo p or p². */
  readonly power: Modulus
  /** The order of the group of units. */
  readonly order: bigint
}

/** p and q must be distinct odd primes; that they are odd and distinct is checked (UsageError). */
export function crtModulus(p: bigint, q: bigint, engine?: Engine): CrtModulus {
  if (p === q) throw new UsageError('expected two distinct primes')
  if (p < 3n || q < 3n || p % 2n === 0n || q % 2n === 0n) throw new UsageError('expected odd primes')
  const halves = [primeModulus(p, engine), primeModulus(q, engine)] as const
  const combined = combine({ prime: p, power: halves[0], order: p - 1n }, { prime: q, power: halves[1], order: q - 1n })
  return { ...combined, halves }
}

export function crtSquareModulus(of: CrtModulus, engine?: Engine): CrtSquareModulus {
  const [modP, modQ] = of.halves
  const [p, q] = [modP.m, modQ.m]
  const halves = [squareModulus(p, engine), squareModulus(q, engine)] as const
  const join = joiner(p * p, q * q)
  const combined = combine(
    { prime: p, power: halves[0], order: p * (p - 1n) },
    { prime: q, power: halves[1], order: q * (q - 1n) },
  )
  const [qModOrder, pModOrder] = [q % (p - 1n), p % (q - 1n)]
  return {
    ...combined,
    halves,
    powN: (r) => join(halves[0].pow(modP.pow(r, qModOrder), p), halves[1].pow(modQ.pow(r, pModOrder), q)),
  }
}

function combine(a: Half, b: Half): Modulus {
  const m = a.power.m * b.power.m
  const join = joiner(a.power.m, b.power.m)
  return {
    m,
    bits: bitLength(m),
    pow: (base, exponent) => join(powHalf(a, base, exponent), powHalf(b, base, exponent)),
    mul: (x, y) => mod(x * y, m),
    reduce: (x) => mod(x, m),
    inv: (x) => join(a.power.inv(x), b.power.inv(x)),
    isUnit: (x) => x > 0n && x < m && x % a.prime !== 0n && x % b.prime !== 0n,
  }
}

/** The x in [0, ab) with x ≡ xa (mod a) and x ≡ xb (mod b), for coprime a and b. */
export function joiner(a: bigint, b: bigint): (xa: bigint, xb: bigint) => bigint {
  const aInverse = inv(a, b)
  return (xa, xb) => {
    const start = mod(xa, a)
    return start + a * mod((xb - start) * aInverse, b)
  }
}

function powHalf({ prime, power, order }: Half, base: bigint, exponent: bigint): bigint {
  if (base % prime !== 0n) return power.pow(base, shorter(exponent, order))
  // not a unit: the exponent can't be reduced, but powers beyond the first vanish; a negative one throws in pow
  return power.pow(base, exponent < 2n ? exponent : 2n)
}

/** An exponent with the same effect on units, at most as long as the order; a short negative one stays as it is. */
function shorter(exponent: bigint, order: bigint): bigint {
  if (exponent < 0n && 2 * bitLength(exponent) < bitLength(order)) return exponent
  return mod(exponent, order)
}
