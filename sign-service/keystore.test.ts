/** The service's key shares from every kind of keystore: what it starts with, what it refuses, and what it adds. */
import assert from 'node:assert/strict'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { generateX25519Identity, identityToRecipient } from 'age-encryption'
import { loadServiceConfig } from '../config/load.ts'
import { runIn, testHost } from '../config/testing.ts'
import { CGGMP24_3072, formatKeyShares, type KeyShare, Secret } from '../participant/index.ts'
import { ageMethod } from '../participant/key-share/seal/age.ts'
import { kmsService } from '../participant/key-share/seal/kms.node.ts'
import { kmsMethod } from '../participant/key-share/seal/kms.ts'
import type { SealingMethod } from '../participant/key-share/seal/method.ts'
import { passphraseMethod } from '../participant/key-share/seal/passphrase.ts'
import { lockStore } from '../participant/key-share/seal/store-lock.node.ts'
import { makeSealedFolder, writeSealed } from '../participant/key-share/seal/write.node.ts'
import { dealTestShares } from '../participant/key-share/testing.ts'
import { KMS_ENV, startKms, type TestKms } from '../test/kms-server.ts'
import { openKeystore } from './keystore.ts'
import { runSignService } from './program.ts'

const root = mkdtempSync(join(tmpdir(), 'service-keystore-'))
const dealt =
  dealTestShares({
    parties: ['client', 'service'],
    threshold: 2,
    accounts: ['main', 'other', 'third'],
    level: CGGMP24_3072,
  }).get('service') ?? assert.fail('no shares')
const some = (...accounts: readonly string[]): ReadonlyMap<string, KeyShare> =>
  new Map([...dealt].filter(([account]) => accounts.includes(account)))
const own = some('main', 'other')

const passphraseFile = join(root, 'passphrase')
writeFileSync(passphraseFile, 'correct horse battery\n', { mode: 0o600 })
const passphrase = () => passphraseMethod(new Secret(new TextEncoder().encode('correct horse battery')), { logN: 14 })
const identity = await generateX25519Identity()
const identityFile = join(root, 'identity')
writeFileSync(identityFile, `${identity}\n`, { mode: 0o600 })

let kms: TestKms
before(async () => {
  Object.assign(process.env, KMS_ENV)
  kms = await startKms(['alpha'])
})
after(async () => {
  await kms.close()
  rmSync(root, { recursive: true })
})

let folders = 0
async function sealedFolder(method: SealingMethod, shares = own): Promise<string> {
  const folder = join(root, `keystore-${folders++}`)
  await makeSealedFolder(folder)
  const lock = await lockStore(folder)
  await writeSealed(shares, { folder, levels: [CGGMP24_3072], methods: [method], method, lock, force: false })
  await lock.release()
  return folder
}

let files = 0
function config(keystore: object, more = ''): string {
  const path = join(root, `config-${files++}.yaml`)
  writeFileSync(path, `keystore: ${JSON.stringify(keystore)}\n${more}`)
  return path
}
const check = (keystore: object, argv: readonly string[] = [], stdin = '', more = '') =>
  runIn(testHost([config(keystore, more), '--check-config', ...argv], { stdin }), runSignService)
const open = (keystore: object) => {
  const host = testHost([])
  return openKeystore(loadServiceConfig({ file: config(keystore), env: {} }), host, { owns: true })
}
const GOOD = { exitCode: 0, stdout: 'sign-service: configuration and key shares are valid; accounts: 2\n', stderr: '' }
const kmsKeystore = (folder: string) => ({ type: 'kms', folder, kms_key_id: 'alpha', kms_endpoint: kms.url })

