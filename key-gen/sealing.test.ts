/** `key-gen seal` and `unseal` from their arguments to their files: full-size shares, real files, a real KMS protocol. */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { Encrypter, generateX25519Identity, identityToRecipient } from 'age-encryption'
import { runIn, testHost } from '../config/testing.ts'
import { CGGMP24_3072, formatKeyShares } from '../participant/index.ts'
import { lockStore } from '../participant/key-share/seal/store-lock.node.ts'
import { dealTestShares } from '../participant/key-share/testing.ts'
import { KMS_ENV, startKms } from '../test/kms-server.ts'
import { runKeyGen } from './program.ts'

const root = mkdtempSync(join(tmpdir(), 'sealing-'))
after(() => rmSync(root, { recursive: true }))

const shares = dealTestShares({
  parties: ['client', 'service'],
  threshold: 2,
  accounts: ['main', 'other'],
  level: CGGMP24_3072,
}).get('service')
const json = formatKeyShares(shares ?? new Map())

let folders = 0
function freshFolder(): string {
  const path = join(root, String(folders++))
  mkdirSync(path, { mode: 0o700 })
  return path
}

const run = (argv: readonly string[], stdin = '') => runIn(testHost(argv, { stdin }), (host) => runKeyGen(host))

/** A folder with the key shares of a service, and a passphrase file. */
function scene() {
  const folder = freshFolder()
  const source = join(folder, 'service_key_shares.json')
  writeFileSync(source, json, { mode: 0o600 })
  const passphrase = join(folder, 'passphrase')
  writeFileSync(passphrase, 'correct horse battery\n', { mode: 0o600 })
  const keystore = join(folder, 'keystore')
  const out = join(folder, 'out.json')
  const seal = (...more: readonly string[]) => run(['seal', '--key-shares', source, '--keystore', keystore, ...more])
  const unseal = (...more: readonly string[]) => run(['unseal', '--keystore', keystore, '--out', out, ...more])
  return { folder, source, passphrase, keystore, out, seal, unseal }
}

test('seal and unseal with a passphrase give the same file, and remove the source only when told to', async () => {
  const { source, passphrase, keystore, out, seal, unseal } = scene()
  const sealed = await seal('--passphrase-file', passphrase, '--json')
  assert.equal(sealed.exitCode, 0, sealed.stderr)
  const report = JSON.parse(sealed.stdout) as { accounts: { account: string; path: string }[] }
  assert.deepEqual(
    { ...report, accounts: report.accounts.map((a) => a.account) },
    { accounts: ['main', 'other'], verified: true, removed: [] },
  )
  for (const { path } of report.accounts) assert.equal(statSync(path).mode & 0o777, 0o600)
  assert.equal(statSync(keystore).mode & 0o777, 0o700)
  assert.equal(readFileSync(source, 'utf8'), json)

  const opened = await unseal('--passphrase-file', passphrase)
  assert.equal(opened.exitCode, 0, opened.stderr)
  assert.match(opened.stdout, /^main {3}\S+out\.json\nother {2}\S+out\.json\nread back and compared: the same\n$/)
  assert.equal(readFileSync(out, 'utf8'), json)
  assert.equal(statSync(out).mode & 0o777, 0o600)

  const again = await seal('--passphrase-file', passphrase, '--remove', '--force')
  assert.equal(again.exitCode, 0, again.stderr)
  assert.match(again.stdout, /read back and compared: the same\nremoved \S+service_key_shares\.json\n$/)
  assert.ok(!existsSync(source), 'the key shares in the clear are gone')

  const back = await unseal('--passphrase-file', passphrase, '--remove', '--force')
  assert.equal(back.exitCode, 0, back.stderr)
  assert.equal(readFileSync(out, 'utf8'), json)
  assert.deepEqual(readdirSync(keystore), [], 'sealed files and records are gone')
})

test('nothing is overwritten without --force, and nothing removed when anything fails', async () => {
  const { source, passphrase, keystore, out, seal, unseal, folder } = scene()
  assert.equal((await seal('--passphrase-file', passphrase)).exitCode, 0)
  const before = readdirSync(keystore).map((name) => readFileSync(join(keystore, name), 'utf8'))
  const twice = await seal('--passphrase-file', passphrase, '--remove')
  assert.equal(twice.exitCode, 6)
  assert.match(twice.stderr, /exists already; it is not overwritten without force\n$/)
  assert.deepEqual(
    readdirSync(keystore).map((name) => readFileSync(join(keystore, name), 'utf8')),
    before,
  )
  assert.equal(readFileSync(source, 'utf8'), json)

  writeFileSync(out, 'mine')
  const over = await unseal('--passphrase-file', passphrase, '--remove')
  assert.equal(over.exitCode, 2)
  assert.match(over.stderr, /out\.json: exists already\nhint: --force overwrites it\n$/)
  assert.equal(readFileSync(out, 'utf8'), 'mine')

  const wrong = join(folder, 'wrong')
  writeFileSync(wrong, 'correct horse batterx', { mode: 0o600 })
  const refused = await unseal('--passphrase-file', wrong, '--force', '--remove')
  assert.equal(refused.exitCode, 2)
  assert.match(refused.stderr, /^key-gen: \S+main-\S+\.sealed: wrong passphrase, or the file is damaged\n$/)
  assert.equal(readdirSync(keystore).length, 4)
  assert.equal(readFileSync(out, 'utf8'), 'mine')
})

