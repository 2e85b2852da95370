/** The rules alone: for each thing that a rule limits, what it lets through, what it does not, and under which code. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Payload } from '../../participant/index.ts'
import type { CodeAuthorization } from '../../participant/signer/transaction.ts'
import { type Asked, judgeRules, REASONS, type Reason } from './rules.ts'
import { subjectOf } from './subject.ts'
import { ALICE, bytesOf, policyFileOf, ruleOf, TOKEN, TRANSFER, transaction } from './testing.ts'

/** A Tuesday. */
const NOW = Date.parse('2026-11-24T12:00:00Z')
const OTHER = `0x${'0b'.repeat(20)}`
const KEYS = { ann: '11'.repeat(32), bob: '22'.repeat(32) }

interface More {
  readonly account?: string
  readonly caller?: string
  readonly permit?: Reason
  readonly approvedBy?: readonly string[]
  readonly at?: string
}

function judged(rules: readonly object[], payload: Payload, more: More = {}): string {
  const asked: Asked = {
    account: more.account ?? 'main',
    caller: more.caller ?? 'client',
    subject: subjectOf(payload),
    shown: { permit: () => more.permit, approvedBy: () => new Set(more.approvedBy ?? []) },
  }
  const at = more.at === undefined ? NOW : Date.parse(more.at)
  const answer = judgeRules(policyFileOf(rules, KEYS).rules, asked, at)
  return 'reason' in answer ? answer.reason : answer.rules.map((r) => r.name).join()
}

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
const message = (kind: 'eip191' | 'keccak256' | 'sha256', text = 'hello'): Payload => ({ kind, message: utf8(text) })
const digest: Payload = { kind: 'digest', digest: new Uint8Array(32) }
const typed = (change: object = {}, primaryType = 'Order'): Payload => ({
  kind: 'typed-data',
  json: utf8(
    JSON.stringify({
      types: { Order: [{ name: 'n', type: 'uint8' }], Other: [{ name: 'n', type: 'uint8' }] },
      primaryType,
      domain: { chainId: 1, verifyingContract: TOKEN, ...change },
      message: { n: 1 },
    }),
  ),
})
const call = (to: string, data: string): Payload => transaction({ to: bytesOf(to), data: bytesOf(data) })
const signs = (kind: string, more: object = {}): object => ({
  name: 'main',
  accounts: ['main'],
  callers: ['client'],
  kinds: [kind],
  ...more,
})
const code = (address: string): CodeAuthorization => ({
  chainId: 1n,
  address: bytesOf(address),
  nonce: 0n,
  yParity: 0n,
  r: 1n,
  s: 1n,
})
const setCode = (...addresses: readonly string[]): Payload =>
  transaction({ type: 'eip7702', authorizations: addresses.map(code) })
const typedRule = (primary_types?: unknown): object =>
  signs('typed_data', {
    chains: [1],
    destinations: { allow: [{ address: TOKEN, ...(primary_types === undefined ? {} : { primary_types }) }] },
  })
const destinations = (change: object): object => ruleOf({ destinations: change })
const hours = (days: readonly string[], from: string, to: string): object => ruleOf({ times: [{ days, from, to }] })
const any = { chains: 'any', destinations: { allow: 'any' } }

