/**
 * The verification that stands between a signature and whoever asked for it, against vectors that others made: edge
 * cases of Wycheproof, and known signatures by RFC 6979.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { bigintToBytes, bytesToBigint, concatBytes, fromHex, utf8ToBytes } from '../participant/base/bytes.ts'
import { InternalError } from '../participant/base/errors.ts'
import { secret } from '../participant/base/secret.ts'
import { combine, G, invQ, modQ, mul, Point, Q } from '../participant/math/curve.ts'
import { combinePartials } from '../participant/protocols/sign/protocol.ts'
import { openssl, verifiedByOpenssl } from './protocols-signature.ts'

interface Vectors {
  readonly wycheproof: readonly {
    readonly publicKey: string
    readonly tests: readonly {
      readonly tcId: number
      readonly comment: string
      readonly msg: string
      readonly r: string
      readonly s: string
      readonly valid: boolean
    }[]
  }[]
  readonly rfc6979: readonly { readonly privateKey: string; readonly message: string; readonly signature: string }[]
}

const { wycheproof, rfc6979 } = JSON.parse(
  readFileSync(new URL('vectors/ecdsa-secp256k1.json', import.meta.url), 'utf8'),
) as Vectors

/** With the options that signing uses. */
function verify(r: bigint, s: bigint, digest: Uint8Array, publicKey: Point): boolean {
  const compact = concatBytes(bigintToBytes(r, 32), bigintToBytes(s, 32))
  return secp256k1.verify(compact, digest, publicKey.toBytes(true), { prehash: false, lowS: true })
}

/** Whether signing gives out (r, s) when it comes to them, whatever the nonce point was. */
function released(r: bigint, s: bigint, digest: Uint8Array, publicKey: Point): boolean {
  // the nonce point as verification finds it: s⁻¹·(m·G + r·X)
  const m = modQ(bytesToBigint(digest))
  const Gamma = combine([
    [modQ(m * invQ(s)), G],
    [modQ(r * invQ(s)), publicKey],
  ])
  if (Gamma.is0()) return false
  const none = new Map<string, Point>()
  const p = { publicKey, signers: [], Gamma, kTilde: secret(0n), chiTilde: secret(0n), DeltaTilde: none, STilde: none }
  try {
    return combinePartials(p, digest, [s]).r === r
  } catch (e) {
    assert.ok(e instanceof InternalError, 'e instanceof InternalError')
    return false
  }
}

for (const { publicKey, tests } of wycheproof) {
  for (const { tcId, comment, msg, r, s, valid } of tests) {
    test(`Wycheproof ${tcId}, ${comment}: ${valid ? 'valid' : 'invalid'}`, () => {
      const digest = sha256(fromHex(msg))
      const key = Point.fromBytes(fromHex(publicKey))
      const [R, S] = [BigInt(`0x${r}`), BigInt(`0x${s}`)]
      assert.equal(verify(R, S, digest, key), valid)
      if (valid) assert.ok(released(R, S, digest, key), 'released(R, S, digest, key)')
      if (valid && openssl !== undefined) {
        assert.ok(
          verifiedByOpenssl(concatBytes(bigintToBytes(R, 32), bigintToBytes(S, 32)), digest, key),
          'openssl refuses',
        )
      }
    })
  }
}

test('Wycheproof, special values of r and s (tcId 193 to 227 and more): none verifies', () => {
  const [first] = wycheproof
  assert.ok(first, 'first')
  const digest = sha256(fromHex('313233343030'))
  const key = Point.fromBytes(fromHex(first.publicKey))
  const P = 2n ** 256n - 2n ** 32n - 977n
  const special = [0n, 1n, Q - 1n, Q, Q + 1n, P, P + 1n]
  for (const r of special) for (const s of special) assert.equal(verify(r, s, digest, key), false, `${r} ${s}`)
})

for (const { privateKey, message, signature } of rfc6979) {
  test(`RFC 6979, "${message.slice(0, 30)}": the known signature verifies, and nothing near it`, () => {
    const digest = sha256(utf8ToBytes(message))
    const key = mul(G, BigInt(`0x${privateKey}`))
    const raw = fromHex(signature)
    const [r, s] = [bytesToBigint(raw.slice(0, 32)), bytesToBigint(raw.slice(32))]
    assert.ok(verify(r, s, digest, key), 'verify(r, s, digest, key)')
    assert.ok(released(r, s, digest, key), 'released(r, s, digest, key)')
    assert.ok(!verify(r, Q - s, digest, key), 'high s')
    assert.ok(!verify(r, s + 1n, digest, key), '!verify(r, s + 1n, digest, key)')
    assert.ok(!verify(r, s, sha256(digest), key), '!verify(r, s, sha256(digest), key)')
    assert.ok(!verify(r, s, digest, key.negate()), '!verify(r, s, digest, key.negate())')
    // the signature that these vectors are of: the deterministic one
    const made = secp256k1.sign(digest, fromHex(privateKey), { prehash: false, lowS: true })
    assert.deepEqual(made, raw)
  })
}
