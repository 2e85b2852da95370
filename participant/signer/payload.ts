/**
 * What is to be signed. The signer hashes it itself, so that it signs what it checked; a bare digest is a kind of its
 * own, which a policy has to allow.
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { keccak_256 } from '@noble/hashes/sha3.js'
import { concatBytes, utf8ToBytes } from '../base/bytes.ts'
import { DecodeError, UsageError } from '../base/errors.ts'
import { bytes, type Codec, mapped, struct, u8 } from '../wire/codec.ts'

export type Payload =
  /** A personal message: keccak256 of the EIP-191 prefix, its length and the message. */
  | { readonly kind: 'eip191'; readonly message: Uint8Array }
  | { readonly kind: 'keccak256'; readonly message: Uint8Array }
  | { readonly kind: 'sha256'; readonly message: Uint8Array }
  /** 32 bytes that somebody else computed. */
  | { readonly kind: 'digest'; readonly digest: Uint8Array }

/** Largest message, in bytes. */
export const PAYLOAD_LIMIT = 256 * 1024

const KINDS = ['eip191', 'keccak256', 'sha256', 'digest'] as const

/** The 32 bytes that are signed. Throws UsageError for a digest of another length or a message that is too long. */
export function digestOf(payload: Payload): Uint8Array {
  const raw = rawOf(payload)
  if (raw.length > PAYLOAD_LIMIT) throw new UsageError(`message: expected at most ${PAYLOAD_LIMIT} bytes`)
  switch (payload.kind) {
    case 'eip191':
      return keccak_256(concatBytes(utf8ToBytes(`\x19Ethereum Signed Message:\n${raw.length}`), raw))
    case 'keccak256':
      return keccak_256(raw)
    case 'sha256':
      return sha256(raw)
    case 'digest':
      if (raw.length !== 32) throw new UsageError('digest: expected 32 bytes')
      return raw.slice()
    default:
      return payload satisfies never
  }
}

function rawOf(p: Payload): Uint8Array {
  return p.kind === 'digest' ? p.digest : p.message
}

export const payloadCodec: Codec<Payload> = mapped(
  struct<{ kind: number; raw: Uint8Array }>({ kind: u8, raw: bytes(PAYLOAD_LIMIT) }),
  (p: Payload) => ({ kind: KINDS.indexOf(p.kind), raw: rawOf(p) }),
  ({ kind, raw }) => {
    const name = KINDS[kind]
    if (name === undefined) throw new DecodeError('payload: expected a known kind')
    if (name !== 'digest') return { kind: name, message: raw }
    if (raw.length !== 32) throw new DecodeError('payload: expected a digest of 32 bytes')
    return { kind: name, digest: raw }
  },
)
