/** What is signed and what is refused. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { digestOf, type Payload, type SignRequest } from '../participant/index.ts'
import { policyOf } from './policy.ts'

const message = new TextEncoder().encode('hello')

function request(payload: Payload, account = 'main'): SignRequest {
  return { account, from: 'client', signers: ['client', 'service'], payload, digest: digestOf(payload) }
}

test('messages are signed, bare digests only where that is allowed', () => {
  const careful = policyOf({ allow_raw_digest: false }).decide
  for (const kind of ['eip191', 'keccak256', 'sha256'] as const) {
    assert.equal(careful(request({ kind, message })), undefined)
  }
  const digest: Payload = { kind: 'digest', digest: new Uint8Array(32) }
  assert.equal(careful(request(digest))?.code, 'RAW_DIGEST_REFUSED')
  assert.equal(policyOf({ allow_raw_digest: true }).decide(request(digest)), undefined)
})

test('with a list of accounts, others are refused', () => {
  const { decide, decidePresign } = policyOf({ allow_raw_digest: true, accounts: ['main'] })
  assert.equal(decide(request({ kind: 'sha256', message })), undefined)
  assert.equal(decide(request({ kind: 'sha256', message }, 'other'))?.code, 'ACCOUNT_NOT_SERVED')
  const presign = { account: 'main', from: 'client', signers: ['client', 'service'] }
  assert.equal(decidePresign(presign), undefined)
  assert.equal(decidePresign({ ...presign, account: 'other' })?.code, 'ACCOUNT_NOT_SERVED')
  assert.equal(
    policyOf({ allow_raw_digest: false, accounts: [] }).decide(request({ kind: 'sha256', message }))?.code,
    'ACCOUNT_NOT_SERVED',
  )
})

test('refusals have the form that the wire takes', () => {
  const { decide } = policyOf({ allow_raw_digest: false, accounts: ['main'] })
  const refusals = [
    decide(request({ kind: 'digest', digest: new Uint8Array(32) })),
    decide(request({ kind: 'sha256', message }, 'other')),
  ]
  for (const refusal of refusals) {
    assert.match(refusal?.code ?? '', /^[A-Z_]{1,32}$/)
    assert.match(refusal?.message ?? '', /^[\x20-\x7e]{1,200}$/)
  }
})
