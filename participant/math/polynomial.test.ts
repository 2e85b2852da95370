import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { UsageError } from '../base/errors.ts'
import { secret } from '../base/secret.ts'
import { combine, G, IDENTITY, modQ, mul, Q } from './curve.ts'
import { evaluate, evaluateInExponent, feldman, lagrange, randomPolynomial } from './polynomial.ts'
import { seededRandom } from './testing.ts'

const scalar = fc.bigInt(0n, Q - 1n)

test('evaluation is the sum of powers, at any integer', () => {
  const f = [7n, 11n, 13n].map(secret)
  for (const x of [0n, 1n, 2n, -1n, Q, Q + 2n, Q - 1n, 12_345n]) {
    assert.equal(evaluate(f, x), modQ(7n + 11n * x + 13n * x * x))
  }
  assert.equal(evaluate([secret(Q + 5n)], 3n), 5n)
})

test('any t values give f(0), and f anywhere else', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 6 }),
      fc.uniqueArray(fc.bigInt(1n, Q - 1n), { minLength: 6, maxLength: 6 }),
      scalar,
      (t, points, at) => {
        const f = randomPolynomial(seededRandom(`${t} ${at}`), t)
        const xs = points.slice(0, t)
        for (const target of [0n, at]) {
          const value = modQ(xs.reduce((sum, x, i) => sum + lagrange(xs, i, target) * evaluate(f, x), 0n))
          assert.equal(value, evaluate(f, target))
        }
      },
    ),
    { numRuns: 40 },
  )
})

test('fewer than t values do not give f(0)', () => {
  const f = randomPolynomial(seededRandom('few'), 3)
  const xs = [1n, 2n]
  assert.notEqual(modQ(xs.reduce((sum, x, i) => sum + lagrange(xs, i) * evaluate(f, x), 0n)), evaluate(f, 0n))
})

test('Feldman points commit to every value', () => {
  for (const t of [1, 2, 3, 5]) {
    const f = randomPolynomial(seededRandom(`feldman ${t}`), t)
    const F = feldman(f)
    assert.equal(F.length, t)
    assert.ok(F.every((P, k) => P.equals(mul(G, f[k]?.expose() ?? 0n))))
    for (const x of [0n, 1n, 2n, 7n, Q - 1n, -3n]) assert.ok(evaluateInExponent(F, x).equals(mul(G, evaluate(f, x))))
  }
})

test('interpolation in the exponent', () => {
  const F = feldman(randomPolynomial(seededRandom('exponent'), 3))
  const xs = [3n, 1n, 9n]
  const terms = xs.map((x, i) => [lagrange(xs, i), evaluateInExponent(F, x)] as const)
  assert.ok(combine(terms).equals(F[0] ?? IDENTITY))
})

test('evaluation in the exponent where the value is zero', () => {
  // f(x) = x − 5
  const F = feldman([secret(Q - 5n), secret(1n)])
  assert.ok(evaluateInExponent(F, 5n).equals(IDENTITY))
  assert.ok(evaluateInExponent([], 5n).equals(IDENTITY))
})

test('a random polynomial has t nonzero coefficients, hidden and repeatable', () => {
  const f = randomPolynomial(seededRandom('a'), 4)
  assert.equal(f.length, 4)
  assert.ok(f.every((a) => a.expose() > 0n && a.expose() < Q))
  assert.equal(new Set(f.map((a) => a.expose())).size, 4)
  assert.deepEqual(
    randomPolynomial(seededRandom('a'), 4).map((a) => a.expose()),
    f.map((a) => a.expose()),
  )
  assert.equal(JSON.stringify(f), '["[secret]","[secret]","[secret]","[secret]"]')
  for (const t of [0, -1, 1.5]) assert.throws(() => randomPolynomial(seededRandom('b'), t), UsageError)
})

test('zero and equal evaluation points are refused, modulo q', () => {
  for (const xs of [
    [0n, 1n],
    [1n, 0n],
    [Q, 1n],
    [1n, 2n * Q],
    [-Q, 1n],
  ]) {
    assert.throws(() => lagrange(xs, 0), { name: 'UsageError', message: /is 0 modulo/ })
  }
  for (const xs of [
    [1n, 1n],
    [1n, 2n, 1n],
    [1n, Q + 1n],
    [Q - 2n, -2n],
  ]) {
    assert.throws(() => lagrange(xs, 0), { name: 'UsageError', message: /not distinct/ })
  }
  for (const i of [-1, 2, 0.5]) assert.throws(() => lagrange([1n, 2n], i), UsageError)
})
