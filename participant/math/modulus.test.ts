import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bigintEngine, engine } from './engine.ts'
import { modulus } from './modulus.ts'

const P = 2n ** 521n - 1n
const N = P * (2n ** 607n - 1n)

for (const e of [engine, bigintEngine]) {
  test(`any integers give canonical results (${e.name})`, () => {
    const M = modulus(N, e)
    assert.equal(M.m, N)
    assert.equal(M.bits, 1128)
    const x = 123_456_789n ** 20n
    const k = 2n ** 400n + 12_345n
    const power = M.pow(x, k)
    assert.equal(M.pow(x + 5n * N, k), power)
    assert.equal(M.pow(x - 5n * N, k), power)
    assert.equal(M.pow(-x, k), N - power)
    assert.equal(M.mul(M.pow(x, -k), power), 1n)
    assert.equal(M.pow(x, -1n), M.inv(x))
    assert.equal(M.pow(N, k), 0n)
    assert.equal(M.pow(-1n, k), N - 1n)
    assert.equal(M.pow(-1n, -k), N - 1n)
    assert.equal(M.pow(x, 0n), 1n)
    assert.equal(M.pow(0n, 0n), 1n)
    assert.equal(M.pow(x, 1n), M.reduce(x))
    assert.equal(M.mul(-3n, 5n), N - 15n)
    assert.equal(M.reduce(-1n), N - 1n)
    assert.equal(M.mul(x, N - 1n), N - M.reduce(x))
  })
}

test('negative exponents need a unit', () => {
  const M = modulus(N)
  for (const base of [0n, P, -P, N, N + P]) assert.throws(() => M.pow(base, -5n), RangeError)
  assert.throws(() => M.inv(P), RangeError)
})

test('units are canonical and coprime to the modulus', () => {
  const M = modulus(N)
  for (const a of [1n, 2n, N - 1n, P + 1n]) assert.equal(M.isUnit(a), true)
  for (const a of [0n, N, -1n, N + 1n, 1n - N, P, N - P]) assert.equal(M.isUnit(a), false)
})

test('a modulus is at least 2', () => {
  for (const m of [1n, 0n, -7n]) assert.throws(() => modulus(m), { message: 'expected a modulus of at least 2' })
  assert.equal(modulus(2n).pow(3n, 5n), 1n)
})
