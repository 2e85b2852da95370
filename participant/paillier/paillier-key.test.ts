import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { bitLength } from '../base/bytes.ts'
import { TransportError, UsageError } from '../base/errors.ts'
import { INSECURE_TEST } from '../base/level.ts'
import { isProbablePrime, mod } from '../math/number-theory.ts'
import { unit } from '../math/sampling.ts'
import { seededRandom } from '../math/testing.ts'
import { generatePaillierKey, paillierKey, paillierSecretKey } from './paillier-key.ts'
import { testPrimes } from './testing.ts'

const { p, q } = testPrimes(0)
const own = paillierSecretKey(p, q)
const peer = paillierKey(p * q)
const { N, NN } = own
const half = (N - 1n) / 2n
const random = seededRandom('paillier')

/** Long and short, either sign, up to the edges of the plaintexts. */
const plaintext = fc
  .tuple(fc.integer({ min: 0, max: 1822 }), fc.bigInt(0n, 2n ** 1822n), fc.boolean())
  .map(([bits, m, negative]) => BigInt.asUintN(bits, m) * (negative ? -1n : 1n))
const randomness = fc.integer({ min: 0, max: 1_000_000 }).map((seed) => unit(seededRandom(`rho ${seed}`), N))

/** The value of a plaintext in (−N/2, N/2). */
function signed(m: bigint): bigint {
  const r = mod(m, N)
  return r > half ? r - N : r
}

test('decryption is signed: (−N/2, N/2), attack 52', () => {
  const rho = unit(random, N)
  for (const m of [0n, 1n, -1n, 2n ** 1280n, -(2n ** 1280n), half, -half, half - 1n]) {
    assert.equal(own.decrypt(own.encrypt(m, rho)).expose(), m)
  }
  // one step beyond either end comes out at the other
  assert.equal(own.decrypt(own.encrypt(half + 1n, rho)).expose(), -half)
  assert.equal(own.decrypt(own.encrypt(-half - 1n, rho)).expose(), half)
  assert.equal(own.decrypt(own.encrypt(5n * N - 3n, rho)).expose(), -3n)
})

test('encryption is (1 + N)^m·ρ^N, for any integer m', () => {
  const rho = unit(random, N)
  const slow = (m: bigint): bigint => peer.add(peer.pow(1n + N, mod(m, N)), peer.pow(rho, N))
  for (const m of [0n, 1n, -1n, half, N, N + 1n, -3n * N + 5n, NN]) {
    assert.equal(own.encrypt(m, rho), slow(m))
    assert.equal(peer.encrypt(m, rho), slow(m))
  }
  assert.equal(own.powN(rho), peer.pow(rho, N))
  assert.equal(peer.powN(rho), own.pow(rho, N))
})

test('homomorphic identities', () => {
  fc.assert(
    fc.property(plaintext, plaintext, plaintext, randomness, randomness, (m1, m2, k, rho1, rho2) => {
      const [C, D] = [own.encrypt(m1, rho1), own.encrypt(m2, rho2)]
      assert.equal(own.decrypt(own.add(C, D)).expose(), signed(m1 + m2))
      assert.equal(own.decrypt(own.pow(C, k)).expose(), signed(k * m1))
      assert.equal(own.add(C, D), own.encrypt(m1 + m2, own.powModN(rho1 * rho2, 1n)))
      assert.equal(own.pow(C, k), own.encrypt(k * m1, own.powModN(rho1, k)))
      assert.equal(own.pow(own.add(C, D), k), own.add(own.pow(C, k), own.pow(D, k)))
    }),
    { numRuns: 12 },
  )
})

test('a peer computes what the holder computes', () => {
  fc.assert(
    fc.property(plaintext, plaintext, randomness, (m, k, rho) => {
      const C = own.encrypt(m, rho)
      assert.equal(peer.encrypt(m, rho), C)
      assert.equal(peer.pow(C, k), own.pow(C, k))
      assert.equal(peer.add(C, rho), own.add(C, rho))
      assert.equal(peer.powModN(rho, k), own.powModN(rho, k))
    }),
    { numRuns: 8 },
  )
})

for (const [name, key] of [
  ['own', own],
  ['peer', peer],
] as const) {
  test(`membership (${name})`, () => {
    const C = own.encrypt(7n, unit(random, N))
    for (const good of [1n, C, NN - 1n, N + 1n]) assert.equal(key.isCiphertext(good), true)
    for (const bad of [0n, -1n, NN, NN + 1n, C + NN, C - NN, N, p, q, p * p, NN - p, 5n * N]) {
      assert.equal(key.isCiphertext(bad), false)
    }
    for (const good of [1n, 2n, N - 1n]) assert.equal(key.isUnit(good), true)
    for (const bad of [0n, -1n, N, N + 1n, p, q, N - p, 3n * q]) assert.equal(key.isUnit(bad), false)
  })

  test(`negative powers need a unit (${name})`, () => {
    assert.throws(() => key.pow(p, -1n), RangeError)
    assert.throws(() => key.powModN(q, -1n), RangeError)
    assert.equal(key.pow(p, 0n), 1n)
  })
}

test('only ciphertexts are decrypted', () => {
  for (const bad of [0n, -1n, NN, p, q, N, own.encrypt(1n, 3n) + NN]) assert.throws(() => own.decrypt(bad), RangeError)
})

test('primes that make no key are refused', () => {
  assert.throws(() => paillierSecretKey(p, p), UsageError)
  assert.throws(() => paillierSecretKey(p, 2n), UsageError)
  assert.throws(() => paillierSecretKey(p + 1n, q), UsageError)
  // 7 divides 29 − 1
  assert.throws(() => paillierSecretKey(7n, 29n), { message: /common factor/ })
  assert.equal(paillierSecretKey(7n, 11n).N, 77n)
})

test('a small key, all plaintexts', () => {
  const small = paillierSecretKey(7n, 11n)
  for (let m = -38n; m <= 38n; m++) {
    for (const rho of [1n, 2n, 75n]) assert.equal(small.decrypt(small.encrypt(m, rho)).expose(), m)
  }
})

test('a secret key shows none of its secrets', () => {
  const shown =
    inspect(own, { showHidden: true, depth: 9 }) + JSON.stringify(own, (_, v) => (typeof v === 'bigint' ? `${v}` : v))
  for (const hidden of [p, q, own.phi.expose()]) assert.equal(shown.includes(String(hidden)), false)
  assert.equal(own.phi.expose(), (p - 1n) * (q - 1n))
  assert.deepEqual([own.p.expose(), own.q.expose()], [p, q])
})

test('generated keys: Blum primes, exact length', async () => {
  const counts: number[] = []
  const key = await generatePaillierKey(INSECURE_TEST, { onProgress: ({ candidates }) => counts.push(candidates) })
  assert.equal(bitLength(key.N), INSECURE_TEST.modulusBits)
  for (const x of [key.p.expose(), key.q.expose()]) {
    assert.equal(x % 4n, 3n)
    assert.ok(isProbablePrime(x, { rounds: 5 }))
  }
  assert.equal(key.decrypt(key.encrypt(-42n, 3n)).expose(), -42n)
  assert.ok(counts.length >= 2 && (counts.at(-1) as number) >= 2)
  await assert.rejects(generatePaillierKey(INSECURE_TEST, { signal: AbortSignal.abort() }), TransportError)
})
