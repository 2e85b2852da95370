import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ed25519, x25519 } from '@noble/curves/ed25519.js'
import { sha512 } from '@noble/hashes/sha2.js'
import { bigintToBytes, bytesToBigint, concatBytes, fromHex, utf8ToBytes } from '../base/bytes.ts'
import { secret } from '../base/secret.ts'
import { seededRandom } from '../math/testing.ts'
import { nativeCurve25519 } from './curve25519.node.ts'
import { curve25519, nobleCurve25519 } from './curve25519.ts'

const both = [nobleCurve25519, ...(nativeCurve25519 === undefined ? [] : [nativeCurve25519])]
const { Point } = ed25519
const L = Point.Fn.ORDER
const P = 2n ** 255n - 19n
const random = seededRandom('curve25519')
const MESSAGE = utf8ToBytes('what is signed')

function littleEndian(value: bigint): Uint8Array {
  return bigintToBytes(value, 32).reverse()
}

function fromLittleEndian(bytes: Uint8Array): bigint {
  return bytesToBigint(bytes.slice().reverse())
}

function challenge(R: Uint8Array, A: Uint8Array, message: Uint8Array): bigint {
  return fromLittleEndian(sha512(concatBytes(R, A, message))) % L
}

/** A generator of the eight points of small order. */
const T8 = ((): InstanceType<typeof Point> => {
  for (let y = 2n; ; y++) {
    try {
      const T = Point.fromBytes(littleEndian(y), false).multiplyUnsafe(L - 1n)
      // (L − 1)·P + P is what P has outside the group of order L
      const small = T.add(Point.fromBytes(littleEndian(y), false))
      if (!small.multiplyUnsafe(4n).is0()) return small
    } catch {}
  }
})()
const SMALL = Array.from({ length: 8 }, (_, i) => (i === 0 ? Point.ZERO : T8.multiplyUnsafe(BigInt(i))))

/** What the schoolbook signer makes, with torsion added to A and to R. */
function signed(torsionA: InstanceType<typeof Point>, torsionR: InstanceType<typeof Point>) {
  const a = fromLittleEndian(random.bytes(32)) % L
  const r = fromLittleEndian(random.bytes(32)) % L
  const A = Point.BASE.multiply(a).add(torsionA).toBytes()
  const R = Point.BASE.multiply(r).add(torsionR).toBytes()
  const s = (r + challenge(R, A, MESSAGE) * a) % L
  return { A, R, s }
}

test('OpenSSL is found in this Node', {
  skip: process.env['WALLET_MPC_ENGINE'] === 'bigint' && 'OpenSSL is turned off',
}, () => {
  assert.equal(curve25519, nativeCurve25519)
  assert.notEqual(nativeCurve25519, undefined)
})

test('RFC 8032, section 7.1, tests 1 to 3', () => {
  for (const [seed, key, message, signature] of [
    [
      '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
      'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
      '',
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
    ],
    [
      '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
      '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
      '72',
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
    ],
    [
      'c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7',
      'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
      'af82',
      '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
    ],
  ] as const) {
    for (const c of both) {
      assert.deepEqual(c.sign(fromHex(message), secret(fromHex(seed))), fromHex(signature))
      assert.ok(c.verify(fromHex(signature), fromHex(message), fromHex(key)), 'the vector does not verify')
    }
  }
})

test('random keys: the same signatures, and each verifies the other’s', () => {
  for (let i = 0; i < 20; i++) {
    const key = secret(random.bytes(32))
    const message = random.bytes(7 * i)
    const A = ed25519.getPublicKey(key.expose())
    const signatures = both.map((c) => c.sign(message, key))
    for (const s of signatures) assert.deepEqual(s, signatures[0])
    for (const c of both) {
      const good = signatures[0] as Uint8Array
      assert.ok(c.verify(good, message, A), 'an honest signature does not verify')
      for (const [name, at] of [
        ['R', i],
        ['s', 32 + i],
      ] as const) {
        assert.ok(!c.verify(flip(good, at), message, A), `a changed ${name} verifies`)
      }
      assert.ok(!c.verify(good, concatBytes(message, Uint8Array.of(0)), A), 'another message verifies')
      assert.ok(!c.verify(good, message, flip(A, i)), 'another key verifies')
    }
  }
})

function flip(bytes: Uint8Array, at: number): Uint8Array {
  return bytes.map((b, i) => (i === at ? b ^ 1 : b))
}

test('s ≥ L, wrong lengths and points off the curve verify nowhere', () => {
  const { A, R, s } = signed(Point.ZERO, Point.ZERO)
  const offCurve = littleEndian(2n)
  assert.throws(() => Point.fromBytes(offCurve, true))
  const cases: readonly (readonly [string, Uint8Array, Uint8Array])[] = [
    ['s + L', concatBytes(R, littleEndian(s + L)), A],
    ['s + 8L', concatBytes(R, littleEndian(s + 8n * L)), A],
    ['63 bytes', concatBytes(R, littleEndian(s)).slice(0, 63), A],
    ['65 bytes', concatBytes(R, littleEndian(s), Uint8Array.of(0)), A],
    ['no bytes', new Uint8Array(0), A],
    ['key of 31 bytes', concatBytes(R, littleEndian(s)), A.slice(0, 31)],
    ['key of 33 bytes', concatBytes(R, littleEndian(s)), concatBytes(A, Uint8Array.of(0))],
    ['key off the curve', concatBytes(R, littleEndian(s)), offCurve],
    ['R off the curve', concatBytes(offCurve, littleEndian(s)), A],
  ]
  for (const c of both) {
    assert.ok(c.verify(concatBytes(R, littleEndian(s)), MESSAGE, A), 'the honest one does not verify')
    for (const [name, signature, key] of cases) assert.ok(!c.verify(signature, MESSAGE, key), name)
  }
})

