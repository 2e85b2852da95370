/** What key-gen writes: looked at before, all or nothing, and only for its owner. */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { CGGMP24_3072 } from '../participant/index.ts'
import { dealTestShares } from '../participant/key-share/testing.ts'
import { requireWritable, writeShares } from './targets.ts'

const root = mkdtempSync(join(tmpdir(), 'targets-'))
after(() => rmSync(root, { recursive: true }))

const shares =
  dealTestShares({ parties: ['a', 'b'], threshold: 2, accounts: ['main'], level: CGGMP24_3072 }).get('a') ??
  assert.fail('no shares')

test('a folder is no file to write, with --force neither', async () => {
  const folder = join(root, 'folder')
  mkdirSync(folder)
  const isFolder = { message: `${folder}: is a folder, expected a file or nothing` }
  await assert.rejects(requireWritable([folder], { flag: '--out', force: true }), isFolder)
  await assert.rejects(requireWritable([folder], { flag: '--out', force: false }), /exists already/)
})

test('a folder that is made is its owner’s alone, and goes with a command that fails', async () => {
  const folder = join(root, 'made')
  const path = join(folder, 'share.json')
  const before = join(root, 'before.json')
  writeFileSync(before, 'before')
  const both = [path, before].map((at) => ({ path: at, shares }))
  await assert.rejects(writeShares(both, false), /before.json/)
  assert.ok(!existsSync(folder), 'nothing is left')
  assert.equal(readFileSync(before, 'utf8'), 'before')

  await writeShares([{ path, shares }], false)
  assert.equal(statSync(folder).mode & 0o777, 0o700)
  assert.equal(statSync(path).mode & 0o777, 0o600)
})
