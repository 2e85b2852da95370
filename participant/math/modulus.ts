/**
 * Arithmetic modulo a fixed m: any integers in, canonical results in [0, m) out.
 *
 * Exponentiation goes through the engine; the rest is BigInt. Integers are never compared in constant time.
 */
import { bitLength } from '../base/bytes.ts'
import { engine as defaultEngine, type Engine, type PreparedModulus } from './engine.ts'
import { gcd, inv, mod } from './euclid.ts'
import { notePower } from './power-count.ts'

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
  return over(m, engine.prepare(m), engine)
}

/** Modulo root², for whoever has the root: the same results as `modulus(root²)`, faster in the BigInt engine. */
export function squareModulus(root: bigint, engine: Engine = defaultEngine): Modulus {
  if (root < 2n) throw new RangeError('expected a root of at least 2')
  return over(root * root, engine.prepareSquare(root), engine)
}

/** Modulo a prime m ≥ 3: the same as `modulus(m)`, ready sooner in the OpenSSL engine. */
export function primeModulus(m: bigint, engine: Engine = defaultEngine): Modulus {
  if (m < 3n) throw new RangeError('expected an odd prime')
  return over(m, engine.preparePrime(m), engine)
}

function over(m: bigint, prepared: PreparedModulus, { name }: Engine): Modulus {
  const bits = bitLength(m)
  const pow = (base: bigint, exponent: bigint): bigint => {
    notePower(name, bits, exponent)
    return prepared.pow(base, exponent)
  }
  return {
    m,
    bits,
    pow: (base, exponent) => (exponent < 0n ? pow(inv(base, m), -exponent) : pow(mod(base, m), exponent)),
    mul: (a, b) => mod(a * b, m),
    reduce: (a) => mod(a, m),
    inv: (a) => inv(a, m),
    isUnit: (a) => a > 0n && a < m && gcd(a, m) === 1n,
  }
}