test('A of small order, in any encoding, verifies nothing', () => {
  // the encodings of y with y + p below 2^255, and x = 0 with a sign
  const encodings = SMALL.flatMap((T) => {
    const { x, y } = T.toAffine()
    const sign = (x & 1n) << 255n
    const ys = y + P < 2n ** 255n ? [y, y + P] : [y]
    return ys.flatMap((v) => [littleEndian(v | sign), ...(x === 0n ? [littleEndian(v | (1n << 255n))] : [])])
  })
  assert.ok(encodings.length >= 12, `${encodings.length} encodings`)
  const r = fromLittleEndian(random.bytes(32)) % L
  for (const A of encodings) {
    for (const T of SMALL) {
      // s·B = R + k·A holds with the cofactor for any k, and without it for some T
      const R = Point.BASE.multiply(r).add(T).toBytes()
      for (const [R2, s] of [
        [R, r],
        [T.toBytes(), 0n],
      ] as const) {
        for (const c of both) {
          assert.ok(!c.verify(concatBytes(R2, littleEndian(s)), MESSAGE, A), 'a key of small order verifies')
        }
      }
    }
  }
})

test('R in an encoding that is not canonical verifies nowhere', () => {
  const sign = 1n << 255n
  // of small order, so that the equation with the cofactor holds: y ≥ p, or x = 0 with a sign
  for (const encoded of [P, P | sign, P + 1n, (P + 1n) | sign, 1n | sign, (P - 1n) | sign]) {
    const R = littleEndian(encoded)
    const a = fromLittleEndian(random.bytes(32)) % L
    const A = Point.BASE.multiply(a).toBytes()
    const s = (challenge(R, A, MESSAGE) * a) % L
    for (const c of both) {
      assert.ok(!c.verify(concatBytes(R, littleEndian(s)), MESSAGE, A), `R ${encoded} verifies`)
    }
  }
})

test('with torsion in A or R the equation with the cofactor decides, in both', () => {
  let accepted = 0
  for (const [i, TA] of SMALL.entries()) {
    for (const TR of [Point.ZERO, ...SMALL.slice(i, i + 2)]) {
      const { A, R, s } = signed(TA, TR)
      for (const c of both) assert.ok(c.verify(concatBytes(R, littleEndian(s)), MESSAGE, A), 'torsion decides')
      for (const c of both) {
        assert.ok(!c.verify(concatBytes(R, littleEndian((s + 1n) % L)), MESSAGE, A), 'a wrong s verifies')
      }
      accepted += 1
    }
  }
  assert.ok(accepted > 20, `${accepted}`)
})

test('many keys: what is kept of a key does not leak into another', () => {
  const keys = Array.from({ length: 300 }, () => secret(random.bytes(32)))
  const made = keys.slice(0, 3).map((k) => ({ A: ed25519.getPublicKey(k.expose()), s: curve25519.sign(MESSAGE, k) }))
  for (const { A, s } of made) assert.ok(curve25519.verify(s, MESSAGE, A), 'before')
  for (const k of keys) curve25519.verify(new Uint8Array(64), MESSAGE, k.expose())
  for (const [i, { A, s }] of made.entries()) {
    assert.ok(curve25519.verify(s, MESSAGE, A), 'after')
    assert.ok(!curve25519.verify(s, MESSAGE, (made[(i + 1) % 3] as { A: Uint8Array }).A), 'under another key')
  }
})

test('X25519: RFC 7748, section 6.1, and random keys', () => {
  const bob = secret(fromHex('5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb'))
  const alicePublic = fromHex('8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a')
  const expected = fromHex('4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742')
  for (const c of both) assert.deepEqual(c.sharedSecret(bob, alicePublic), expected)
  for (let i = 0; i < 10; i++) {
    const [a, b] = [secret(random.bytes(32)), secret(random.bytes(32))]
    const keys = both.map((c) => c.sealKeyOf(a))
    for (const k of keys) assert.deepEqual(k, x25519.getPublicKey(a.expose()))
    const shared = x25519.getSharedSecret(b.expose(), keys[0] as Uint8Array)
    for (const c of both) {
      assert.deepEqual(c.sharedSecret(b, keys[0] as Uint8Array), shared)
      assert.deepEqual(c.sharedSecret(a, c.sealKeyOf(b)), shared)
    }
  }
  for (const c of both) {
    for (const length of [0, 31, 33])
      assert.throws(() => c.sharedSecret(bob, new Uint8Array(length).fill(9)), RangeError)
  }
})

test('X25519: public keys of small order are refused, others taken as RFC 7748 says', () => {
  const key = secret(random.bytes(32))
  // u of the points of order 1, 2, 4 and 8 on the curve and its twist, and the same plus p
  const u8 = 325606250916557431795983626356110631294008115727848805560023387167927233504n
  const u8Other = 39382357235489614581723060781553021112529911719440698176882885853963445705823n
  const small = [0n, 1n, u8, u8Other, P - 1n, P, P + 1n]
  for (const u of small.flatMap((v) => [v, v | (1n << 255n)])) {
    for (const c of both) assert.throws(() => c.sharedSecret(key, littleEndian(u)), `${u}`)
  }
  for (const u of [2n, 9n, 18n, P + 2n, P + 9n, P + 18n, P - 2n, 2n ** 255n - 1n, 2n ** 254n + 5n]) {
    for (const v of [u, u | (1n << 255n)]) {
      const expected = x25519.getSharedSecret(key.expose(), littleEndian(v))
      for (const c of both) assert.deepEqual(c.sharedSecret(key, littleEndian(v)), expected)
    }
  }
})
