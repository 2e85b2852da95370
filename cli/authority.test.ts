/** `permit` and `approve`: the keys and files that they make, what a person is shown, and what `sign` takes of it. */
import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { Transaction as EthersTransaction } from 'ethers'
import { CommandError } from '../config/failure.ts'
import { runIn, testHost } from '../config/testing.ts'
import { Secret } from '../participant/index.ts'
import { isApproval, isPermit } from '../participant/signer/authority.ts'
import { parsePermitKey } from '../participant/signer/authority-file.ts'
import { readAuthority } from './authority.ts'
import { runWalletMpc } from './program.ts'

const folder = mkdtempSync(join(tmpdir(), 'authority-'))
after(() => rmSync(folder, { recursive: true }))
const at = (name: string): string => join(folder, name)
const run = (...argv: readonly string[]) => runIn(testHost(argv), runWalletMpc)

const TO = '0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045'
const ethers = EthersTransaction.from({
  type: 2,
  chainId: 10n,
  nonce: 7,
  gasLimit: 21_000n,
  maxFeePerGas: 2_000_000_000n,
  maxPriorityFeePerGas: 1n,
  to: TO,
  value: 1_500_000_000_000_000_000n,
})
const hex = ethers.unsignedSerialized
const payload = { kind: 'transaction', transaction: Uint8Array.from(Buffer.from(hex.slice(2), 'hex')) } as const
const digest = Uint8Array.from(Buffer.from(ethers.unsignedHash.slice(2), 'hex'))
const about = ['--account', 'main', '--request-id', 'r1', '--transaction', hex]

test('a permit key and a permit: `sign` takes it, and it holds', async () => {
  const made = await run('permit', '--new-key', at('permit.key'))
  assert.deepEqual(made, { exitCode: 0, stdout: `written: ${at('permit.key')}\n`, stderr: '' })
  assert.equal(statSync(at('permit.key')).mode & 0o777, 0o600)
  const again = await run('permit', '--new-key', at('permit.key'))
  assert.equal(again.exitCode, 6, 'a key is never overwritten')
  const { exitCode, stdout } = await run('permit', ...about, '--key', at('permit.key'), '--out', at('permit.json'))
  assert.deepEqual([exitCode, stdout], [0, ''])
  const before = readFileSync(at('permit.json'), 'utf8')
  const twice = await run('permit', ...about, '--key', at('permit.key'), '--expires', '9', '--out', at('permit.json'))
  assert.equal(twice.exitCode, 6, 'nor is a permit')
  assert.equal(readFileSync(at('permit.json'), 'utf8'), before)
  const authority = await readAuthority({ permit: at('permit.json') }, 'main', payload)
  const key = new Secret(parsePermitKey(readFileSync(at('permit.key'), 'latin1')) ?? assert.fail('no key'))
  assert.equal(authority?.requestId, 'r1')
  const request = { id: 'r1', account: 'main', digest }
  assert.ok(authority.permit !== undefined && isPermit(key, request, authority.permit), 'it holds')
  const left = authority.permit.expires - Date.now() / 1000
  assert.ok(left > 500 && left <= 600, 'ten minutes by default')
})

test('an approver is shown what it is, on standard error, and approves it', async () => {
  const made = await run('approve', '--new-key', at('ann.key'))
  assert.equal(made.exitCode, 0)
  assert.match(made.stdout, /^[0-9a-f]{64}\n$/)
  const { exitCode, stdout, stderr } = await run('approve', ...about, '--key', at('ann.key'), '--expires', '60')
  assert.equal(exitCode, 0)
  for (const line of [/^approved +eip1559$/m, /^account +main$/m, /^request +r1$/m, /^chain +10$/m, /^nonce +7$/m]) {
    assert.match(stderr, line)
  }
  assert.match(stderr, new RegExp(`^to +${TO}$`, 'm'))
  assert.match(stderr, /^value +1500000000000000000 wei \(1\.5 ether\)$/m)
  assert.match(stderr, /^fee at most +42000000000000 wei \(0\.000042 ether\)$/m)
  assert.match(stderr, new RegExp(`^digest +${ethers.unsignedHash}$`, 'm'))
  writeFileSync(at('ann.json'), stdout)
  const authority = await readAuthority({ approval: [at('ann.json')] }, 'main', payload)
  const [approval] = authority?.approvals ?? []
  assert.ok(approval !== undefined, 'one approval')
  assert.equal(Buffer.from(approval.approver).toString('hex'), made.stdout.trim())
  assert.ok(isApproval({ id: 'r1', account: 'main', digest }, 'eip1559', approval), 'it holds')
  const both = await readAuthority({ permit: at('permit.json'), approval: [at('ann.json')] }, 'main', payload)
  assert.equal(both?.approvals.length, 1)
  assert.ok(both.permit !== undefined, 'and the permit')
})

