import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { openAuditLog } from '../config/audit/writer.ts'
import { runIn, testHost } from '../config/testing.ts'
import { runWalletMpc } from './program.ts'

const folder = mkdtempSync(join(tmpdir(), 'audit-cli-'))
after(() => rmSync(folder, { recursive: true }))

const verify = (...args: string[]) => runIn(testHost(['audit', 'verify', ...args]), runWalletMpc)

test('a whole record, by its head, and a changed one', async () => {
  const path = join(folder, 'audit.jsonl')
  const log = await openAuditLog(path)
  for (let i = 0; i < 3; i++) await log.append('signed', { account: 'main', i })
  const { head } = log
  await log.close()
  const whole = await verify(path)
  assert.equal(whole.exitCode, 0)
  assert.equal(whole.stdout, `whole: 3 lines\nhead: 3 ${head.hash}\n`)
  assert.equal((await verify(path, '--head', `3 ${head.hash}`)).exitCode, 0)
  assert.match((await verify(path, '--head', `4 ${head.hash}`)).stderr, /ends at line 3, expected line 4/)
  for (const flag of ['--head', '--after']) {
    assert.match((await verify(path, flag, 'x')).stderr, new RegExp(`${flag}: expected a line number and a hash`))
  }
  const [first = '', ...rest] = readFileSync(path, 'utf8').split('\n')
  const later = join(folder, 'later.jsonl')
  writeFileSync(later, rest.join('\n'))
  assert.match((await verify(later)).stderr, /line 1: out of order/)
  assert.equal((await verify(later, '--after', `1 ${(JSON.parse(first) as { hash: string }).hash}`)).exitCode, 0)
  writeFileSync(path, readFileSync(path, 'utf8').replace('"i":1', '"i":7'))
  const changed = await verify(path)
  assert.equal(changed.exitCode, 2)
  assert.match(changed.stderr, /line 2: changed \(whole up to line 1\)/)
  assert.match((await verify(join(folder, 'none'))).stderr, /can't be read \(ENOENT\)/)
})
