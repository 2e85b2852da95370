/** Keystore folders: what is written is read, whoever changes, swaps, removes or puts back a file is refused. */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { generateX25519Identity, identityToRecipient } from 'age-encryption'
import { utf8ToBytes } from '../../base/bytes.ts'
import { INSECURE_TEST } from '../../base/level.ts'
import { secret } from '../../base/secret.ts'
import { readKeyShareFile } from '../file.node.ts'
import { formatKeyShares } from '../format.ts'
import type { KeyShare } from '../key-share.ts'
import { dealTestShares } from '../testing.ts'
import { ageMethod } from './age.ts'
import { shareDigest } from './digest.ts'
import { type FolderOptions, readSealedFolder, remember } from './folder.node.ts'
import type { SealingMethod } from './method.ts'
import { recordName, sealedName } from './names.ts'
import { NOT_OPENED, passphraseMethod } from './passphrase.ts'
import { lockStore } from './store-lock.node.ts'
import { makeSealedFolder, writeSealed } from './write.node.ts'

const root = mkdtempSync(join(tmpdir(), 'keystore-'))
after(() => rmSync(root, { recursive: true }))

const levels = [INSECURE_TEST]
const sharesOf = (epoch = 0, accounts = ['main', 'Othér/…'], party = 'a'): ReadonlyMap<string, KeyShare> =>
  dealTestShares({ parties: ['a', 'b'], threshold: 2, accounts, level: INSECURE_TEST, epoch }).get(party) ??
  assert.fail('no shares')
const dealt = sharesOf()
const main = dealt.get('main') ?? assert.fail('no share')
/** The same party's share of a later epoch. */
const atEpoch = (epoch: number, shares = dealt): ReadonlyMap<string, KeyShare> =>
  new Map([...shares].map(([account, share]) => [account, { ...share, epoch }]))

const passphrase = passphraseMethod(secret(utf8ToBytes('correct horse')), { logN: 14 })
const identity = await generateX25519Identity()
const age = ageMethod({ recipients: [await identityToRecipient(identity)], identities: secret([identity]) })

let folders = 0
const freshPath = (): string => join(root, String(folders++))

async function write(
  folder: string,
  shares = dealt,
  o: Partial<FolderOptions> & { force?: boolean; method?: SealingMethod } = {},
) {
  await makeSealedFolder(folder)
  const lock = await lockStore(folder)
  const { method = passphrase, force = false } = o
  return writeSealed(shares, { folder, levels, methods: [method], method, lock, force, ...o }).finally(lock.release)
}
const read = (folder: string, methods = [passphrase], recordFolder?: string) =>
  readSealedFolder({ folder, levels, methods, recordFolder })
const written = async (shares = dealt, o = {}): Promise<string> => {
  const folder = freshPath()
  await write(folder, shares, o)
  return folder
}
const MAIN = sealedName('main')

test('what is sealed is read back whole, from files of mode 0600 in a folder of mode 0700, whatever the umask', async () => {
  const before = process.umask(0)
  const folder = await written().finally(() => process.umask(before))
  const { shares, news, paths } = await read(folder)
  assert.equal(formatKeyShares(new Map([...shares].sort())), formatKeyShares(new Map([...dealt].sort())))
  assert.equal(shares.get('main')?.aux, shares.get('Othér/…')?.aux, 'accounts of one roster share their moduli')
  assert.deepEqual(news, [])
  assert.equal(paths.get('main'), join(folder, MAIN))
  const names = readdirSync(folder)
  assert.deepEqual(names.sort(), [MAIN, recordName('main'), sealedName('Othér/…'), recordName('Othér/…')].sort())
  for (const name of names) assert.equal(statSync(join(folder, name)).mode & 0o777, 0o600, name)
  assert.equal(statSync(folder).mode & 0o777, 0o700)
})

