/**
 * Seals an envelope to one recipient: ephemeral X25519 (RFC 7748), HKDF-SHA-256 (RFC 5869), ChaCha20-Poly1305
 * (RFC 8439). The construction of HPKE's base mode with one message for each key, so the nonce is zero.
 *
 * Both public keys, the session and the recipient enter the key and the associated data; a packet that is moved to
 * another session or recipient does not open. Who sent it is shown by the signature inside.
 */
import { chacha20poly1305 } from '@noble/ciphers/chacha.js'
import { hkdf } from '@noble/hashes/hkdf.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { concatBytes, utf8ToBytes } from '../base/bytes.ts'
import { DecodeError } from '../base/errors.ts'
import type { Random } from '../base/random.ts'
import { type Secret, secret } from '../base/secret.ts'
import { decode, encode } from './codec.ts'
import { curve25519 } from './curve25519.ts'
import { type Envelope, envelopeCodec, type SealedPacket } from './envelope.ts'
import { Transcript } from './transcript.ts'

const NONCE = new Uint8Array(12)

function keyOf(shared: Uint8Array, ephemeral: Uint8Array, recipient: Uint8Array, context: Uint8Array): Uint8Array {
  return hkdf(sha256, shared, concatBytes(ephemeral, recipient), context, 32)
}

function contextOf(session: Uint8Array, to: string): Uint8Array {
  return new Transcript('sealed').bytes('session', session).bytes('to', utf8ToBytes(to)).digest()
}

/** `recipientKey` is the recipient's X25519 public key. */
export function seal(envelope: Envelope, recipientKey: Uint8Array, random: Random): SealedPacket {
  const secretKey = random.bytes(32)
  const ephemeralKey = secret(secretKey)
  const ephemeral = curve25519.sealKeyOf(ephemeralKey)
  const shared = curve25519.sharedSecret(ephemeralKey, recipientKey)
  const context = contextOf(envelope.session, envelope.to)
  const key = keyOf(shared, ephemeral, recipientKey, context)
  const plain = encode(envelopeCodec, envelope)
  const ciphertext = chacha20poly1305(key, NONCE, context).encrypt(plain)
  for (const b of [secretKey, shared, key, plain]) b.fill(0)
  return { kind: 'sealed', session: envelope.session, to: envelope.to, ephemeral, ciphertext }
}

/** Throws DecodeError when the packet was not sealed to this key, or carries another session or recipient inside. */
export function unseal(packet: SealedPacket, sealingKey: Secret<Uint8Array>): Envelope {
  const context = contextOf(packet.session, packet.to)
  const plain = opened(packet, sealingKey, context)
  let envelope: Envelope
  try {
    envelope = decode(envelopeCodec, plain)
  } finally {
    plain.fill(0)
  }
  if (envelope.to !== packet.to || !envelope.session.every((b, i) => b === packet.session[i])) {
    throw new DecodeError('sealed packet carries another session or recipient')
  }
  return envelope
}

function opened(packet: SealedPacket, sealingKey: Secret<Uint8Array>, context: Uint8Array): Uint8Array {
  const keys: Uint8Array[] = []
  try {
    const shared = curve25519.sharedSecret(sealingKey, packet.ephemeral)
    keys.push(shared)
    const key = keyOf(shared, packet.ephemeral, curve25519.sealKeyOf(sealingKey), context)
    keys.push(key)
    return chacha20poly1305(key, NONCE, context).decrypt(packet.ciphertext)
  } catch {
    throw new DecodeError('sealed packet does not open')
  } finally {
    for (const b of keys) b.fill(0)
  }
}
