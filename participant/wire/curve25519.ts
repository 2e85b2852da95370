/**
 * Ed25519 (RFC 8032) and X25519 (RFC 7748) behind one interface, with two implementations: OpenSSL's
 * (curve25519.node.ts), ten to thirty times faster, and noble's for everywhere else. Both give the same answers to
 * every input, which curve25519.test.ts holds them to.
 *
 * Verification is noble's strict one: the cofactored equation, s < L, canonical encodings of A and R, and no A of
 * small order.
 */
import { ed25519, x25519 } from '@noble/curves/ed25519.js'
import { nativeCurve25519 } from '#curve25519'
import type { Secret } from '../base/secret.ts'

export interface Curve25519 {
  /** 64 bytes; the key is the 32-byte seed. */
  sign(message: Uint8Array, signingKey: Secret<Uint8Array>): Uint8Array
  /** Total: false for keys and signatures that are malformed. */
  verify(signature: Uint8Array, message: Uint8Array, verifyKey: Uint8Array): boolean
  /** The X25519 public key, 32 bytes. */
  sealKeyOf(sealingKey: Secret<Uint8Array>): Uint8Array
  /** 32 bytes. Throws for a public key of small order, which would make them zero, and for one that isn't 32 bytes. */
  sharedSecret(sealingKey: Secret<Uint8Array>, sealKey: Uint8Array): Uint8Array
}

export const nobleCurve25519: Curve25519 = {
  sign: (message, signingKey) => ed25519.sign(message, signingKey.expose()),
  verify(signature, message, verifyKey) {
    try {
      return ed25519.verify(signature, message, verifyKey, { zip215: false })
    } catch {
      return false // noble throws on malformed keys and signatures
    }
  },
  sealKeyOf: (sealingKey) => x25519.getPublicKey(sealingKey.expose()),
  sharedSecret: (sealingKey, sealKey) => x25519.getSharedSecret(sealingKey.expose(), sealKey),
}

export const curve25519: Curve25519 = nativeCurve25519 ?? nobleCurve25519
