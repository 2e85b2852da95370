/** G7 and every limit: what happens at it, and that room comes back afterwards. Time is a variable here. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorCode, post, rawConnection, readAll, subscribe, testGateway, until } from './testing/client.ts'

/** A test that waits for what never comes fails instead of hanging. */
const LIMIT = { timeout: 10_000 }

function fakeClock() {
  let nowMs = 0
  const advanceSeconds = (seconds: number) => {
    nowMs += seconds * 1000
  }
  return { nowMs: () => nowMs, advanceSeconds }
}

test('body limit: exactly at it is accepted, one byte more is 413', async () => {
  const gateway = await testGateway({ 'limits.body_bytes': 1000 })
  assert.equal((await post(gateway, 'r', 'broadcast', 'x'.repeat(1000))).status, 200)
  const refused = await post(gateway, 'r', 'broadcast', 'x'.repeat(1001))
  assert.equal(refused.status, 413)
  assert.equal(await errorCode(refused), 'body_too_large')
  assert.equal((await post(gateway, 'r', 'broadcast', 'é'.repeat(501))).status, 413, 'bytes, not characters')
  await gateway.close()
})

test('pitfall 29: 413 comes before the rest of the body, whatever its length is said to be', LIMIT, async () => {
  const gateway = await testGateway({ 'limits.body_bytes': 1000 })
  const head = 'POST /rooms/r/broadcast HTTP/1.1\r\nHost: h\r\n'
  const answered = (text: string) => text.includes('}}')
  // A huge announced length, of which nothing is ever sent.
  const announced = await rawConnection(gateway, `${head}Content-Length: 1000000000000\r\n\r\n`)
  assert.match(await readAll(announced, answered), /^HTTP\/1\.1 413 /)
  // No length: refused at the byte that goes over, while the client is still sending.
  const chunk = `200\r\n${'x'.repeat(512)}\r\n`
  const chunked = await rawConnection(gateway, `${head}Transfer-Encoding: chunked\r\n\r\n${chunk}${chunk}`)
  assert.match(await readAll(chunked, answered), /^HTTP\/1\.1 413 /)
  // The server takes no more from either and closes.
  for (const socket of [announced, chunked]) await until(() => socket.destroyed || socket.readableEnded, 'closed')
  // A client that asks first is told without sending.
  const asking = await rawConnection(gateway, `${head}Expect: 100-continue\r\nContent-Length: 5000\r\n\r\n`)
  assert.match(await readAll(asking, answered), /^HTTP\/1\.1 413 /)
  const allowed = await rawConnection(gateway, `${head}Expect: 100-continue\r\nContent-Length: 2\r\n\r\n`)
  assert.match(await readAll(allowed, (text) => text.includes('\r\n\r\n')), /^HTTP\/1\.1 100 Continue/)
  allowed.write('ok')
  assert.match(await readAll(allowed, (text) => text.includes('\r\n\r\n')), /^HTTP\/1\.1 200 /)
  for (const socket of [announced, chunked, asking, allowed]) socket.destroy()
  const stream = await subscribe(gateway, 'r')
  assert.deepEqual(await stream.atLeast(1), [{ id: 0, data: 'ok' }], 'nothing refused was kept')
  stream.close()
  await gateway.close()
})

test('a lying content-length: less than sent is not a message of its own, more never becomes one', async () => {
  const gateway = await testGateway()
  const head = 'POST /rooms/r/broadcast HTTP/1.1\r\nHost: h\r\nContent-Length: '
  const short = await rawConnection(gateway, `${head}3\r\n\r\nabcdef`)
  // What follows the announced length is the next request, and not one.
  assert.match(await readAll(short), /HTTP\/1\.1 400 /)
  const long = await rawConnection(gateway, `${head}10\r\n\r\nxyz`)
  long.end()
  await readAll(long)
  const both = await rawConnection(gateway, `${head}3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`)
  assert.match(await readAll(both), /^HTTP\/1\.1 400 /)
  await post(gateway, 'r', 'broadcast', 'next')
  const stream = await subscribe(gateway, 'r')
  await until(() => stream.raw().includes('next'), 'the next message has come')
  assert.deepEqual(
    stream.events.map(({ data }) => data).filter((data) => data !== 'abc'),
    ['next'],
  )
  assert.ok(!gateway.logs.some((line) => line.includes('request failed')), 'a body that ends early is no failure')
  stream.close()
  await gateway.close()
})

