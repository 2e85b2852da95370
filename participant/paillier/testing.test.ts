import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bitLength } from '../base/bytes.ts'
import { UsageError } from '../base/errors.ts'
import { CGGMP24_3072, INSECURE_TEST } from '../base/level.ts'
import { isProbablePrime } from '../math/number-theory.ts'
import { type TestPrimes, testPrimes, testPrimesFull } from './testing.ts'

const sets = [
  { level: INSECURE_TEST, all: [0, 1, 2, 3, 4, 5].map(testPrimes) },
  { level: CGGMP24_3072, all: [0, 1, 2].map(testPrimesFull) },
]

// a composite is found by the first round; the full count of rounds would only take time
const prime = (n: bigint): boolean => isProbablePrime(n, { rounds: 3 })

for (const { level, all } of sets) {
  test(`test primes of ${level.name} are what they say`, () => {
    for (const { p, q, pHat, qHat } of all) {
      for (const x of [p, q, pHat, qHat]) {
        assert.equal(bitLength(x), level.modulusBits / 2)
        assert.ok(prime(x))
      }
      assert.equal(bitLength(p * q), level.modulusBits)
      assert.equal(bitLength(pHat * qHat), level.modulusBits)
      assert.deepEqual([p % 4n, q % 4n], [3n, 3n])
      assert.ok(prime((pHat - 1n) / 2n) && prime((qHat - 1n) / 2n))
    }
    assert.equal(new Set(all.flatMap((s: TestPrimes) => Object.values(s))).size, 4 * all.length)
  })
}

test('there are six and three', () => {
  assert.throws(() => testPrimes(6), UsageError)
  assert.throws(() => testPrimesFull(3), UsageError)
})