test('a damaged, cut, exchanged or misplaced file is refused by name', async () => {
  const good = await written()
  const path = join(good, MAIN)
  const text = readFileSync(path, 'utf8')
  const other = readFileSync(join(good, sealedName('Othér/…')), 'utf8')
  const [line = '', body = ''] = text.split('\n')
  const table: readonly (readonly [string, string, RegExp])[] = [
    ['damaged', `${line}\n${body.slice(0, 40)}AAAA${body.slice(44)}\n`, new RegExp(NOT_OPENED)],
    ['cut', text.slice(0, 5000), /is cut off/],
    ['empty', '', /expected a header line, or an age file/],
    ['of another account', other, /account "Othér\/…" is in \S+ too/],
    ['with the header of another', `${other.split('\n')[0]}\n${body}\n`, new RegExp(NOT_OPENED)],
    ['plain', formatKeyShares(dealt), /expected a header line, or an age file/],
  ]
  for (const [what, content, expected] of table) {
    const folder = freshPath()
    cpSync(good, folder, { recursive: true })
    writeFileSync(join(folder, MAIN), content)
    await assert.rejects(read(folder), (e: Error) => {
      assert.equal(e.name, 'DecodeError', what)
      assert.match(e.message, expected, what)
      assert.ok(e.message.startsWith(folder), 'the path is named')
      return true
    })
  }
  renameSync(path, join(good, 'renamed.sealed'))
  assert.equal((await read(good)).shares.size, 2, 'the account is the one inside, whatever the name')
})

/** Seals this text as if it were the share of the head. */
async function forged(text: string, change: object = {}): Promise<string> {
  const folder = await written(new Map([['main', main]]))
  rmSync(join(folder, recordName('main')))
  const head = { account: 'main', epoch: 0, revision: 1, digest: shareDigest(main), ...change }
  writeFileSync(join(folder, MAIN), await passphrase.seal(utf8ToBytes(text), head))
  return folder
}

test('what is inside must be what the header says', async () => {
  const own = formatKeyShares(new Map([['main', main]]))
  const table: readonly (readonly [string, object, RegExp])[] = [
    [own, { epoch: 1 }, /epoch: expected that of the share inside$/],
    [own, { digest: '00'.repeat(32) }, /digest: expected that of the share inside$/],
    [own, { account: 'second' }, /expected a share of the account in its header inside, and nothing else$/],
    [formatKeyShares(dealt), {}, /expected a share of the account in its header inside, and nothing else$/],
    ['no json', {}, /expected the JSON of key shares inside$/],
    ['[]', {}, /expected the JSON of key shares inside$/],
    ['{"main": {"version": 2}}', {}, /key shares: account "main": version: expected 1$/],
  ]
  for (const [text, change, expected] of table) {
    await assert.rejects(read(await forged(text, change)), { name: 'DecodeError', message: expected })
  }
  assert.equal((await read(await forged(own))).shares.size, 1, 'the same without a change opens')
})

test('a file is opened only in a way that was asked for', async () => {
  const folder = await written(dealt, { method: age })
  assert.equal((await read(folder, [passphrase, age])).shares.size, 2)
  await assert.rejects(read(folder), {
    name: 'UsageError',
    message: /is sealed with age; what is accepted here is passphrase$/,
  })
  await assert.rejects(read(folder, []), { message: /what is accepted here is nothing$/ })
})

test('a file that age made of the JSON of key-gen is read, also with several accounts', async () => {
  const folder = freshPath()
  await makeSealedFolder(folder)
  const head = { account: 'main', epoch: 0, revision: 1, digest: '' }
  const path = join(folder, 'by-hand.age')
  writeFileSync(path, await age.seal(utf8ToBytes(formatKeyShares(dealt)), head), { mode: 0o600 })
  const { shares, news } = await read(folder, [age])
  assert.deepEqual([...shares.keys()], [...dealt.keys()])
  assert.equal(news.length, 2, 'nothing of them was seen before')
})

test('permissions of folder and files, and folders that are none', async () => {
  const folder = await written()
  for (const mode of [0o750, 0o701, 0o707]) {
    chmodSync(folder, mode)
    const shown = `0${mode.toString(8)}`
    const message = `${folder}: expected a folder that only its owner can enter; mode is ${shown}, use chmod 700`
    await assert.rejects(read(folder), { name: 'UsageError', message })
    await assert.rejects(lockStore(folder), { name: 'UsageError', message })
    await assert.rejects(write(folder), { name: 'UsageError', message })
  }
  chmodSync(folder, 0o700)
  for (const name of [MAIN, recordName('main')]) {
    chmodSync(join(folder, name), 0o640)
    await assert.rejects(read(folder), {
      name: 'UsageError',
      message: /expected a file that only its owner can read; mode is 0640/,
    })
    chmodSync(join(folder, name), 0o600)
  }
  await assert.rejects(read(join(root, 'none')), { name: 'UsageError', message: /none: no such folder$/ })
  await assert.rejects(read(join(folder, MAIN)), { name: 'UsageError', message: /expected a folder$/ })
  const empty = freshPath()
  mkdirSync(empty, { mode: 0o700 })
  await assert.rejects(read(empty), { name: 'UsageError', message: /expected at least one sealed file$/ })
  await assert.rejects(makeSealedFolder(join(root, 'none', 'deeper')), {
    name: 'StateError',
    message: /can't be made \(ENOENT\)$/,
  })
})

