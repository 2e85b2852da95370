import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bitLength } from '../base/bytes.ts'
import { blumPrime } from '../math/primes.ts'
import { seededRandom } from '../math/testing.ts'
import { twoPrimes } from './two-primes.ts'

test('repeatable with given randomness, and the two differ', async () => {
  const make = () => twoPrimes(blumPrime, 512, { random: seededRandom('two') })
  const [p, q] = await make()
  assert.notEqual(p, q)
  assert.equal(bitLength(p * q), 512)
  assert.deepEqual(await make(), [p, q])
})

test('primes that are too close are drawn again', async () => {
  const far = await blumPrime({ bits: 256 })
  const start = 3n << 254n
  const drawn = [start, start, start, start + 2n ** 155n, start, far]
  const [p, q] = await twoPrimes(async () => drawn.shift() ?? 0n, 512, { random: seededRandom('close') })
  assert.deepEqual([p, q, drawn.length], [start, far, 0])
})

test('progress is the sum over both primes', async () => {
  const sums: number[] = []
  const primes = [await blumPrime({ bits: 256 }), await blumPrime({ bits: 256 })]
  await twoPrimes(
    async ({ onProgress }) => {
      for (const candidates of [2, 5]) onProgress?.({ candidates })
      return primes.shift() ?? 0n
    },
    512,
    { random: seededRandom('sum'), onProgress: ({ candidates }) => sums.push(candidates) },
  )
  assert.deepEqual(sums, [2, 5, 7, 10])
})