test('a slow upload is ended by the request timeout, a slow head before', LIMIT, async () => {
  const gateway = await testGateway({}, { timeouts: { requestMs: 1_500, headersMs: 300, checkMs: 50 } })
  const stream = await subscribe(gateway, 'r')
  const body = await rawConnection(
    gateway,
    'POST /rooms/r/broadcast HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nab',
  )
  const head = await rawConnection(gateway, 'POST /rooms/r/broadcast HTTP/1.1\r\nHost: h\r\n')
  const ended = [head, body].map(async (socket) => ({ answer: await readAll(socket), at: performance.now() }))
  const [first, second] = (await Promise.all(ended)) as [Awaited<(typeof ended)[0]>, Awaited<(typeof ended)[0]>]
  assert.match(first.answer + second.answer, /408 Request Timeout/)
  assert.ok(second.at - first.at > 500, `${second.at - first.at} ms between them`)
  await post(gateway, 'r', 'broadcast', 'still here')
  assert.deepEqual(await stream.atLeast(1), [{ id: 0, data: 'still here' }], 'streams have no such limit')
  stream.close()
  await gateway.close()
})

test('a full room refuses with 409 and keeps all it has', async () => {
  const byCount = await testGateway({ 'limits.room_messages': 2 })
  for (const body of ['a', 'b']) assert.equal((await post(byCount, 'r', 'broadcast', body)).status, 200)
  const refused = await post(byCount, 'r', 'broadcast', 'c')
  assert.equal(refused.status, 409)
  assert.equal(await errorCode(refused), 'room_full')
  assert.equal((await post(byCount, 'other', 'broadcast', 'c')).status, 200)
  const stream = await subscribe(byCount, 'r')
  assert.deepEqual(
    (await stream.atLeast(2)).map(({ data }) => data),
    ['a', 'b'],
  )
  stream.close()
  await byCount.close()

  const byBytes = await testGateway({ 'limits.room_bytes': 2000 })
  assert.equal((await post(byBytes, 'r', 'broadcast', 'x'.repeat(1500))).status, 200)
  assert.equal((await post(byBytes, 'r', 'broadcast', 'x'.repeat(500))).status, 409)
  // Lines cost six bytes each on the wire, and that is what is held.
  assert.equal((await post(byBytes, 'lines', 'broadcast', '\n'.repeat(400))).status, 409)
  await byBytes.close()
})

test('the history of all rooms together is limited, and expiry makes place again', async () => {
  const clock = fakeClock()
  const gateway = await testGateway({ 'limits.total_bytes': 4000, 'limits.room_idle_seconds': 60 }, { clock })
  for (const room of ['a', 'b', 'c'])
    assert.equal((await post(gateway, room, 'broadcast', 'x'.repeat(1200))).status, 200)
  const refused = await post(gateway, 'd', 'broadcast', 'x'.repeat(1200))
  assert.equal(refused.status, 429)
  assert.match(String(refused.headers.get('retry-after')), /^\d+$/)
  assert.equal(await errorCode(refused), 'gateway_full')
  clock.advanceSeconds(60)
  assert.equal((await post(gateway, 'd', 'broadcast', 'x'.repeat(1200))).status, 200)
  await gateway.close()
})

test('messages with a TTL leave the log when it has passed: a room with a subscriber never fills up for good', async () => {
  const clock = fakeClock()
  const gateway = await testGateway({ 'limits.room_messages': 3 }, { clock })
  const send = (body: string, ttl?: string) =>
    fetch(`${gateway.url}/rooms/r/broadcast`, { method: 'POST', body, ...(ttl !== undefined && { headers: { ttl } }) })
  const live = await subscribe(gateway, 'r')
  assert.equal((await send('stays')).status, 200)
  for (let i = 0; i < 20; i++) {
    assert.equal((await send(`a${i}`, '30')).status, 200)
    assert.equal((await send(`b${i}`, '30')).status, 200)
    const full = await send('one too many', '30')
    assert.equal(await errorCode(full), 'room_full')
    clock.advanceSeconds(30)
  }
  assert.equal((await live.atLeast(41)).length, 41, 'who listens gets everything')
  assert.equal((await send('last', '30')).status, 200)
  const late = await subscribe(gateway, 'r')
  assert.deepEqual(await late.atLeast(2), [
    { id: 0, data: 'stays' },
    { id: 41, data: 'last' },
  ])
  const resumed = await subscribe(gateway, 'r', { headers: { 'last-event-id': '5' } })
  assert.deepEqual(await resumed.atLeast(1), [{ id: 41, data: 'last' }])
  clock.advanceSeconds(30)
  const { bytes } = gateway.status()
  gateway.sweep()
  assert.ok(gateway.status().bytes < bytes, 'the sweep gives the memory back')
  for (const bad of ['', '-1', '1.5', 'x', '123456789']) {
    const refused = await send('x', bad)
    assert.equal(refused.status, 400)
    assert.equal(await errorCode(refused), 'bad_ttl')
  }
  for (const stream of [live, late, resumed]) stream.close()
  await gateway.close()
})

