/** The client's commands without a gateway: what they print, and every mistake in one line with exit code 2. */
import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { runIn, testHost } from '../config/testing.ts'
import { CGGMP24_3072, ethereumAddress } from '../participant/index.ts'
import { formatKeyShares } from '../participant/key-share/format.ts'
import { dealTestShares } from '../participant/key-share/testing.ts'
import { fileLocks } from '../participant/signer/locks.node.ts'
import { runWalletMpc } from './program.ts'
import type { AccountDescription } from './show.ts'

const folder = mkdtempSync(join(tmpdir(), 'cli-'))
after(() => rmSync(folder, { recursive: true }))

const shares = dealTestShares({
  parties: ['client', 'service', 'backup'],
  threshold: 2,
  accounts: ['main', 'other'],
  level: CGGMP24_3072,
}).get('client')
const main = shares?.get('main') ?? assert.fail('no share')
const path = join(folder, 'client.json')
writeFileSync(path, formatKeyShares(shares ?? new Map()), { mode: 0o600 })
const config = join(folder, 'client.yaml')
writeFileSync(config, `mpc: {total_participants: 3, key_share_file: ${path}}\n`)

const publicKey = `0x${main.core.publicKey.toHex(true)}`
const address = ethereumAddress(main.core.publicKey)

const run = (argv: readonly string[], env: Record<string, string> = {}) => runIn(testHost(argv, { env }), runWalletMpc)

test('accounts and public-key print what is public', async () => {
  const listed = await run(['accounts', '--config', config, '--json'])
  assert.equal(listed.exitCode, 0)
  assert.equal(listed.stderr, '')
  const accounts = JSON.parse(listed.stdout) as AccountDescription[]
  const { fingerprint, ...first } = accounts[0] ?? assert.fail('no account')
  assert.deepEqual(first, {
    account: 'main',
    address,
    publicKey,
    threshold: 2,
    parties: ['backup', 'client', 'service'],
    self: 'client',
    epoch: 0,
  })
  assert.match(fingerprint, /^([0-9a-f]{4}-){4}[0-9a-f]{4}$/)
  assert.equal(accounts[1]?.account, 'other')

  const text = await run(['accounts', '--key-shares', path])
  assert.match(text.stdout, new RegExp(`^account {6}main\naddress {6}${address}\npublic key {3}${publicKey}\n`))

  const key = await run(['public-key', '--account', 'main', '--json'], { WALLET_MPC_KEY_SHARES: path })
  assert.deepEqual(JSON.parse(key.stdout), {
    account: 'main',
    address,
    publicKey,
    publicKeyUncompressed: `0x${main.core.publicKey.toHex(false)}`,
  })
})

