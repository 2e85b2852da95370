/** What a service takes part in: each reason not to, with its code, and what the host is asked before it says yes. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { INSECURE_TEST as level } from '../base/level.ts'
import { systemRandom } from '../base/random.ts'
import type { KeyShare } from '../key-share/key-share.ts'
import { dealTestShares } from '../key-share/testing.ts'
import { type Ask, type Invitation, makeInvitation, openInvitation, sealInvitation } from './invitation.ts'
import { type Grounds, judge } from './judging.ts'
import { memoryLocks } from './locks.ts'
import { digestOf, type Payload } from './payload.ts'
import { PresignaturePool } from './pool.ts'

const shares = dealTestShares({ parties: ['a', 'b', 'c'], threshold: 2, accounts: ['x', 'y'], level })
const share = (id: string, account = 'x'): KeyShare => shares.get(id)?.get(account) ?? assert.fail('no share')

const payload = { kind: 'sha256', message: Uint8Array.of(1) } as const
const digest = { kind: 'digest', digest: new Uint8Array(32) } as const
const SIGN: Ask = { kind: 'sign', payload }
const PRESIGN: Ask = { kind: 'presign', owner: 'a' }
const presigned = (of: typeof payload | typeof digest): Ask => ({
  kind: 'sign-presigned',
  payload: of,
  presignature: new Uint8Array(32),
  reply: 'replies',
})

const pool = (max = 8): PresignaturePool => new PresignaturePool({ max, maxAgeMs: 60_000 })

/** The code with which b refuses what a asks; undefined when it takes part. */
async function refusal(ask: Ask, change: Partial<Invitation> = {}, more: Partial<Grounds> = {}) {
  const invitation = { ...makeInvitation(share('a'), ['a', 'b'], ask, Date.now() + 60_000), ...change }
  const packet = sealInvitation(share('a'), new Uint8Array(32), 'b', invitation, systemRandom)
  const got = openInvitation(packet, share('b').identity) ?? assert.fail('it opens')
  const grounds: Grounds = { locks: memoryLocks(), pool: pool(), decide: () => undefined, ...more }
  return (await judge(got, share('b'), grounds))?.code
}

const never = (): never => assert.fail('the host is not asked about this')

test('what fits is left to the host, with what it would sign', async () => {
  const asked: unknown[] = []
  const decide: Grounds['decide'] = (request) => void asked.push(request)
  const decidePresign: Grounds['decidePresign'] = (request) => void asked.push(request)
  const deadline = BigInt(Date.now() + 60_000)
  for (const ask of [SIGN, presigned(payload), PRESIGN]) {
    assert.equal(await refusal(ask, { deadline }, { decide, decidePresign }), undefined)
  }
  const about = { account: 'x', from: 'a', signers: ['a', 'b'] }
  const signed = { ...about, payload, digest: digestOf(payload) }
  const [cold, warm] = [false, true].map((isPresigned) => ({ ...signed, attempt: { isPresigned, deadline } }))
  assert.deepEqual(asked, [cold, warm, about])
})

test('the host’s refusal comes back; a host that fails refuses', async () => {
  const no = { code: 'NOT_TODAY', message: 'it is Sunday' }
  const fail = (): never => {
    throw new Error('secret detail')
  }
  const failLater = (): Promise<never> => Promise.reject(new Error('secret detail'))
  for (const ask of [SIGN, presigned(payload)]) {
    assert.equal(await refusal(ask, {}, { decide: () => no, decidePresign: never }), 'NOT_TODAY')
    assert.equal(await refusal(ask, {}, { decide: fail }), 'INTERNAL')
    assert.equal(await refusal(ask, {}, { decide: failLater }), 'INTERNAL')
  }
  assert.equal(await refusal(PRESIGN, {}, { decide: never, decidePresign: async () => no }), 'NOT_TODAY')
  assert.equal(await refusal(PRESIGN, {}, { decidePresign: fail }), 'INTERNAL')
  assert.equal(await refusal(PRESIGN, {}, { decidePresign: failLater }), 'INTERNAL')
  assert.equal(await refusal(PRESIGN), undefined, 'a host that says nothing about presignatures gives them')
})

