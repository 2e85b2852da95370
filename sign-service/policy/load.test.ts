/** Reading the policy file: the example is good, and each mistake is one line with the place and what was expected. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { stringify } from 'yaml'
import { ConfigError } from '../../config/load.ts'
import { parsePolicy, readPolicyFile } from './load.ts'
import { ALICE, ruleOf } from './testing.ts'

const folder = mkdtempSync(join(tmpdir(), 'policy-'))
after(() => rmSync(folder, { recursive: true }))

function problem(source: string): string {
  try {
    parsePolicy(source, 'FILE')
  } catch (e) {
    assert.ok(e instanceof ConfigError, `${e}`)
    assert.ok(!e.message.includes('\n'), 'one line')
    return e.message
  }
  return assert.fail('expected a ConfigError')
}

test('the example in config/ is a policy', async () => {
  const file = await readPolicyFile(join(import.meta.dirname, '../../config/policy.example.yaml'))
  assert.deepEqual(
    file.rules.map((r) => r.name),
    ['small payments', 'large payments', 'messages'],
  )
  const [small] = file.rules
  assert.deepEqual(small?.destinations?.allow?.[0], {
    address: '0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045',
    selectors: ['none'],
  })
  assert.equal(small?.permit, false)
})

const ANN = '11'.repeat(32)
const BOB = '22'.repeat(32)
const APPROVED = { approvals: { required: 1, of: ['ann'] } }
const TWICE = { approvals: { required: 1, of: ['ann', 'ann'] } }
const of = (change: object, more: object = {}): string =>
  stringify({ version: 1, approvers: { ann: ANN }, rules: [ruleOf(change)], ...more })
const messages = (change: object): string =>
  stringify({ version: 1, rules: [{ name: 'm', accounts: 'any', callers: 'any', kinds: ['eip191'], ...change }] })
const allowing = (...allow: readonly unknown[]): string => of({ destinations: { allow } })
const during = (w: object): string => of({ times: [{ days: ['mon'], from: '08:00', to: '17:00', ...w }] })

const TABLE: readonly (readonly [string, RegExp])[] = [
  ['', /^FILE: expected/],
  ['- a', /^FILE: expected/],
  ['version: 1\nrules: [', /^FILE: line \d+: not valid YAML \(/],
  ['version: 1', /^FILE: rules: expected a list of rules$/],
  [stringify({ version: 2, rules: [ruleOf()] }), /^FILE: line 1: version: expected 1$/],
  [stringify({ version: 1, rules: [] }), /^FILE: line 2: rules: expected at least one rule$/],
  [of({}, { extra: 1 }), /^FILE: line \d+: extra: unknown key$/],
  [of({ maxvalue: '1' }), /^FILE: line \d+: rules\[0\]\.maxvalue: unknown key$/],
  [of({ name: undefined }), /rules\[0\]\.name: expected a name of 1 to 64/],
  [of({}, { rules: [ruleOf(), ruleOf()] }), /rules\[1\]\.name: expected a name that no other rule has$/],
  [of({ accounts: undefined }), /rules\[0\]\.accounts: expected a list of account ids, or any$/],
  [of({ accounts: 'main' }), /rules\[0\]\.accounts: expected a list of account ids, or any$/],
  [of({ accounts: [] }), /rules\[0\]\.accounts: expected/],
  [of({ callers: undefined }), /rules\[0\]\.callers: expected a list of names of callers, or any$/],
  [of({ kinds: [] }), /rules\[0\]\.kinds: expected at least one kind$/],
  [of({ kinds: ['eip4844'] }), /rules\[0\]\.kinds\[0\]: expected one of eip191, typed_data, legacy/],
  [of({ chains: [0] }), /rules\[0\]\.chains\[0\]: expected an integer from 1 to/],
  [of({ chains: undefined }), /rules\[0\]\.chains: expected with transactions and typed data, but not given$/],
  [of({ destinations: undefined }), /rules\[0\]\.destinations: expected with transactions/],
  [of({ max_value: undefined }), /rules\[0\]\.max_value: expected with transactions, but not given$/],
  [of({ max_value_per_day: undefined }), /rules\[0\]\.max_value_per_day: expected with transactions/],
  [of({ max_fee: undefined }), /rules\[0\]\.max_fee: expected with transactions/],
  [of({}, { rules: ['a'] }), /rules\[0\]: expected keys with values$/],
  [of({ max_value: 100 }), /rules\[0\]\.max_value: expected wei in decimal, as text in quotes, or unlimited$/],
  [of({ max_value: '1e18' }), /rules\[0\]\.max_value: expected wei/],
  [of({ max_value: '-1' }), /rules\[0\]\.max_value: expected wei/],
  [of({ max_value: '007' }), /rules\[0\]\.max_value: expected wei/],
  [allowing({ address: '0x12' }), /allow\[0\]\.address: expected an address/],
  [allowing({ address: '0xd8da6BF26964aF9D7eEd9e03E53415D37aA96045' }), /allow\[0\]\.address: .*EIP-55 form$/],
  [
    allowing({ address: ALICE }, { address: ALICE.replace('0xa1', '0xA1') }),
    /allow\[1\]\.address: expected an address/,
  ],
  [allowing({ address: ALICE }, { address: ALICE }), /allow\[1\]: expected each address once$/],
  [allowing({ address: ALICE, selectors: ['transfer'] }), /selectors\[0\]: expected a selector/],
  [allowing({ address: ALICE, selectors: ['0xA9059CBB'] }), /selectors\[0\]: expected a selector/],
  [allowing({ address: ALICE, selector: '0xa9059cbb' }), /allow\[0\]\.selector: unknown key$/],
  [of({ destinations: { deny: ['bob'] } }), /destinations\.deny\[0\]: expected an address/],
  [during({ from: '8:00' }), /times\[0\]\.from: expected a time of day/],
  [during({ to: '25:00' }), /times\[0\]\.to: expected a time of day/],
  [during({ from: '17:00' }), /times\[0\]\.to: expected a time after from/],
  [during({ days: ['monday'] }), /times\[0\]\.days\[0\]: expected one of sun, mon/],
  [during({ zone: 'CET' }), /times\[0\]\.zone: unknown key$/],
  [of({ times: [] }), /rules\[0\]\.times: expected at least one window$/],
  [of({ permit: 'yes' }), /rules\[0\]\.permit: expected true or false$/],
  [of(APPROVED, { approvers: {} }), /approvals\.of\[0\]: expected the name of an approver$/],
  [of(TWICE), /approvals\.of: expected each name once$/],
  [of({ approvals: { required: 2, of: ['ann'] } }), /approvals\.required: expected no more than names$/],
  [of({ approvals: { required: 0, of: ['ann'] } }), /approvals\.required: expected an integer from 1/],
  [of({}, { approvers: { ann: 'key' } }), /approvers\.ann: expected the public key of an approver/],
  [of({}, { approvers: { ann: ANN, bob: ANN } }), /approvers: expected a key of their own for each approver$/],
  [of({}, { approvers: { 'a\u0000b': BOB } }), /approvers/],
  [of({ kinds: ['eip1559', 'raw_digest'] }), /kinds: expected raw_digest in a rule of its own/],
  [of({ kinds: ['legacy_unprotected'] }), /chains: expected any with legacy_unprotected/],
  [messages({ max_value: '1' }), /rules\[0\]\.max_value: expected only with transactions$/],
  [messages({ max_value_per_day: '1' }), /max_value_per_day: expected only with transactions$/],
  [messages({ max_fee: '1' }), /max_fee: expected only with transactions$/],
  [messages({ chains: [1] }), /chains: expected only with transactions and typed data$/],
  [messages({ destinations: { allow: 'any' } }), /destinations: expected only with transactions and typed data$/],
  [`version: ${'['.repeat(40)}${']'.repeat(40)}`, /nested no deeper$/],
]

for (const [i, [source, expected]] of TABLE.entries()) {
  test(`mistake ${i + 1}: ${expected.source}`, () => assert.match(problem(source), expected))
}

test('the line is that of the field', () => {
  const source =
    'version: 1\nrules:\n  - name: a\n    accounts: any\n    callers: any\n    kinds:\n      - eip191\n      - nothing\n'
  assert.match(problem(source), /^FILE: line 8: rules\[0\]\.kinds\[1\]: expected one of/)
})

test('a file that is not there, is a folder, or is too large', async () => {
  await assert.rejects(readPolicyFile(join(folder, 'none')), /none: no such file$/)
  await assert.rejects(readPolicyFile(folder), /can't be read \(EISDIR\)$/)
  const large = join(folder, 'large')
  writeFileSync(large, ' '.repeat(1_048_577))
  await assert.rejects(readPolicyFile(large), /larger than 1048576 bytes$/)
})