test('mistakes are one line, perhaps a hint, and exit code 2', async () => {
  const open = join(folder, 'open.json')
  writeFileSync(open, formatKeyShares(shares ?? new Map()))
  chmodSync(open, 0o604)
  const sign = ['sign', '--config', config, '--account', 'main', '--message', 'a']
  const table: readonly (readonly [readonly string[], RegExp])[] = [
    [[], /^expected a command: accounts, public-key, sign, permit, approve, evidence, audit, locks, unlock$/],
    [['accounts', '--config', join(folder, 'none.yaml')], /none\.yaml: no such file$/],
    [['accounts', '--key-shares', join(folder, 'none.json')], /none\.json: no such key share file$/],
    [['accounts', '--key-shares', open], /open\.json: expected a file that only its owner can read; mode is 0604/],
    [['accounts', '--key-shares', config], /expected a file that only its owner can read|expected JSON/],
    [['public-key', '--config', config], /^--account: expected, but not given$/],
    [['public-key', '--config', config, '--account', 'none'], /^--account: \S+ has no key share of that account$/],
    [['sign', '--config', config, '--message', 'a'], /^--account: expected, but not given$/],
    [['sign', '--config', config, '--account', 'none', '--message', 'a'], /^--account: \S+ has no key share/],
    [
      ['sign', '--config', config, '--account', 'main'],
      /^expected exactly one of --message, --message-file, --transaction, --typed-data and --digest$/,
    ],
    [['sign', '--config', config, '--account', 'main', '--digest', '0x12'], /^--digest: expected 32 bytes/],
    [[...sign, '--hash', 'md5'], /^--hash: expected one of/],
    [[...sign, '--deadline', '0'], /^--deadline: expected a whole number from 1 to 86400$/],
    [[...sign, '--deadline', 'soon'], /^--deadline: /],
    [[...sign, '--gateway', 'localhost:8080'], /^--gateway: expected an http or https address/],
    [[...sign, '--gateway', 'http://user:secret@h'], /^--gateway: expected an http or https address/],
    [[...sign, '--signers', 'client,nobody'], /^--signers: expected names among backup, client, service$/],
    [[...sign, '--signers', 'backup,service'], /^--signers: expected this party, client, among them$/],
    [[...sign, '--signers', 'backup,client,service'], /^--signers: expected 2 distinct names$/],
    [[...sign, '--signers', 'client,client'], /^--signers: expected 2 distinct names$/],
    [[...sign, '--log-level', 'loud'], /^--log-level: expected one of/],
    [[...sign, 'more'], /^too many arguments/],
    [['unlock', '--config', config, '--peer', 'service'], /^--account: expected, but not given$/],
    [['unlock', '--config', config, '--account', 'main'], /^--peer: expected, but not given$/],
    [['unlock', '--config', config, '--account', 'main', '--peer', 'service'], /^no such lock$/],
    [['sign', '--key-shares', path, '--account', 'main', '--message', 'a'], /^mpc\.total_participants: is 2, but 3 in/],
  ]
  for (const [argv, expected] of table) {
    const { exitCode, stdout, stderr } = await run(argv)
    assert.equal(exitCode, 2, `${argv.join(' ')}: ${stderr}`)
    assert.equal(stdout, '')
    const [line = '', hint = '', ...rest] = stderr.split('\n')
    assert.match(line, /^wallet-mpc: /)
    assert.match(line.replace('wallet-mpc: ', ''), expected)
    assert.match(hint, /^(hint: .+)?$/)
    assert.ok(
      rest.every((more) => more === ''),
      stderr,
    )
    assert.ok(!stderr.includes('secret'))
  }
})

test('a wrong account says which there are', async () => {
  const { stderr } = await run(['public-key', '--config', config, '--account', 'none'])
  assert.match(stderr, /\nhint: accounts there: main, other\n$/)
})

test('locks are listed, stop signing, and are cleared', async () => {
  const lock = { account: 'main', self: 'client', peer: 'service', code: 'PARTIAL_SIG', session: '01234567' } as const
  const since = '2026-01-02T03:04:05.678Z'
  await fileLocks(join(folder, 'locks')).add({ ...lock, since })
  const listed = await run(['locks', '--config', config])
  assert.equal(
    listed.stdout,
    `main: client does not sign with service since ${since} (PARTIAL_SIG, session 01234567)\n`,
  )
  assert.deepEqual(JSON.parse((await run(['locks', '--config', config, '--json'])).stdout), [{ ...lock, since }])
  const elsewhere = ['locks', '--folder', join(folder, 'none')]
  assert.equal((await run(elsewhere)).stdout, 'no locks\n')

  const sign = ['sign', '--config', config, '--account', 'main', '--signers', 'client,service', '--message', 'a']
  const { exitCode, stderr } = await run([...sign, '--gateway', 'http://127.0.0.1:1'])
  assert.equal(exitCode, 6)
  assert.match(stderr, /^wallet-mpc: locked: a signature of account "main" with service failed \(PARTIAL_SIG\)/)

  for (const [account, peer] of [
    ['other', 'service'],
    ['main', 'third'],
  ] as const) {
    const wrong = await run(['unlock', '--config', config, '--account', account, '--peer', peer])
    assert.equal(wrong.exitCode, 2)
    assert.match(wrong.stderr, /^wallet-mpc: no such lock\n/)
  }
  assert.match((await run(['locks', '--config', config])).stdout, /^main: client/, 'the lock of others is still there')
  const unlocked = await run(['unlock', '--config', config, '--account', 'main', '--peer', 'service'])
  assert.equal(unlocked.stdout, 'unlocked: main with service\n')
  assert.equal((await run(['locks', '--config', config])).stdout, 'no locks\n')
})
