import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fixedBase } from './fixed-base.ts'
import { modulus } from './modulus.ts'
import { symmetric, uniformBelow } from './sampling.ts'
import { seededRandom } from './testing.ts'

const P = 2n ** 521n - 1n
const N = P * (2n ** 607n - 1n)
const random = seededRandom('fixed base')

test('every shape of comb gives what plain exponentiation gives', () => {
  for (const m of [N, P, 2n ** 64n, 15n, 2n]) {
    const plain = modulus(m)
    for (const [bits, teeth, strips] of [
      [1, 1, 1],
      [7, 3, 2],
      [64, 8, 1],
      [300, 5, 3],
      [513, 4, 4],
      [1000, 7, 2],
    ] as const) {
      for (const base of [uniformBelow(random, m), m - 1n, -3n, 1n, 0n]) {
        const comb = fixedBase(base, m, { bits, teeth, strips })
        assert.equal(comb.bits, bits)
        const exponents = [0n, 1n, 2n ** BigInt(bits) - 1n, 2n ** BigInt(bits - 1)]
        for (let i = 0; i < 5; i++) exponents.push(uniformBelow(random, 2n ** BigInt(bits)))
        for (const e of exponents) assert.equal(comb.pow(e), plain.pow(base, e))
      }
    }
  }
})

test('each single bit of the exponent counts once', () => {
  const comb = fixedBase(3n, N, { bits: 100, teeth: 6, strips: 3 })
  for (let i = 0; i < 100; i++) assert.equal(comb.pow(1n << BigInt(i)), modulus(N).pow(3n, 1n << BigInt(i)))
})

test('negative exponents take the inverse, and need a unit', () => {
  const comb = fixedBase(5n, N, { bits: 400, teeth: 6, strips: 2 })
  for (let i = 0; i < 10; i++) {
    const e = symmetric(random, 399)
    assert.equal(comb.pow(e), modulus(N).pow(5n, e))
  }
  assert.throws(() => fixedBase(P, N, { bits: 8, teeth: 2, strips: 1 }).pow(-1n), RangeError)
})

test('longer exponents and a modulus below 2 are refused', () => {
  const comb = fixedBase(5n, N, { bits: 400, teeth: 6, strips: 2 })
  for (const e of [2n ** 400n, -(2n ** 400n)]) {
    assert.throws(() => comb.pow(e), { name: 'RangeError', message: 'expected a shorter exponent' })
  }
  assert.throws(() => fixedBase(1n, 1n, { bits: 8, teeth: 2, strips: 1 }), RangeError)
})
