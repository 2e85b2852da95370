/** Coming back: from which id, in which room, and what is told when that is gone. And streams that end by themselves. */
import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { request } from 'node:http'
import { PassThrough } from 'node:stream'
import { type TestContext, test } from 'node:test'
import { EventSource } from 'eventsource'
import { messageFrame } from './frame.ts'
import { noMeter } from './hooks.ts'
import { Room } from './room.ts'
import { errorCode, post, postMany, subscribe, testGateway, until } from './testing/client.ts'

const ids = (events: readonly { id: number }[]) => events.map(({ id }) => id)

test('G10, pitfall 4: an id that the room has not given out: a reset event comes first, then all from the start', async () => {
  const gateway = await testGateway()
  for (const body of ['zero', 'one']) await post(gateway, 'r', 'broadcast', body)
  for (const lastSeen of ['2', '500', '65536', '9007199254740991']) {
    for (const how of [{ headers: { 'last-event-id': lastSeen } }, { query: `?last_event_id=${lastSeen}` }]) {
      const stream = await subscribe(gateway, 'r', how)
      assert.equal(stream.headers['room-resumed-from'], '0', lastSeen)
      await stream.atLeast(2)
      const epoch = String(stream.headers['room-epoch'])
      assert.deepEqual(stream.resets, [{ epoch, resumed_from: 0 }])
      const [retry, reset, first] = stream.raw().split('\n\n')
      assert.match(`${retry}`, /^retry: \d+$/)
      assert.equal(reset, `event: reset\nid:\ndata: {"epoch":"${epoch}","resumed_from":0}`)
      assert.equal(first, 'event: new-message\nid: 0\ndata: zero', 'before any message')
      stream.close()
    }
  }
  await gateway.close()
})

test('another epoch is told by a reset, with an id and without; the same one, and what is still there, by none', async () => {
  const gateway = await testGateway()
  for (const body of ['zero', 'one', 'two']) await post(gateway, 'r', 'broadcast', body)
  const first = await subscribe(gateway, 'r')
  const epoch = String(first.headers['room-epoch'])
  await first.atLeast(3)
  const table: readonly (readonly [Record<string, string>, number, boolean])[] = [
    [{}, 0, false],
    [{ 'room-epoch': epoch }, 0, false],
    [{ 'last-event-id': '0' }, 1, false],
    [{ 'last-event-id': '2' }, 3, false],
    [{ 'last-event-id': '2', 'room-epoch': epoch }, 3, false],
    [{ 'last-event-id': '3', 'room-epoch': epoch }, 0, true],
    [{ 'last-event-id': '1', 'room-epoch': 'older' }, 0, true],
    [{ 'room-epoch': 'older' }, 0, true],
    [{ 'room-epoch': '' }, 0, true],
  ]
  for (const [headers, from, isReset] of table) {
    const stream = await subscribe(gateway, 'r', { headers })
    const what = JSON.stringify(headers)
    assert.equal(stream.headers['room-resumed-from'], String(from), what)
    await stream.atLeast(3 - from)
    assert.deepEqual(stream.resets, isReset ? [{ epoch, resumed_from: 0 }] : [], what)
    assert.deepEqual(ids(stream.events), [0, 1, 2].slice(from))
    stream.close()
  }
  first.close()
  await gateway.close()
})

