/**
 * Modular exponentiation behind one interface, with two implementations: OpenSSL's (engine.node.ts), five to
 * twelve times faster and constant-time in the exponent, and windowed BigInt (engine-bigint.ts) for everywhere else.
 *
 * `engine` is chosen once, when this module loads. Use `modulus` (modulus.ts) for anything but the engines' own
 * tests: it takes any integers.
 */
import { nativeEngine } from '#engine'
import { bigintEngine } from './engine-bigint.ts'

export { bigintEngine }

export interface Engine {
  readonly name: 'openssl' | 'bigint'
  /** For a modulus m ≥ 2. What is costly is made at the first exponentiation; keep the result. */
  prepare(m: bigint): PreparedModulus
  /** For the modulus root², root ≥ 2: the same results, faster where the root helps. */
  prepareSquare(root: bigint): PreparedModulus
  /** For a prime m ≥ 3: the same results; what is costly is put off until it is known to be worth it. */
  preparePrime(m: bigint): PreparedModulus
}

export interface PreparedModulus {
  /** base^exponent mod m in [0, m), for 0 ≤ base < m and exponent ≥ 0. */
  pow(base: bigint, exponent: bigint): bigint
}

export const engine: Engine = nativeEngine ?? bigintEngine
