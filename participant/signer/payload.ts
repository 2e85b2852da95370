/**
 * What is to be signed. The signer parses and hashes it itself, so that it signs what it checked; a bare digest is a kind
 * of its own, which a policy has to allow.
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { keccak_256 } from '@noble/hashes/sha3.js'
import { concatBytes, utf8ToBytes } from '../base/bytes.ts'
import { DecodeError, UsageError } from '../base/errors.ts'
import { bytes, type Codec, mapped, struct, u8 } from '../wire/codec.ts'
import { parseTransaction, transactionDigest } from './transaction.ts'
import { parseTypedData } from './typed-data.ts'

export type Payload =
  /** A personal message: keccak256 of the EIP-191 prefix, its length and the message. */
  | { readonly kind: 'eip191'; readonly message: Uint8Array }
  | { readonly kind: 'keccak256'; readonly message: Uint8Array }
  | { readonly kind: 'sha256'; readonly message: Uint8Array }
  /** 32 bytes that somebody else computed. */
  | { readonly kind: 'digest'; readonly digest: Uint8Array }
  /** An unsigned Ethereum transaction, serialized (transaction.ts). */
  | { readonly kind: 'transaction'; readonly transaction: Uint8Array }
  /** EIP-712: the JSON of types, primaryType, domain and message, as UTF-8 (typed-data.ts). */
  | { readonly kind: 'typed-data'; readonly json: Uint8Array }

/** Largest message, in bytes. */
export const PAYLOAD_LIMIT = 256 * 1024

/** In the order of their numbers on the wire. */
const KINDS = ['eip191', 'keccak256', 'sha256', 'digest', 'transaction', 'typed-data'] as const

/**
 * The 32 bytes that are signed. Throws UsageError for a digest of another length or a message that is too long,
 * DecodeError for bytes that are no transaction or no typed data.
 */
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
    case 'transaction':
      return transactionDigest(parseTransaction(raw))
    case 'typed-data':
      return parseTypedData(raw).digest
    default:
      return payload satisfies never
  }
}

function rawOf(p: Payload): Uint8Array {
  switch (p.kind) {
    case 'digest':
      return p.digest
    case 'transaction':
      return p.transaction
    case 'typed-data':
      return p.json
    default:
      return p.message
  }
}

export const payloadCodec: Codec<Payload> = mapped(
  struct<{ kind: number; raw: Uint8Array }>({ kind: u8, raw: bytes(PAYLOAD_LIMIT) }),
  (p: Payload) => ({ kind: KINDS.indexOf(p.kind), raw: rawOf(p) }),
  ({ kind, raw }) => {
    const name = KINDS[kind]
    if (name === undefined) throw new DecodeError('payload: expected a known kind')
    // whether it is a transaction or typed data is judged with the rest: who asked gets an answer to that
    if (name === 'transaction') return { kind: name, transaction: raw }
    if (name === 'typed-data') return { kind: name, json: raw }
    if (name !== 'digest') return { kind: name, message: raw }
    if (raw.length !== 32) throw new DecodeError('payload: expected a digest of 32 bytes')
    return { kind: name, digest: raw }
  },
)