test('nothing is overwritten without force, and then nothing has changed', async () => {
  const folder = await written(new Map([['main', main]]))
  const before = readFileSync(join(folder, MAIN))
  await assert.rejects(write(folder), {
    name: 'StateError',
    message: /exists already; it is not overwritten without force/,
  })
  assert.deepEqual(readFileSync(join(folder, MAIN)), before)
  assert.equal(readdirSync(folder).length, 2)
  const lock = await lockStore(folder)
  const elsewhere = { folder: await written(), levels, methods: [], method: passphrase, lock, force: true }
  await assert.rejects(writeSealed(dealt, elsewhere), {
    name: 'UsageError',
    message: 'seal: expected the lock of this folder',
  })
  await lock.release()
})

const ROLLBACK = (what: string) => ({
  name: 'StateError',
  reason: 'ROLLBACK',
  message: new RegExp(`rollback refused: ${what}`),
})

test('an older epoch, an older revision, and another share of the same epoch are refused', async () => {
  const folder = await written()
  const path = join(folder, MAIN)
  const [first, second, third] = ['first', 'second', 'third'].map((name) => join(folder, `${name}.kept`))
  assert.ok(first !== undefined && second !== undefined && third !== undefined)
  copyFileSync(path, first)
  await write(folder, dealt, { force: true })
  copyFileSync(path, second)
  const { news } = await read(folder)
  assert.deepEqual(news, [])
  copyFileSync(first, path)
  await assert.rejects(read(folder), ROLLBACK('is revision 1, and revision 2 was here before'))

  copyFileSync(second, path)
  await write(folder, atEpoch(1), { force: true })
  copyFileSync(path, third)
  copyFileSync(second, path)
  await assert.rejects(read(folder), ROLLBACK('is of epoch 0, and epoch 1 was here before'))
  copyFileSync(third, path)
  assert.equal((await read(folder)).shares.get('main')?.epoch, 1)

  await assert.rejects(write(folder, dealt, { force: true }), ROLLBACK('is of epoch 0, and epoch 1'))
  const stranger = { ...(sharesOf(1).get('main') ?? main), identity: main.identity }
  await assert.rejects(
    write(folder, new Map([['main', stranger]]), { force: true }),
    ROLLBACK('is another key share of epoch 1'),
  )
})

test('an age file has no revision: of the same epoch only the same share is taken', async () => {
  const folder = await written()
  await write(folder, dealt, { force: true, method: age })
  assert.deepEqual((await read(folder, [age])).news, [])
  await write(folder, dealt, { force: true })
  const header = JSON.parse(readFileSync(join(folder, MAIN), 'utf8').split('\n')[0] ?? '') as { revision: number }
  assert.equal(header.revision, 3, 'the record counted on')
  const head = { account: 'main', epoch: 0, revision: 1, digest: '' }
  const other = { ...main, core: { ...main.core, chainCode: new Uint8Array(32) } }
  const of = (share: KeyShare) => age.seal(utf8ToBytes(formatKeyShares(new Map([['main', share]]))), head)
  writeFileSync(join(folder, MAIN), await of(other))
  await assert.rejects(read(folder, [age, passphrase]), ROLLBACK('is another key share of epoch 0'))
  const foreign = sharesOf(0, ['main']).get('main') ?? assert.fail('no share')
  writeFileSync(join(folder, MAIN), await of(foreign))
  await assert.rejects(read(folder, [age, passphrase]), /record of this account and party|rollback refused|epoch/)
})

