import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { bitLength } from '../base/bytes.ts'
import { TransportError, UsageError } from '../base/errors.ts'
import { INSECURE_TEST } from '../base/level.ts'
import { bigintEngine } from '../math/engine.ts'
import { isProbablePrime, jacobi } from '../math/number-theory.ts'
import { uniformBelow } from '../math/sampling.ts'
import { seededRandom } from '../math/testing.ts'
import { baseProblem, generateRingPedersen, ringPedersen, ringPedersenSecret } from './ring-pedersen.ts'
import { testPrimes } from './testing.ts'

const { pHat: p, qHat: q } = testPrimes(0)
const NHat = p * q
const lambda = uniformBelow(seededRandom('lambda'), ((p - 1n) * (q - 1n)) / 4n)
const t = uniformBelow(seededRandom('r'), NHat) ** 2n % NHat
const own = ringPedersenSecret(p, q, lambda, t)
const peer = ringPedersen(NHat, own.s, own.t)

const exponent = fc
  .tuple(fc.integer({ min: 0, max: 2700 }), fc.bigInt(0n, 2n ** 2700n), fc.boolean())
  .map(([bits, x, negative]) => BigInt.asUintN(bits, x) * (negative ? -1n : 1n))

test('s is t^λ', () => {
  assert.equal(own.s, peer.pow(t, lambda))
  assert.deepEqual([own.NHat, own.t, peer.s, peer.t], [NHat, t, own.s, t])
})

test('holder and peer commit alike, for any integers', () => {
  fc.assert(
    fc.property(exponent, exponent, (x, y) => {
      const C = peer.commit(x, y)
      assert.equal(own.commit(x, y), C)
      assert.equal(peer.mul(peer.pow(own.s, x), peer.pow(t, y)), C)
      assert.equal(own.pow(C, x), peer.pow(C, x))
      assert.equal(own.mul(C, y), peer.mul(C, y))
    }),
    { numRuns: 12 },
  )
  for (const x of [0n, 1n, -1n]) for (const y of [0n, 1n, -1n]) assert.equal(own.commit(x, y), peer.commit(x, y))
  assert.equal(own.commit(0n, 0n), 1n)
})

test('with tables, where BigInt computes, commitments are the same; exponents too long for a table as well', () => {
  const tables = ringPedersen(NHat, own.s, own.t, bigintEngine)
  fc.assert(
    fc.property(exponent, exponent, (x, y) => {
      assert.equal(tables.commit(x, y), own.commit(x, y))
    }),
    { numRuns: 12 },
  )
  for (const bits of [2047n, 2048n, 2049n, 2847n, 2848n, 2849n, 5000n]) {
    for (const e of [2n ** bits - 1n, 2n ** bits, -(2n ** bits)]) {
      assert.equal(tables.commit(e, 1n), own.commit(e, 1n))
      assert.equal(tables.commit(1n, e), own.commit(1n, e))
    }
  }
  assert.throws(() => ringPedersen(NHat, p, t, bigintEngine).commit(-1n, 0n), RangeError)
})

test('commitments add up', () => {
  const [a, b, c, d] = [2n ** 768n + 1n, -(2n ** 2000n), 77n, 2n ** 1900n - 3n]
  assert.equal(own.mul(own.commit(a, b), own.commit(c, d)), own.commit(a + c, b + d))
  assert.equal(peer.pow(peer.commit(a, c), b), own.commit(a * b, c * b))
})

test('units and negative powers', () => {
  for (const key of [own, peer]) {
    for (const good of [1n, 2n, NHat - 1n]) assert.equal(key.isUnit(good), true)
    for (const bad of [0n, -1n, NHat, NHat + 1n, p, q, NHat - q]) assert.equal(key.isUnit(bad), false)
    assert.throws(() => key.pow(p, -1n), RangeError)
  }
  assert.throws(() => ringPedersen(NHat, p, t).commit(-1n, 0n), RangeError)
})

test('degenerate bases are named', () => {
  const { s } = own
  const cases: readonly (readonly [bigint, bigint, string | undefined])[] = [
    [s, t, undefined],
    [0n, t, 's is not between 0 and N̂'],
    [-s, t, 's is not between 0 and N̂'],
    [NHat, t, 's is not between 0 and N̂'],
    [s + NHat, t, 's is not between 0 and N̂'],
    [1n, t, 's is 1'],
    [NHat - 1n, t, 's is N̂ − 1'],
    [p, t, 's is not a unit modulo N̂'],
    [NHat - q, t, 's is not a unit modulo N̂'],
    [s, 0n, 't is not between 0 and N̂'],
    [s, NHat, 't is not between 0 and N̂'],
    [s, t + NHat, 't is not between 0 and N̂'],
    [s, 1n, 't is 1'],
    [s, NHat - 1n, 't is N̂ − 1'],
    [s, q, 't is not a unit modulo N̂'],
    [t, t, 's and t are equal'],
  ]
  for (const [badS, badT, problem] of cases) assert.equal(baseProblem(NHat, badS, badT), problem)
  for (const m of [0n, -5n, 1n, 2n]) assert.notEqual(baseProblem(m, 1n, 1n), undefined)
})

test('the holder’s parameters are checked', () => {
  assert.throws(() => ringPedersenSecret(p, p, lambda, t), UsageError)
  assert.throws(() => ringPedersenSecret(p, q + 1n, lambda, t), UsageError)
  for (const badT of [0n, -1n, p, NHat, t + NHat]) {
    assert.throws(() => ringPedersenSecret(p, q, lambda, badT), { name: 'UsageError', message: /t is not a unit/ })
  }
  assert.throws(() => ringPedersenSecret(p, q, 1n, t), { message: 'ring-Pedersen s and t are equal' })
  assert.throws(() => ringPedersenSecret(p, q, 0n, t), { message: 'ring-Pedersen s is 1' })
  assert.throws(() => ringPedersenSecret(p, q, lambda, 1n), UsageError)
  assert.throws(() => ringPedersenSecret(p, q, 3n, NHat - 1n), UsageError)
})

test('secret parameters show none of their secrets', () => {
  const shown =
    inspect(own, { showHidden: true, depth: 9 }) + JSON.stringify(own, (_, v) => (typeof v === 'bigint' ? `${v}` : v))
  for (const hidden of [p, q, lambda, own.phi.expose()]) assert.equal(shown.includes(String(hidden)), false)
  assert.equal(own.phi.expose(), (p - 1n) * (q - 1n))
  assert.deepEqual([own.p.expose(), own.q.expose(), own.lambda.expose()], [p, q, lambda])
})

test('generated parameters: safe primes, exact length, bases in the squares', async () => {
  const made = await generateRingPedersen(INSECURE_TEST)
  assert.equal(bitLength(made.NHat), INSECURE_TEST.modulusBits)
  for (const x of [made.p.expose(), made.q.expose()]) {
    assert.ok(isProbablePrime(x, { rounds: 5 }) && isProbablePrime((x - 1n) / 2n, { rounds: 5 }))
    assert.deepEqual([jacobi(made.t, x), jacobi(made.s, x)], [1, 1])
  }
  assert.equal(baseProblem(made.NHat, made.s, made.t), undefined)
  assert.equal(made.s, ringPedersen(made.NHat, made.s, made.t).pow(made.t, made.lambda.expose()))
  assert.ok(made.lambda.expose() < made.phi.expose() / 4n)
  await assert.rejects(generateRingPedersen(INSECURE_TEST, { signal: AbortSignal.abort() }), TransportError)
})
