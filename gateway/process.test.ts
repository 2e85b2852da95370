/** sign-gateway as a process of its own: start, flags, exit codes, signals. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { post, postMany, rawConnection, readAll, subscribe, testGateway, until } from './testing/client.ts'

const cwd = mkdtempSync(join(tmpdir(), 'gateway-'))
/** So that a test that fails leaves nothing running. */
const children: ChildProcess[] = []
after(() => {
  for (const child of children) child.kill('SIGKILL')
  rmSync(cwd, { recursive: true })
})

const { PATH = '' } = process.env

/** A test that waits for what never comes fails instead of hanging. */
const LIMIT = { timeout: 60_000 }

function start(args: readonly string[], env: Record<string, string> = {}) {
  const tsx = import.meta.resolve('tsx')
  const main = join(import.meta.dirname, 'main.ts')
  const child = spawn(process.execPath, ['--import', tsx, main, ...args], {
    cwd,
    env: { PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  children.push(child)
  const output = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk) => (output.stdout += String(chunk)))
  child.stderr.on('data', (chunk) => (output.stderr += String(chunk)))
  const exited = once(child, 'close').then(([code]) => code as number | null)
  return { child, output, exited }
}

async function startListening(args: readonly string[], env: Record<string, string> = {}) {
  const running = start(['--port', '0', ...args], env)
  const listening = () => running.output.stdout.split('\n').find((line) => line.includes('"msg":"listening"'))
  await until(() => listening() !== undefined || running.child.exitCode !== null, 'it listens', 30_000)
  const { url } = JSON.parse(listening() ?? '') as { url: string }
  return { ...running, url }
}

test('pitfall 15: SIGTERM with 100 streams ends each cleanly and exits 0 within 5 s', async () => {
  const { child, output, exited, url } = await startListening([])
  const streams = await Promise.all(Array.from({ length: 100 }, (_, i) => subscribe({ url }, `room-${i % 10}`)))
  await post({ url }, 'room-0', 'broadcast', 'before')
  await Promise.all(streams.filter((_, i) => i % 10 === 0).map((stream) => stream.atLeast(1)))
  const startedMs = Date.now()
  child.kill('SIGTERM')
  await Promise.all(streams.map(({ ended }) => ended))
  assert.equal(await exited, 0)
  assert.ok(Date.now() - startedMs < 5_000)
  const retries = streams.map((stream) => /retry: (\d+)\n\n$/.exec(stream.raw())?.[1])
  assert.ok(
    retries.every((retry) => retry !== undefined && Number(retry) >= 1000),
    'a last retry for each',
  )
  assert.ok(new Set(retries).size > 10, 'jittered')
  assert.match(output.stdout, /"msg":"closed"/)
  assert.equal(output.stderr, '')
})

test('SIGTERM with 1,000 streams and messages flowing: all end cleanly, with all that was answered, and resume', async () => {
  const { child, exited, url } = await startListening([])
  const port = new URL(url).port
  const rooms = Array.from({ length: 20 }, (_, i) => `room-${i}`)
  const open = (server: { url: string }, headers: Record<string, string> = {}) =>
    Promise.all(rooms.flatMap((room) => Array.from({ length: 50 }, () => subscribe(server, room, { headers }))))
  const streams = await open({ url })
  await Promise.all(rooms.map((room) => post({ url }, room, 'broadcast', 'before')))
  await Promise.all(streams.map((stream) => stream.atLeast(1, 30_000)))

  let answered = 1
  const publishing = (async () => {
    for (;;) {
      const answer = await post({ url }, 'room-0', 'broadcast', `m${answered}`).catch(() => undefined)
      if (answer?.status !== 200) return
      await answer.text()
      answered += 1
    }
  })()
  await until(() => answered > 20, 'messages flow', 20_000)
  const startedMs = Date.now()
  child.kill('SIGTERM')
  assert.equal(await exited, 0)
  assert.ok(Date.now() - startedMs < 10_000, 'within 10 s')
  await Promise.all([publishing, ...streams.map(({ ended }) => ended)])
  assert.ok(
    streams.every((stream) => /retry: \d+\n\n$/.test(stream.raw())),
    'each has its last retry',
  )
  for (const stream of streams.slice(0, 50)) {
    assert.ok(stream.events.length >= answered, `${stream.events.length} of ${answered} that were answered with 200`)
  }

  // The memory of the first has gone with it: the next one says so, and whoever posts again reaches everybody.
  const next = await startListening(['--port', port])
  assert.equal(new URL(next.url).port, port)
  const epoch = String(streams[0]?.headers['room-epoch'])
  const again = await open(next, { 'last-event-id': '0', 'room-epoch': epoch })
  await Promise.all(rooms.map((room) => post(next, room, 'broadcast', 'posted again')))
  for (const stream of again) {
    assert.deepEqual(await stream.atLeast(1, 30_000), [{ id: 0, data: 'posted again' }])
    assert.equal(stream.resets.length, 1)
    stream.close()
  }
  next.child.kill('SIGTERM')
  assert.equal(await next.exited, 0)
})

test('SIGINT does the same, even with a reader that takes nothing', async () => {
  const { child, exited, url } = await startListening([])
  const server = { url, port: Number(new URL(url).port) }
  await postMany(server, '/rooms/r/broadcast', Array<string>(60).fill('x'.repeat(500_000)))
  const stalled = await rawConnection(server, 'GET /rooms/r/subscribe HTTP/1.1\r\nHost: h\r\n\r\n')
  await once(stalled, 'readable')
  const startedMs = Date.now()
  child.kill('SIGINT')
  assert.equal(await exited, 0)
  assert.ok(Date.now() - startedMs < 5_000)
  stalled.destroy()
})

test('closing in the same process: stalled readers and idle connections do not hold it up', async () => {
  const gateway = await testGateway({}, { timeouts: { closeGraceMs: 200 } })
  await fetch(`${gateway.url}/health`) // leaves an idle connection
  const stream = await subscribe(gateway, 'r')
  const startedMs = Date.now()
  await Promise.all([gateway.close(), gateway.close()])
  assert.ok(Date.now() - startedMs < 1_500)
  await stream.ended
  assert.match(stream.raw(), /retry: \d+\n\nretry: \d+\n\n$/)
  await assert.rejects(fetch(`${gateway.url}/health`))
})

test('closing: a slow reader still gets what was on its way, and its retry', async () => {
  const gateway = await testGateway()
  await post(gateway, 'r', 'broadcast', 'x'.repeat(1_000_000))
  for (let i = 0; i < 20; i++) await post(gateway, 'r', 'broadcast', 'y'.repeat(1_000_000))
  const reader = await rawConnection(gateway, 'GET /rooms/r/subscribe HTTP/1.1\r\nHost: h\r\n\r\n')
  reader.pause()
  await until(() => gateway.status().subscribers === 1, 'it listens')
  const closed = gateway.close()
  await new Promise((resolve) => setTimeout(resolve, 300))
  assert.match((await readAll(reader.resume())).slice(-100), /retry: \d+\n\n$/)
  await closed
})

test('closing: a stream asked for meanwhile is ended at once, an upload in flight is answered', LIMIT, async () => {
  // far longer than the test may take: what waits for it fails
  const gateway = await testGateway({}, { timeouts: { closeGraceMs: 300_000 } })
  const late = await rawConnection(gateway, 'GET /rooms/r/subscribe HTTP/1.1\r\n')
  const upload = await rawConnection(
    gateway,
    'POST /rooms/r/broadcast HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nab',
  )
  await new Promise((resolve) => setTimeout(resolve, 50))
  const closed = gateway.close()
  late.write('Host: h\r\n\r\n')
  upload.write('cd')
  assert.match(await readAll(late), /^HTTP\/1\.1 200 [\s\S]*\r\n\r\nretry: \d+\n\n$/)
  assert.match(await readAll(upload), /^HTTP\/1\.1 503 [\s\S]*"shutting_down"/)
  await closed
})

test('wrong flags and configurations: one line, exit code 2', async () => {
  writeFileSync(join(cwd, 'bad.yaml'), 'server: {prot: 1}\n')
  const table: readonly (readonly [readonly string[], RegExp])[] = [
    [['--nope'], /^sign-gateway: unknown option '--nope'\n$/],
    [['--port', 'x'], /^sign-gateway: command line: server\.port: expected an integer from 0 to 65535\n$/],
    [
      ['bad.yaml'],
      /^sign-gateway: bad\.yaml: server\.prot: unknown key, expected one of host, port, cors_origins, trusted_proxies\n$/,
    ],
    [['none.yaml'], /^sign-gateway: none\.yaml: no such file\n$/],
  ]
  const runs = table.map(async ([args, expected]) => {
    const { exited, output } = start(args)
    assert.equal(await exited, 2, args.join(' '))
    assert.match(output.stderr, expected)
    assert.equal(output.stdout, '')
  })
  await Promise.all(runs)
})

test('--check-config, --help, and a port in use', async () => {
  const blocker = createServer().listen(0, '127.0.0.1')
  await once(blocker, 'listening')
  const { port } = blocker.address() as { port: number }
  const [check, help, taken] = [
    start(['--check-config']),
    start(['--help']),
    start([], { SIGN_GATEWAY_SERVER_PORT: String(port) }),
  ]
  assert.deepEqual(await Promise.all([check.exited, help.exited, taken.exited]), [0, 0, 1])
  assert.equal(check.output.stdout, 'sign-gateway: the configuration is valid\n')
  assert.match(help.output.stdout, /Exit codes:/)
  assert.equal(
    taken.output.stderr,
    `sign-gateway: can't listen on 127.0.0.1 port ${port}: the address is already in use\n`,
  )
  blocker.close()
})