test('a record can be neither changed nor exchanged, and an account that was here may not be missing', async () => {
  const folder = await written()
  const path = join(folder, recordName('main'))
  const record = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>
  const other = readFileSync(join(folder, recordName('Othér/…')), 'utf8')
  const expected = {
    name: 'DecodeError',
    message: `${path}: expected the record of this account and party; it is damaged, or of another key`,
  }
  const changes = [{ epoch: 1 }, { revision: 0 }, { digest: '00'.repeat(32) }, { mac: '00'.repeat(32) }, { more: 1 }]
  for (const change of changes) {
    writeFileSync(path, JSON.stringify({ ...record, ...change }))
    await assert.rejects(read(folder), expected, JSON.stringify(change))
    await assert.rejects(write(folder, dealt, { force: true }), expected)
  }
  writeFileSync(path, other)
  await assert.rejects(read(folder), expected)
  writeFileSync(path, 'x'.repeat(5000))
  await assert.rejects(read(folder), { message: /expected at most 4096 bytes/ })
  writeFileSync(path, JSON.stringify(record))
  rmSync(join(folder, MAIN))
  await assert.rejects(read(folder), {
    name: 'StateError',
    message: `${path}: account "main" was here before, and its sealed file is not`,
  })
})

test('without a record the file is taken as it is; who holds the lock writes one', async () => {
  const folder = await written()
  rmSync(join(folder, recordName('main')))
  const options = { folder, levels, methods: [passphrase] }
  const { news } = await readSealedFolder(options)
  assert.deepEqual(
    news.map(({ head }) => [head.account, head.epoch, head.revision]),
    [['main', 0, 1]],
  )
  assert.ok(!readdirSync(folder).includes(recordName('main')), 'reading writes nothing')
  const lock = await lockStore(folder)
  await remember(options, lock, news)
  await lock.release()
  assert.deepEqual((await readSealedFolder(options)).news, [])
})

test('records can be kept in another folder', async () => {
  const recordFolder = freshPath()
  mkdirSync(recordFolder, { mode: 0o700 })
  const folder = await written(dealt, { recordFolder })
  assert.deepEqual(readdirSync(recordFolder).sort(), [recordName('main'), recordName('Othér/…')].sort())
  assert.equal(readdirSync(folder).length, 2)
  const old = freshPath()
  cpSync(folder, old, { recursive: true })
  await write(folder, dealt, { recordFolder, force: true })
  await assert.rejects(read(old, [passphrase], recordFolder), ROLLBACK('is revision 1'))
  assert.equal((await read(folder, [passphrase], recordFolder)).news.length, 0)
})

test('names of accounts that a file system would confuse are different', () => {
  const names = ['a', 'A', 'a/b', 'a-b', '..', '.', 'é', 'x'.repeat(128)].map(sealedName)
  assert.equal(new Set(names.map((n) => n.toLowerCase())).size, names.length)
  for (const name of names) assert.match(name, /^[A-Za-z0-9_-]{1,57}\.sealed$/)
})

test('killed at any moment of a replacement, each account has its old file or its new one, and the folder opens', async () => {
  const source = join(root, 'next.json')
  writeFileSync(source, formatKeyShares(atEpoch(1)), { mode: 0o600 })
  assert.equal((await readKeyShareFile(source, { levels })).size, 2)
  const start = await written()
  const child = fileURLToPath(new URL('../../../test/keystore-child.ts', import.meta.url))
  const command = (folder: string, n: number) => [
    '--import',
    import.meta.resolve('tsx'),
    child,
    source,
    folder,
    String(n),
  ]
  const copy = (): string => {
    const folder = freshPath()
    cpSync(start, folder, { recursive: true })
    return folder
  }
  const whole = spawnSync(process.execPath, command(copy(), 0), { encoding: 'utf8' })
  const calls = Number(whole.stdout)
  assert.ok(calls >= 12, `calls of one write: ${whole.stdout} ${whole.stderr}`)

  const seen = new Set<string>()
  const killAt = async (n: number): Promise<void> => {
    const folder = copy()
    const [, signal] = (await once(spawn(process.execPath, command(folder, n)), 'exit')) as [number, string]
    assert.equal(signal, 'SIGKILL', `call ${n}`)
    const { shares, news } = await read(folder)
    const epochs = [...shares.values()].map((s) => s.epoch)
    seen.add(epochs.join(' '))
    for (const [account, share] of shares) assert.deepEqual(share.core.x, dealt.get(account)?.core.x)
    for (const { head } of news) assert.equal(head.epoch, 1, 'only a record of the new epoch can be missing')
    const lock = await lockStore(folder)
    await lock.release()
  }
  const step = Math.max(1, Math.floor(calls / 8))
  const points = Array.from({ length: Math.ceil(calls / step) }, (_, i) => 1 + i * step)
  for (let i = 0; i < points.length; i += 2) await Promise.all(points.slice(i, i + 2).map(killAt))
  assert.ok(seen.has('0 0'), 'killed before')
  assert.ok(seen.has('1 1'), 'killed after')
})