test('a message is shown so that nothing in it can pass for something else', async () => {
  const named = ['--account', 'main', '--request-id', 'r1', '--key', at('ann.key')]
  const { stderr } = await run('approve', ...named, '--message', 'pay 5\nvalue  0\u202e\u001b[2J')
  assert.match(stderr, /^message +"pay 5\\nvalue {2}0\\u202e\\u001b\[2J"$/m)
  writeFileSync(at('bytes'), Uint8Array.of(0xff, 0xfe))
  const bytes = await run('approve', ...named, '--message-file', at('bytes'))
  assert.match(bytes.stderr, /^message +0xfffe$/m)
  const typed = {
    types: { A: [{ name: 's', type: 'string' }] },
    primaryType: 'A',
    domain: { chainId: 5 },
    message: { s: '\u202ex' },
  }
  writeFileSync(at('typed.json'), JSON.stringify(typed))
  const shown = await run('approve', ...named, '--typed-data', at('typed.json'))
  assert.match(shown.stderr, /^primary type +A$/m)
  assert.match(shown.stderr, /^content +\{.*\\u202ex.*\}$/m)
})

test('mistakes are one line, and name flag and file', async () => {
  writeFileSync(at('open.key'), '11'.repeat(32))
  chmodSync(at('open.key'), 0o644)
  writeFileSync(at('short.key'), '11', { mode: 0o600 })
  const own = ['--key', at('ann.key')]
  const table: readonly (readonly [readonly string[], RegExp])[] = [
    [['permit', ...about], /^--key: expected, but not given\nhint: --new-key makes one\n$/],
    [['permit', ...about, '--key', at('none')], /^--key: \S+none: no such file\n$/],
    [['permit', ...about, '--key', at('open.key')], /mode is 0644, use chmod 600\n$/],
    [['permit', ...about, '--key', at('short.key')], /short\.key: expected 64 to 128 hex digits\n$/],
    [['approve', ...about, '--key', at('short.key')], /short\.key: expected 64 hex digits\n$/],
    [['approve', ...about.slice(2), ...own], /^--account: expected, but not given\n$/],
    [['approve', '--account', 'main', '--message', 'a', ...own], /^--request-id: expected, but not given\n$/],
    [
      ['approve', '--account', 'main', '--request-id', 'a b', '--message', 'a', ...own],
      /^--request-id: expected 1 to 64/,
    ],
    [['approve', ...about, ...own, '--expires', '86401'], /^--expires: expected a whole number from 1 to 86400\n$/],
    [['approve', '--new-key', at('x'), '--account', 'main'], /^--new-key: expected no other flag\n$/],
    [
      ['approve', ...about.slice(0, 4), ...own, '--message-file', at('tx.bin'), '--hash', 'keccak256'],
      /look like a transaction/,
    ],
  ]
  writeFileSync(at('tx.bin'), payload.transaction)
  for (const [argv, expected] of table) {
    const { exitCode, stdout, stderr } = await run(...argv)
    assert.equal(exitCode, 2, stderr)
    assert.equal(stdout, '')
    assert.match(stderr.replace('wallet-mpc: ', ''), expected)
  }
})

test('`sign` takes only what is for what it signs', async () => {
  const refused = (flags: Parameters<typeof readAuthority>[0], expected: RegExp, account = 'main') =>
    assert.rejects(
      readAuthority(flags, account, payload),
      (e) => e instanceof CommandError && expected.test(e.message),
      expected.source,
    )
  await refused({ permit: at('none') }, /^--permit: \S+none: no such file$/)
  await refused({ permit: folder }, /^--permit: .*can't be read \(EISDIR\)$/)
  writeFileSync(at('long.json'), ' '.repeat(65_537))
  await refused({ permit: at('long.json') }, /^--permit: \S+: expected at most 65536 bytes$/)
  await refused({ permit: at('ann.json') }, /^--permit: \S+: expected a permit$/)
  await refused({ approval: [at('permit.json')] }, /^--approval: \S+: expected an approval$/)
  await refused({ permit: at('permit.json') }, /for this account$/, 'other')
  await refused({ permit: at('ann.key') }, /^--permit: /)
  const elsewhere = await run('permit', ...about.map((a) => (a === 'r1' ? 'r2' : a)), '--key', at('permit.key'))
  writeFileSync(at('other.json'), elsewhere.stdout)
  await refused({ permit: at('other.json'), approval: [at('ann.json')] }, /the same id in each$/)
  assert.equal(await readAuthority({}, 'main', payload), undefined)
})
