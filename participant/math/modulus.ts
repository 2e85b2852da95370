/**
 * Arithmetic modulo a fixed m: any integers in, canonical results in [0, m) out.
 *
 * Exponentiation goes through the engine; the rest is BigInt. Integers are never compared in constant time.
 */
import { bitLength } from '../base/bytes.ts'
import { engine as defaultEngine, type Engine } from './engine.ts'
import { gcd, inv, mod } from './euclid.ts'

export interface Modulus {
  readonly m: bigint
  readonly bits: number
  /** base^exponent; a negative exponent takes the inverse: RangeError when base is no unit. 0^0 is 1. */
  pow(base: bigint, exponent: bigint): bigint
  mul(a: bigint, b: bigint): bigint
  reduce(a: bigint): bigint
  /** RangeError when there is none. */
  inv(a: bigint): bigint
  /** 0 < a < m and gcd(a, m) = 1. A value that is not canonical is no unit. */
  isUnit(a: bigint): boolean
}

/** Keep the result: the engine prepares itself for m at the first exponentiation. RangeError unless m ≥ 2. */
export function modulus(m: bigint, engine: Engine = defaultEngine): Modulus {
  if (m < 2n) throw new RangeError('expected a modulus of at least 2')
  const prepared = engine.prepare(m)
  return {
    m,
    bits: bitLength(m),
    pow: (base, exponent) =>
      exponent < 0n ? prepared.pow(inv(base, m), -exponent) : prepared.pow(mod(base, m), exponent),
    mul: (a, b) => mod(a * b, m),
    reduce: (a) => mod(a, m),
    inv: (a) => inv(a, m),
    isUnit: (a) => a > 0n && a < m && gcd(a, m) === 1n,
  }
}