const TABLE: readonly (readonly [
  what: string,
  rules: readonly object[],
  payload: Payload,
  expected: string,
  more?: More,
])[] = [
  ['what the rule allows', [ruleOf()], transaction(), 'main'],
  ['another account', [ruleOf()], transaction(), 'ACCOUNT_NOT_ALLOWED', { account: 'other' }],
  ['any account', [ruleOf({ accounts: 'any' })], transaction(), 'main', { account: 'other' }],
  ['another caller', [ruleOf()], transaction(), 'CALLER_NOT_ALLOWED', { caller: 'backup' }],
  ['any caller', [ruleOf({ callers: 'any' })], transaction(), 'main', { caller: 'backup' }],
  [
    'a caller of another account',
    [ruleOf(), ruleOf({ name: 'b', accounts: ['b'], callers: ['x'] })],
    transaction(),
    'CALLER_NOT_ALLOWED',
    { caller: 'x' },
  ],

  ['a message where only transactions are', [ruleOf()], message('eip191'), 'KIND_NOT_ALLOWED'],
  ['a message', [signs('eip191')], message('eip191'), 'main'],
  ['typed data as a message', [signs('eip191')], typed(), 'KIND_NOT_ALLOWED'],
  ['bytes under sha256', [signs('bytes')], message('sha256'), 'main'],
  ['bytes under keccak256', [signs('bytes')], message('keccak256'), 'main'],
  ['a digest as bytes', [signs('bytes')], digest, 'KIND_NOT_ALLOWED'],
  ['a digest', [signs('raw_digest')], digest, 'main'],
  ['bytes as a digest', [signs('raw_digest')], message('sha256'), 'KIND_NOT_ALLOWED'],
  [
    'another type of transaction',
    [ruleOf()],
    transaction({ type: 'eip2930', maxPriorityFeePerGas: undefined }),
    'KIND_NOT_ALLOWED',
  ],
  [
    'EIP-2930',
    [ruleOf({ kinds: ['eip2930'] })],
    transaction({ type: 'eip2930', maxPriorityFeePerGas: undefined }),
    'main',
  ],
  [
    'EIP-155',
    [ruleOf({ kinds: ['legacy'] })],
    transaction({ type: 'legacy', maxPriorityFeePerGas: undefined }),
    'main',
  ],
  [
    'no chain id, as legacy',
    [ruleOf({ kinds: ['legacy'] })],
    transaction({ type: 'legacy_unprotected', chainId: undefined }),
    'KIND_NOT_ALLOWED',
  ],
  [
    'no chain id, for any chain',
    [ruleOf({ kinds: ['legacy_unprotected'], chains: 'any' })],
    transaction({ type: 'legacy_unprotected', chainId: undefined }),
    'main',
  ],
  [
    'a transaction as bytes',
    [signs('bytes')],
    { kind: 'keccak256', message: (transaction() as { transaction: Uint8Array }).transaction },
    'TRANSACTION_AS_BYTES',
  ],
  [
    'typed data as bytes',
    [signs('bytes')],
    { kind: 'keccak256', message: Uint8Array.of(0x19, 1, ...new Uint8Array(64)) },
    'TRANSACTION_AS_BYTES',
  ],
  [
    'a message of EIP-191 as bytes',
    [signs('bytes')],
    { kind: 'keccak256', message: utf8('\x19Ethereum Signed Message:\n1a') },
    'TRANSACTION_AS_BYTES',
  ],

  ['another chain', [ruleOf()], transaction({ chainId: 5n }), 'CHAIN_NOT_ALLOWED'],
  ['any chain', [ruleOf({ chains: 'any' })], transaction({ chainId: 5n }), 'main'],

  ['another destination', [ruleOf()], transaction({ to: bytesOf(OTHER) }), 'DESTINATION_NOT_ALLOWED'],
  ['any destination, with any data', [destinations({ allow: 'any' })], call(OTHER, '0x01'), 'main'],
  [
    'a denied one among any',
    [destinations({ allow: 'any', deny: [OTHER] })],
    transaction({ to: bytesOf(OTHER) }),
    'DESTINATION_DENIED',
  ],
  [
    'denied in EIP-55 form',
    [destinations({ allow: 'any', deny: ['0x0B0B0b0b0b0B0b0B0b0b0B0b0B0b0b0B0b0B0b0B'.toLowerCase()] })],
    transaction({ to: bytesOf(OTHER) }),
    'DESTINATION_DENIED',
  ],
  [
    'allowed in EIP-55 form',
    [destinations({ allow: [{ address: '0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045' }] })],
    transaction({ to: bytesOf('0xd8da6bf26964af9d7eed9e03e53415d37aa96045') }),
    'main',
  ],
  [
    'denied by another rule of this caller',
    [destinations({ allow: 'any' }), ruleOf({ name: 'b', destinations: { deny: [OTHER] } })],
    transaction({ to: bytesOf(OTHER) }),
    'DESTINATION_DENIED',
  ],
  [
    'denied by a rule of another caller',
    [destinations({ allow: 'any' }), ruleOf({ name: 'b', callers: ['x'], destinations: { deny: [OTHER] } })],
    transaction({ to: bytesOf(OTHER) }),
    'main',
  ],
  ['nothing is allowed without a list', [destinations({})], transaction(), 'DESTINATION_NOT_ALLOWED'],
  ['a new contract', [destinations({ allow: 'any' })], transaction({ to: undefined }), 'CREATION_NOT_ALLOWED'],
  ['a new contract, allowed', [destinations({ creation: true })], transaction({ to: undefined }), 'main'],

  ['a call that is listed', [ruleOf()], call(TOKEN, `${TRANSFER}${'00'.repeat(64)}`), 'main'],
  ['a call that is not', [ruleOf()], call(TOKEN, '0x095ea7b3'), 'SELECTOR_NOT_ALLOWED'],
  ['a transfer to a contract of which calls are listed', [ruleOf()], call(TOKEN, '0x'), 'SELECTOR_NOT_ALLOWED'],
  ['a call where none is listed', [ruleOf()], call(ALICE, TRANSFER), 'SELECTOR_NOT_ALLOWED'],
  ['three bytes of data', [ruleOf()], call(ALICE, '0xa9059c'), 'SELECTOR_NOT_ALLOWED'],
  ['three bytes of a listed call', [ruleOf()], call(TOKEN, '0xa9059c'), 'SELECTOR_NOT_ALLOWED'],
  ['any call', [destinations({ allow: [{ address: TOKEN, selectors: 'any' }] })], call(TOKEN, '0x01'), 'main'],
  [
    'none among calls',
    [destinations({ allow: [{ address: TOKEN, selectors: [TRANSFER, 'none'] }] })],
    call(TOKEN, '0x'),
    'main',
  ],

  ['code of a listed address', [ruleOf({ kinds: ['eip7702'] })], setCode(TOKEN), 'main'],
  ['code of another address', [ruleOf({ kinds: ['eip7702'] })], setCode(TOKEN, OTHER), 'DESTINATION_NOT_ALLOWED'],
  [
    'code of a denied address',
    [ruleOf({ kinds: ['eip7702'], destinations: { allow: 'any', deny: [OTHER] } })],
    setCode(OTHER),
    'DESTINATION_DENIED',
  ],

  ['typed data of a listed contract and type', [typedRule(['Order'])], typed(), 'main'],
  ['any type', [typedRule('any')], typed({}, 'Other'), 'main'],
  ['another type', [typedRule(['Order'])], typed({}, 'Other'), 'TYPE_NOT_ALLOWED'],
  ['typed data where no type is listed', [typedRule()], typed(), 'TYPE_NOT_ALLOWED'],
  [
    'typed data of another contract',
    [typedRule('any')],
    typed({ verifyingContract: OTHER }),
    'DESTINATION_NOT_ALLOWED',
  ],
  ['typed data of no contract', [typedRule('any')], typed({ verifyingContract: undefined }), 'DESTINATION_NOT_ALLOWED'],
  ['typed data of another chain', [typedRule('any')], typed({ chainId: 2 }), 'CHAIN_NOT_ALLOWED'],
  ['typed data of no chain', [typedRule('any')], typed({ chainId: undefined }), 'CHAIN_NOT_ALLOWED'],
  [
    'typed data of anything',
    [signs('typed_data', any)],
    typed({ chainId: undefined, verifyingContract: undefined }),
    'main',
  ],
  [
    'typed data of a denied contract',
    [signs('typed_data', { chains: 'any', destinations: { allow: 'any', deny: [TOKEN] } })],
    typed(),
    'DESTINATION_DENIED',
  ],

  ['as much as is allowed', [ruleOf()], transaction({ value: 100n }), 'main'],
  ['a wei more', [ruleOf()], transaction({ value: 101n }), 'VALUE_TOO_HIGH'],
  ['any value', [ruleOf({ max_value: 'unlimited' })], transaction({ value: 2n ** 255n }), 'main'],
  ['as high a fee as is allowed', [ruleOf({ max_fee: '42000' })], transaction(), 'main'],
  ['a fee that is higher', [ruleOf({ max_fee: '41999' })], transaction(), 'FEE_TOO_HIGH'],

  ['in the window', [hours(['tue'], '12:00', '12:01')], transaction(), 'main'],
  ['before it', [hours(['tue'], '12:01', '24:00')], transaction(), 'OUTSIDE_TIME_WINDOW'],
  ['at its end', [hours(['tue'], '00:00', '12:00')], transaction(), 'OUTSIDE_TIME_WINDOW'],
  ['on another day', [hours(['mon', 'wed'], '00:00', '24:00')], transaction(), 'OUTSIDE_TIME_WINDOW'],
  [
    'the last minute of a day',
    [hours(['tue'], '00:00', '24:00')],
    transaction(),
    'main',
    { at: '2026-11-24T23:59:59.999Z' },
  ],
  [
    'the next day',
    [hours(['tue'], '00:00', '24:00')],
    transaction(),
    'OUTSIDE_TIME_WINDOW',
    { at: '2026-11-25T00:00:00Z' },
  ],
  ['Sunday', [hours(['sun'], '00:00', '24:00')], transaction(), 'main', { at: '2026-11-29T10:00:00Z' }],

  [
    'too few approvals',
    [ruleOf({ approvals: { required: 2, of: ['ann', 'bob'] } })],
    transaction(),
    'APPROVAL_REQUIRED',
    { approvedBy: ['ann'] },
  ],
  [
    'enough',
    [ruleOf({ approvals: { required: 2, of: ['ann', 'bob'] } })],
    transaction(),
    'main',
    { approvedBy: ['ann', 'bob'] },
  ],
  [
    'approved by somebody else',
    [ruleOf({ approvals: { required: 1, of: ['ann'] } })],
    transaction(),
    'APPROVAL_REQUIRED',
    { approvedBy: ['bob'] },
  ],
  ['a permit that is none', [ruleOf({ permit: true })], transaction(), 'PERMIT_INVALID', { permit: 'PERMIT_INVALID' }],
  ['a permit', [ruleOf({ permit: true })], transaction(), 'main'],
  ['no permit where none is asked for', [ruleOf()], transaction(), 'main', { permit: 'PERMIT_REQUIRED' }],

  ['the second rule', [ruleOf({ max_value: '0' }), ruleOf({ name: 'two' })], transaction(), 'two'],
  ['both rules, in order', [ruleOf(), ruleOf({ name: 'two' })], transaction(), 'main,two'],
  [
    'the rule that comes furthest says why',
    [ruleOf(), ruleOf({ name: 'two', max_value: '1000', approvals: { required: 1, of: ['ann'] } })],
    transaction({ value: 500n }),
    'APPROVAL_REQUIRED',
  ],
  [
    'in whatever order',
    [ruleOf({ name: 'two', max_value: '1000', approvals: { required: 1, of: ['ann'] } }), ruleOf()],
    transaction({ value: 500n }),
    'APPROVAL_REQUIRED',
  ],
]

for (const [what, rules, payload, expected, more] of TABLE) {
  test(`${what}: ${expected}`, () => assert.equal(judged(rules, payload, more), expected))
}

test('every code that rules give has a row, and all have the form of the wire', () => {
  const tested = new Set(TABLE.map(([, , , expected]) => expected))
  // what is shown with the request, and what was signed before, is for file-policy.test.ts
  const elsewhere = ['PERMIT_REQUIRED', 'PERMIT_EXPIRED', 'PERMIT_USED', 'DAILY_VALUE_EXCEEDED', 'POLICY_STATE']
  assert.deepEqual(
    REASONS.filter((r) => !tested.has(r)),
    elsewhere,
  )
  for (const reason of REASONS) assert.match(reason, /^[A-Z_]{1,32}$/)
})
