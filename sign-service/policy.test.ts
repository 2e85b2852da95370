/** What is signed and what is refused. */
import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { ConfigError, loadServiceConfig } from '../config/load.ts'
import { digestOf, type Payload, type SignRequest } from '../participant/index.ts'
import { policyFileOf, ruleOf, transaction } from './policy/testing.ts'
import { openPolicy, policyOf, readPolicy } from './policy.ts'

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

const folder = mkdtempSync(join(tmpdir(), 'policy-'))
after(() => rmSync(folder, { recursive: true }))
const at = (name: string): string => join(folder, name)

/** The configuration of a service with this policy file, whose rules ask for permits or not. */
function configured(rule: object, more: object = {}) {
  const file = at('policy.yaml')
  writeFileSync(file, JSON.stringify(policyFileOf([ruleOf(rule)])))
  writeFileSync(at('service.yaml'), JSON.stringify({ mpc: { state_folder: folder }, policy: { file, ...more } }))
  return loadServiceConfig({ file: at('service.yaml'), env: {} })
}

test('with a policy file its rules decide, for accounts that are served', async () => {
  const policy = await openPolicy(configured({ accounts: 'any' }, { accounts: ['main'] }))
  assert.equal(await policy.decide(request(transaction())), undefined)
  assert.equal((await policy.decide(request({ kind: 'eip191', message })))?.code, 'KIND_NOT_ALLOWED')
  assert.equal((await policy.decide(request(transaction(), 'other')))?.code, 'ACCOUNT_NOT_SERVED')
  const presign = { account: 'main', from: 'client', signers: ['client', 'service'] }
  assert.equal(policy.decidePresign(presign), undefined)
  assert.equal(policy.decidePresign({ ...presign, from: 'x' })?.code, 'CALLER_NOT_ALLOWED')
  assert.equal(policy.decidePresign({ ...presign, account: 'other' })?.code, 'ACCOUNT_NOT_SERVED')
  assert.ok(existsSync(at('policy/journal')), 'what was counted is in the state folder')
  await policy.close()
})

test('a rule that asks for permits needs their key, which nobody else may read', async () => {
  const key = at('permit.key')
  const refused = async (more: object, expected: RegExp): Promise<void> => {
    const config = configured({ permit: true }, more)
    await assert.rejects(
      readPolicy(config),
      (e) => e instanceof ConfigError && expected.test(e.message),
      expected.source,
    )
  }
  await refused({}, /^policy\.permit_key_file: expected, since rule "main" of \S+ asks for permits$/)
  await refused({ permit_key_file: key }, /permit\.key: no such file$/)
  writeFileSync(key, 'secret', { mode: 0o600 })
  await refused({ permit_key_file: key }, /permit\.key: expected 64 to 128 hex digits$/)
  writeFileSync(key, '11'.repeat(32))
  chmodSync(key, 0o640)
  await refused({ permit_key_file: key }, /only its owner can read; mode is 0640/)
  chmodSync(key, 0o600)
  const read = await readPolicy(configured({ permit: true }, { permit_key_file: key }))
  assert.deepEqual(read?.permitKey?.expose(), new Uint8Array(32).fill(0x11))
  assert.equal((await readPolicy(configured({})))?.permitKey, undefined, 'and without such a rule none')
})
