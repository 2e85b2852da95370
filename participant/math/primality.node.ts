/**
 * Primality tests with OpenSSL, for the search of prime-search.ts. They block this thread.
 *
 * One Fermat test is one exponentiation with a modulus that comes once: node:crypto has that as the RSA operation
 * n ↦ 2^e mod n without padding, e = n − 1. It is not constant-time. Nearly all numbers that are tested are composite and
 * thrown away; what a prime's own test shows to whoever measures this machine that closely is as with BigInt
 * (SECURITY.md).
 *
 * Undefined where OpenSSL is turned off (WALLET_MPC_ENGINE=bigint) or refuses such keys: found out by a trial at load.
 */
import { checkPrimeSync, constants, createPublicKey, publicEncrypt } from 'node:crypto'
import { bigintToBytes, bitLength } from '../base/bytes.ts'
import { systemRandom } from '../base/random.ts'
import { nativeEngine } from './engine.node.ts'
import { bigintTests, type PrimalityTests } from './prime-search.ts'

/** OpenSSL refuses RSA below 512 bits, and long exponents above 3072. */
const [MIN_BITS, MAX_BITS] = [512, 3072]

const native: PrimalityTests = {
  isFermatPrime(n) {
    const bits = bitLength(n)
    if (bits < MIN_BITS || bits > MAX_BITS) return bigintTests.isFermatPrime(n)
    const length = Math.ceil(bits / 8)
    const text = (a: bigint): string => Buffer.from(bigintToBytes(a, length)).toString('base64url')
    const key = createPublicKey({ key: { kty: 'RSA', n: text(n), e: text(n - 1n) }, format: 'jwk' })
    const two = bigintToBytes(2n, length)
    const power = publicEncrypt({ key, padding: constants.RSA_NO_PADDING }, two)
    return power.every((byte, i) => byte === (i === length - 1 ? 1 : 0))
  },
  // at least 64 rounds of Miller–Rabin with random bases, whatever is asked for
  isPrime: (n) => checkPrimeSync(n),
}

export const nativeTests: PrimalityTests | undefined = nativeEngine !== undefined && agree() ? native : undefined

/** On one prime and one composite. */
function agree(): boolean {
  const p = 2n ** 521n - 1n
  try {
    return [native.isFermatPrime, native.isPrime].every((test) => test(p, systemRandom) && !test(p - 2n, systemRandom))
  } catch {
    return false
  }
}
