/** The log is in Redis: what a gateway holds of it, and what streams are told that begin before that. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { suite, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { post, rawConnection, type Stream, subscribe, type TestGateway, until } from '../testing/client.ts'
import { PastReads } from './past.ts'
import { SilentProxy, sharedGateway, skip, TestRedis } from './testing/server.ts'

const WAIT_MS = 20_000
const FAST = { appendonly: 'no' }
/** So many fill what a connection holds by itself. */
const LARGE = 50_000

/** Messages that begin with their numbers. */
async function fill(gateway: TestGateway, count: number, from = 0, bytes = 10_000): Promise<void> {
  for (let i = from; i < from + count; i++) {
    assert.equal((await post(gateway, 'r', 'broadcast', `${i} `.padEnd(bytes, 'x'))).status, 200)
  }
}

/** How often the log was read. */
function reads(redis: TestRedis): number {
  return Number(/cmdstat_xrange:calls=(\d+)/.exec(redis.cli('INFO', 'commandstats'))?.[1] ?? 0)
}

function assertWhole({ events, resets }: Stream, count: number, from = 0): void {
  const expected = Array.from({ length: count }, (_, i) => `${from + i} ${from + i}`)
  assert.deepEqual(
    events.map(({ id, data }) => `${id} ${data.split(' ')[0]}`),
    expected,
  )
  assert.deepEqual(resets, [])
}

/** Asks for everything, and takes it when it is told to. */
async function slowReader(gateway: TestGateway) {
  const socket = await rawConnection(gateway, 'GET /rooms/r/subscribe HTTP/1.1\r\nHost: x\r\n\r\n')
  await once(socket, 'readable')
  let text = ''
  socket.setEncoding('latin1')
  return {
    /** Until it has had this many messages: each once and in order. */
    reads: async (count: number) => {
      socket.on('data', (chunk: string) => (text += chunk))
      await until(() => text.includes(`\nid: ${count - 1}\n`), 'all has come', WAIT_MS)
      const ids = [...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id))
      assert.deepEqual(
        ids,
        Array.from({ length: count }, (_, i) => i),
      )
    },
    readsTheEnd: async () => {
      socket.on('data', (chunk: string) => (text += chunk))
      await once(socket, 'end')
      return text
    },
  }
}

