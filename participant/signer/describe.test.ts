import assert from 'node:assert/strict'
import { createPublicKey, verify } from 'node:crypto'
import { test } from 'node:test'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { computeAddress, recoverAddress } from 'ethers'
import { bytesToBigint, bytesToHex, concatBytes, fromHex } from '../base/bytes.ts'
import { G, mul, Point } from '../math/curve.ts'
import { describeSignature, ethereumAddress } from './describe.ts'
import { digestOf } from './payload.ts'

test('addresses are those of ethers, in EIP-55 form', () => {
  for (const k of [1n, 2n, 0x1234567890abcdefn, 2n ** 255n]) {
    const P = mul(G, k)
    assert.equal(ethereumAddress(P), computeAddress(`0x${P.toHex(true)}`))
  }
})

test('every form of a signature says the same', () => {
  const key = new Uint8Array(32).fill(3)
  const message = new TextEncoder().encode('pay 5')
  const digest = digestOf({ kind: 'sha256', message })
  const raw = secp256k1.sign(digest, key, { prehash: false, format: 'recovered' })
  const [recovery, r, s] = [raw[0] as number, bytesToBigint(raw.slice(1, 33)), bytesToBigint(raw.slice(33))]
  const publicKey = Point.fromBytes(secp256k1.getPublicKey(key))
  const d = describeSignature({ account: 'a', publicKey, digest, signature: { r, s, recovery } })

  assert.equal(d.publicKey, `0x${publicKey.toHex(true)}`)
  assert.equal(d.digest, `0x${bytesToHex(digest)}`)
  assert.equal(d.v, 27 + recovery)
  assert.equal(d.signature, `${d.r}${d.s.slice(2)}${d.v.toString(16)}`)
  assert.equal(recoverAddress(d.digest, d.signature), d.address)
  // OpenSSL reads the DER form
  const spki = concatBytes(fromHex('3056301006072a8648ce3d020106052b8104000a034200'), publicKey.toBytes(false))
  const openssl = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })
  assert.ok(verify('sha256', message, openssl, fromHex(d.der.slice(2))))
})

test('r and s keep their leading zeros', () => {
  const d = describeSignature({
    account: 'a',
    publicKey: G,
    digest: new Uint8Array(32),
    signature: { r: 1n, s: 2n, recovery: 1 },
  })
  assert.equal(d.r, `0x${'1'.padStart(64, '0')}`)
  assert.equal(d.signature.length, 2 + 130)
})