test('too many rooms and too many subscribers are 429', async () => {
  const clock = fakeClock()
  const settings = { 'limits.rooms': 2, 'limits.subscribers_per_room': 2, 'limits.room_idle_seconds': 60 }
  const gateway = await testGateway(settings, { clock })
  const streams = [await subscribe(gateway, 'a'), await subscribe(gateway, 'a')]
  const third = await fetch(`${gateway.url}/rooms/a/subscribe`)
  assert.equal(third.status, 429)
  assert.equal(await errorCode(third), 'too_many_subscribers')
  assert.equal((await post(gateway, 'b', 'issue_unique_idx')).status, 200)
  for (const action of ['issue_unique_idx', 'broadcast']) {
    const refused = await post(gateway, 'c', action, 'x')
    assert.equal(refused.status, 429)
    assert.equal(await errorCode(refused), 'too_many_rooms')
  }
  assert.equal((await fetch(`${gateway.url}/rooms/c/subscribe`)).status, 429)
  clock.advanceSeconds(60)
  assert.equal((await post(gateway, 'c', 'issue_unique_idx')).status, 200, 'the idle room b made place')
  streams[0]?.close()
  await until(() => gateway.status().subscribers === 1, 'one has left')
  streams.push(await subscribe(gateway, 'a'))
  assert.equal(streams[2]?.status, 200)
  for (const stream of streams) stream.close()
  await gateway.close()
})

test('G7: a room lives while somebody listens, and for the idle time after the last request', async () => {
  const clock = fakeClock()
  const gateway = await testGateway({ 'limits.room_idle_seconds': 60 }, { clock })
  const stream = await subscribe(gateway, 'r')
  const epoch = stream.headers['room-epoch']
  await post(gateway, 'r', 'broadcast', 'zero')
  clock.advanceSeconds(1000)
  gateway.sweep()
  assert.equal(gateway.status().rooms, 1, 'somebody listens')
  stream.close()
  await until(() => gateway.status().subscribers === 0, 'closed')
  clock.advanceSeconds(59)
  gateway.sweep()
  await post(gateway, 'r', 'issue_unique_idx')
  clock.advanceSeconds(59)
  gateway.sweep()
  assert.equal(gateway.status().rooms, 1, 'an index counts as use')
  assert.ok(gateway.status().bytes > 0)
  clock.advanceSeconds(1)
  gateway.sweep()
  assert.deepEqual(gateway.status(), { rooms: 0, subscribers: 0, bytes: 0 })

  const again = await subscribe(gateway, 'r', { headers: { 'last-event-id': '0' } })
  assert.notEqual(again.headers['room-epoch'], epoch)
  assert.equal(again.headers['room-resumed-from'], '0', 'a new room says that it starts again')
  await post(gateway, 'r', 'broadcast', 'new zero')
  assert.deepEqual(await again.atLeast(1), [{ id: 0, data: 'new zero' }])
  again.close()
  await gateway.close()
})

test('an expired room is not found again even before it is swept', async () => {
  const clock = fakeClock()
  const gateway = await testGateway({ 'limits.room_idle_seconds': 60 }, { clock })
  await post(gateway, 'r', 'broadcast', 'old')
  clock.advanceSeconds(60)
  assert.deepEqual(await (await post(gateway, 'r', 'issue_unique_idx')).json(), { unique_idx: 1 })
  assert.equal(gateway.status().bytes, 0)
  await gateway.close()
})

test('connections above the limit are closed as they come', async () => {
  const gateway = await testGateway({ 'limits.connections': 2 })
  const streams = [await subscribe(gateway, 'r'), await subscribe(gateway, 'r')]
  await assert.rejects(subscribe(gateway, 'r'))
  for (const stream of streams) stream.close()
  await until(() => gateway.status().subscribers === 0, 'closed')
  const later = await subscribe(gateway, 'r')
  assert.equal(later.status, 200)
  later.close()
  await gateway.close()
})
