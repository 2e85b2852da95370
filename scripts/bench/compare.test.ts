/** The parts that start something: a group as a process, and the folder of another commit. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { linesOf, withCommit } from './compare.ts'
import { countingProxy } from './counting-proxy.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'bench-test-'))
after(() => rmSync(folder, { recursive: true }))

test('a group measures the rows that are wanted, in both units, each run once', async () => {
  const lines = await linesOf({ root, group: 'blocks', only: '^blocks: adding two points$', runs: 3 })
  const seen = lines.map(([group, line]) => [
    group,
    line.row,
    'unit' in line && line.unit,
    'values' in line && line.values,
  ])
  assert.deepEqual(
    seen.map(([group, row, unit]) => [group, row, unit]),
    [
      ['blocks', 'adding two points', 'CPU ms'],
      ['blocks', 'adding two points', 'wall ms'],
    ],
  )
  for (const [, , , values] of seen) {
    assert.ok(Array.isArray(values) && values.length === 3, 'expected three values')
    assert.ok(
      values.every((ms: number) => ms > 0 && ms < 10),
      `no time for an addition: ${values.join(' ')}`,
    )
  }
})

test('nothing that is wanted is nothing; a group that does not start is a failed row', async () => {
  assert.deepEqual(await linesOf({ root, group: 'blocks', only: 'no such row', runs: 1 }), [])
  const [[group, line] = [], ...more] = await linesOf({ root: folder, group: 'blocks', only: '', runs: 1 })
  assert.deepEqual([group, line !== undefined && 'failed' in line, more], ['blocks', true, []])
})

test('another commit has its own sources and the bench of this one, and is gone afterwards', async () => {
  const own = join(folder, 'repository')
  const file = (path: string, content: string): void => {
    mkdirSync(dirname(join(own, path)), { recursive: true })
    writeFileSync(join(own, path), content)
  }
  const git = (...args: readonly string[]): string =>
    execFileSync('git', ['-C', own, '-c', 'user.name=t', '-c', 'user.email=t@t', ...args], { encoding: 'utf8' })
  file('source.ts', 'old')
  file('scripts/bench/row.ts', 'old')
  file('scripts/processes.ts', 'old')
  git('init', '--quiet')
  git('add', '.')
  git('commit', '--quiet', '--message', 'old')
  file('source.ts', 'new')
  file('scripts/bench/row.ts', 'new')
  file('node_modules/package', 'installed')
  let at = ''
  const read = await withCommit(own, 'HEAD', async (other) => {
    at = other
    return ['source.ts', 'scripts/bench/row.ts', 'node_modules/package'].map((p) =>
      readFileSync(join(other, p), 'utf8'),
    )
  })
  assert.deepEqual(read, ['old', 'new', 'installed'])
  assert.equal(existsSync(at), false)
  await assert.rejects(
    withCommit(own, 'HEAD', () => Promise.reject(new Error('inside'))),
    /inside/,
  )
  await assert.rejects(withCommit(own, 'no-such-commit', () => Promise.resolve()))
  assert.equal(git('worktree', 'list').trim().split('\n').length, 1)
  assert.equal(readFileSync(join(own, 'node_modules/package'), 'utf8'), 'installed')
})

test('the proxy passes everything on and counts the bodies of both directions', async () => {
  const body = async (message: IncomingMessage): Promise<string> => {
    let text = ''
    for await (const chunk of message) text += String(chunk)
    return text
  }
  const server = createServer(async (incoming, outgoing) => {
    const text = await body(incoming)
    outgoing.writeHead(202, { 'x-kind': 'test' }).end(`${incoming.method} ${incoming.url} ${text}`)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const proxy = await countingProxy((server.address() as AddressInfo).port)
  try {
    const url = `http://127.0.0.1:${proxy.port}/a?b`
    const answer = await fetch(url, { method: 'POST', body: 'x'.repeat(100) })
    assert.deepEqual([answer.status, answer.headers.get('x-kind')], [202, 'test'])
    assert.equal(await answer.text(), `POST /a?b ${'x'.repeat(100)}`)
    assert.deepEqual(proxy.counts(), { posted: 100, streamed: 'POST /a?b '.length + 100 })
  } finally {
    await proxy.stop()
    server.closeAllConnections()
    server.close()
  }
})