test('sealed files open with the passphrase, the identity or the key service that the configuration names', async () => {
  const underPassphrase = { folder: await sealedFolder(passphrase()), passphrase_file: passphraseFile }
  const age = ageMethod({ recipients: [await identityToRecipient(identity)] })
  const toAge = { folder: await sealedFolder(age), age_identity_file: identityFile }
  const method = kmsMethod(await kmsService({ keyId: 'alpha', endpoint: kms.url }))
  const underKms = kmsKeystore(await sealedFolder(method))
  for (const keystore of [underPassphrase, toAge, underKms]) assert.deepEqual(await check(keystore), GOOD)

  const table: readonly (readonly [object, number, RegExp])[] = [
    [{ ...underPassphrase, folder: toAge.folder }, 2, /is sealed with age; what is accepted here is passphrase\n$/],
    [{ ...toAge, folder: underPassphrase.folder }, 2, /is sealed with passphrase; what is accepted here is age\n$/],
    [kmsKeystore(toAge.folder), 2, /is sealed with age; what is accepted here is kms\n$/],
    [{ ...underPassphrase, folder: join(root, 'none') }, 2, /none: no such folder\n$/],
    [
      { ...underPassphrase, passphrase_file: join(root, 'none') },
      2,
      /keystore\.passphrase_file: \S+none: no such file\n$/,
    ],
    [{ ...underPassphrase, passphrase_file: identityFile }, 2, /sealed: wrong passphrase, or the file is damaged\n$/],
    [{ ...toAge, age_identity_file: passphraseFile }, 2, /age identity file: expected lines that begin with AGE-/],
  ]
  for (const [keystore, exitCode, expected] of table) {
    const ended = await check(keystore)
    assert.equal(ended.exitCode, exitCode, ended.stderr)
    assert.match(ended.stderr, expected)
    assert.ok(!ended.stderr.includes('correct horse') && !ended.stderr.includes('AGE-SECRET-KEY-1'), 'no secret')
  }
  kms.fail('AccessDeniedException', 1)
  const denied = await check(underKms)
  assert.equal(denied.exitCode, 6)
  assert.match(denied.stderr, /kms: these credentials may not use the key \(AccessDeniedException\)\n$/)
})

test('shares from a descriptor are read once and never written', async () => {
  const json = formatKeyShares(own)
  assert.deepEqual(await check({ type: 'memory' }, [], json), GOOD)
  const path = join(root, 'shares.json')
  writeFileSync(path, json, { mode: 0o600 })
  assert.deepEqual(await check({ type: 'memory', shares_fd: openSync(path, 'r') }), GOOD)
  const wrong = await check({ type: 'memory' }, ['--index', '0'], json)
  assert.match(wrong.stderr, /server\.index: is 0, but 1 in the key share of account "main" in file descriptor 0\n$/)
  const missing = await check({ type: 'memory', shares_fd: 987 })
  assert.match(missing.stderr, /keystore\.shares_fd: file descriptor 987 can't be read; is it open\?\n$/)
  const text = await check({ type: 'memory' }, [], 'hunter2')
  assert.equal(text.stderr, 'sign-service: key shares: expected JSON\n')
  const keystore = await open({ type: 'memory', shares_fd: openSync(path, 'r') })
  await assert.rejects(keystore.add(some('third')), { message: 'keystore: shares in memory are never written' })
})

test('a flag that names a file does not go with a keystore elsewhere', async () => {
  const flag = ['--key-shares', join(root, 'x.json')]
  for (const keystore of [{ type: 'memory' }, { folder: 'k', passphrase_file: 'p' }]) {
    const { exitCode, stderr } = await check(keystore, flag)
    assert.equal(exitCode, 2)
    assert.equal(
      stderr,
      'sign-service: --key-shares: expected no keystore in the configuration that the shares are in\n',
    )
  }
})

test('a folder belongs to one service at a time; a check may look', async () => {
  const keystore = { folder: await sealedFolder(passphrase()), passphrase_file: passphraseFile }
  const first = await open(keystore)
  await assert.rejects(open(keystore), { name: 'StateError', reason: 'IN_USE' })
  assert.deepEqual(await check(keystore), GOOD)
  await first.close()
  const second = await open(keystore)
  await second.close()
  assert.deepEqual(
    readdirSync(keystore.folder).filter((name) => name.startsWith('lock')),
    [],
  )
})

test('a start that fails leaves no lock behind', async () => {
  const folder = await sealedFolder(passphrase())
  await assert.rejects(open({ folder, passphrase_file: join(root, 'none') }))
  const argv = [config({ folder, passphrase_file: passphraseFile }, 'policy: {accounts: [absent]}\n')]
  const ended = await runIn(testHost(argv), runSignService)
  assert.match(ended.stderr, /policy\.accounts: \S+ has no key share of account "absent"\n$/)
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith('lock')),
    [],
  )
})

