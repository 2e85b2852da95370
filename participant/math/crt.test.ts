import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UsageError } from '../base/errors.ts'
import { crtModulus, crtSquareModulus, joiner } from './crt.ts'
import { bigintEngine, engine } from './engine.ts'
import { modulus } from './modulus.ts'
import { symmetric, uniformBelow } from './sampling.ts'
import { seededRandom } from './testing.ts'

const p = 2n ** 521n - 1n
const q = 2n ** 607n - 1n
const N = p * q
const random = seededRandom('crt')

for (const e of [engine, bigintEngine]) {
  const own = crtModulus(p, q, e)
  const ownSquare = crtSquareModulus(own, e)

  test(`CRT gives what plain exponentiation gives (${e.name})`, () => {
    for (const [crt, plain] of [
      [own, modulus(N)],
      [ownSquare, modulus(N * N)],
    ] as const) {
      assert.equal(crt.m, plain.m)
      assert.equal(crt.bits, plain.bits)
      const exponents = [0n, 1n, 2n, -1n, -2n, p - 1n, -(p - 1n), (p - 1n) * (q - 1n), N, N * N, -N * N]
      for (const bits of [8, 200, 500, 700, 1128, 3000])
        exponents.push(symmetric(random, bits), symmetric(random, bits))
      for (const base of [
        1n,
        -1n,
        2n,
        N - 1n,
        N + 1n,
        uniformBelow(random, plain.m),
        uniformBelow(random, plain.m) - plain.m,
      ]) {
        for (const exponent of exponents) assert.equal(crt.pow(base, exponent), plain.pow(base, exponent))
        assert.equal(crt.inv(base), plain.inv(base))
        assert.equal(crt.reduce(base), plain.reduce(base))
        assert.equal(crt.mul(base, exponents.at(-1) as bigint), plain.mul(base, exponents.at(-1) as bigint))
        assert.equal(crt.isUnit(base), plain.isUnit(base))
      }
    }
  })

  test(`bases that are no units, reduced by no group order (${e.name})`, () => {
    for (const [crt, plain] of [
      [own, modulus(N)],
      [ownSquare, modulus(N * N)],
    ] as const) {
      for (const base of [0n, p, q, -p, 7n * q, p * p, N, N * N, p * q * q]) {
        for (const exponent of [0n, 1n, 2n, 3n, p - 1n, p * (p - 1n), p * (p - 1n) + 1n, q * (q - 1n)]) {
          assert.equal(crt.pow(base, exponent), plain.pow(base, exponent))
        }
        assert.throws(() => crt.pow(base, -1n), RangeError)
        assert.throws(() => crt.pow(base, -p), RangeError)
        assert.throws(() => crt.inv(base), RangeError)
        assert.equal(crt.isUnit(base), false)
      }
    }
  })

  test(`the lift gives r^N mod N² (${e.name})`, () => {
    const plain = modulus(N * N)
    for (const r of [0n, 1n, 2n, N - 1n, -1n, p, q, N, N + 3n, uniformBelow(random, N), uniformBelow(random, N * N)]) {
      assert.equal(ownSquare.powN(r), plain.pow(r, N))
    }
  })
}

test('units are canonical', () => {
  const own = crtModulus(p, q)
  const square = crtSquareModulus(own)
  for (const [crt, m] of [
    [own, N],
    [square, N * N],
  ] as const) {
    for (const a of [1n, m - 1n, 2n]) assert.equal(crt.isUnit(a), true)
    for (const a of [0n, -1n, m, m + 1n, p, q, m - p, m - q]) assert.equal(crt.isUnit(a), false)
  }
})

test('small primes, all bases and exponents', () => {
  const own = crtModulus(7n, 11n)
  const square = crtSquareModulus(own)
  const [plain, plainSquare] = [modulus(77n), modulus(5929n)]
  for (let base = 0n; base < 80n; base++) {
    for (let exponent = 0n; exponent < 90n; exponent++) {
      assert.equal(own.pow(base, exponent), plain.pow(base, exponent))
      assert.equal(square.pow(base, exponent), plainSquare.pow(base, exponent))
    }
    assert.equal(square.powN(base), plainSquare.pow(base, 77n))
  }
})

test('the remainders are met', () => {
  const join = joiner(7n, 11n)
  for (let x = 0n; x < 77n; x++) assert.equal(join((x % 7n) - 14n, (x % 11n) + 22n), x)
})

test('equal, even and tiny primes are refused', () => {
  assert.throws(() => crtModulus(p, p), UsageError)
  for (const bad of [2n, 4n, 1n, 0n, -7n]) {
    assert.throws(() => crtModulus(bad, q), UsageError)
    assert.throws(() => crtModulus(p, bad), UsageError)
  }
})
