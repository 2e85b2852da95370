/** A service with a policy file, and the client with permits and approvals, as processes. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { Transaction as EthersTransaction } from 'ethers'
import { stringify } from 'yaml'
import { logLine, type Run, Workplace } from './programs-testing.ts'

const TO = '0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045'
const place = new Workplace()
after(() => place.close())

let url: string
let service: Run

before(async () => {
  await place.deal(['client', 'service'], 2, ['main'])
  url = (await place.startGateway()).url
  const ann = await place.run('cli', ['approve', '--new-key', 'ann.key'])
  await place.run('cli', ['permit', '--new-key', 'permit.key'])
  const rule = { accounts: ['main'], callers: ['client'], kinds: ['eip1559'], chains: [1], max_fee: 'unlimited' }
  const small = {
    ...rule,
    name: 'small',
    destinations: { allow: [{ address: TO }] },
    max_value: '100',
    max_value_per_day: '150',
  }
  const large = {
    ...small,
    name: 'large',
    max_value: '1000',
    max_value_per_day: '1000',
    permit: true,
    approvals: { required: 1, of: ['ann'] },
  }
  writeFileSync(
    place.path('policy.yaml'),
    stringify({ version: 1, approvers: { ann: ann.stdout.trim() }, rules: [small, large] }),
  )
  const policy = { file: 'policy.yaml', permit_key_file: 'permit.key' }
  writeFileSync(place.path('service.yaml'), stringify({ gateway: { url }, policy }))
  service = place.start('sign-service', ['service.yaml'])
  await logLine(service, 'serving')
})

const unsigned = (value: number) =>
  EthersTransaction.from({ type: 2, chainId: 1n, nonce: value, gasLimit: 21_000n, to: TO, value })
const sign = (...args: readonly string[]) =>
  place.run('cli', ['sign', '--gateway', url, '--account', 'main', '--json', '--deadline', '60', ...args])
const refusedWith = (run: { exitCode: number | string; stderr: string }, code: string): void => {
  assert.equal(run.exitCode, 4, run.stderr)
  assert.match(run.stderr, new RegExp(`^wallet-mpc: service stopped: ${code}, .+\\n$`))
}

test('a small transaction is signed: the client prints it, and what a node takes', async () => {
  const tx = unsigned(100)
  const { exitCode, stdout, stderr } = await sign('--transaction', tx.unsignedSerialized)
  assert.equal(exitCode, 0, stderr)
  const said = JSON.parse(stdout) as {
    address: string
    signedTransaction: string
    signed: Record<string, string>
    digest: string
  }
  const signed = EthersTransaction.from(said.signedTransaction)
  assert.equal(signed.from, said.address)
  assert.equal(signed.unsignedSerialized, tx.unsignedSerialized)
  assert.equal(said.digest, tx.unsignedHash)
  assert.equal(said.signed['to'], TO)
  assert.equal(said.signed['value'], '100 wei (0.0000000000000001 ether)')
})

test('what is over the limit, of another kind, or without permit and approval is refused', async () => {
  refusedWith(await sign('--message', 'hello'), 'KIND_NOT_ALLOWED')
  refusedWith(await sign('--transaction', unsigned(1001).unsignedSerialized), 'VALUE_TOO_HIGH')
  refusedWith(await sign('--transaction', unsigned(500).unsignedSerialized), 'APPROVAL_REQUIRED')
  const refused = await logLine(service, 'refused')
  assert.equal(refused.code, 'KIND_NOT_ALLOWED')
})

test('a large one is signed with a permit and an approval, and the permit once', async () => {
  writeFileSync(place.path('tx.hex'), unsigned(500).unsignedSerialized)
  const about = ['--account', 'main', '--request-id', 'w1', '--transaction', 'tx.hex']
  const permit = await place.run('cli', ['permit', '--key', 'permit.key', ...about, '--out', 'permit.json'])
  const approval = await place.run('cli', ['approve', '--key', 'ann.key', ...about, '--out', 'ann.json'])
  assert.deepEqual([permit.exitCode, approval.exitCode], [0, 0], permit.stderr + approval.stderr)
  const request = ['--transaction', 'tx.hex', '--approval', 'ann.json']
  refusedWith(await sign(...request), 'PERMIT_REQUIRED')
  const signed = await sign(...request, '--permit', 'permit.json')
  assert.equal(signed.exitCode, 0, signed.stderr)
  refusedWith(await sign(...request, '--permit', 'permit.json'), 'PERMIT_USED')
})

test('a restart forgets nothing, and a wrong policy keeps the service from starting', async () => {
  service.child.kill('SIGKILL')
  await service.ended
  service = place.start('sign-service', ['service.yaml'])
  await logLine(service, 'serving')
  refusedWith(await sign('--transaction', unsigned(51).unsignedSerialized), 'DAILY_VALUE_EXCEEDED')
  writeFileSync(place.path('wrong.yaml'), stringify({ policy: { file: 'none.yaml' } }))
  for (const more of [[], ['--check-config']]) {
    const { exitCode, stderr } = await place.run('sign-service', ['wrong.yaml', ...more])
    assert.deepEqual([exitCode, stderr], [2, 'sign-service: none.yaml: no such file\n'])
  }
})
