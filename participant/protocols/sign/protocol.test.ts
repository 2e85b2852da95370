/** Signing on presignatures that were dealt: every digest, one use, and signatures that other libraries take. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import * as libsecp256k1 from 'tiny-secp256k1'
import { bigintToBytes, concatBytes } from '../../base/bytes.ts'
import { InternalError, StateError, UsageError } from '../../base/errors.ts'
import { systemRandom } from '../../base/random.ts'
import { secret } from '../../base/secret.ts'
import { G, modQ, mul, Point, Q, randomNonZeroScalar } from '../../math/curve.ts'
import { allValues } from '../../party/testing.ts'
import type { Presignature, Signature } from '../material.ts'
import { dealPresignatures, fixture, runSign } from '../testing.ts'
import { checkPartial, combinePartials, partial } from './protocol.ts'

const IDS = ['p0', 'p1', 'p2']

function compact({ r, s }: Signature): Uint8Array {
  return concatBytes(bigintToBytes(r, 32), bigintToBytes(s, 32))
}

function expectValid(signature: Signature, digest: Uint8Array, publicKey: Uint8Array): void {
  assert.ok(signature.s <= Q / 2n, 's is high')
  assert.ok(libsecp256k1.verify(digest, publicKey, compact(signature), true), 'does not verify')
  const recovered = libsecp256k1.recover(digest, compact(signature), signature.recovery as 0 | 1 | 2 | 3, true)
  assert.deepEqual(recovered, publicKey)
}

/** All three parts of a signature, each checked by all. */
function signWith(presignatures: ReadonlyMap<string, Presignature>, digest: Uint8Array): Signature {
  const sigmas = [...presignatures].map(([id, p]) => ({ id, sigma: partial(p, digest) }))
  const mine = presignatures.get('p0') as Presignature
  for (const { id, sigma } of sigmas) assert.equal(checkPartial(mine, digest, id, sigma), undefined)
  return combinePartials(
    mine,
    digest,
    sigmas.map((s) => s.sigma),
  )
}

const filled = (...bytes: number[]): Uint8Array => new Uint8Array(32).map((_, i) => bytes[i] ?? bytes.at(-1) ?? 0)

const DIGESTS: Readonly<Record<string, Uint8Array>> = {
  'all zero': filled(0),
  'all ones': filled(0xff),
  'one leading zero byte': filled(0, 9),
  '31 leading zero bytes': new Uint8Array(32).map((_, i) => (i === 31 ? 1 : 0)),
  'the order of the curve': bigintToBytes(Q, 32),
  'the order less one': bigintToBytes(Q - 1n, 32),
  'the order and one': bigintToBytes(Q + 1n, 32),
}

for (const [what, digest] of Object.entries(DIGESTS)) {
  test(`a digest of ${what} is signed as it stands`, () => {
    const x = randomNonZeroScalar(systemRandom)
    expectValid(signWith(dealPresignatures(IDS, x), digest), digest, mul(G, x).toBytes(true))
  })
}

test('every digest gives a low s, verifies, and recovers the public key', () => {
  const recoveries = new Set<number>()
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (digest) => {
      const x = randomNonZeroScalar(systemRandom)
      const signature = signWith(dealPresignatures(IDS, x), digest)
      recoveries.add(signature.recovery)
      expectValid(signature, digest, mul(G, x).toBytes(true))
    }),
    { numRuns: 25 },
  )
  assert.deepEqual([...recoveries].sort(), [0, 1])
})

test('a presignature is good for one signature, whatever the second digest', () => {
  const p = dealPresignatures(IDS, 11n).get('p0') as Presignature
  // a digest that can't be signed does not use it up
  for (const length of [0, 31, 33]) assert.throws(() => partial(p, new Uint8Array(length)), UsageError)
  partial(p, filled(1))
  assert.throws(() => partial(p, filled(1)), StateError)
  assert.throws(() => partial(p, filled(2)), StateError)
  assert.throws(() => partial({ ...p }, filled(2)), StateError, 'a copy of it signed')
})

test('in a session, the second use ends before anything is sent', async () => {
  const f = fixture(2, 2)
  const presignatures = dealPresignatures(f.parties, 11n)
  const first = allValues(await runSign(f, presignatures, filled(7)))
  assert.deepEqual(first.get('p0'), first.get('p1'))
  for (const [, result] of await runSign(f, presignatures, filled(8))) {
    assert.ok(
      result.status === 'rejected' && (result.reason instanceof StateError || result.reason.code === 'PEER_STOPPED'),
      'expected a StateError',
    )
  }
})

