/** `key-gen deal` as a process with a real search for primes; and what Ctrl-C leaves of it. Half a minute of arithmetic. */
import assert from 'node:assert/strict'
import { readdirSync, statSync } from 'node:fs'
import { after, test } from 'node:test'
import { until, Workplace } from './programs-testing.ts'

const place = new Workplace()
after(() => place.close())

test('Ctrl-C while primes are searched ends it at once and leaves nothing', async () => {
  const run = place.start('key-gen', ['deal', '--account', 'main'])
  await until(() => run.output.stderr.includes('0 of 4 moduli'), 'the search')
  const startedMs = Date.now()
  run.child.kill('SIGINT')
  // Of the signal itself: a shell shows 130.
  assert.equal(await run.ended, 'SIGINT')
  assert.ok(Date.now() - startedMs < 2_000)
  assert.match(run.output.stderr, /key-gen: interrupted\n$/)
  assert.deepEqual(readdirSync(place.folder), [])
})

const tooSlow =
  process.env['WALLET_MPC_ENGINE'] === 'bigint' &&
  'OpenSSL needs half a minute for these primes, BigInt many; math has small ones'

test('deal makes two files that the client and the service open', { skip: tooSlow }, async () => {
  const { exitCode, stdout, stderr } = await place.run('key-gen', ['deal', '--account', 'main', '--json'])
  assert.equal(exitCode, 0, stderr)
  const report = JSON.parse(stdout) as { accounts: unknown[]; fingerprint: string }
  for (const name of readdirSync(place.folder)) {
    assert.match(name, /^(client|service)_key_shares\.json$/)
    assert.equal(statSync(place.path(name)).mode & 0o777, 0o600)
  }
  const listed = await place.run('cli', ['accounts', '--json'])
  assert.equal(listed.exitCode, 0, listed.stderr)
  const [account] = JSON.parse(listed.stdout) as {
    account: string
    address: string
    publicKey: string
    fingerprint: string
  }[]
  assert.ok(account !== undefined)
  const { address, publicKey } = account
  assert.deepEqual(report.accounts, [{ account: 'main', address, publicKey }])
  assert.equal(report.fingerprint, account.fingerprint)
  const checked = await place.run('sign-service', ['--check-config'])
  assert.equal(checked.exitCode, 0, checked.stderr)
})
