import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bigintEngine, engine } from './engine.ts'
import { modulus, squareModulus } from './modulus.ts'
import { listenToPowers, type PowerSize } from './power-count.ts'

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

for (const e of [engine, bigintEngine]) {
  test(`a square modulus is the modulus of the square (${e.name})`, () => {
    const [M, S] = [modulus(N * N, e), squareModulus(N, e)]
    assert.deepEqual([S.m, S.bits], [M.m, M.bits])
    const x = 987_654_321n ** 50n
    for (const [base, exponent] of [
      [x, 2n ** 300n + 7n],
      [-x, 2n ** 300n + 7n],
      [x, -5n],
      [x * N, 3n],
      [x + M.m, N],
      [0n, 0n],
    ] as const) {
      assert.equal(S.pow(base, exponent), M.pow(base, exponent))
    }
    assert.equal(S.inv(x), M.inv(x))
    assert.equal(S.isUnit(N), false)
    assert.equal(S.isUnit(x), true)
  })
}

test('the root of a square modulus is at least 2', () => {
  for (const root of [1n, 0n, -3n])
    assert.throws(() => squareModulus(root), { message: 'expected a root of at least 2' })
})

test('whoever listens learns the sizes of every power, and nothing when nobody does', () => {
  const heard: PowerSize[] = []
  const M = modulus(N, bigintEngine)
  listenToPowers((size) => heard.push(size))
  try {
    M.pow(3n, 2n ** 40n)
    M.pow(3n, -(2n ** 50n))
    squareModulus(N, engine).pow(3n, 5n)
  } finally {
    listenToPowers(undefined)
  }
  M.pow(3n, 7n)
  assert.deepEqual(heard, [
    { by: 'bigint', modulusBits: 1128, exponentBits: 41 },
    { by: 'bigint', modulusBits: 1128, exponentBits: 51 },
    { by: engine.name, modulusBits: 2256, exponentBits: 3 },
  ])
})
