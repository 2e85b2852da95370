/** A policy from a file as the service asks it: permits, approvals, the limit of a day, and what is written down when. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { Secret, type SignRequest } from '../../participant/index.ts'
import { type Approval, type Authority, approvalBytes, permitTag } from '../../participant/signer/authority.ts'
import { approverOf } from '../../participant/signer/authority-file.ts'
import { curve25519 } from '../../participant/wire/curve25519.ts'
import { filePolicy, LONGEST_SECONDS } from './file-policy.ts'
import { type Journal, openJournal } from './journal.ts'
import type { PolicyFile } from './schema.ts'
import { policyFileOf, request, ruleOf, transaction, withAuthority } from './testing.ts'

const folder = mkdtempSync(join(tmpdir(), 'file-policy-'))
after(() => rmSync(folder, { recursive: true }))
let files = 0

const NOW = Date.parse('2026-11-24T12:00:00Z')
const SECONDS = NOW / 1000
const key = new Secret(new Uint8Array(32).fill(1))
const approverKey = (n: number) => new Secret(new Uint8Array(32).fill(n))
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const APPROVERS = Object.fromEntries(
  ['ann', 'bob', 'eve'].map((name, i) => [name, hex(approverOf(approverKey(10 + i)))]),
)

interface Opened {
  readonly path: string
  readonly journal: Journal
  readonly decide: (r: SignRequest) => Promise<string | undefined>
  readonly decidePresign: (account: string, from: string) => string | undefined
}

async function open(
  rules: readonly object[],
  o: { path?: string; now?: () => number; httpCaller?: () => string; permitKey?: undefined } = {},
): Promise<Opened> {
  const path = o.path ?? join(folder, `state-${files++}`, 'journal')
  const now = o.now ?? (() => NOW)
  const journal = await openJournal(path, now)
  const file: PolicyFile = policyFileOf(rules, APPROVERS)
  const policy = filePolicy({ file, journal, permitKey: key, now, ...o })
  return {
    path,
    journal,
    decide: async (r) => (await policy.decide(r))?.code,
    decidePresign: (account, from) => policy.decidePresign({ account, from, signers: [] })?.code,
  }
}

const pay = (value: bigint, nonce = value): SignRequest => request(transaction({ value, nonce }))

test('the value of a day adds up, rolls, survives a restart, and counts the same transaction once', async () => {
  let now = NOW
  const first = await open([ruleOf()], { now: () => now })
  assert.equal(await first.decide(pay(100n, 1n)), undefined)
  assert.equal(await first.decide(pay(100n, 2n)), undefined)
  assert.equal(await first.decide(pay(51n, 3n)), 'DAILY_VALUE_EXCEEDED')
  assert.equal(await first.decide(pay(100n, 2n)), undefined, 'the same again')
  await first.journal.close()
  const again = await open([ruleOf()], { path: first.path, now: () => now })
  assert.equal(await again.decide(pay(51n, 3n)), 'DAILY_VALUE_EXCEEDED')
  assert.equal(await again.decide(pay(50n, 3n)), undefined, 'exactly as much as is left')
  assert.equal(await again.decide(pay(1n, 4n)), 'DAILY_VALUE_EXCEEDED')
  assert.equal(await again.decide(pay(0n, 5n)), undefined, 'nothing is always left')
  now += 86_400_000 - 1
  assert.equal(await again.decide(pay(1n, 6n)), 'DAILY_VALUE_EXCEEDED')
  now += 1
  assert.equal(await again.decide(pay(1n, 6n)), undefined, 'a day later')
})

test('50 requests at once spend no more than the limit', async () => {
  const { decide, journal } = await open([ruleOf({ max_value_per_day: '1000' })])
  const codes = await Promise.all(Array.from({ length: 50 }, (_, i) => decide(pay(100n, BigInt(i)))))
  assert.equal(codes.filter((c) => c === undefined).length, 10)
  assert.equal(codes.filter((c) => c === 'DAILY_VALUE_EXCEEDED').length, 40)
  assert.equal(journal.spent('main', 'main', '', NOW), 1000n)
})

test('each rule has a day of its own, and another rule may have something left', async () => {
  const { decide, journal } = await open([ruleOf(), ruleOf({ name: 'two', max_value_per_day: '10' })])
  assert.equal(await decide(pay(100n, 1n)), undefined)
  assert.equal(await decide(pay(100n, 2n)), undefined)
  assert.equal(await decide(pay(50n, 3n)), undefined)
  assert.equal(await decide(pay(10n, 4n)), undefined, 'by the second rule')
  assert.equal(journal.spent('two', 'main', '', NOW), 10n)
  assert.equal(await decide(pay(1n, 5n)), 'DAILY_VALUE_EXCEEDED')
})

test('what can not be written down is refused', async () => {
  const { decide, path } = await open([ruleOf(), { ...ruleOf({ name: 'm', permit: true }), accounts: ['p'] }])
  assert.equal(await decide(pay(1n)), undefined)
  rmSync(join(path, '..'), { recursive: true })
  writeFileSync(join(path, '..'), 'in the way')
  assert.equal(await decide(pay(2n)), 'POLICY_STATE')
  assert.equal(await decide(permitted('r1', 'p')), 'POLICY_STATE')
  rmSync(join(path, '..'))
  assert.equal(await decide(pay(2n)), undefined, 'and allowed when it can be again')
})

function permitFor(
  r: SignRequest,
  id: string,
  change: { expires?: number; with?: Secret<Uint8Array> } = {},
): Authority {
  const { expires = SECONDS + 60, with: own = key } = change
  const about = { id, account: r.account, digest: r.digest }
  return { requestId: id, permit: { expires, tag: permitTag(own, about, expires) }, approvals: [] }
}

function permitted(id: string, account = 'main', value = 1n): SignRequest {
  const r = request(transaction({ value }), { account })
  return withAuthority(r, permitFor(r, id))
}

const asking = ruleOf({ accounts: 'any', permit: true, max_value_per_day: 'unlimited' })

test('a request whose answer was lost comes again once, from the start, and as the same one alone', async () => {
  let caller: string | undefined
  const { decide, journal } = await open([{ ...asking, callers: 'any' }], { httpCaller: () => caller as string })
  const [warm, cold] = [
    { isPresigned: true, deadline: 1000n },
    { isPresigned: false, deadline: 1000n },
  ]
  const first = permitted('r1')
  assert.equal(await decide({ ...first, attempt: warm }), undefined)
  const others: readonly (readonly [string, SignRequest])[] = [
    ['from a presignature again', { ...first, attempt: warm }],
    ['until another time', { ...first, attempt: { ...cold, deadline: 1001n } }],
    ['by another party', { ...first, from: 'other', attempt: cold }],
    ['something else', { ...permitted('r1', 'main', 2n), attempt: cold }],
    ['nobody knows which try', first],
  ]
  for (const [what, request] of others) assert.equal(await decide(request), 'PERMIT_USED', what)
  caller = 'somebody'
  assert.equal(await decide({ ...first, attempt: cold }), 'PERMIT_USED', 'by another caller')
  caller = undefined
  assert.equal(await decide({ ...first, attempt: cold }), undefined)
  assert.equal(await decide({ ...first, attempt: cold }), 'PERMIT_USED', 'once')
  await journal.close()
})

test('one from the start does not come again; and what came first is known after a restart', async () => {
  const { decide, journal, path } = await open([asking])
  const [warm, cold] = [
    { isPresigned: true, deadline: 1000n },
    { isPresigned: false, deadline: 1000n },
  ]
  assert.equal(await decide({ ...permitted('r1'), attempt: cold }), undefined)
  assert.equal(await decide({ ...permitted('r1'), attempt: cold }), 'PERMIT_USED')
  assert.equal(await decide({ ...permitted('r2'), attempt: warm }), undefined)
  await journal.close()
  const again = await open([asking], { path })
  assert.equal(await again.decide({ ...permitted('r2'), attempt: cold }), undefined)
  assert.equal(await again.decide({ ...permitted('r2'), attempt: cold }), 'PERMIT_USED')
  await again.journal.close()
})

test('a permit is for one request: its id, account, digest and expiry, under the key', async () => {
  const { decide } = await open([asking])
  const r = request(transaction())
  const good = permitFor(r, 'r1')
  const { permit } = good
  assert.ok(permit !== undefined, 'made')
  const wrong: readonly (readonly [string, SignRequest, string])[] = [
    ['none', r, 'PERMIT_REQUIRED'],
    [
      'no permit among approvals',
      withAuthority(r, { requestId: 'r1', approvals: [approval(10, r)] }),
      'PERMIT_REQUIRED',
    ],
    ['of another request', withAuthority(r, { ...good, requestId: 'r2' }), 'PERMIT_INVALID'],
    ['of another account', withAuthority({ ...r, account: 'other' }, good), 'PERMIT_INVALID'],
    ['of another transaction', withAuthority(pay(2n), good), 'PERMIT_INVALID'],
    [
      'of another expiry',
      withAuthority(r, { ...good, permit: { ...permit, expires: SECONDS + 61 } }),
      'PERMIT_INVALID',
    ],
    ['under another key', withAuthority(r, permitFor(r, 'r1', { with: approverKey(2) })), 'PERMIT_INVALID'],
    [
      'one bit of the tag',
      withAuthority(r, { ...good, permit: { ...permit, tag: permit.tag.map((b, i) => (i === 31 ? b ^ 1 : b)) } }),
      'PERMIT_INVALID',
    ],
    ['expired', withAuthority(r, permitFor(r, 'r1', { expires: SECONDS - 1 })), 'PERMIT_EXPIRED'],
    ['expiring now', withAuthority(r, permitFor(r, 'r1', { expires: SECONDS })), 'PERMIT_EXPIRED'],
    [
      'for too long',
      withAuthority(r, permitFor(r, 'r1', { expires: SECONDS + LONGEST_SECONDS + 1 })),
      'PERMIT_INVALID',
    ],
  ]
  for (const [what, asked, code] of wrong) assert.equal(await decide(asked), code, what)
  assert.equal(await decide(withAuthority(r, good)), undefined, 'what was refused used nothing up')
  assert.equal((await open([asking], { permitKey: undefined })).journal.isUsed('x'), false)
})

test('without a key no permit is one', async () => {
  const { decide } = await open([asking], { permitKey: undefined })
  assert.equal(await decide(permitted('r1')), 'PERMIT_INVALID')
})

test('a permit is good once: at once, later, and after a restart; for each request id of an account', async () => {
  const { decide, path, journal } = await open([asking])
  const all = await Promise.all(Array.from({ length: 20 }, () => decide(permitted('r1'))))
  assert.deepEqual(
    all.filter((c) => c !== 'PERMIT_USED'),
    [undefined],
  )
  assert.equal(await decide(permitted('r1')), 'PERMIT_USED')
  assert.equal(await decide(permitted('r1', 'main', 2n)), 'PERMIT_USED', 'another permit of that request')
  assert.equal(await decide(permitted('r1', 'other')), undefined, 'of another account')
  assert.equal(await decide(permitted('r2')), undefined, 'another request')
  await journal.close()
  const again = await open([asking], { path })
  assert.equal(await again.decide(permitted('r1')), 'PERMIT_USED')
})

test('a request that is refused for something else leaves its permit unused', async () => {
  const { decide } = await open([ruleOf({ permit: true })])
  for (const n of [1n, 2n]) {
    const r = pay(100n, n)
    assert.equal(await decide(withAuthority(r, permitFor(r, `r${n}`))), undefined)
  }
  const r = pay(100n, 3n)
  const signed = withAuthority(r, permitFor(r, 'r3'))
  assert.equal(await decide(signed), 'DAILY_VALUE_EXCEEDED')
  assert.equal(await decide(signed), 'DAILY_VALUE_EXCEEDED', 'and not PERMIT_USED')
})

function approval(n: number, r: SignRequest, change: { id?: string; kind?: string; expires?: number } = {}): Approval {
  const { id = 'r1', kind = 'eip1559', expires = SECONDS + 60 } = change
  const bytes = approvalBytes({ id, account: r.account, digest: r.digest }, kind, expires)
  return { approver: approverOf(approverKey(n)), expires, signature: curve25519.sign(bytes, approverKey(n)) }
}

test('two of three approve: each counts once, and only for exactly this', async () => {
  const rule = ruleOf({ accounts: 'any', approvals: { required: 2, of: ['ann', 'bob'] } })
  const { decide } = await open([rule])
  const r = pay(1n)
  const [ann, bob] = [approval(10, r), approval(11, r)]
  const of = (...approvals: readonly Approval[]) => decide(withAuthority(r, { requestId: 'r1', approvals }))
  assert.equal(await of(ann, bob), undefined)
  const no = 'APPROVAL_REQUIRED'
  assert.equal(await decide(r), no, 'none')
  assert.equal(await of(ann), no, 'one')
  assert.equal(await of(ann, ann), no, 'the same twice')
  assert.equal(await of(ann, approval(10, r, { expires: SECONDS + 61 })), no, 'two of the same person')
  assert.equal(await of(ann, approval(12, r)), no, 'an approver that this rule does not name')
  assert.equal(await of(ann, approval(99, r)), no, 'a stranger')
  assert.equal(await of(ann, approval(11, r, { id: 'r2' })), no, 'of another request')
  assert.equal(await of(ann, approval(11, pay(2n))), no, 'of another transaction')
  assert.equal(await of(ann, approval(11, { ...r, account: 'b' })), no, 'of another account')
  assert.equal(await of(ann, approval(11, r, { kind: 'bytes' })), no, 'of another kind')
  assert.equal(await of(ann, approval(11, r, { expires: SECONDS })), no, 'expired')
  assert.equal(await of(ann, approval(11, r, { expires: SECONDS + LONGEST_SECONDS + 1 })), no, 'for too long')
  assert.equal(await of(ann, { ...bob, approver: ann.approver }), no, 'under another name')
  assert.equal(await of(ann, { ...bob, expires: bob.expires + 1 }), no, 'of another expiry')
  assert.equal(await of(ann, approval(99, r), bob), undefined, 'a stranger among them does no harm')
})

test('the digest that is signed is that of what was judged', async () => {
  const { decide } = await open([ruleOf()])
  assert.equal(await decide({ ...pay(1n), digest: new Uint8Array(32) }), 'POLICY_STATE')
})

test('presignatures need a rule for the account and the caller', async () => {
  const { decidePresign } = await open([ruleOf()])
  assert.equal(decidePresign('main', 'client'), undefined)
  assert.equal(decidePresign('other', 'client'), 'ACCOUNT_NOT_ALLOWED')
  assert.equal(decidePresign('main', 'backup'), 'CALLER_NOT_ALLOWED')
})

test('a request over HTTP has the name of its caller, whatever the party is called', async () => {
  const rule = ruleOf({ callers: ['jwt:shop'] })
  const shop = await open([rule], { httpCaller: () => 'jwt:shop' })
  assert.equal(await shop.decide(pay(1n)), undefined)
  assert.equal(shop.decidePresign('main', 'client'), undefined)
  const other = await open([ruleOf()], { httpCaller: () => 'jwt:shop' })
  assert.equal(await other.decide(pay(1n)), 'CALLER_NOT_ALLOWED')
})