test('a partial signature of another party, digest or nonce does not pass', () => {
  const presignatures = dealPresignatures(IDS, 11n)
  const mine = presignatures.get('p0') as Presignature
  const digest = filled(5)
  const sigma = partial(presignatures.get('p1') as Presignature, digest)
  const failed = { code: 'PARTIAL_SIG', check: 'eq sigma Gamma' }
  assert.equal(checkPartial(mine, digest, 'p1', sigma), undefined)
  assert.deepEqual(checkPartial(mine, digest, 'p2', sigma), failed)
  assert.deepEqual(checkPartial(mine, filled(6), 'p1', sigma), failed)
  assert.deepEqual(checkPartial(mine, digest, 'p1', modQ(sigma + 1n)), failed)
  assert.deepEqual(checkPartial(mine, digest, 'p1', 0n), failed)
  const other = dealPresignatures(IDS, 11n).get('p0') as Presignature
  assert.deepEqual(checkPartial(other, digest, 'p1', sigma), failed)
  assert.throws(() => checkPartial(mine, digest, 'p9', sigma), InternalError)
})

test('a sum that does not verify is never given out', () => {
  const presignatures = dealPresignatures(IDS, 11n)
  const mine = presignatures.get('p0') as Presignature
  const digest = filled(5)
  const sigmas = [...presignatures.values()].map((p) => partial(p, digest))
  assert.throws(() => combinePartials(mine, digest, sigmas.slice(1)), InternalError)
  assert.throws(() => combinePartials(mine, filled(6), sigmas), InternalError)
  assert.throws(() => combinePartials({ ...mine, publicKey: mul(G, 12n) }, digest, sigmas), InternalError)
  assert.throws(() => combinePartials(mine, digest, []), InternalError)
  expectValid(combinePartials(mine, digest, sigmas), digest, mul(G, 11n).toBytes(true))
})

test('signers other than those of the presignature are refused, and nothing is used up', async () => {
  const f = fixture(3, 2)
  const presignatures = dealPresignatures(['p0', 'p1'], 11n)
  const p0 = presignatures.get('p0') as Presignature
  for (const signers of [
    ['p0', 'p2'],
    ['p0', 'p1', 'p2'],
  ]) {
    const results = await runSign(f, new Map(signers.map((id) => [id, p0])), filled(7))
    for (const [id, r] of results) assert.ok(r.status === 'rejected', id)
    assert.ok(
      [...results.values()].some((r) => r.status === 'rejected' && r.reason instanceof UsageError),
      'expected a UsageError',
    )
  }
  assert.ok(allValues(await runSign(f, presignatures, filled(7))).get('p0'), 'the presignature was used up')
})

/** The x-coordinate is that of Wycheproof's ecdsa_secp256k1_sha256_bitcoin_test.json, tcId 346. */
test('a nonce point with x above the order has a recovery id of 2 or 3', () => {
  const r = 0x014551231950b75fc4402da1722fc9baebn
  const [s, digest] = [3n, filled(1, 2)]
  const given = concatBytes(bigintToBytes(r, 32), bigintToBytes(s, 32))
  for (const parity of [0, 1] as const) {
    // the key under which (r, s) is a signature of the digest with this Γ
    const publicKey = Point.fromBytes(libsecp256k1.recover(digest, given, (2 + parity) as 2 | 3) as Uint8Array)
    const p: Presignature = {
      publicKey,
      signers: IDS,
      Gamma: Point.fromBytes(concatBytes(Uint8Array.of(2 + parity), bigintToBytes(r + Q, 32))),
      kTilde: secret(1n),
      chiTilde: secret(1n),
      DeltaTilde: new Map(),
      STilde: new Map(),
    }
    assert.deepEqual(combinePartials(p, digest, [s]), { r, s, recovery: 2 + parity })
    expectValid(combinePartials(p, digest, [s]), digest, publicKey.toBytes(true))
    // s above q/2 is taken to be of −Γ
    assert.deepEqual(combinePartials(p, digest, [Q - s]), { r, s, recovery: 2 + (parity ^ 1) })
  }
})
