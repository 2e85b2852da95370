/** Our verification against libsecp256k1, and each of its conditions by itself. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import * as libsecp256k1 from 'tiny-secp256k1'
import { bigintToBytes, bytesToBigint, concatBytes } from '../base/bytes.ts'
import { systemRandom } from '../base/random.ts'
import { G, IDENTITY, invQ, modQ, mul, Point, Q, randomNonZeroScalar } from './curve.ts'
import { verifies } from './ecdsa.ts'

interface Signed {
  readonly X: Point
  readonly m: bigint
  readonly r: bigint
  readonly s: bigint
}

/** A signature with low s under a new key. */
function signed(m = randomNonZeroScalar(systemRandom)): Signed {
  const [x, k] = [randomNonZeroScalar(systemRandom), randomNonZeroScalar(systemRandom)]
  const r = modQ(mul(G, k).toAffine().x)
  const s = modQ(invQ(k) * (m + r * x))
  return { X: mul(G, x), m, r, s: s > Q / 2n ? Q - s : s }
}

/** Strict: libsecp256k1 takes low s alone. */
function byLibsecp256k1({ X, m, r, s }: Signed): boolean {
  const compact = concatBytes(bigintToBytes(r, 32), bigintToBytes(s, 32))
  return libsecp256k1.verify(bigintToBytes(m, 32), X.toBytes(true), compact, true)
}

const ours = ({ X, m, r, s }: Signed): boolean => verifies(X, m, r, s)

test('takes what libsecp256k1 takes, and nothing else', () => {
  const one = signed()
  const other = signed()
  const scalars = [0n, 1n, 2n, one.m, one.r, one.s, other.m, other.r, other.s, Q / 2n, Q / 2n + 1n, Q - one.s, Q - 1n]
  let taken = 0
  for (const X of [one.X, other.X, one.X.negate()])
    for (const m of scalars)
      for (const r of [one.r, other.r, 0n, 1n, Q - 1n])
        for (const s of scalars) {
          const given = { X, m, r, s }
          assert.equal(
            ours(given),
            byLibsecp256k1(given),
            JSON.stringify(given, (_, v) => String(v)),
          )
          if (ours(given)) taken++
        }
  assert.equal(taken, 2)
})

test('every signature holds under its key, first and later, and no longer when a bit of it is changed', () => {
  const place = fc.record({ of: fc.constantFrom('m', 'r', 's'), bit: fc.nat(255) })
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), place, (digest, { of, bit }) => {
      const s = signed(modQ(bytesToBigint(digest)))
      assert.ok(ours(s))
      assert.ok(ours(s))
      assert.equal(ours({ ...s, [of]: s[of as 'm'] ^ (1n << BigInt(bit)) }), false)
    }),
    { numRuns: 60 },
  )
})

test('numbers out of range are refused, also where they are congruent', () => {
  const s = signed()
  assert.equal(ours({ ...s, r: s.r + Q }), false)
  assert.equal(ours({ ...s, r: s.r - Q }), false)
  assert.equal(ours({ ...s, s: s.s + Q }), false)
  assert.equal(ours({ ...s, s: s.s - Q }), false)
  assert.equal(ours({ ...s, s: Q - s.s }), false, 'high s')
  assert.equal(ours({ ...s, s: 0n }), false)
  assert.equal(ours({ ...s, s: -1n }), false)
})

test('nothing is a signature under the identity', () => {
  // m·s⁻¹·G has r as its x-coordinate, whatever r is taken to multiply
  const k = randomNonZeroScalar(systemRandom)
  const r = modQ(mul(G, k).toAffine().x)
  const s = randomNonZeroScalar(systemRandom) / 2n
  assert.equal(verifies(IDENTITY, modQ(k * s), r, s), false)
})

test('a sum that is the identity is no signature', () => {
  const x = randomNonZeroScalar(systemRandom)
  const r = 5n
  // m + r·x = 0, so the nonce point would be the identity
  assert.equal(verifies(mul(G, x), modQ(-r * x), r, 3n), false)
  // noble takes 0 for its x-coordinate
  assert.equal(verifies(mul(G, x), 0n, 0n, 3n), false)
})

/** The x-coordinate is that of Wycheproof's ecdsa_secp256k1_sha256_bitcoin_test.json, tcId 346. */
test('a nonce point with x above the order', () => {
  const r = 0x014551231950b75fc4402da1722fc9baebn
  const digest = new Uint8Array(32).fill(9)
  const given = concatBytes(bigintToBytes(r, 32), bigintToBytes(3n, 32))
  const key = libsecp256k1.recover(digest, given, 2) as Uint8Array
  assert.ok(verifies(Point.fromBytes(key), modQ(bytesToBigint(digest)), r, 3n))
})
