/** Permits and approvals: the bytes that are signed, as another program would make them, and the form in an invitation. */
import assert from 'node:assert/strict'
import { createHmac, createPrivateKey, sign } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { concatBytes, utf8ToBytes } from '../base/bytes.ts'
import { DecodeError } from '../base/errors.ts'
import { Secret } from '../base/secret.ts'
import { decode, encode } from '../wire/codec.ts'
import { type Authority, approvalBytes, authorityCodec, isApproval, isPermit, permitTag } from './authority.ts'
import {
  approverOf,
  authorityOf,
  makeApprovalFile,
  makePermitFile,
  parseApproverKey,
  parsePermitKey,
} from './authority-file.ts'

const key = new Secret(new Uint8Array(32).fill(7))
const digest = new Uint8Array(32).fill(9)
const request = { id: 'withdrawal:42', account: 'Schließfach', digest }
const EXPIRES = 1_800_000_000

/** As docs/policy.md says it, without our encoder. */
function documented(label: string, ...texts: readonly string[]): Buffer {
  const time = Buffer.alloc(8)
  time.writeBigUInt64BE(BigInt(EXPIRES))
  const parts = [label, ...texts].map((t) => Buffer.from(t, 'utf8'))
  return Buffer.concat(
    [...parts, Buffer.from(digest), time].flatMap((p) => {
      const length = Buffer.alloc(4)
      length.writeUInt32BE(p.length)
      return [length, p]
    }),
  )
}

test('a permit is the HMAC that the documents describe', () => {
  const bytes = documented('wallet-mpc permit v1', 'withdrawal:42', 'Schließfach')
  const tag = createHmac('sha256', key.expose()).update(bytes).digest()
  assert.deepEqual(Buffer.from(permitTag(key, request, EXPIRES)), tag)
  assert.ok(isPermit(key, request, { expires: EXPIRES, tag }), 'ours takes it')
})

test('an approval is the Ed25519 signature that the documents describe', () => {
  const bytes = documented('wallet-mpc approval v1', 'withdrawal:42', 'Schließfach', 'eip1559')
  assert.deepEqual(Buffer.from(approvalBytes(request, 'eip1559', EXPIRES)), bytes)
  const pkcs8 = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), key.expose()])
  const signature = sign(null, bytes, createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' }))
  const approval = { approver: approverOf(key), expires: EXPIRES, signature }
  assert.ok(isApproval(request, 'eip1559', approval), 'ours takes it')
  assert.ok(!isApproval(request, 'legacy', approval), 'of another kind')
  assert.ok(!isApproval(request, 'eip1559', { ...approval, approver: digest }), 'of another key')
})

test('each field is in it, and none runs into the next', () => {
  const all = [
    request,
    { ...request, id: 'withdrawal:4', account: '2Schließfach' },
    { ...request, id: 'withdrawal:43' },
    { ...request, account: 'Schliessfach' },
    { ...request, digest: new Uint8Array(32) },
  ]
  const tags = all.map((r) => Buffer.from(permitTag(key, r, EXPIRES)).toString('hex'))
  tags.push(Buffer.from(permitTag(key, request, EXPIRES + 1)).toString('hex'))
  tags.push(Buffer.from(permitTag(new Secret(digest), request, EXPIRES)).toString('hex'))
  assert.equal(new Set(tags).size, tags.length)
  const tag = permitTag(key, request, EXPIRES)
  for (const wrong of [tag.slice(1), concatBytes(tag, Uint8Array.of(0)), Uint8Array.of()]) {
    assert.ok(!isPermit(key, request, { expires: EXPIRES, tag: wrong }), 'of another length')
  }
})

const bytesOf = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const time = fc.nat({ max: 2 ** 31 - 1 })
const authorities: fc.Arbitrary<Authority> = fc
  .record({
    requestId: fc.stringMatching(/^[A-Za-z0-9._:-]{1,64}$/),
    permit: fc.option(fc.record({ expires: time, tag: bytesOf(32) }, { noNullPrototype: true })),
    approvals: fc.array(
      fc.record({ approver: bytesOf(32), expires: time, signature: bytesOf(64) }, { noNullPrototype: true }),
      { maxLength: 4 },
    ),
  })
  .filter((a) => a.permit !== null || a.approvals.length > 0)
  .map(({ permit, ...a }) => ({ ...a, ...(permit === null ? {} : { permit }) }))

