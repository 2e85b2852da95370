import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hashMessage, keccak256, sha256 } from 'ethers'
import fc from 'fast-check'
import { bytesToHex } from '../base/bytes.ts'
import { DecodeError, UsageError } from '../base/errors.ts'
import { decode, encode } from '../wire/codec.ts'
import { digestOf, PAYLOAD_LIMIT, type Payload, payloadCodec } from './payload.ts'

const bytes = fc.uint8Array({ maxLength: 400 })
const hex = (b: Uint8Array): string => `0x${bytesToHex(b)}`

test('digests are those of ethers', () => {
  fc.assert(
    fc.property(bytes, (message) => {
      assert.equal(hex(digestOf({ kind: 'eip191', message })), hashMessage(message))
      assert.equal(hex(digestOf({ kind: 'keccak256', message })), keccak256(message))
      assert.equal(hex(digestOf({ kind: 'sha256', message })), sha256(message))
    }),
  )
})

test('a bare digest is taken as it is, and only with 32 bytes', () => {
  const digest = new Uint8Array(32).fill(9)
  assert.deepEqual(digestOf({ kind: 'digest', digest }), digest)
  for (const length of [0, 31, 33]) {
    assert.throws(() => digestOf({ kind: 'digest', digest: new Uint8Array(length) }), UsageError)
  }
})

test('a message that is too long is refused', () => {
  assert.throws(() => digestOf({ kind: 'sha256', message: new Uint8Array(PAYLOAD_LIMIT + 1) }), UsageError)
  assert.equal(digestOf({ kind: 'sha256', message: new Uint8Array(PAYLOAD_LIMIT) }).length, 32)
})

test('the encoding keeps kind and content', () => {
  const all: Payload[] = [
    { kind: 'eip191', message: Uint8Array.of(1) },
    { kind: 'keccak256', message: Uint8Array.of() },
    { kind: 'sha256', message: Uint8Array.of(2, 3) },
    { kind: 'digest', digest: new Uint8Array(32) },
    { kind: 'transaction', transaction: Uint8Array.of(2) },
    { kind: 'typed-data', json: Uint8Array.of(0x7b) },
  ]
  for (const p of all) assert.deepEqual(decode(payloadCodec, encode(payloadCodec, p)), p)
  const encodings = new Set(all.map((p) => bytesToHex(encode(payloadCodec, p))))
  assert.equal(encodings.size, all.length)
})

test('unknown kinds and digests of another length do not decode', () => {
  const good = encode(payloadCodec, { kind: 'digest', digest: new Uint8Array(32) })
  assert.throws(() => decode(payloadCodec, Uint8Array.of(6, ...good.slice(1))), DecodeError)
  assert.throws(() => decode(payloadCodec, Uint8Array.of(3, 0, 0, 0, 1, 7)), DecodeError)
})