test('messages whose time has passed are no gap: who comes back after them is sent on, without a reset', async () => {
  let nowMs = 0
  const gateway = await testGateway({}, { clock: { nowMs: () => nowMs } })
  const url = `${gateway.url}/rooms/r/broadcast`
  await post(gateway, 'r', 'broadcast', 'zero')
  for (const body of ['one', 'two']) await fetch(url, { method: 'POST', body, headers: { ttl: '5' } })
  nowMs = 5_000
  await post(gateway, 'r', 'broadcast', 'three')
  for (const [lastSeen, from] of [
    ['0', '1'],
    ['1', '2'],
    ['2', '3'],
  ] as const) {
    const stream = await subscribe(gateway, 'r', { headers: { 'last-event-id': lastSeen } })
    assert.equal(stream.headers['room-resumed-from'], from)
    assert.deepEqual(await stream.atLeast(1), [{ id: 3, data: 'three' }])
    assert.deepEqual(stream.resets, [])
    stream.close()
  }
  // and when nothing is left: the last id is still one that was given out
  nowMs = 5_001
  await fetch(url, { method: 'POST', body: 'four', headers: { ttl: '1' } })
  nowMs = 9_000
  const stream = await subscribe(gateway, 'r', { headers: { 'last-event-id': '4' } })
  await post(gateway, 'r', 'broadcast', 'five')
  assert.deepEqual(await stream.atLeast(1), [{ id: 5, data: 'five' }])
  assert.deepEqual(stream.resets, [])
  stream.close()
  await gateway.close()
})

test('pitfall 3: which ids are ids, in the header and in the query; the header wins, also when it is wrong', async () => {
  const gateway = await testGateway()
  await post(gateway, 'r', 'broadcast', 'zero')
  const url = `${gateway.url}/rooms/r/subscribe`
  const none = ['abc', '-1', '+1', '1.5', '1e3', '0x1', '1'.repeat(20), '9007199254740992', '', ' ', '1, 2', '１']
  for (const bad of none) {
    const query = new URLSearchParams({ last_event_id: bad })
    const answers = [await fetch(`${url}?${query}`)]
    // a header is bytes, and a blank one is empty
    if (bad !== '１') answers.push(await fetch(url, { headers: { 'last-event-id': bad } }))
    if (bad !== '１') answers.push(await fetch(`${url}?last_event_id=0`, { headers: { 'last-event-id': bad } }))
    for (const answer of answers) {
      assert.equal(answer.status, 400, JSON.stringify(bad))
      assert.equal(await errorCode(answer), 'bad_last_event_id')
    }
  }
  const headers = { 'last-event-id': '0' }
  const both = await subscribe(gateway, 'r', { headers, query: '?last_event_id=abc' })
  assert.equal(both.headers['room-resumed-from'], '1', 'the query does not count')
  both.close()
  const padded = await subscribe(gateway, 'r', { headers: { 'last-event-id': '0000' } })
  assert.equal(padded.headers['room-resumed-from'], '1')
  padded.close()
  await gateway.close()
})

test('ids beyond 65,535 and up to 2^53 - 1 are ids; a room that had so many resumes there', async () => {
  const gateway = await testGateway({ 'limits.room_messages': 70_000 })
  await postMany(gateway, '/rooms/r/broadcast', Array<string>(65_540).fill('x'))
  const late = await subscribe(gateway, 'r', { headers: { 'last-event-id': '65536' } })
  assert.deepEqual(ids(await late.atLeast(3)), [65_537, 65_538, 65_539])
  assert.deepEqual(late.resets, [])
  late.close()
  await gateway.close()
})

test('a standard EventSource forgets its last id at a reset, and so misses nothing of the room that grows', async (t) => {
  const gateway = await testGateway()
  const messages: string[] = []
  const resets: string[] = []
  const asked: (string | undefined)[] = []
  let current: ReturnType<typeof request> | undefined
  // Its first request carries an id of long ago, as if it had been connected to an earlier room.
  const source = new EventSource(`${gateway.url}/rooms/r/subscribe`, {
    fetch: async (url, init) => {
      const own = (init.headers as Record<string, string>)['Last-Event-ID']
      asked.push(own)
      return fetchOnce(String(url), asked.length === 1 ? '2' : own, (call) => {
        current = call
      })
    },
  })
  t.after(() => source.close())
  source.addEventListener('new-message', ({ data }) => messages.push(String(data)))
  source.addEventListener('reset', ({ data }) => resets.push(String(data)))
  await until(() => resets.length === 1, 'the reset')
  current?.destroy()
  await until(() => gateway.status().subscribers === 0, 'it has lost its connection')
  // by the time it comes back the room has the id that it had asked for
  for (const body of ['a', 'b', 'c', 'd', 'e']) await post(gateway, 'r', 'broadcast', body)
  await until(() => messages.length >= 5, 'it has come back', 15_000)
  assert.deepEqual(messages, ['a', 'b', 'c', 'd', 'e'])
  assert.deepEqual(asked, [undefined, undefined])
  source.close()
  await gateway.close()
})