test('what can not be parsed is refused with a code of its own, before the host is asked', async () => {
  const broken: readonly Payload[] = [
    { kind: 'transaction', transaction: Uint8Array.of(2) },
    { kind: 'typed-data', json: Uint8Array.of(0x7b) },
  ]
  for (const of of broken) {
    assert.equal(await refusal({ kind: 'sign', payload: of }, {}, { decide: never }), 'PAYLOAD_MALFORMED')
  }
})

test('a presignature is claimed before the host is asked, whose answer may cost something', async () => {
  const order: string[] = []
  const decide: Grounds['decide'] = () => void order.push('decide')
  const claim = (there: boolean) => async () => {
    order.push('claim')
    return there
  }
  assert.equal(await refusal(presigned(payload), {}, { decide, claim: claim(true) }), undefined)
  assert.deepEqual(order, ['claim', 'decide'])
  assert.equal(await refusal(presigned(payload), {}, { decide: never, claim: claim(false) }), 'PRESIGNATURE_GONE')
  assert.equal(await refusal(SIGN, {}, { decide, claim: claim(false) }), undefined, 'nothing to claim')
})

test('permit and approvals come to the host as they were sent', async () => {
  const authority = { requestId: 'r1', permit: { expires: 7, tag: new Uint8Array(32) }, approvals: [] }
  const seen: unknown[] = []
  const decide: Grounds['decide'] = (request) => void seen.push(request.authority)
  for (const ask of [SIGN, presigned(payload)]) await refusal(ask, { authority }, { decide })
  assert.deepEqual(seen, [authority, authority])
})

const REFUSED: readonly (readonly [code: string, ask: Ask, change: Partial<Invitation>, more?: Partial<Grounds>])[] = [
  ['ACCOUNT_UNKNOWN', SIGN, { account: 'y' }],
  ['ACCOUNT_UNKNOWN', PRESIGN, { account: 'z' }],
  ['EPOCH', SIGN, { epoch: 1 }],
  ['SIGNERS', SIGN, { signers: ['a', 'c'] }],
  ['SIGNERS', { kind: 'presign', owner: 'c' }, {}],
  ['EXPIRED', SIGN, { deadline: BigInt(Date.now() - 1) }],
  ['NO_POOL', PRESIGN, {}, { pool: undefined }],
  ['NO_POOL', presigned(payload), {}, { pool: undefined }],
  ['POOL_FULL', PRESIGN, {}, { pool: pool(0) }],
  ['PRESIGNED_DIGEST', presigned(digest), {}],
]

for (const [code, ask, change, more] of REFUSED) {
  test(`${code} to ${ask.kind}${Object.keys(change).map((k) => `, another ${k}`)}: before the host is asked`, async () => {
    assert.equal(await refusal(ask, change, { decide: never, decidePresign: never, ...more }), code)
  })
}

test('LOCKED with the peer it failed with, for that account, whatever is asked', async () => {
  const locks = memoryLocks()
  const lock = { self: 'b', code: 'CHI', session: '01234567', since: '2026-01-01T00:00:00Z' } as const
  await locks.add({ ...lock, account: 'y', peer: 'a' })
  await locks.add({ ...lock, account: 'x', peer: 'c' })
  await locks.add({ ...lock, account: 'x', peer: 'b' })
  assert.equal(await refusal(SIGN, {}, { locks }), undefined, 'other locks')
  await locks.add({ ...lock, account: 'x', peer: 'a' })
  for (const ask of [SIGN, PRESIGN, presigned(payload)]) {
    assert.equal(await refusal(ask, {}, { locks, decide: never, decidePresign: never }), 'LOCKED', ask.kind)
  }
})
