/** What was counted is on the disk before anybody hears of it, and stays counted whatever happens. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { open as openFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { StateError } from '../../participant/index.ts'
import { DAY_MS, openJournal } from './journal.ts'
import type { Entry } from './journal-line.ts'

const folder = mkdtempSync(join(tmpdir(), 'journal-'))
after(() => rmSync(folder, { recursive: true }))
let files = 0
const fresh = (): string => join(folder, `state-${files++}`, 'journal')

const NOW = 1_800_000_000_000
const spending = (digest: string, wei: string, at = NOW): Entry => ({
  at,
  spent: { rule: 'r', account: 'a', digest, wei },
})
const permit = (id: string, expires = NOW / 1000 + 60): Entry => ({ at: NOW, permit: { id, expires } })
const open = (path: string, now = NOW) => openJournal(path, () => now)
const isState = (e: unknown): boolean => e instanceof StateError

test('what is recorded counts at once, is on the disk when that resolves, and after a restart', async () => {
  const path = fresh()
  const journal = await open(path)
  const recorded = journal.record(spending('d1', '5'))
  assert.equal(journal.spent('r', 'a', '', NOW), 5n, 'before it is written')
  await recorded
  assert.match(readFileSync(path, 'utf8'), /^[0-9a-f]{8} \{.*"wei":"5".*\}\n$/, 'on the disk')
  await journal.record({ ...spending('d2', '7'), ...permit('p'), at: NOW })
  await journal.close()
  const again = await open(path)
  assert.equal(again.spent('r', 'a', '', NOW), 12n)
  assert.equal(again.isUsed('p'), true)
  assert.equal(again.isUsed('q'), false)
  assert.equal(again.spent('other', 'a', '', NOW), 0n, 'of another rule')
  assert.equal(again.spent('r', 'other', '', NOW), 0n, 'of another account')
  assert.equal(again.spent('r', 'a', 'd1', NOW), 7n, 'without what is asked for')
  assert.equal(statSync(path).mode & 0o777, 0o600)
  assert.equal(statSync(join(path, '..')).mode & 0o777, 0o700)
  await again.close()
  await assert.rejects(again.record(spending('d3', '1')), isState)
})

test('a day later it counts no more; the same digest counts once, at its last time; a clock set back forgets nothing', async () => {
  const journal = await open(fresh())
  await journal.record(spending('d1', '5'))
  assert.equal(journal.spent('r', 'a', '', NOW + DAY_MS - 1), 5n)
  assert.equal(journal.spent('r', 'a', '', NOW + DAY_MS), 0n)
  assert.equal(journal.spent('r', 'a', '', NOW - DAY_MS), 5n, 'the clock was set back')
  await journal.record(spending('d1', '5', NOW + 1000))
  assert.equal(journal.spent('r', 'a', '', NOW + 1000), 5n)
  assert.equal(journal.spent('r', 'a', '', NOW + DAY_MS), 5n)
  await journal.close()
})

test('requests that come together are all counted', async () => {
  const path = fresh()
  const journal = await open(path)
  await Promise.all(Array.from({ length: 300 }, (_, i) => journal.record(spending(`d${i}`, '1'))))
  await journal.close()
  assert.equal((await open(path)).spent('r', 'a', '', NOW), 300n)
})

test('a torn last line was never acknowledged: it is cut off, and what follows is whole', async () => {
  const path = fresh()
  const journal = await open(path)
  await journal.record(spending('d1', '5'))
  await journal.close()
  const whole = readFileSync(path, 'utf8')
  for (const torn of [whole.slice(0, 3), whole.slice(0, -1), whole.slice(0, 40)]) {
    writeFileSync(path, whole + torn)
    const again = await open(path)
    assert.equal(again.spent('r', 'a', '', NOW), 5n)
    await again.record(spending('d2', '1'))
    await again.close()
    const last = await open(path)
    assert.equal(last.spent('r', 'a', '', NOW), 6n)
    await last.close()
  }
})

test('any other damage stops it, and says where', async () => {
  const path = fresh()
  const journal = await open(path)
  for (const d of ['d1', 'd2', 'd3']) await journal.record(spending(d, '5'))
  await journal.close()
  const lines = readFileSync(path, 'utf8').split('\n')
  const [, second = ''] = lines
  const changes = [second.replace('"5"', '"0"'), '', second.slice(1), second.replace('d2', 'd9')]
  for (const change of changes) {
    writeFileSync(path, lines.map((l, i) => (i === 1 ? change : l)).join('\n'))
    await assert.rejects(open(path), /line 2 is damaged/, change)
  }
})

test('a file that others can use, a folder in its place: refused', async () => {
  const path = fresh()
  await (await open(path)).close()
  chmodSync(path, 0o640)
  await assert.rejects(open(path), /only its owner can use$/)
  const other = fresh()
  mkdirSync(other, { recursive: true })
  await assert.rejects(open(other), isState)
})

test('a write that fails is refused; afterwards it goes on with what is on the disk', async () => {
  const path = fresh()
  const journal = await open(path)
  await journal.record(spending('d1', '5'))
  // another process on the same folder
  const other = await open(path)
  await other.record(spending('d2', '7'))
  await assert.rejects(journal.record(spending('d3', '1')), isState, 'somebody else writes here')
  await journal.ready()
  assert.equal(journal.spent('r', 'a', '', NOW), 13n, 'all of it counts, what was refused too')
  rmSync(path)
  await assert.rejects(journal.record(spending('d4', '1')), isState, 'the file is gone')
  rmSync(join(path, '..'), { recursive: true })
  writeFileSync(join(path, '..'), 'in the way')
  await assert.rejects(journal.ready(), isState)
  await assert.rejects(journal.record(spending('d5', '1')), isState)
  rmSync(join(path, '..'))
  await journal.record(spending('d6', '1'))
  await journal.close()
  await other.close()
})

test('a file that took the place of ours, as large as it is, is not ours', async () => {
  const path = fresh()
  const journal = await open(path)
  await journal.record(spending('d1', '5'))
  copyFileSync(path, `${path}.copy`)
  renameSync(`${path}.copy`, path)
  await assert.rejects(journal.record(spending('d2', '1')), isState)
  await journal.close()
})

test('nothing is said before the system has put it on the disk', async () => {
  const path = fresh()
  const journal = await open(path)
  const handle = await openFile(path)
  const prototype = Object.getPrototypeOf(handle) as Record<'appendFile' | 'datasync', () => Promise<void>>
  await handle.close()
  for (const step of ['appendFile', 'datasync'] as const) {
    const real = prototype[step]
    let go = (): void => {}
    const gate = new Promise<void>((resolve) => {
      go = resolve
    })
    let reached = (): void => {}
    const called = new Promise<void>((resolve) => {
      reached = resolve
    })
    prototype[step] = async function (this: unknown, ...args: []) {
      reached()
      await gate
      return real.apply(this, args)
    }
    try {
      let told = false
      const recorded = journal.record(spending(step, '1')).then(() => {
        told = true
      })
      await called
      await sleep(50)
      assert.equal(told, false, step)
      go()
      await recorded
    } finally {
      prototype[step] = real
    }
  }
  await journal.close()
})

test('what matters no more leaves the file; what matters stays', async () => {
  const path = fresh()
  mkdirSync(join(path, '..'))
  writeFileSync(path, '', { mode: 0o600 })
  let now = NOW
  const journal = await openJournal(path, () => now)
  for (let i = 0; i < 25; i++) {
    const batch = Array.from({ length: 1000 }, (_, j) => journal.record(spending(`d${i}-${j}`, '1', now)))
    await Promise.all(batch)
  }
  await journal.record(permit('old', NOW / 1000 + 60))
  await journal.record(permit('kept', NOW / 1000 + 864_000))
  now = NOW + 3 * DAY_MS
  await journal.record({ ...permit('new', now / 1000 + 60), at: now })
  await journal.record(spending('late', '3', now))
  assert.equal(readFileSync(path, 'utf8').split('\n').length - 1 < 10, true, 'written anew')
  assert.equal(statSync(path).mode & 0o777, 0o600)
  await journal.close()
  const again = await openJournal(path, () => now)
  assert.equal(again.spent('r', 'a', '', now), 3n)
  assert.equal(again.isUsed('new'), true)
  assert.equal(again.isUsed('kept'), true)
  await again.close()
})

test('kill -9 in the middle, again and again: nothing that was acknowledged is lost', { timeout: 60_000 }, async () => {
  const path = fresh()
  const child = fileURLToPath(new URL('./journal-child.ts', import.meta.url))
  let acknowledged = -1
  for (let round = 0; round < 5; round++) {
    const running = spawn(process.execPath, ['--import', 'tsx', child, path, String(acknowledged + 1)])
    let [output, errors] = ['', '']
    running.stderr.on('data', (chunk) => {
      errors += String(chunk)
    })
    const enough = new Promise<void>((resolve) => {
      running.stdout.on('data', (chunk) => {
        output += String(chunk)
        if (output.split('\n').length > 5 + round) resolve()
      })
    })
    const ended = once(running, 'close')
    await Promise.race([enough, ended])
    running.kill('SIGKILL')
    await ended
    assert.equal(errors, '')
    const said = output.slice(0, output.lastIndexOf('\n')).split('\n')
    acknowledged = Number(said[said.length - 1])
    const journal = await openJournal(path)
    assert.ok(journal.spent('r', 'a', '', Date.now()) >= BigInt(acknowledged + 1), `round ${round}: value`)
    for (let i = 0; i <= acknowledged; i++) assert.ok(journal.isUsed(`p${i}`), `round ${round}: permit ${i}`)
    await journal.close()
  }
  appendFileSync(path, '0123')
  await (await openJournal(path)).close()
})