test('accounts one by one', async () => {
  const { passphrase, keystore, out, seal, unseal } = scene()
  const one = await seal('--passphrase-file', passphrase, '--account', 'main', '--remove')
  assert.equal(one.exitCode, 2)
  assert.match(one.stderr, /--remove: expected all accounts of the file to be sealed\n$/)
  assert.equal((await seal('--passphrase-file', passphrase, '--account', 'main')).exitCode, 0)
  assert.equal(readdirSync(keystore).length, 2)
  assert.equal((await seal('--passphrase-file', passphrase, '--account', 'other')).exitCode, 0)
  assert.equal((await unseal('--passphrase-file', passphrase, '--account', 'other', '--remove')).exitCode, 0)
  assert.deepEqual(Object.keys(JSON.parse(readFileSync(out, 'utf8')) as object), ['other'])
  assert.deepEqual(
    readdirSync(keystore).map((name) => name.slice(0, 5)),
    ['main-', 'main-'],
  )
  const unknown = await unseal('--passphrase-file', passphrase, '--account', 'third', '--force')
  assert.match(unknown.stderr, /--account: \S+keystore has no key share of one of these accounts\n$/)
})

test('the passphrase through a descriptor, and what is wrong with it', async () => {
  const { source, keystore, folder } = scene()
  const short = join(folder, 'short')
  writeFileSync(short, 'elevenbytes', { mode: 0o600 })
  const argv = ['seal', '--key-shares', source, '--keystore', keystore]
  const table: readonly (readonly [readonly string[], RegExp])[] = [
    [[], /^key-gen: passphrase: there is no terminal to ask for it on\nhint: --passphrase-file names/],
    [['--passphrase-file', short], /--passphrase-file: expected at least 12 bytes to seal with/],
    [['--passphrase', 'correct horse battery'], /unknown option '--passphrase'/],
    [['--passphrase=correct horse battery'], /unknown option '--passphrase'/],
  ]
  for (const [flags, expected] of table) {
    const { exitCode, stderr } = await run([...argv, ...flags])
    assert.equal(exitCode, 2)
    assert.match(stderr, expected)
    assert.ok(!stderr.includes('correct horse'), 'the passphrase is not repeated')
  }
  assert.ok(!existsSync(keystore), 'no folder was made')
  assert.equal((await run([...argv, '--passphrase-fd', '0'], 'correct horse battery\n')).exitCode, 0)
  const opened = await run(
    ['unseal', '--keystore', keystore, '--out', join(folder, 'o'), '--passphrase-fd', '0'],
    'correct horse battery',
  )
  assert.equal(opened.exitCode, 0, opened.stderr)
})

test('to age recipients: removed only with an identity to check with; age opens the files', async (t) => {
  const { source, folder, keystore, out, seal, unseal } = scene()
  const identity = await generateX25519Identity()
  const recipient = await identityToRecipient(identity)
  const keys = join(folder, 'identity')
  writeFileSync(keys, `# mine\n${identity}\n`, { mode: 0o600 })
  const recipients = join(folder, 'recipients')
  writeFileSync(recipients, `${recipient}\n`)

  const blind = await seal('--age-recipient', recipient, '--remove')
  assert.equal(blind.exitCode, 2)
  assert.match(
    blind.stderr,
    /^key-gen: --remove: the sealed files have to be opened again first\nhint: --age-identity-file/,
  )
  const unchecked = await seal('--age-recipient', recipient)
  assert.match(unchecked.stdout, /not read back: there is no identity to open it with\n$/)
  const sealed = await seal('--age-recipients-file', recipients, '--age-identity-file', keys, '--remove', '--force')
  assert.equal(sealed.exitCode, 0, sealed.stderr)
  assert.ok(!existsSync(source), 'removed')
  assert.equal((await unseal('--age-identity-file', keys)).exitCode, 0)
  assert.equal(readFileSync(out, 'utf8'), json)

  chmodSync(keys, 0o644)
  assert.match((await unseal('--age-identity-file', keys, '--force')).stderr, /--age-identity-file: \S+: .*chmod 600/)
  chmodSync(keys, 0o600)
  writeFileSync(keys, 'hunter2')
  const bad = await unseal('--age-identity-file', keys, '--force')
  assert.match(bad.stderr, /^key-gen: age identity file: expected lines that begin with AGE-SECRET-KEY-\n$/)

  if (spawnSync('age', ['--version']).status !== 0) {
    t.diagnostic('age is not installed')
    return
  }
  writeFileSync(keys, identity)
  const name = readdirSync(keystore).find((n) => n.startsWith('main-') && n.endsWith('.sealed')) ?? ''
  const plain = execFileSync('age', ['-d', '-i', keys, join(keystore, name)], { encoding: 'utf8' })
  assert.equal(plain, formatKeyShares(new Map([...(shares ?? [])].filter(([account]) => account === 'main'))))
})