test('an older file that is put back keeps the service from starting', async () => {
  const folder = await sealedFolder(passphrase())
  const keystore = { folder, passphrase_file: passphraseFile }
  const old = join(root, 'old')
  cpSync(folder, old, { recursive: true })
  const method = passphrase()
  const lock = await lockStore(folder)
  const next = new Map([...own].map(([account, share]) => [account, { ...share, epoch: 1 }]))
  await writeSealed(next, { folder, levels: [CGGMP24_3072], methods: [method], method, lock, force: true })
  await lock.release()
  for (const name of readdirSync(old).filter((n) => n.endsWith('.sealed'))) cpSync(join(old, name), join(folder, name))
  const { exitCode, stderr } = await check(keystore)
  assert.equal(exitCode, 6)
  assert.match(stderr, /rollback refused: is of epoch 0, and epoch 1 was here before\n$/)
})

test('the first start with files that age made writes their records', async () => {
  const folder = join(root, 'by-hand')
  mkdirSync(folder, { mode: 0o700 })
  const age = ageMethod({ recipients: [await identityToRecipient(identity)] })
  const head = { account: '', epoch: 0, revision: 1, digest: '' }
  const plain = new TextEncoder().encode(formatKeyShares(own))
  writeFileSync(join(folder, 'all.age'), await age.seal(plain, head), { mode: 0o600 })
  assert.deepEqual(await check({ folder, age_identity_file: identityFile }), GOOD)
  assert.equal(readdirSync(folder).length, 1, 'a check writes nothing')
  await (await open({ folder, age_identity_file: identityFile })).close()
  assert.equal(readdirSync(folder).filter((name) => name.endsWith('.seen')).length, 2)
})

test('accounts that are made while it runs are kept, and taken back only if they were made now', async () => {
  const age = ageMethod({ recipients: [await identityToRecipient(identity)] })
  const method = kmsMethod(await kmsService({ keyId: 'alpha', endpoint: kms.url }))
  const plain = join(root, 'plain.json')
  writeFileSync(plain, formatKeyShares(own), { mode: 0o600 })
  const keystores: readonly (readonly [object, string])[] = [
    [{ folder: await sealedFolder(passphrase()), passphrase_file: passphraseFile }, ''],
    [{ folder: await sealedFolder(age), age_identity_file: identityFile }, ''],
    [kmsKeystore(await sealedFolder(method)), ''],
    [{}, `mpc: {key_share_file: ${JSON.stringify(plain)}}`],
  ]
  for (const [keystore, more] of keystores) {
    const loaded = loadServiceConfig({ file: config(keystore, more), env: {} })
    const reopen = () => openKeystore(loaded, testHost([]), { owns: true })
    const kept = async (): Promise<readonly string[]> => {
      const { shares, close } = await reopen()
      await close()
      return [...shares.keys()].sort()
    }
    const first = await reopen()
    await first.add(some('third'))
    await assert.rejects(first.add(some('main')), { code: 'STATE' }, 'an account that is there is not replaced')
    await first.remove(['main'])
    await first.close()
    assert.deepEqual(await kept(), ['main', 'other', 'third'])
    const second = await reopen()
    await second.remove(['third'])
    await second.close()
    assert.deepEqual(await kept(), ['main', 'other', 'third'], 'made by another run')
  }
  const keystore = await open({ folder: await sealedFolder(age), age_identity_file: identityFile })
  await keystore.add(some('third'))
  await keystore.remove(['third'])
  await keystore.close()
  const looking = await openKeystore(
    loadServiceConfig({ env: {}, file: config({}, `mpc: {key_share_file: ${plain}}`) }),
    testHost([]),
    { owns: false },
  )
  await assert.rejects(looking.add(some('third')), { message: 'keystore: a check changes nothing' })
})

test('a passphrase from systemd is read where it says', async () => {
  const credentials = join(root, 'credentials')
  mkdirSync(credentials)
  const path = join(credentials, 'passphrase')
  writeFileSync(path, 'correct horse battery')
  chmodSync(path, 0o440)
  const keystore = { folder: await sealedFolder(passphrase()) }
  const file = config({ ...keystore, age_identity_file: identityFile })
  const env = { SIGN_SERVICE_KEYSTORE_PASSPHRASE_FILE: path, CREDENTIALS_DIRECTORY: credentials }
  assert.deepEqual(await runIn(testHost([file, '--check-config'], { env }), runSignService), GOOD)
  const { CREDENTIALS_DIRECTORY: _, ...bare } = env
  const refused = await runIn(testHost([file, '--check-config'], { env: bare }), runSignService)
  assert.match(refused.stderr, /mode is 0440, use chmod 600\n$/)
  assert.ok(existsSync(path) && readFileSync(path, 'utf8') === 'correct horse battery', 'and left as it is')
})
