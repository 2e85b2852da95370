/** Key share files on disk: permissions, and writes that happen wholly or not at all. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { INSECURE_TEST } from '../base/level.ts'
import { readKeyShareFile, writeFileAtomic, writeKeyShareFiles } from './file.node.ts'
import { formatKeyShares } from './format.ts'
import type { KeyShare } from './key-share.ts'
import { dealTestShares } from './testing.ts'

const LEVELS = { levels: [INSECURE_TEST] }
const deal = dealTestShares({ parties: ['a', 'b'], threshold: 2, accounts: ['main'], level: INSECURE_TEST })
const json = formatKeyShares(deal.get('a') as ReadonlyMap<string, KeyShare>)

const root = await mkdtemp(join(tmpdir(), 'key-share-'))
after(() => rm(root, { recursive: true }))

async function folder(): Promise<string> {
  return mkdtemp(join(root, 'case-'))
}

test('what is written is read back, with mode 0600 whatever the umask', async () => {
  const path = join(await folder(), 'shares.json')
  const before = process.umask(0o000)
  try {
    await writeKeyShareFiles([{ path, data: json }], { force: false })
  } finally {
    process.umask(before)
  }
  assert.equal((await stat(path)).mode & 0o777, 0o600)
  assert.deepEqual([...(await readKeyShareFile(path, LEVELS)).keys()], ['main'])
})

test('a symbolic link to a private file is followed', async () => {
  const dir = await folder()
  await writeFileAtomic(join(dir, 'real'), json, { force: false })
  await symlink('real', join(dir, 'link'))
  assert.equal((await readKeyShareFile(join(dir, 'link'), LEVELS)).size, 1)
})

test('files that group or others may touch are refused', async () => {
  const path = join(await folder(), 'shares.json')
  await writeFile(path, json)
  for (const mode of [0o640, 0o604, 0o620, 0o602, 0o610, 0o601]) {
    await chmod(path, mode)
    const shown = `0${mode.toString(8)}`
    await assert.rejects(readKeyShareFile(path, LEVELS), {
      name: 'UsageError',
      message: `${path}: expected a file that only its owner can read; mode is ${shown}, use chmod 600`,
    })
  }
  await chmod(path, 0o400)
  assert.equal((await readKeyShareFile(path, LEVELS)).size, 1)
})

test('missing, no file, a pipe: refused at once, with the path', async () => {
  const dir = await folder()
  const path = join(dir, 'none')
  await assert.rejects(readKeyShareFile(path, LEVELS), {
    name: 'UsageError',
    message: `${path}: no such key share file`,
  })
  await assert.rejects(readKeyShareFile(dir, LEVELS), {
    name: 'UsageError',
    message: `${dir}: expected a regular file`,
  })
  const pipe = join(dir, 'pipe')
  execFileSync('mkfifo', ['-m', '600', pipe])
  await assert.rejects(readKeyShareFile(pipe, LEVELS), {
    name: 'UsageError',
    message: `${pipe}: expected a regular file`,
  })
  const below = join(dir, 'pipe', 'x')
  await assert.rejects(readKeyShareFile(below, LEVELS), { name: 'UsageError', message: /can't be opened \(ENOTDIR\)/ })
})

test('malformed content is refused with the path', async () => {
  const path = join(await folder(), 'shares.json')
  await writeFileAtomic(path, '{"main": 1}', { force: false })
  await assert.rejects(readKeyShareFile(path, LEVELS), {
    name: 'DecodeError',
    message: `${path}: key shares: account "main": entry: expected an object`,
  })
  await writeFileAtomic(path, Uint8Array.of(0xff, 0xfe), { force: true })
  await assert.rejects(readKeyShareFile(path, LEVELS), {
    name: 'DecodeError',
    message: `${path}: expected well-formed UTF-8`,
  })
})

test('an existing file is kept without force and replaced with it', async () => {
  const dir = await folder()
  const path = join(dir, 'f')
  await writeFileAtomic(path, 'old', { force: false, mode: 0o644 })
  assert.equal((await stat(path)).mode & 0o777, 0o644)
  await assert.rejects(writeFileAtomic(path, 'new', { force: false }), {
    name: 'StateError',
    message: `${path}: exists already; it is not overwritten without force`,
  })
  assert.equal(await readFile(path, 'utf8'), 'old')
  await writeFileAtomic(path, 'new', { force: true })
  assert.equal(await readFile(path, 'utf8'), 'new')
  assert.equal((await stat(path)).mode & 0o777, 0o600)
  assert.deepEqual(await readdir(dir), ['f'])
})

test('of many writers without force exactly one wins, and its content is whole', async () => {
  const dir = await folder()
  const path = join(dir, 'f')
  const texts = Array.from({ length: 20 }, (_, i) => String(i).repeat(50_000))
  const results = await Promise.allSettled(texts.map((t) => writeFileAtomic(path, t, { force: false })))
  const winners = results.flatMap((r, i) => (r.status === 'fulfilled' ? [i] : []))
  assert.equal(winners.length, 1)
  assert.equal(await readFile(path, 'utf8'), texts[winners[0] as number])
  assert.deepEqual(await readdir(dir), ['f'])
})

test('of two files, none is written when the second exists', async () => {
  const dir = await folder()
  const [a, b] = [join(dir, 'a'), join(dir, 'b')]
  await writeFile(b, 'old')
  const files = [
    { path: a, data: 'new' },
    { path: b, data: 'new' },
  ]
  await assert.rejects(writeKeyShareFiles(files, { force: false }), {
    name: 'StateError',
    message: new RegExp(`^${b}: exists`),
  })
  assert.deepEqual(await readdir(dir), ['b'])
  assert.equal(await readFile(b, 'utf8'), 'old')
})

test('with force, old content comes back when a later file fails', async () => {
  const dir = await folder()
  const [a, b, c] = [join(dir, 'a'), join(dir, 'b'), join(dir, 'c')]
  await writeFile(a, 'old a')
  await mkdir(join(c, 'in the way'), { recursive: true })
  const files = [a, b, c].map((path) => ({ path, data: 'new' }))
  await assert.rejects(writeKeyShareFiles(files, { force: true }), {
    name: 'StateError',
    message: new RegExp(`^${c}: can't be written`),
  })
  assert.deepEqual(await readdir(dir), ['a', 'c'])
  assert.equal(await readFile(a, 'utf8'), 'old a')
  assert.deepEqual(await readdir(c), ['in the way'])
})

test('a folder that is missing or not writable is named, and nothing is left', async () => {
  const dir = await folder()
  const path = join(dir, 'none', 'f')
  await assert.rejects(writeFileAtomic(path, 'x', { force: true }), {
    name: 'StateError',
    message: `${path}: can't be written (ENOENT)`,
  })
  const target = join(dir, 'd')
  await mkdir(target)
  await assert.rejects(writeFileAtomic(target, 'x', { force: true }), { name: 'StateError' })
  assert.deepEqual(await readdir(dir), ['d'])
})

test('the same path twice is refused before anything is written', async () => {
  const dir = await folder()
  const files = [
    { path: join(dir, 'f'), data: '1' },
    { path: join(dir, '.', 'f'), data: '2' },
  ]
  await assert.rejects(writeKeyShareFiles(files, { force: true }), { name: 'UsageError' })
  assert.deepEqual(await readdir(dir), [])
})