suite('the past of a room', { skip }, () => {
  test('nothing is held of what every stream has been sent; what a late one lacks is read', async () => {
    const redis = await TestRedis.start(FAST)
    const gateway = await sharedGateway(redis)
    const live = await subscribe(gateway, 'r')
    await fill(gateway, 60)
    assert.equal(gateway.status().bytes, 0)
    await live.atLeast(60)
    const [late, resumed] = await Promise.all([
      subscribe(gateway, 'r'),
      subscribe(gateway, 'r', { headers: { 'last-event-id': '49' } }),
    ])
    await fill(gateway, 5, 60)
    await Promise.all([live.atLeast(65), late.atLeast(65), resumed.atLeast(15)])
    await fill(gateway, 1, 65)
    assert.equal(gateway.status().bytes, 0, 'all are live again')
    await Promise.all([live.atLeast(66), late.atLeast(66), resumed.atLeast(16)])
    assertWhole(live, 66)
    assertWhole(late, 66)
    assertWhole(resumed, 16, 50)
    for (const stream of [live, late, resumed]) stream.close()
  })

  test('a room with a short log is read once, one with a long log in parts', async () => {
    const redis = await TestRedis.start(FAST)
    const [writer, gateway] = await Promise.all([sharedGateway(redis), sharedGateway(redis)])
    await fill(writer, 4)
    const before = reads(redis)
    const first = await subscribe(gateway, 'r')
    await first.atLeast(4)
    assert.ok(reads(redis) - before <= 1, 'with the answer that opened the mirror')
    await fill(writer, 96, 4)
    const elsewhere = await sharedGateway(redis)
    const second = await subscribe(elsewhere, 'r')
    await second.atLeast(100)
    assertWhole(first, 100)
    assertWhole(second, 100)
    for (const stream of [first, second]) stream.close()
  })

  test('a reader that is slow in the past costs little memory and misses nothing, however much comes meanwhile', async () => {
    const redis = await TestRedis.start(FAST)
    const gateway = await sharedGateway(redis)
    await fill(gateway, 400, 0, LARGE)
    const slow = await slowReader(gateway)
    await fill(gateway, 80, 400, LARGE)
    assert.ok(gateway.status().bytes <= 1_100_000, `${gateway.status().bytes} bytes of 24 million are held`)
    await slow.reads(480)
    await fill(gateway, 1, 480)
    assert.equal(gateway.status().bytes, 0, 'it is live now')
  })

  test('a gateway at its limit of memory holds no more for those that catch up, and they miss nothing', async () => {
    const redis = await TestRedis.start(FAST)
    const [small, large] = await Promise.all([
      sharedGateway(redis, { 'limits.total_bytes': 100_000 }),
      sharedGateway(redis),
    ])
    await fill(large, 400, 0, LARGE)
    const slow = await slowReader(small)
    const streams = await Promise.all(Array.from({ length: 3 }, () => subscribe(small, 'r')))
    await fill(large, 50, 400)
    assert.ok(small.status().bytes < 111_000, `${small.status().bytes} bytes are held`)
    for (const stream of streams) {
      await stream.atLeast(450)
      assertWhole(stream, 450)
      stream.close()
    }
    await slow.reads(450)
  })

  test('Redis goes while a reader is in the past: its stream stays open, and goes on when Redis is back', async () => {
    const redis = await TestRedis.start(FAST)
    const proxy = await SilentProxy.start(redis.port)
    const gateway = await sharedGateway(
      { url: `redis://127.0.0.1:${proxy.port}` },
      { 'limits.keep_alive_seconds': 3600 },
    )
    const live = await subscribe(gateway, 'r')
    await fill(gateway, 100)
    await live.atLeast(100)
    proxy.fallSilent()
    const late = await subscribe(gateway, 'r', { headers: { 'last-event-id': '9' } })
    assert.equal(late.status, 200, 'nobody knows yet that Redis is away')
    await until(() => gateway.logs.some((line) => line.includes('lost Redis')), 'it is noticed', WAIT_MS)
    assert.equal(late.events.length, 0)
    proxy.speak()
    await late.atLeast(90, WAIT_MS)
    assertWhole(late, 90, 10)
    for (const stream of [live, late]) stream.close()
  })

  test('a room that goes while its past is read ends with a reset', async () => {
    const redis = await TestRedis.start(FAST)
    // Nothing else looks at the room.
    const gateway = await sharedGateway(redis, { 'limits.keep_alive_seconds': 3600, 'limits.room_idle_seconds': 3600 })
    const live = await subscribe(gateway, 'r')
    await fill(gateway, 400, 0, LARGE)
    const slow = await slowReader(gateway)
    await until(() => redis.cli('HVALS', 'sign-gateway:{r}:streams').startsWith('2 '), 'the second stream is told')
    redis.cli('DEL', ...redis.cli('KEYS', '*{r}*').split('\n'))
    const text = await slow.readsTheEnd()
    assert.match(text, /event: reset\nid:\ndata: \{"epoch":null,"resumed_from":0\}\n\n$/)
    assert.ok(!text.includes('\nid: 399\n'), 'it was in the past')
    await live.ended
    assert.equal(live.resets.length, 1)
  })

  test('what has expired is not read', async () => {
    const redis = await TestRedis.start(FAST)
    const gateway = await sharedGateway(redis)
    const live = await subscribe(gateway, 'r')
    for (const ttl of ['1', '1000', '1']) {
      await fetch(`${gateway.url}/rooms/r/broadcast`, { method: 'POST', body: ttl, headers: { ttl } })
    }
    await live.atLeast(3)
    await sleep(1_100)
    const late = await subscribe(gateway, 'r')
    await late.atLeast(1)
    // It has come to the end, where it has nothing to read.
    await sleep(200)
    await post(gateway, 'r', 'broadcast', 'last')
    assert.deepEqual(
      (await late.atLeast(2)).map(({ id, data }) => `${id} ${data}`),
      ['1 1000', '3 last'],
    )
    for (const stream of [live, late]) stream.close()
  })
})

test('streams that want the same part at the same time share one question; the next one asks anew', async () => {
  const asked: number[] = []
  const reads = new PastReads(async (from) => {
    asked.push(from)
    await sleep(1)
    const messages = from === 3 ? [{ id: 4, body: Buffer.from(`${asked.length}`), ttlMs: undefined }] : []
    return from === 5 ? undefined : { epoch: 'e', isPrivate: false, nextId: 7, others: 0, messages }
  })
  const [one, two, other, none] = await Promise.all([reads.from(3), reads.from(3), reads.from(6), reads.from(5)])
  assert.deepEqual(asked, [3, 6, 5])
  assert.equal(one?.frames.toString(), 'event: new-message\nid: 4\ndata: 3\n\n')
  assert.deepEqual([one?.count, one?.next], [1, 5])
  assert.equal(two, one)
  assert.deepEqual(other, { frames: Buffer.alloc(0), count: 0, next: 7 }, 'what was there has expired')
  assert.equal(none, undefined)
  assert.equal((await reads.from(3))?.frames.includes('data: 4\n'), true)
  assert.equal((await reads.from(5)) === undefined, true)
})
