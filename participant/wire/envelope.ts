/**
 * The one message format. An envelope is signed by its sender over everything: wire version, session, protocol,
 * round, sender, recipient (or all) and body. Whoever holds it can show later what was said.
 *
 * On the wire it is a packet, either clear or sealed to one recipient (sealing.ts). The signature of a sealed
 * message is inside, over the plaintext, so the recipient can show that as well.
 */
import { DecodeError } from '../base/errors.ts'
import type { Secret } from '../base/secret.ts'
import { bytes, type Codec, decode, encode, fixed, type Reader, struct, text, u8, type Writer } from './codec.ts'
import { curve25519 } from './curve25519.ts'
import { Transcript } from './transcript.ts'

export const WIRE_VERSION = 2

/** Largest body of a message: Π^mod and Π^prm at full size are below 110 KB. */
export const BODY_LIMIT = 512 * 1024

const ID_LIMIT = 64

/** What the signature covers, besides the version. `to` is '' for everybody. */
export interface Message {
  readonly session: Uint8Array
  readonly protocol: string
  readonly round: string
  readonly from: string
  readonly to: string
  readonly body: Uint8Array
}

export interface Envelope extends Message {
  readonly signature: Uint8Array
}

const message = {
  session: fixed(32),
  protocol: text(ID_LIMIT),
  round: text(ID_LIMIT),
  from: text(ID_LIMIT),
  to: text(ID_LIMIT),
  body: bytes(BODY_LIMIT),
}

export const envelopeCodec: Codec<Envelope> = struct<Envelope>({ ...message, signature: fixed(64) })
const messageCodec: Codec<Message> = struct<Message>(message)

function digestOf(m: Message): Uint8Array {
  return new Transcript('envelope')
    .bytes('version', Uint8Array.of(WIRE_VERSION))
    .value('message', messageCodec, m)
    .digest()
}

/** Signs with the sender's Ed25519 key (32-byte seed, RFC 8032). */
export function signEnvelope(m: Message, signingKey: Secret<Uint8Array>): Envelope {
  return { ...m, signature: curve25519.sign(digestOf(m), signingKey) }
}

/** Strict RFC 8032 verification under the sender's Ed25519 public key. */
export function verifyEnvelope(e: Envelope, verifyKey: Uint8Array): boolean {
  try {
    return curve25519.verify(e.signature, digestOf(e), verifyKey)
  } catch {
    return false // a message that has no encoding was never signed
  }
}

export interface ClearPacket {
  readonly kind: 'clear'
  readonly envelope: Envelope
}

export interface SealedPacket {
  readonly kind: 'sealed'
  readonly session: Uint8Array
  readonly to: string
  /** Ephemeral X25519 public key. */
  readonly ephemeral: Uint8Array
  /** ChaCha20-Poly1305 of the encoded envelope. */
  readonly ciphertext: Uint8Array
}

export type Packet = ClearPacket | SealedPacket

const sealedFields: Codec<Omit<SealedPacket, 'kind'>> = struct<Omit<SealedPacket, 'kind'>>({
  session: fixed(32),
  to: text(ID_LIMIT),
  ephemeral: fixed(32),
  ciphertext: bytes(BODY_LIMIT + 1024),
})

const packetCodec: Codec<Packet> = {
  write(w: Writer, p: Packet) {
    u8.write(w, WIRE_VERSION)
    u8.write(w, p.kind === 'clear' ? 0 : 1)
    if (p.kind === 'clear') envelopeCodec.write(w, p.envelope)
    else sealedFields.write(w, p)
  },
  read(r: Reader): Packet {
    if (u8.read(r) !== WIRE_VERSION) throw new DecodeError('expected wire version 2')
    const kind = u8.read(r)
    if (kind === 0) return { kind: 'clear', envelope: envelopeCodec.read(r) }
    if (kind === 1) return { kind: 'sealed', ...sealedFields.read(r) }
    throw new DecodeError('expected a clear or a sealed packet')
  },
}

export function encodePacket(p: Packet): Uint8Array {
  return encode(packetCodec, p)
}

/** Throws DecodeError. */
export function decodePacket(raw: Uint8Array): Packet {
  return decode(packetCodec, raw)
}
