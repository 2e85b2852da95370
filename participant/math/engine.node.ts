/**
 * OpenSSL's modular exponentiation and prime generation, reached through node:crypto.
 *
 * A Diffie-Hellman object computes base^exponent mod m in constant time for any odd m of at most 10 000 bits when
 * m is given as its prime, base as the other side's public key and exponent as our private key. Making the object
 * costs a primality test of m, so there is one per modulus, made at the first use. The test is short for a composite m,
 * but as long as a hundred powers for a prime; 3m needs none. The first powers modulo a prime are therefore taken
 * modulo 3m and reduced.
 *
 * OpenSSL refuses what no honest key exchange has: exponent 0, and 0, 1 or m − 1 as base or result. Such bases, even or
 * small moduli, and exponents too short to repay the call, are left to BigInt.
 *
 * Missing in builds whose Diffie-Hellman insists on known groups (FIPS): found out by a trial at load. The
 * environment variable WALLET_MPC_ENGINE=bigint turns all of it off.
 */
import { createDiffieHellman, type DiffieHellman, generatePrime } from 'node:crypto'
import { bigintToBytes, bitLength, bytesToBigint } from '../base/bytes.ts'
import type { Engine, PreparedModulus } from './engine.ts'
import { bigintEngine } from './engine-bigint.ts'

/** OpenSSL's own limit for a Diffie-Hellman modulus. */
const MAX_MODULUS_BITS = 10_000
/** Below this BigInt is as fast, and newer OpenSSL refuses. */
const MIN_MODULUS_BITS = 512
/** Up to this many bits of exponent, a few squarings are faster than a call. */
const SHORT_EXPONENT_BITS = 16
const GENERATOR = 2
/** Powers modulo 3m before m gets an object of its own: what one signature needs. Each takes almost twice as long. */
const TRIPLED_POWERS = 16
/** What a Diffie-Hellman object holds between two calls. */
const NO_EXPONENT = Uint8Array.of(1)

export interface NativePrimes {
  /** A random prime of exactly so many bits on another thread; with `safe`, (p − 1)/2 is prime too. */
  generate(bits: number, safe: boolean): Promise<bigint>
}

export const nativeEngine: Engine | undefined = available()
  ? {
      name: 'openssl',
      prepare: (m) => prepare(m, bigintEngine.prepare(m), 0),
      prepareSquare: (root) => prepare(root * root, bigintEngine.prepareSquare(root), 0),
      preparePrime: (m) => prepare(m, bigintEngine.prepare(m), TRIPLED_POWERS),
    }
  : undefined

export const nativePrimes: NativePrimes | undefined = nativeEngine && {
  generate: (bits, safe) =>
    new Promise((resolve, reject) => {
      generatePrime(bits, { safe, bigint: true }, (error, prime) => (error ? reject(error) : resolve(prime)))
    }),
}

/** `plain` computes what is left to BigInt; the first `tripledPowers` are taken modulo 3m. */
function prepare(m: bigint, plain: PreparedModulus, tripledPowers: number): PreparedModulus {
  const bits = bitLength(m)
  if (m % 2n === 0n || bits < MIN_MODULUS_BITS || bits > MAX_MODULUS_BITS) return plain
  let tripledLeft = bits + 2 > MAX_MODULUS_BITS ? 0 : tripledPowers
  let tripled: DiffieHellman | undefined
  let own: DiffieHellman | undefined
  const exchange = (): DiffieHellman => {
    if (tripledLeft > 0) {
      tripledLeft -= 1
      tripled ??= createDiffieHellman(toBytes(3n * m), GENERATOR)
      return tripled
    }
    tripled = undefined
    own ??= createDiffieHellman(toBytes(m), GENERATOR)
    return own
  }
  return {
    pow(base, exponent) {
      if (base <= 1n || base === m - 1n || bitLength(exponent) <= SHORT_EXPONENT_BITS) return plain.pow(base, exponent)
      const power = exchangePow(exchange(), base, exponent)
      if (power !== undefined) return power < m ? power : power % m
      // the result is 1 or m − 1, so the power below it is not; or a zero, which has no such way round
      const below = exchangePow(exchange(), base, exponent - 1n)
      return below === undefined ? plain.pow(base, exponent) : (below * base) % m
    },
  }
}

/** Undefined when OpenSSL refuses the operands or the result. */
function exchangePow(exchange: DiffieHellman, base: bigint, exponent: bigint): bigint | undefined {
  const key = toBytes(exponent)
  try {
    exchange.setPrivateKey(key)
    return bytesToBigint(exchange.computeSecret(toBytes(base)))
  } catch {
    return undefined
  } finally {
    // the object outlives the call; the exponent should not
    key.fill(0)
    exchange.setPrivateKey(NO_EXPONENT)
  }
}

function toBytes(a: bigint): Uint8Array {
  return bigintToBytes(a, Math.max(1, Math.ceil(bitLength(a) / 8)))
}

/** Whether this build computes what BigInt computes, on one case. */
function available(): boolean {
  const { WALLET_MPC_ENGINE } = process.env
  if (WALLET_MPC_ENGINE === 'bigint') return false
  const m = (2n ** 521n - 1n) * (2n ** 127n - 1n)
  const [base, exponent] = [3n ** 400n, 5n ** 200n]
  try {
    const exchange = createDiffieHellman(toBytes(m), GENERATOR)
    return exchangePow(exchange, base, exponent) === bigintEngine.prepare(m).pow(base, exponent)
  } catch {
    return false
  }
}
