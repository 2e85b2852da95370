import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemRandom } from '../base/random.ts'
import { nativeEngine } from './engine.node.ts'
import { isProbablePrime } from './number-theory.ts'
import { nativeTests } from './primality.node.ts'
import { bigintTests } from './prime-search.ts'
import { blumPrime } from './primes.ts'
import { seededRandom } from './testing.ts'

test('OpenSSL tests where OpenSSL computes', () => {
  assert.equal(nativeTests !== undefined, nativeEngine !== undefined)
})

/** Odd numbers of so many bits, hardly any of them prime. */
function oddNumbers(bits: number, count: number): readonly bigint[] {
  const random = seededRandom(`odd ${bits}`)
  return Array.from({ length: count }, () => {
    const n = BigInt(`0x${Buffer.from(random.bytes(bits / 8)).toString('hex')}`)
    return BigInt.asUintN(bits, n) | (1n << BigInt(bits - 1)) | 1n
  })
}

test('both tests agree with BigInt, on primes, composites and at the sizes where OpenSSL hands over', async () => {
  for (const bits of [128, 504, 512, 520, 912, 1536, 3072]) {
    const prime = bits > 1000 ? 2n ** 1279n - 1n : await blumPrime({ bits, random: seededRandom(`prime ${bits}`) })
    for (const n of [prime, prime * prime, prime + 2n, ...oddNumbers(bits, bits > 1000 ? 3 : 12)]) {
      for (const tests of nativeTests === undefined ? [bigintTests] : [bigintTests, nativeTests]) {
        assert.equal(tests.isFermatPrime(n), isProbablePrime(n), `Fermat, ${bits} bits`)
        assert.equal(tests.isPrime(n, systemRandom), isProbablePrime(n), `full, ${bits} bits`)
      }
    }
  }
})

test('a pseudoprime to base 2 passes the one test and not the other', () => {
  // 341 = 11·31; and a Fermat number, which passes whether or not it is prime
  for (const n of [341n, 2n ** 1024n + 1n]) {
    for (const tests of nativeTests === undefined ? [bigintTests] : [bigintTests, nativeTests]) {
      assert.equal(tests.isFermatPrime(n), true)
      assert.equal(tests.isPrime(n, systemRandom), false)
    }
  }
})
