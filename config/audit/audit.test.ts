/** The audit log: what is written verifies, and every way of changing it is found, at its place. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'
import { parseHead, START } from './chain.ts'
import { verifyAuditLog } from './verify.ts'
import { AuditError, headFile, openAuditLog } from './writer.ts'

const folder = mkdtempSync(join(tmpdir(), 'audit-'))
after(() => rmSync(folder, { recursive: true }))

let files = 0
async function written(count: number): Promise<string> {
  const path = join(folder, `${files++}`, 'audit.jsonl')
  const log = await openAuditLog(path)
  for (let i = 0; i < count; i++) await log.append('signed', { account: `a${i}`, ms: i })
  await log.close()
  return path
}

const linesOf = (path: string) => readFileSync(path, 'utf8').trimEnd().split('\n')
const put = (path: string, lines: readonly string[]) => writeFileSync(path, lines.map((line) => `${line}\n`).join(''))

test('what was written verifies, over a restart as well', async () => {
  const path = await written(3)
  const again = await openAuditLog(path)
  await Promise.all(['x', 'y'].map((account) => again.append('refused', { account, code: 'NO' })))
  await again.close()
  const { head, problem } = await verifyAuditLog([path])
  assert.equal(problem, undefined)
  assert.equal(head.seq, 5)
  assert.equal(statSync(path).mode & 0o777, 0o600)
  assert.equal(statSync(headFile(path)).mode & 0o777, 0o600)
  assert.equal(statSync(dirname(path)).mode & 0o777, 0o700)
  const facts = linesOf(path).map((line) => JSON.parse(line) as { seq: number; event: string; account: string })
  assert.deepEqual(
    facts.map(({ seq, event, account }) => `${seq} ${event} ${account}`),
    ['1 signed a0', '2 signed a1', '3 signed a2', '4 refused x', '5 refused y'],
  )
})

const second = (lines: readonly string[], line: string) => lines.map((l, i) => (i === 1 ? line : l))

const changes: readonly (readonly [string, (lines: string[]) => string[], RegExp])[] = [
  ['a changed field', (l) => second(l, (l[1] ?? '').replace('a1', 'a9')), /line 2: changed$/],
  ['a changed hash', (l) => second(l, (l[1] ?? '').replace(/."\}$/, 'x"}')), /line 2: no line/],
  ['a line taken out', (l) => l.filter((_, i) => i !== 1), /line 2: out of order$/],
  ['a line twice', (l) => [...l.slice(0, 2), ...l.slice(1)], /line 3: out of order$/],
  ['two lines changed over', (l) => [l[0] ?? '', l[2] ?? '', l[1] ?? '', l[3] ?? ''], /line 2: out of order$/],
  ['the first line taken out', (l) => l.slice(1), /line 1: out of order$/],
  ['the last line taken out', (l) => l.slice(0, -1), /ends at line 3, expected line 4/],
  ['everything taken out', () => [], /ends at line 0, expected line 4/],
  ['a line that only ends like one', (l) => second(l, `{x,"hash":"${'0'.repeat(64)}"}`), /line 2: no line/],
  ['text between lines', (l) => [...l.slice(0, 2), 'hello', ...l.slice(2)], /line 3: no line/],
]
for (const [what, change, problem] of changes) {
  test(`${what} is found`, async () => {
    const path = await written(4)
    put(path, change(linesOf(path)))
    assert.match((await verifyAuditLog([path])).problem ?? 'nothing', problem)
  })
}

test('every byte that is changed, taken out or put in is found, and lengths that are less', async () => {
  const path = join(folder, 'bytes', 'audit.jsonl')
  const log = await openAuditLog(path)
  for (const account of ['Zürich', '\ufffd']) await log.append('signed', { account })
  await log.close()
  const good = readFileSync(path)
  const missed: string[] = []
  const look = async (what: string, bytes: Buffer): Promise<void> => {
    writeFileSync(path, bytes)
    if ((await verifyAuditLog([path], { restMs: 0 })).problem === undefined) missed.push(what)
  }
  for (let i = 0; i < good.length; i++) {
    for (const bit of [0x01, 0x80]) {
      const changed = Buffer.from(good)
      changed[i] = (good[i] ?? 0) ^ bit
      await look(`byte ${i} ^ ${bit}`, changed)
    }
    await look(`byte ${i} taken out`, Buffer.concat([good.subarray(0, i), good.subarray(i + 1)]))
    for (const put of ['\r', '\n']) {
      await look(
        `${JSON.stringify(put)} at ${i}`,
        Buffer.concat([good.subarray(0, i), Buffer.from(put), good.subarray(i)]),
      )
    }
    // each of these is waited for
    if (i % 16 === 0 || i > good.length - 4) await look(`cut at ${i}`, good.subarray(0, i))
  }
  // a byte that is no UTF-8 reads as the sign that is there
  const sign = good.indexOf(Buffer.from('\ufffd'))
  await look(
    'another byte for the same sign',
    Buffer.concat([good.subarray(0, sign), Buffer.of(0xff), good.subarray(sign + 3)]),
  )
  await look('a line feed at the end', Buffer.concat([good, Buffer.from('\n')]))
  assert.deepEqual(missed, [])
  await look('nothing', good)
  assert.deepEqual(missed, ['nothing'], 'the log itself is whole')
})

test('a log that is written to while it is read is whole, each time', async () => {
  const path = join(folder, 'growing', 'audit.jsonl')
  const log = await openAuditLog(path)
  let isOver = false
  const writing = (async () => {
    while (!isOver) await log.append('signed', { text: 'x'.repeat(20_000) })
  })()
  for (let i = 0; i < 30; i++) assert.equal((await verifyAuditLog([path])).problem, undefined)
  isOver = true
  await writing
  await log.close()
})

test('a line that is never finished is found, after a while', async () => {
  const path = await written(2)
  appendFileSync(path, '{"seq":3')
  assert.match((await verifyAuditLog([path])).problem ?? 'nothing', /line 3: cut off$/)
})

test('rotation while it runs: the new file goes on, and neither can be left out', async () => {
  const path = join(folder, 'rotated', 'audit.jsonl')
  const log = await openAuditLog(path)
  await log.append('signed', { i: 1 })
  await log.reopen()
  assert.equal(linesOf(path).length, 1, 'nothing was moved')
  renameSync(path, `${path}.1`)
  await Promise.all([log.append('signed', { i: 2 }), log.reopen(), log.append('signed', { i: 3 })])
  await log.append('signed', { i: 4 })
  await log.close()
  assert.equal(statSync(path).mode & 0o777, 0o600)
  assert.match(linesOf(path)[0] ?? '', /"event":"log continued"/)
  assert.equal((await verifyAuditLog([`${path}.1`, path])).problem, undefined)
  assert.match((await verifyAuditLog([path])).problem ?? 'nothing', /line 1: out of order$/)
  const { head: last } = await verifyAuditLog([`${path}.1`])
  assert.equal((await verifyAuditLog([path], { after: last })).problem, undefined)
  assert.match((await verifyAuditLog([path], { after: { ...last, hash: '1'.repeat(64) } })).problem ?? '', /not linked/)
  // a restart goes on with the new file
  const again = await openAuditLog(path)
  await again.append('signed', { i: 5 })
  await again.close()
  assert.equal((await verifyAuditLog([`${path}.1`, path])).problem, undefined)
})

test('rotation: nothing is written over what somebody put there, and the old file goes on', async () => {
  const path = join(folder, 'strange', 'audit.jsonl')
  const log = await openAuditLog(path)
  await log.append('signed', { i: 1 })
  renameSync(path, `${path}.1`)
  writeFileSync(path, 'mine\n')
  await assert.rejects(log.reopen(), (e: unknown) => e instanceof AuditError && /is another file now/.test(e.message))
  await log.append('signed', { i: 2 })
  assert.equal(readFileSync(path, 'utf8'), 'mine\n')
  assert.equal(linesOf(`${path}.1`).length, 2)
  rmSync(path)
  mkdirSync(path)
  await assert.rejects(log.reopen(), AuditError)
  await log.close()
})

test('there is no moment without a head', async () => {
  const path = await written(1)
  const log = await openAuditLog(path)
  let isOver = false
  const writing = (async () => {
    while (!isOver) await log.append('signed', {})
  })()
  for (let i = 0; i < 2000; i++) assert.ok(parseHead(readFileSync(headFile(path), 'utf8')) !== undefined)
  isOver = true
  await writing
  await log.close()
  // what is no head is written anew, and not only over its beginning
  writeFileSync(headFile(path), `${'x'.repeat(200)}\n`)
  const again = await openAuditLog(path)
  await again.append('signed', {})
  assert.deepEqual(parseHead(readFileSync(headFile(path), 'utf8')), again.head)
  await again.close()
})

test('a line of another log with the right number is found', async () => {
  const [one, two] = [await written(4), await written(4)]
  const lines = linesOf(one)
  lines[2] = linesOf(two)[2] ?? ''
  put(one, lines)
  assert.match((await verifyAuditLog([one])).problem ?? 'nothing', /line 3: not linked to the line before$/)
})

test('an expected head tells a log that was written anew from the start', async () => {
  const [one, two] = [await written(4), await written(4)]
  const head = parseHead(readFileSync(headFile(one), 'utf8'))
  assert.equal((await verifyAuditLog([one], { expected: head })).problem, undefined)
  assert.equal((await verifyAuditLog([one], { expected: START })).problem, undefined)
  assert.match((await verifyAuditLog([two], { expected: head })).problem ?? 'nothing', /not the line that was expected/)
})

test('several files are one log', async () => {
  const path = await written(4)
  const lines = linesOf(path)
  put(`${path}.1`, lines.slice(0, 2))
  put(path, lines.slice(2))
  const { head, problem } = await verifyAuditLog([`${path}.1`, path])
  assert.deepEqual([head.seq, problem], [4, undefined])
  assert.match((await verifyAuditLog([path])).problem ?? 'nothing', /out of order/)
})

test('a line that a crash cut off is taken off, and that is recorded', async () => {
  const path = await written(2)
  appendFileSync(path, '{"seq":3,"time":"2026-0')
  const log = await openAuditLog(path)
  await log.close()
  assert.equal((await verifyAuditLog([path])).problem, undefined)
  assert.match(linesOf(path)[2] ?? '', /"event":"log repaired","cutBytes":23/)
})

test('a log that was cut or whose end is something else is not gone on with', async () => {
  const cut = await written(3)
  const [first = ''] = linesOf(cut)
  truncateSync(cut, first.length + 1)
  await assert.rejects(openAuditLog(cut), (e: Error) => e instanceof AuditError && /lines are missing/.test(e.message))
  const other = await written(3)
  appendFileSync(other, 'hello\n')
  await assert.rejects(openAuditLog(other), /its last line is no line of an audit log/)
})

test('any text can be in a field, and a line too long to be one of ours is none', async () => {
  const path = join(folder, `${files++}`, 'audit.jsonl')
  const log = await openAuditLog(path)
  await log.append('refused', { account: 'a\u2028b\u2029c\r\n"}' })
  await log.append('signed', { account: 'a' })
  await log.close()
  assert.deepEqual((await verifyAuditLog([path])).problem, undefined)
  appendFileSync(path, `{"x":"${'x'.repeat(70_000)}","hash":"${'0'.repeat(64)}"}\n`)
  assert.match((await verifyAuditLog([path])).problem ?? 'nothing', /line 3: no line/)
  await assert.rejects(openAuditLog(path), /last line/)
  appendFileSync(path, 'x'.repeat(70_000))
  await assert.rejects(openAuditLog(path), /its last line is too long/)
})

test('no line is written that could not be read: long lists are recorded by their length', async () => {
  const path = join(folder, `${files++}`, 'audit.jsonl')
  const log = await openAuditLog(path)
  const accounts = Array.from({ length: 5_000 }, (_, i) => `account number ${i}`)
  await log.append('started', { version: '1', accounts })
  await assert.rejects(log.append('signed', { account: 'x'.repeat(70_000) }), /too much for one line/)
  await log.append('started', { accounts: accounts.slice(0, 2) })
  await log.append('started', { accounts })
  await log.close()
  await (await openAuditLog(path)).close()
  assert.equal((await verifyAuditLog([path])).problem, undefined)
  const found = linesOf(path).map((line) => (JSON.parse(line) as { accounts: unknown }).accounts)
  assert.deepEqual(found, ['5000 entries', ['account number 0', 'account number 1'], '5000 entries'])
})

test('a head that is not the one of the last line keeps the log closed', async () => {
  const [one, two] = [await written(3), await written(3)]
  writeFileSync(headFile(one), readFileSync(headFile(two)))
  await assert.rejects(openAuditLog(one), /lines are missing/)
  assert.match((await verifyAuditLog([one])).problem ?? 'nothing', /line 3: not the line that was expected/)
  writeFileSync(headFile(one), 'no head')
  assert.equal((await verifyAuditLog([one])).problem, undefined)
  assert.equal(parseHead('3 00'), undefined)
  assert.equal(parseHead(`x ${'0'.repeat(64)}`), undefined)
})

test('a last line whose number or link is no number or link is no line', async () => {
  const last = (facts: object): string => {
    const text = JSON.stringify(facts)
    return `${text.slice(0, -1)},"hash":"${createHash('sha256').update(text).digest('hex')}"}\n`
  }
  const previous = '0'.repeat(64)
  const path = join(folder, 'last.jsonl')
  for (const facts of [
    { seq: 0, previous },
    { seq: 1.5, previous },
    { seq: '1', previous },
    { seq: 1, previous: 7 },
    { seq: 1, previous: 'x' },
  ]) {
    writeFileSync(path, last(facts))
    await assert.rejects(openAuditLog(path), /no line of an audit log/, JSON.stringify(facts))
  }
  writeFileSync(path, last({ seq: 1, previous }).replace('"seq":1', '"seq":2'))
  await assert.rejects(openAuditLog(path), /no line of an audit log/, 'changed')
  writeFileSync(path, last({ seq: 1, previous }))
  await (await openAuditLog(path)).close()
})

test('a line is on the disk before it is confirmed, and its head is written after it', async () => {
  const path = join(folder, `${files++}`, 'audit.jsonl')
  const log = await openAuditLog(path)
  const probe = await open(path)
  const handles = Object.getPrototypeOf(probe) as FileHandle
  const { datasync } = handles
  const seen: string[] = []
  handles.datasync = async function (this: FileHandle) {
    await datasync.call(this)
    seen.push(`${linesOf(path).length} lines, head: ${readFileSync(headFile(path), 'utf8').split(' ')[0]}`)
  }
  try {
    await log.append('signed', { account: 'a' })
    await log.append('signed', { account: 'b' })
  } finally {
    handles.datasync = datasync
    await probe.close()
  }
  assert.deepEqual(seen, ['1 lines, head: ', '2 lines, head: 1'])
  assert.equal(log.head.seq, 2)
  await log.close()
})

test('after a line that could not be written no other is taken', async () => {
  const path = join(folder, 'full.jsonl')
  symlinkSync('/dev/full', path)
  const log = await openAuditLog(path)
  const full = (e: Error) => e instanceof AuditError && /can't be written \(ENOSPC\)/.test(e.message)
  await Promise.all(['a', 'b'].map((account) => assert.rejects(log.append('signed', { account }), full)))
  assert.equal(log.head.seq, 0)
  await log.close()
  // also when the disk is well again: what was written of the line is not known
  const again = await openAuditLog(join(folder, 'once.jsonl'))
  const probe = await open(join(folder, 'once.jsonl'))
  const handles = Object.getPrototypeOf(probe) as FileHandle
  const { datasync } = handles
  handles.datasync = () => Promise.reject(Object.assign(new Error('x'), { code: 'EIO' }))
  try {
    await assert.rejects(again.append('signed', { account: 'a' }), /can't be written \(EIO\)/)
  } finally {
    handles.datasync = datasync
    await probe.close()
  }
  await assert.rejects(again.append('signed', { account: 'b' }), /can't be written \(EIO\)/)
  await again.close()
})

test('kill -9 in the middle: what was confirmed is there, and the chain holds', async () => {
  const path = join(folder, 'killed', 'audit.jsonl')
  const script = `
    import { openAuditLog } from ${JSON.stringify(join(import.meta.dirname, 'writer.ts'))}
    const log = await openAuditLog(process.argv[1])
    for (let i = 1; ; i++) { await log.append('signed', { i }); process.stdout.write(i + '\\n') }`
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script, path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let confirmed = 0
  for await (const chunk of child.stdout) {
    confirmed = Math.max(confirmed, ...String(chunk).trim().split('\n').map(Number))
    if (confirmed > 40) break
  }
  child.kill('SIGKILL')
  await once(child, 'exit')
  const log = await openAuditLog(path)
  await log.close()
  const { head, problem } = await verifyAuditLog([path])
  assert.equal(problem, undefined)
  assert.ok(head.seq >= confirmed, `${head.seq} lines, ${confirmed} were confirmed`)
})
