/** The room against the real gateway, run as a process of its own: nothing is lost, whatever happens in between. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { systemRandom } from '../base/random.ts'
import { connectGateway, type GatewayOptions, type Room, type RoomEvent } from './gateway.ts'

const ROOT = join(import.meta.dirname, '../..')
const TIMING = { pauseMinMs: 10, pauseMaxMs: 100, confirmMs: 300 }

/** A test that waits for what never comes fails instead of hanging. */
const LIMIT = { timeout: 60_000 }

interface Running {
  readonly port: number
  kill(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>
}

async function startGateway(t: TestContext, port = 0): Promise<Running> {
  const args = ['--import', 'tsx', join(ROOT, 'gateway/main.ts'), '--port', String(port)]
  const child: ChildProcess = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  t.after(() => child.kill('SIGKILL'))
  if (child.stdout === null) throw new Error('no output')
  const lines = createInterface({ input: child.stdout })
  for await (const line of lines) {
    const { msg, url } = JSON.parse(line) as { msg: string; url: string }
    if (msg !== 'listening') continue
    child.stdout.resume()
    return {
      port: Number(new URL(url).port),
      async kill(signal) {
        child.kill(signal)
        await exited
      },
    }
  }
  throw new Error('the gateway did not start')
}

/** Passes bytes on, and cuts connections after a random number of them. */
async function flakyProxy(
  t: TestContext,
  targetPort: number,
): Promise<{ url: string; cuts: () => number; calm: () => void }> {
  let cuts = 0
  let isCalm = false
  const sockets = new Set<Socket>()
  const server = createTcpServer((client) => {
    const upstream = connect(targetPort, '127.0.0.1')
    let left = 200 + Math.floor(Math.random() * 20_000)
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from)
      from.on('error', () => {})
      from.on('close', () => {
        sockets.delete(from)
        to.destroy()
      })
      from.on('data', (chunk) => {
        left -= chunk.length
        if (left < 0 && !isCalm) {
          cuts++
          // half of a chunk still gets through: the cut is in the middle of something
          to.write(chunk.subarray(0, chunk.length >> 1), () => to.resetAndDestroy())
          from.resetAndDestroy()
        } else to.write(chunk)
      })
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    for (const s of sockets) s.destroy()
    server.close()
  })
  const calm = (): void => {
    isCalm = true
  }
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, cuts: () => cuts, calm }
}

function open(url: string, id: string, options: Partial<GatewayOptions> = {}) {
  const events: RoomEvent[] = []
  const room = connectGateway({ url, timing: TIMING, trace: (e) => events.push(e), ...options }).openRoom(id)
  const got: string[] = []
  room.subscribe(
    (p) => got.push(keyOf(p)),
    () => {},
  )
  return { room, got, events }
}

const keyOf = (p: Uint8Array): string => `${p.length}:${Buffer.from(p.subarray(0, 16)).toString('hex')}`

/** Packets of all sizes, the largest beyond what one write to a socket takes. */
function packets(count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => systemRandom.bytes(i % 50 === 0 ? 200_000 : 16 + ((i * 37) % 3000)))
}

async function postAll(room: Room, all: readonly Uint8Array[]): Promise<void> {
  for (let i = 0; i < all.length; i += 10) await Promise.all(all.slice(i, i + 10).map((p) => room.post(p)))
}

