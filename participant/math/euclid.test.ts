import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { egcd, gcd, inv, mod } from './euclid.ts'

/** One division per quotient, as in Euclid. */
function slowGcd(a: bigint, b: bigint): bigint {
  let [x, y] = [a < 0n ? -a : a, b < 0n ? -b : b]
  while (y !== 0n) [x, y] = [y, x % y]
  return x
}

/** Mixed lengths, so that the quotients are sometimes long: 0 to 6200 bits, either sign. */
const integer = fc
  .tuple(fc.integer({ min: 0, max: 6200 }), fc.bigInt({ min: 0n, max: 2n ** 6200n }), fc.boolean())
  .map(([bits, a, negative]) => BigInt.asUintN(bits, a) * (negative ? -1n : 1n))

test('gcd and Bézout coefficients agree with one division per quotient', () => {
  fc.assert(
    fc.property(integer, integer, integer, (a, b, c) => {
      for (const [x, y] of [
        [a, b],
        [a * c, b * c],
        [a, a],
        [a, 0n],
        [a, a + 1n],
      ] as const) {
        const g = slowGcd(x, y)
        assert.equal(gcd(x, y), g)
        const bezout = egcd(x, y)
        assert.equal(bezout.g, g)
        assert.equal(x * bezout.x + y * bezout.y, g)
      }
    }),
    { numRuns: 150 },
  )
})

test('gcd of small integers, all signs and orders', () => {
  for (let a = -40n; a <= 40n; a++) {
    for (let b = -40n; b <= 40n; b++) {
      assert.equal(gcd(a, b), slowGcd(a, b))
      const { g, x, y } = egcd(a, b)
      assert.equal(g, slowGcd(a, b))
      assert.equal(a * x + b * y, g)
    }
  }
})

test('gcd at the edges of the leading part, and where all quotients are 1', () => {
  const edges = [49n, 50n, 51n, 52n, 53n, 64n, 99n, 100n, 101n, 150n].flatMap((k) => [
    2n ** k - 1n,
    2n ** k,
    2n ** k + 1n,
  ])
  for (const a of edges) for (const b of edges) assert.equal(gcd(a, b), slowGcd(a, b))
  let [f0, f1] = [0n, 1n]
  for (let i = 0; i < 5000; i++) {
    ;[f0, f1] = [f1, f0 + f1]
    if (i % 250 === 0) assert.equal(gcd(f1, f0), 1n)
  }
})

test('inverse is canonical, for negative and large arguments too', () => {
  fc.assert(
    fc.property(integer, integer, (a, b) => {
      const m = (b < 0n ? -b : b) + 2n
      if (slowGcd(a, m) !== 1n) {
        assert.throws(() => inv(a, m), RangeError)
        return
      }
      const x = inv(a, m)
      assert.ok(x >= 0n && x < m)
      assert.equal(mod(a * x, m), 1n)
    }),
    { numRuns: 150 },
  )
})

test('no inverse of 0, of the modulus, or of a value that shares a factor', () => {
  for (const [a, m] of [
    [0n, 7n],
    [7n, 7n],
    [6n, 9n],
    [-6n, 9n],
    [2n ** 100n, 2n ** 3000n],
  ] as const) {
    assert.throws(() => inv(a, m), { name: 'RangeError', message: 'expected a unit: no inverse for this modulus' })
  }
})

test('mod is canonical for negative numbers', () => {
  assert.deepEqual([mod(-1n, 7n), mod(-7n, 7n), mod(-8n, 7n), mod(8n, 7n), mod(0n, 7n)], [6n, 0n, 6n, 1n, 0n])
})
