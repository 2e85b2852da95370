/**
 * Ed25519 and X25519 by OpenSSL, reached through node:crypto.
 *
 * Key objects are made from JWK: OpenSSL takes ten times as long for its own formats. A secret key is a string on
 * this way, which nothing can clear; noble's bigints were no better. The object of a secret key lives as long as its
 * `Secret`. Of public keys that verify the last few hundred are kept, each looked at once by noble, since OpenSSL would
 * take a key in an encoding that isn't canonical, and one of small order.
 *
 * What OpenSSL refuses is left to noble: OpenSSL's equation is the one without the cofactor, and it refuses some
 * signatures that the other accepts, though none of an honest signer.
 *
 * Found out by a trial at load. The environment variable WALLET_MPC_ENGINE=bigint turns it off.
 */
import { createPrivateKey, createPublicKey, diffieHellman, type KeyObject, sign, verify } from 'node:crypto'
import { ed25519, x25519 } from '@noble/curves/ed25519.js'
import { bytesToHex, equalBytes } from '../base/bytes.ts'
import { type Secret, secret } from '../base/secret.ts'
import type { Curve25519 } from './curve25519.ts'

/** Public keys whose objects are kept. */
const KEPT = 256

type Curve = 'Ed25519' | 'X25519'

const secretKeys: Record<Curve, WeakMap<Secret<Uint8Array>, KeyObject>> = {
  Ed25519: new WeakMap(),
  X25519: new WeakMap(),
}
/** By hex of the key; undefined for one that nothing verifies under. */
const verifyKeys = new Map<string, KeyObject | undefined>()

function secretKey(curve: Curve, key: Secret<Uint8Array>): KeyObject {
  const kept = secretKeys[curve].get(key)
  if (kept !== undefined) return kept
  // x, the public key, is not looked at
  const made = createPrivateKey({ key: { kty: 'OKP', crv: curve, x: '', d: base64url(key.expose()) }, format: 'jwk' })
  secretKeys[curve].set(key, made)
  return made
}

function publicKey(curve: Curve, key: Uint8Array): KeyObject {
  return createPublicKey({ key: { kty: 'OKP', crv: curve, x: base64url(key) }, format: 'jwk' })
}

/** Of a key of 32 bytes. */
function base64url(key: Uint8Array): string {
  if (key.length !== 32) throw new RangeError('expected a key of 32 bytes')
  return Buffer.from(key.buffer, key.byteOffset, key.length).toString('base64url')
}

/** Undefined unless the key is canonical and not of small order. */
function verifyKeyOf(key: Uint8Array): KeyObject | undefined {
  const name = bytesToHex(key)
  if (verifyKeys.has(name)) return verifyKeys.get(name)
  const made = isStrict(key) ? publicKey('Ed25519', key) : undefined
  if (verifyKeys.size >= KEPT) verifyKeys.clear()
  verifyKeys.set(name, made)
  return made
}

function isStrict(key: Uint8Array): boolean {
  try {
    return !ed25519.Point.fromBytes(key, false).isSmallOrder()
  } catch {
    return false
  }
}

const native: Curve25519 = {
  sign: (message, signingKey) => new Uint8Array(sign(null, message, secretKey('Ed25519', signingKey))),
  verify(signature, message, verifyKey) {
    if (signature.length !== 64 || verifyKey.length !== 32) return false
    const key = verifyKeyOf(verifyKey)
    if (key === undefined) return false
    return verify(null, message, key, signature) || ed25519.verify(signature, message, verifyKey, { zip215: false })
  },
  sealKeyOf(sealingKey) {
    const { x } = createPublicKey(secretKey('X25519', sealingKey)).export({ format: 'jwk' })
    return new Uint8Array(Buffer.from(x ?? '', 'base64url'))
  },
  sharedSecret(sealingKey, sealKey) {
    const shared = diffieHellman({
      privateKey: secretKey('X25519', sealingKey),
      publicKey: publicKey('X25519', sealKey),
    })
    const out = new Uint8Array(shared)
    shared.fill(0)
    // OpenSSL refuses it already; the check must not hang on that (RFC 7748, section 6.1)
    if (out.every((b) => b === 0)) throw new RangeError('expected a public key that is not of small order')
    return out
  },
}

export const nativeCurve25519: Curve25519 | undefined = isAvailable() ? native : undefined

/** Whether this build computes what noble computes, on one case. */
function isAvailable(): boolean {
  const { WALLET_MPC_ENGINE } = process.env
  if (WALLET_MPC_ENGINE === 'bigint') return false
  const key = secret(new Uint8Array(32).fill(7))
  const message = Uint8Array.of(1, 2, 3)
  try {
    const signature = native.sign(message, key)
    const mine = x25519.getPublicKey(key.expose())
    return (
      equalBytes(signature, ed25519.sign(message, key.expose())) &&
      native.verify(signature, message, ed25519.getPublicKey(key.expose())) &&
      equalBytes(native.sealKeyOf(key), mine) &&
      equalBytes(native.sharedSecret(key, mine), x25519.getSharedSecret(key.expose(), mine))
    )
  } catch {
    return false
  }
}