/** A fetch whose connection can be cut. */
async function fetchOnce(url: string, lastId: string | undefined, onCall: (call: ReturnType<typeof request>) => void) {
  const headers = { accept: 'text/event-stream', ...(lastId !== undefined && { 'last-event-id': lastId }) }
  const body = new PassThrough()
  return new Promise<Response>((resolve, reject) => {
    const call = request(url, { headers, agent: false }, (response) => {
      response.on('error', () => body.end())
      response.pipe(body)
      const stream = new ReadableStream<Uint8Array>({
        async start(controller) {
          for await (const chunk of body) controller.enqueue(chunk as Uint8Array)
          controller.close()
        },
      })
      resolve(new Response(stream, { headers: { 'content-type': 'text/event-stream' } }))
    })
    call.on('error', reject)
    onCall(call.end())
  })
}

test('pitfall 24: a stream ends cleanly when its grant does, with its retry; others go on', async () => {
  const expiresAtMs = Date.now() + 1_500
  const gateway = await testGateway(
    {},
    {
      authorize: async ({ headers }) => ({
        ok: true,
        value: { caller: 'x', pass: undefined, ...(headers['x-short'] !== undefined && { expiresAtMs }) },
      }),
    },
  )
  const short = await subscribe(gateway, 'r', { headers: { 'x-short': '1' } })
  const long = await subscribe(gateway, 'r')
  await post(gateway, 'r', 'broadcast', 'one')
  await short.atLeast(1)
  await short.ended
  assert.ok(Date.now() >= expiresAtMs, 'not before')
  assert.match(short.raw(), /data: one\n\nretry: \d+\n\n$/)
  await post(gateway, 'r', 'broadcast', 'two')
  await long.atLeast(2)
  assert.equal(short.events.length, 1)
  assert.equal(gateway.status().subscribers, 1)
  const late = await subscribe(gateway, 'r', { headers: { 'x-short': '1' } })
  await late.ended
  assert.ok(Date.now() >= expiresAtMs)
  long.close()
  await gateway.close()
})

test('a grant that ends in a year, and one that never ends, end nothing', async (t: TestContext) => {
  for (const expiresAtMs of [Date.now() + 366 * 86_400_000, undefined]) {
    const authorize = async () => ({ ok: true as const, value: { caller: 'x', pass: undefined, expiresAtMs } })
    const gateway = await testGateway({}, { authorize })
    t.after(() => gateway.close())
    const stream = await subscribe(gateway, 'r')
    await new Promise((resolve) => setTimeout(resolve, 50))
    await post(gateway, 'r', 'broadcast', 'one')
    await stream.atLeast(1)
    assert.equal(gateway.status().subscribers, 1)
    stream.close()
  }
})

test('a stream that comes just after its room has gone is told and ended', () => {
  const changes: number[] = []
  const room = new Room({
    clock: { nowMs: () => 0 },
    meter: noMeter,
    maxBufferedBytes: 1_000,
    onStreams: (change) => changes.push(change),
  })
  room.append(messageFrame(0, Buffer.from('x')))
  room.endForGood()
  const outgoing = new PassThrough()
  room.subscribe(outgoing as unknown as ServerResponse, 0, () => {})
  assert.equal(outgoing.read()?.toString(), 'event: reset\nid:\ndata: {"epoch":null,"resumed_from":0}\n\n')
  assert.ok(outgoing.writableEnded, 'and nothing of what was said in it')
  assert.deepEqual(changes, [1])
})
