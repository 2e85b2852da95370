/** Which kind a payload is to a policy and to approvers. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DecodeError } from '../base/errors.ts'
import { payloadKind } from './kind.ts'
import type { Payload } from './payload.ts'
import { encodeRlp } from './rlp.ts'

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
const unprotected = encodeRlp(Array.from({ length: 6 }, () => Uint8Array.of()))

test('each payload has one kind; bytes that look like something else have none', () => {
  const table: readonly (readonly [Payload, string])[] = [
    [{ kind: 'eip191', message: utf8('a') }, 'eip191'],
    [{ kind: 'sha256', message: unprotected }, 'bytes'],
    [{ kind: 'keccak256', message: utf8('a') }, 'bytes'],
    [{ kind: 'keccak256', message: utf8('') }, 'bytes'],
    [{ kind: 'keccak256', message: unprotected }, 'disguised'],
    [{ kind: 'keccak256', message: Uint8Array.of(3, 0xc0) }, 'disguised'],
    [{ kind: 'keccak256', message: Uint8Array.of(0x19, 1) }, 'disguised'],
    [{ kind: 'digest', digest: new Uint8Array(32) }, 'raw_digest'],
    [{ kind: 'transaction', transaction: unprotected }, 'legacy_unprotected'],
    [{ kind: 'typed-data', json: utf8('{}') }, 'typed_data'],
  ]
  for (const [payload, expected] of table) assert.equal(payloadKind(payload), expected)
  assert.throws(() => payloadKind({ kind: 'transaction', transaction: utf8('a') }), DecodeError)
})