test('a file that somebody made for several accounts is not removed for one of them', async () => {
  const { folder, keystore, out, seal, unseal } = scene()
  const identity = await generateX25519Identity()
  const recipient = await identityToRecipient(identity)
  const keys = join(folder, 'identity')
  writeFileSync(keys, identity, { mode: 0o600 })
  assert.equal((await seal('--age-recipient', recipient, '--age-identity-file', keys)).exitCode, 0)
  const encrypter = new Encrypter()
  encrypter.addRecipient(recipient)
  for (const name of readdirSync(keystore).filter((n) => !n.startsWith('.'))) rmSync(join(keystore, name))
  const file = join(keystore, 'all.sealed')
  writeFileSync(file, await encrypter.encrypt(json), { mode: 0o600 })

  const one = await unseal('--age-identity-file', keys, '--account', 'main', '--remove')
  assert.match(one.stderr, /--remove: \S+all\.sealed holds other accounts too/)
  assert.ok(existsSync(file) && !existsSync(out), 'nothing happened')
})

test('under a key of KMS', async () => {
  Object.assign(process.env, KMS_ENV)
  const kms = await startKms(['alpha'])
  try {
    const { out, source, seal, unseal } = scene()
    const flags = ['--kms-key-id', 'alpha', '--kms-endpoint', kms.url]
    const sealed = await seal(...flags, '--remove')
    assert.equal(sealed.exitCode, 0, sealed.stderr)
    assert.ok(!existsSync(source), 'removed')
    assert.deepEqual(
      kms.requests.map((r) => `${r.operation} ${r.context['account']}`),
      ['GenerateDataKey main', 'GenerateDataKey other', 'Decrypt main', 'Decrypt other'],
    )
    assert.equal((await unseal(...flags)).exitCode, 0)
    assert.equal(readFileSync(out, 'utf8'), json)
    kms.fail('AccessDeniedException', 1)
    const denied = await unseal(...flags, '--force')
    assert.equal(denied.exitCode, 6)
    assert.match(denied.stderr, /sealed: kms: these credentials may not use the key \(AccessDeniedException\)\n$/)
  } finally {
    await kms.close()
  }
})

test('one way to seal, and flags that fit together', async () => {
  const { passphrase, seal, unseal } = scene()
  const way = 'expected one way to seal: a passphrase, age recipients, or a KMS key'
  const table: readonly (readonly [readonly string[], string])[] = [
    [['--passphrase-file', passphrase, '--age-recipient', 'age1x'], way],
    [['--passphrase-file', passphrase, '--kms-key-id', 'x'], way],
    [['--kms-key-id', 'x', '--age-recipients-file', 'x'], way],
    [['--age-identity-file', 'x'], '--age-identity-file: expected only with --age-recipient or --age-recipients-file'],
    [['--kms-region', 'x'], '--kms-region: expected only with --kms-key-id'],
    [['--kms-endpoint', 'x'], '--kms-endpoint: expected only with --kms-key-id'],
    [['--kms-endpoint', 'x', '--kms-key-id', 'x'], '--kms-endpoint: expected an https address'],
    [['--age-recipient', 'hunter2'], 'age recipients: expected lines that begin with age1'],
  ]
  for (const [flags, message] of table) {
    const { exitCode, stderr } = await seal(...flags)
    assert.equal(exitCode, 2)
    assert.ok(stderr.startsWith(`key-gen: ${message}\n`), stderr)
  }
  assert.match((await run(['seal', '--keystore', 'x'])).stderr, /--key-shares: expected, but not given/)
  assert.match((await unseal('--kms-region', 'x')).stderr, /--kms-region: expected only with --kms-key-id/)
})

test('a keystore that another process has is left alone; reading it is possible', async () => {
  const { keystore, passphrase, seal, unseal } = scene()
  assert.equal((await seal('--passphrase-file', passphrase)).exitCode, 0)
  const lock = await lockStore(keystore)
  for (const work of [
    () => seal('--passphrase-file', passphrase, '--force'),
    () => unseal('--passphrase-file', passphrase, '--remove'),
  ]) {
    const { exitCode, stderr } = await work()
    assert.equal(exitCode, 6)
    assert.match(stderr, new RegExp(`keystore: in use by process ${process.pid}\n$`))
  }
  assert.equal((await unseal('--passphrase-file', passphrase)).exitCode, 0)
  await lock.release()
})
