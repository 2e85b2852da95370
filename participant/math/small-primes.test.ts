import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isProbablePrime } from './number-theory.ts'
import { hasSmallFactor } from './small-primes.ts'

// larger than all products of two primes below 2^16, and without a factor there
const LARGE = (1n << 400n) - 593n

test('every prime below 2^16 is found, in the number itself and in a product', () => {
  for (let n = 2n; n < 1n << 16n; n++) {
    if (!isProbablePrime(n)) continue
    assert.equal(hasSmallFactor(n * LARGE), true, `${n}`)
  }
})

test('primes from 2^16 on are none', () => {
  for (const n of [1n, 65537n, 65539n, 65537n * 65539n, LARGE, LARGE * LARGE]) {
    assert.equal(hasSmallFactor(n), false, `${n}`)
  }
})