test('the encoding keeps everything; any other bytes are refused or re-encode to themselves', () => {
  fc.assert(
    fc.property(authorities, fc.nat(), fc.integer({ min: 1, max: 255 }), (a, at, xor) => {
      const bytes = encode(authorityCodec, a)
      assert.deepEqual(decode(authorityCodec, bytes), a)
      const changed = bytes.map((b, i) => (i === at % bytes.length ? b ^ xor : b))
      try {
        assert.deepEqual(encode(authorityCodec, decode(authorityCodec, changed)), changed)
      } catch (e) {
        assert.ok(e instanceof DecodeError, `${e}`)
      }
    }),
  )
})

test('one without permit and approvals has no encoding; another version and a strange id are refused', () => {
  assert.throws(() => encode(authorityCodec, { requestId: 'r', approvals: [] }), RangeError)
  const permit = { expires: 1, tag: digest }
  const good = encode(authorityCodec, { requestId: 'r', permit, approvals: [] })
  assert.throws(
    () =>
      decode(
        authorityCodec,
        good.map((b, i) => (i === 0 ? 2 : b)),
      ),
    /version 1/,
  )
  assert.throws(
    () =>
      decode(
        authorityCodec,
        good.map((b, i) => (i === 5 ? 0x20 : b)),
      ),
    /request id/,
  )
  const empty = concatBytes(
    Uint8Array.of(1),
    encode({ write: (w) => w.raw(utf8ToBytes('\0\0\0\x01r')), read: () => 0 }, 0),
    new Uint8Array(8),
  )
  assert.throws(() => decode(authorityCodec, empty), /a permit or an approval/)
})

test('files for one request make one authority; what does not belong together is refused', () => {
  const permit = JSON.stringify(makePermitFile(key, request, EXPIRES))
  const approval = JSON.stringify(makeApprovalFile(key, request, 'eip1559', EXPIRES))
  const about = { account: request.account, digest }
  const made = authorityOf([permit, approval], about)
  assert.equal(made?.requestId, request.id)
  assert.ok(made.permit !== undefined && isPermit(key, request, made.permit), 'the permit holds')
  assert.ok(
    made.approvals.every((a) => isApproval(request, 'eip1559', a)),
    'the approval holds',
  )
  assert.equal(authorityOf([], about), undefined)
  const other = JSON.stringify(makeApprovalFile(key, { ...request, id: 'other' }, 'eip1559', EXPIRES))
  const change = (file: string, more: object): string => JSON.stringify({ ...(JSON.parse(file) as object), ...more })
  const table: readonly (readonly [readonly string[], RegExp])[] = [
    [['{'], /expected JSON/],
    [['null'], /expected a permit or an approval/],
    [[change(permit, { version: 2 })], /version: expected 1/],
    [[change(permit, { type: 'pass' })], /type: expected permit or approval/],
    [[change(permit, { account: 'x' })], /for this account/],
    [[change(permit, { digest: '00'.repeat(32) })], /its digest is another/],
    [[change(permit, { digest: '00' })], /^digest: /],
    [[change(permit, { tag: 'AB'.repeat(32) })], /^tag: /],
    [[change(permit, { request: 'a b' })], /^request: /],
    [[change(permit, { expires: 1.5 })], /^expires: /],
    [[change(approval, { approver: '' })], /^approver: /],
    [[change(approval, { signature: '00' })], /^signature: /],
    [[permit, permit], /at most one permit/],
    [[permit, other], /the same id in each/],
  ]
  for (const [files, expected] of table) {
    assert.throws(
      () => authorityOf(files, about),
      (e) => e instanceof DecodeError && expected.test(e.message),
      expected.source,
    )
  }
})

test('keys are hex of their length and nothing else', () => {
  assert.deepEqual(parsePermitKey(` ${'ab'.repeat(32)}\n`), new Uint8Array(32).fill(0xab))
  assert.equal(parsePermitKey('ab'.repeat(64))?.length, 64)
  for (const wrong of [
    '',
    'ab'.repeat(31),
    'ab'.repeat(65),
    'AB'.repeat(32),
    `0x${'ab'.repeat(32)}`,
    `${'ab'.repeat(32)}a`,
  ]) {
    assert.equal(parsePermitKey(wrong), undefined, wrong)
    assert.equal(parseApproverKey(wrong), undefined, wrong)
  }
  assert.equal(parseApproverKey('ab'.repeat(33)), undefined)
  assert.equal(parseApproverKey(`${'ab'.repeat(32)}\n`)?.length, 32)
})
