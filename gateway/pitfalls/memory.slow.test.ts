/**
 * Pitfalls 16 and 17 at full size, with the gateway in a process of its own: 80 MB pass while one reader takes nothing.
 *
 * Messages live for a second, so that the history is not what is measured, and as much passes before without that reader:
 * what is compared is the most memory in either half. The test only asserts generously, and prints what it saw; the goal
 * is 25 MB.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { rawConnection, readAll, subscribe, until } from '../testing/client.ts'

const MESSAGES = 20_000
const BATCH = 250
const BODY = 'x'.repeat(4_000)
const MAX_GROWTH = 60_000_000

async function startProcess(): Promise<{ url: string; port: number; rss: () => number }> {
  const main = join(import.meta.dirname, '../main.ts')
  const args = ['--import', import.meta.resolve('tsx'), main, '--port', '0', '--log-level', 'info']
  const env = {
    PATH: process.env['PATH'] ?? '',
    SIGN_GATEWAY_LIMITS_REQUESTS_PER_SECOND: '1000000',
    SIGN_GATEWAY_LIMITS_REQUEST_BURST: '1000000',
    SIGN_GATEWAY_METRICS_PORT: '0',
  }
  const child = spawn(process.execPath, args, { cwd: import.meta.dirname, env, stdio: ['ignore', 'pipe', 'inherit'] })
  after(() => child.kill('SIGKILL'))
  let output = ''
  child.stdout.on('data', (chunk) => {
    output += String(chunk)
  })
  const url = () => /"url":"(http[^"]*)"[^\n]*"msg":"listening"|"msg":"listening"[^\n]*"url":"(http[^"]*)"/.exec(output)
  await until(() => url() !== null, 'it listens', 30_000)
  const found = url()?.[1] ?? url()?.[2] ?? ''
  const rss = () => 1024 * Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1])
  return { url: found, port: Number(new URL(found).port), rss }
}

async function publish(gateway: { port: number }, count: number, ttlSeconds: number): Promise<void> {
  const socket = await rawConnection(gateway)
  const request = `POST /rooms/r/broadcast HTTP/1.1\r\nHost: h\r\nTTL: ${ttlSeconds}\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`
  socket.write(request.repeat(count))
  const text = await readAll(socket, (got) => got.split('HTTP/1.1 200 ').length > count)
  assert.equal(text.split('HTTP/1.1 200 ').length - 1, count, 'all were taken')
  socket.destroy()
}

test('pitfalls 16 and 17: a stalled reader costs little memory, is cut off, and others get all', {
  timeout: 300_000,
}, async (t) => {
  if (process.platform !== 'linux') return t.skip('memory of a process is read from /proc')
  const gateway = await startProcess()
  const healthy = await subscribe(gateway, 'r')
  let sentInAll = 0
  /** The most memory while as many messages pass. */
  const pass = async (): Promise<number> => {
    let most = 0
    for (let sent = 0; sent < MESSAGES; sent += BATCH) {
      await publish(gateway, BATCH, 1)
      sentInAll += BATCH
      await healthy.atLeast(sentInAll, 60_000)
      most = Math.max(most, gateway.rss())
      // About 10 MB a second, which is what the history holds then.
      await new Promise((resolve) => setTimeout(resolve, 80))
    }
    return most
  }
  const before = await pass()

  // It has nothing to catch up with, so it is live at once.
  const head = `GET /rooms/r/subscribe HTTP/1.1\r\nHost: h\r\nLast-Event-ID: ${MESSAGES - 1}\r\n\r\n`
  const stalled = await rawConnection(gateway, head)
  await until(() => stalled.bytesRead > 0, 'the stream has begun', 30_000)
  stalled.pause()
  const most = await pass()
  t.diagnostic(
    `resident memory: ${(before / 1e6).toFixed(1)} MB without, ${(most / 1e6).toFixed(1)} MB with it at most`,
  )
  assert.ok(most - before < MAX_GROWTH, `${most - before} bytes more`)
  assert.ok(
    healthy.events.every(({ id, data }, i) => id === i && data.length === BODY.length),
    'the healthy reader has all, in order',
  )
  assert.equal(healthy.events.length, 2 * MESSAGES)

  const seen = [...(await readAll(stalled.resume())).matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id))
  assert.ok(seen.length > 0 && seen.length < MESSAGES, `it was cut off after ${seen.length}`)
  assert.ok(
    seen.every((id, i) => id === (seen[0] ?? 0) + i),
    'no gap before the cut',
  )
  await publish(gateway, BATCH, 600)
  const again = await subscribe(gateway, 'r', { headers: { 'last-event-id': String((seen.at(-1) ?? 1) - 1) } })
  await until(() => again.events.at(-1)?.id === 2 * MESSAGES + BATCH - 1, 'the last message', 30_000)
  const ids = again.events.map(({ id }) => id)
  assert.ok(ids.length >= BATCH, 'all that is still held')
  assert.ok(
    ids.every((id, i) => id === (ids[0] ?? 0) + i),
    'and nothing left out',
  )
  healthy.close()
  again.close()
})