async function until(condition: () => boolean, what: string, timeoutMs = 15_000): Promise<void> {
  const end = Date.now() + timeoutMs
  while (!condition()) {
    if (Date.now() > end) throw new Error(`timed out: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

function assertSame(got: readonly string[], sent: readonly Uint8Array[]): void {
  assert.equal(new Set(got).size, got.length, 'no packet comes twice')
  assert.deepEqual([...got].sort(), sent.map(keyOf).sort())
}

test('posts, history, own packets, indexes, health', LIMIT, async (t) => {
  const { port } = await startGateway(t)
  const url = `http://127.0.0.1:${port}`
  const gateway = connectGateway({ url, timing: TIMING })
  await gateway.health()
  assert.deepEqual([await gateway.issueIndex('r'), await gateway.issueIndex('r')], [1, 2])
  const early = systemRandom.bytes(100)
  await gateway.post('r', early)
  const a = open(url, 'r')
  const b = open(url, 'r')
  const large = systemRandom.bytes(525_000)
  await Promise.all([a.room.ready, b.room.ready])
  await a.room.post(large)
  await b.room.post(new Uint8Array(0))
  await until(() => a.got.length === 3 && b.got.length === 3, 'three packets')
  for (const { got } of [a, b]) assertSame(got, [early, large, new Uint8Array(0)])
  await assert.rejects(gateway.post('with space', early), { message: /status 400, bad_room_id/ })
  await assert.rejects(gateway.openRoom('with space').ready, { message: /status 400, bad_room_id/ })
  a.room.close()
  b.room.close()
})

test('connections cut at random: nobody loses or repeats a packet', LIMIT, async (t) => {
  const { port } = await startGateway(t)
  const proxy = await flakyProxy(t, port)
  const parties = [open(proxy.url, 'r'), open(proxy.url, 'r'), open(`http://127.0.0.1:${port}`, 'r')]
  const sent = parties.map(() => packets(120))
  // a packet of 200 KB doesn't get through connections that carry 20 KB
  const small = sent.map((all) => all.filter((p) => p.length < 10_000))
  await Promise.all(parties.map(({ room }, i) => postAll(room, small[i] ?? [])))
  proxy.calm()
  const large = sent.map((all) => all.filter((p) => p.length >= 10_000))
  await Promise.all(parties.map(({ room }, i) => postAll(room, large[i] ?? [])))
  const all = sent.flat()
  await until(() => parties.every(({ got }) => got.length >= all.length), 'all packets')
  assert.ok(proxy.cuts() > 10, `only ${proxy.cuts()} cuts`)
  for (const { got, room } of parties) {
    assertSame(got, all)
    room.close()
  }
})

test('the gateway is killed and started again: everybody has everything, and a newcomer too', LIMIT, async (t) => {
  const first = await startGateway(t)
  const url = `http://127.0.0.1:${first.port}`
  const a = open(url, 'r')
  const b = open(url, 'r')
  const [sentA, sentB] = [packets(20), packets(20)]
  let restarts = 0
  a.room.onRestart(() => restarts++)
  await Promise.all([postAll(a.room, sentA), postAll(b.room, sentB.slice(0, 10))])
  await until(() => a.got.length === 30, 'packets before')
  await first.kill('SIGKILL')
  // posted while there is no gateway
  const later = postAll(b.room, sentB.slice(10))
  await startGateway(t, first.port)
  await later
  const all = [...sentA, ...sentB]
  await until(() => [a, b].every(({ got }) => got.length === all.length), 'packets after')
  assert.equal(restarts, 1)
  const newcomer = open(url, 'r')
  await until(() => new Set(newcomer.got).size === all.length, 'everything for the newcomer')
  for (const { got, room } of [a, b, newcomer]) {
    assertSame(got, all)
    room.close()
  }
})

test('a gateway that ends on SIGTERM is waited for', LIMIT, async (t) => {
  const first = await startGateway(t)
  const { room, got, events } = open(`http://127.0.0.1:${first.port}`, 'r')
  await room.ready
  await first.kill('SIGTERM')
  await until(() => events.some((e) => e.at === 'lost'), 'the end of the stream')
  const posting = room.post(systemRandom.bytes(10))
  await startGateway(t, first.port)
  await posting
  await until(() => got.length === 1, 'packet')
  room.close()
})

test('after closing, nothing keeps the process alive', LIMIT, async (t) => {
  let requests = 0
  const server = createServer((request, response) => {
    requests++
    if (request.method === 'POST') response.writeHead(200).end()
    else {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(': hello\n\n')
      // every other stream is cut, which makes an EventSource set its own timer
      if (requests % 2 === 1) setTimeout(() => response.destroy(), 10)
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  for (const when of ['lost', 'open']) {
    const script = `
      import { connectGateway } from ${JSON.stringify(join(import.meta.dirname, 'gateway.ts'))}
      let closedMs = 0
      const room = connectGateway({
        url: 'http://127.0.0.1:${port}',
        timing: { pauseMinMs: 5000, pauseMaxMs: 5000 },
        trace: (e) => {
          if (e.at !== '${when}') return
          closedMs = performance.now()
          queueMicrotask(() => room.close())
        },
      }).openRoom('x')
      room.post(new Uint8Array(10)).catch(() => {})
      process.on('exit', () => process.stdout.write(String(performance.now() - closedMs)))
    `
    const args = ['--import', 'tsx', '--input-type=module', '-e', script]
    const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] })
    let output = ''
    child.stdout.on('data', (chunk) => {
      output += chunk
    })
    const [code] = (await once(child, 'exit')) as [number | null]
    assert.equal(code, 0)
    assert.ok(output !== '' && Number(output) < 500, `${when}: alive for ${output} ms`)
  }
})
