/**
 * The interface that existing clients rely on, and the ten ways in which its first implementation broke (G1 to G10),
 * over real sockets.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, test } from 'node:test'
import { EventSource } from 'eventsource'
import { secretFile } from './auth/testing.ts'
import { errorCode, post, postMany, subscribe, type TestGateway, testGateway, until } from './testing/client.ts'

let gateway: TestGateway
before(async () => {
  gateway = await testGateway({ 'limits.room_messages': 100_000, 'limits.keep_alive_seconds': 1 })
})
after(() => gateway.close())

let rooms = 0
const newRoom = () => `room-${rooms++}`
const ids = (events: readonly { id: number }[]) => events.map(({ id }) => id)
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

test('subscribe, broadcast, index: the wire as clients of the first implementation expect it', async () => {
  const room = newRoom()
  const stream = await subscribe(gateway, room)
  assert.equal(stream.status, 200)
  assert.equal(stream.headers['content-type'], 'text/event-stream')
  assert.equal(stream.headers['cache-control'], 'no-cache, no-transform')
  assert.equal(stream.headers['x-accel-buffering'], 'no')
  assert.equal(stream.headers['room-resumed-from'], '0')
  assert.match(String(stream.headers['room-epoch']), /^[\w-]{22}$/)

  const first = await post(gateway, room, 'broadcast', '{"sender":1}')
  assert.equal(first.status, 200)
  assert.equal(await first.text(), '')
  await post(gateway, room, 'broadcast', 'two')
  await stream.atLeast(2)
  assert.match(
    stream.raw(),
    /^retry: \d+\n\nevent: new-message\nid: 0\ndata: \{"sender":1\}\n\nevent: new-message\nid: 1\ndata: two\n\n$/,
  )
  const index = await post(gateway, room, 'issue_unique_idx')
  assert.match(String(index.headers.get('content-type')), /^application\/json/)
  assert.deepEqual(await index.json(), { unique_idx: 1 })
  stream.close()
})

test('two clients of the first implementation meet: subscribe first, then an index, no id, no epoch, own messages back', async () => {
  const room = newRoom()
  /** All it knows of events: their name, their data, and that a blank line ends them. */
  const messages = (text: string) =>
    text
      .split('\n\n')
      .filter((block) => block.startsWith('event: new-message\n'))
      .map((block) => JSON.parse(/^data: (.*)$/m.exec(block)?.[1] ?? '') as { sender: number; body: string })
  const join = async () => {
    const stream = await subscribe(gateway, room)
    const { unique_idx } = (await (await post(gateway, room, 'issue_unique_idx')).json()) as { unique_idx: number }
    const say = async (body: string) => {
      const answer = await post(gateway, room, 'broadcast', JSON.stringify({ sender: unique_idx, body }))
      assert.deepEqual([answer.status, await answer.text()], [200, ''])
    }
    return { stream, index: unique_idx, say }
  }
  const parties = await Promise.all([join(), join()])
  assert.deepEqual(parties.map(({ index }) => index).sort(), [1, 2])
  await Promise.all(parties.map(({ say, index }) => say(`round 1 of ${index}`)))
  for (const { stream } of parties) {
    await stream.atLeast(2)
    const got = messages(stream.raw()).map(({ sender, body }) => `${sender}: ${body}`)
    assert.deepEqual(got.sort(), ['1: round 1 of 1', '2: round 1 of 2'])
    assert.deepEqual(stream.resets, [], 'who asked for nothing is told of nothing')
    stream.close()
  }
})

test('a body of any content type, or none, is passed on', async () => {
  const room = newRoom()
  for (const type of ['text/plain', 'application/json', 'application/octet-stream', 'nonsense']) {
    const url = `${gateway.url}/rooms/${room}/broadcast`
    const answer = await fetch(url, { method: 'POST', body: type, headers: { 'content-type': type } })
    assert.equal(answer.status, 200)
  }
  await postMany(gateway, `/rooms/${room}/broadcast`, ['no type'])
  const stream = await subscribe(gateway, room)
  const got = await stream.atLeast(5)
  assert.deepEqual(
    got.map(({ data }) => data),
    ['text/plain', 'application/json', 'application/octet-stream', 'nonsense', 'no type'],
  )
  stream.close()
})

test('G1: indexes count on while nobody is subscribed', async () => {
  const room = newRoom()
  for (const expected of [1, 2, 3]) {
    assert.deepEqual(await (await post(gateway, room, 'issue_unique_idx')).json(), { unique_idx: expected })
  }
})

test('G2: what is broadcast before the first subscriber is there for it', async () => {
  const room = newRoom()
  await post(gateway, room, 'broadcast', 'early')
  const stream = await subscribe(gateway, room)
  assert.deepEqual(await stream.atLeast(1), [{ id: 0, data: 'early' }])
  stream.close()
})

test('G3: two simultaneous first subscribers are in one room', async () => {
  for (let round = 0; round < 1000; round += 50) {
    await Promise.all(
      range(0, 50).map(async () => {
        const room = newRoom()
        const [a, b] = await Promise.all([subscribe(gateway, room), subscribe(gateway, room)])
        assert.equal(a.headers['room-epoch'], b.headers['room-epoch'])
        await post(gateway, room, 'broadcast', 'x')
        await Promise.all([a.atLeast(1), b.atLeast(1)])
        a.close()
        b.close()
      }),
    )
  }
})

test('G4: the only subscriber comes back and continues without a gap', async () => {
  const room = newRoom()
  const first = await subscribe(gateway, room)
  await post(gateway, room, 'broadcast', 'zero')
  await first.atLeast(1)
  const before = gateway.status().subscribers
  first.close()
  await until(() => gateway.status().subscribers < before, 'the stream is closed')
  await post(gateway, room, 'broadcast', 'one')
  const second = await subscribe(gateway, room, { headers: { 'last-event-id': '0' } })
  assert.equal(second.headers['room-epoch'], first.headers['room-epoch'])
  assert.equal(second.headers['room-resumed-from'], '1')
  await post(gateway, room, 'broadcast', 'two')
  assert.deepEqual(await second.atLeast(2), [
    { id: 1, data: 'one' },
    { id: 2, data: 'two' },
  ])
  second.close()
})

test('G5: 70,000 messages, ids do not wrap', async () => {
  const room = newRoom()
  await postMany(
    gateway,
    `/rooms/${room}/broadcast`,
    range(0, 70_000).map((i) => `m${i}`),
  )
  const late = await subscribe(gateway, room, { headers: { 'last-event-id': '69998' } })
  assert.deepEqual(await late.atLeast(1), [{ id: 69_999, data: 'm69999' }])
  const all = await subscribe(gateway, room)
  const got = await all.atLeast(70_000)
  assert.ok(got.every(({ id, data }, i) => id === i && data === `m${i}`))
  assert.equal(late.events.length, 1)
  all.close()
  late.close()
})

test('G6: 70,000 indexes, all distinct', async () => {
  const bodies = Array<string>(70_000).fill('')
  const answers = await postMany(gateway, `/rooms/${newRoom()}/issue_unique_idx`, bodies)
  const indexes = answers.map((answer) => (JSON.parse(answer) as { unique_idx: number }).unique_idx)
  assert.deepEqual(indexes, range(1, 70_001))
})

test('G7: a room and its history go when nobody uses it, and a body has a limit', async () => {
  let nowMs = 0
  const own = await testGateway({ 'limits.room_idle_seconds': 60 }, { clock: { nowMs: () => nowMs } })
  const stream = await subscribe(own, 'r')
  for (let i = 0; i < 20; i++) await post(own, 'r', 'broadcast', 'x'.repeat(100_000))
  assert.equal((await post(own, 'r', 'broadcast', 'x'.repeat(1_048_577))).status, 413)
  assert.ok(own.status().bytes > 2_000_000, 'history is counted')
  stream.close()
  await until(() => own.status().subscribers === 0, 'nobody listens')
  own.sweep()
  assert.equal(own.status().rooms, 1, 'not when its last subscriber leaves')
  nowMs = 60_000
  own.sweep()
  assert.deepEqual(own.status(), { rooms: 0, subscribers: 0, bytes: 0 })
  await own.close()
})

test('G8: with tokens, nobody without one comes in, and none goes where it may not', async () => {
  const sha256 = createHash('sha256').update('a-token-of-alice').digest('hex')
  const file = secretFile(JSON.stringify([{ name: 'alice', sha256, rights: ['publish'], rooms: ['a*'] }]))
  const own = await testGateway({ 'auth.mode': 'token', 'auth.token_file': file })
  const publish = (room: string, token?: string) =>
    fetch(`${own.url}/rooms/${room}/broadcast`, {
      method: 'POST',
      body: 'x',
      ...(token !== undefined && { headers: { authorization: `Bearer ${token}` } }),
    })
  const statuses = [publish('a1'), publish('a1', 'wrong'), publish('b', 'a-token-of-alice')]
  assert.deepEqual(
    (await Promise.all(statuses)).map(({ status }) => status),
    [401, 401, 403],
  )
  const anonymous = await fetch(`${own.url}/rooms/a1/subscribe`)
  assert.equal(anonymous.status, 401)
  assert.equal(own.status().rooms, 0, 'whoever may not makes no room')
  assert.equal((await publish('a1', 'a-token-of-alice')).status, 200)
  await own.close()
})

test('rooms are isolated', async () => {
  const [one, other] = [newRoom(), newRoom()]
  const stream = await subscribe(gateway, other)
  await post(gateway, one, 'broadcast', 'for one')
  await post(gateway, other, 'broadcast', 'for the other')
  assert.deepEqual(await stream.atLeast(1), [{ id: 0, data: 'for the other' }])
  assert.equal(stream.events.length, 1)
  stream.close()
})

test('G9: limits for each room and reader, /health with counts, CORS for listed origins', async () => {
  const own = await testGateway({ 'limits.subscribers_per_room': 1, 'server.cors_origins': ['https://a.example'] })
  const stream = await subscribe(own, 'a')
  await post(own, 'b', 'issue_unique_idx')
  const health = await fetch(`${own.url}/health`)
  assert.equal(health.status, 200)
  assert.deepEqual(await health.json(), { status: 'ok', rooms: 2, subscribers: 1, uptime_seconds: 0 })
  const second = await fetch(`${own.url}/rooms/a/subscribe`, { headers: { origin: 'https://a.example' } })
  assert.equal(await errorCode(second), 'too_many_subscribers')
  assert.equal(second.headers.get('access-control-allow-origin'), 'https://a.example')
  stream.close()
  await own.close()
})

test('G10: resuming beyond the end replays from the start and says so', async () => {
  const room = newRoom()
  await post(gateway, room, 'broadcast', 'zero')
  for (const lastSeen of ['1', '500', '9007199254740991']) {
    const stream = await subscribe(gateway, room, { headers: { 'last-event-id': lastSeen } })
    assert.equal(stream.headers['room-resumed-from'], '0')
    assert.deepEqual(await stream.atLeast(1), [{ id: 0, data: 'zero' }])
    assert.deepEqual(stream.resets, [{ epoch: stream.headers['room-epoch'], resumed_from: 0 }])
    stream.close()
  }
  const upToDate = await subscribe(gateway, room, { headers: { 'last-event-id': '0' } })
  assert.equal(upToDate.headers['room-resumed-from'], '1')
  upToDate.close()
})

test('a reader that names the epoch of another room is sent to the start', async () => {
  const room = newRoom()
  for (const body of ['zero', 'one', 'two']) await post(gateway, room, 'broadcast', body)
  const stale = await subscribe(gateway, room, { headers: { 'last-event-id': '1', 'room-epoch': 'older' } })
  assert.equal(stale.headers['room-resumed-from'], '0')
  const epoch = String(stale.headers['room-epoch'])
  const same = await subscribe(gateway, room, { headers: { 'last-event-id': '1', 'room-epoch': epoch } })
  assert.equal(same.headers['room-resumed-from'], '2')
  stale.close()
  same.close()
})

test('last_event_id in the query works, the header wins, and what is not an id is refused', async () => {
  const room = newRoom()
  for (const body of ['zero', 'one', 'two']) await post(gateway, room, 'broadcast', body)
  const byQuery = await subscribe(gateway, room, { query: '?last_event_id=0' })
  assert.deepEqual(ids(await byQuery.atLeast(2)), [1, 2])
  const both = await subscribe(gateway, room, { query: '?last_event_id=0', headers: { 'last-event-id': '1' } })
  assert.deepEqual(ids(await both.atLeast(1)), [2])
  byQuery.close()
  both.close()
  for (const bad of ['abc', '-1', '1.5', '1e3', '0x1', '12345678901234567890', '9007199254740993', '', '1, 2']) {
    const byHeader = await fetch(`${gateway.url}/rooms/${room}/subscribe`, { headers: { 'last-event-id': bad } })
    assert.equal(byHeader.status, 400, bad)
    assert.equal(await errorCode(byHeader), 'bad_last_event_id')
    const query = new URLSearchParams({ last_event_id: bad })
    assert.equal((await fetch(`${gateway.url}/rooms/${room}/subscribe?${query}`)).status, 400, bad)
  }
})

test('pitfall 1: bodies with line ends come back as they were, read by a standard client', async () => {
  const room = newRoom()
  const bodies = [
    'x\n\nevent: fake\nid: 999\ndata: y',
    '\n',
    '\n\n\n',
    'ends with a line\n',
    '\nstarts with one',
    ' leading space\n two',
    ': comment',
    'data: data',
    'grüße 🦀\u2028\u0085 \u000b',
    '',
    '\ufeff{"bom":true}\n\ufeff',
    'a'.repeat(300_000),
  ]
  for (const body of bodies) assert.equal((await post(gateway, room, 'broadcast', body)).status, 200)
  const got: { id: string; data: string }[] = []
  const source = new EventSource(`${gateway.url}/rooms/${room}/subscribe`)
  source.addEventListener('new-message', ({ data, lastEventId }) => got.push({ id: lastEventId, data: String(data) }))
  await until(() => got.length >= bodies.length, 'all bodies have come')
  source.close()
  assert.deepEqual(
    got,
    bodies.map((data, i) => ({ id: String(i), data })),
  )
})

test('pitfalls 1 and 2: CR, NUL and invalid UTF-8 are refused and use up no id; a BOM stays', async () => {
  const room = newRoom()
  for (const body of ['a\rb', 'a\r\nb', 'a\0b']) {
    const answer = await post(gateway, room, 'broadcast', body)
    assert.equal(answer.status, 400)
    assert.equal(await errorCode(answer), 'body_has_cr_or_nul')
  }
  const invalid = [
    [0xff, 0xfe, 0x41],
    [0xc0, 0x80],
    [0xed, 0xa0, 0x80],
    [0xe2, 0x82],
    [0xf4, 0x90, 0x80, 0x80],
  ]
  for (const bytes of invalid) {
    const answer = await post(gateway, room, 'broadcast', Uint8Array.from(bytes))
    assert.equal(answer.status, 400)
    assert.equal(await errorCode(answer), 'body_not_utf8')
  }
  await post(gateway, room, 'broadcast', Uint8Array.from([0xef, 0xbb, 0xbf, 0x7b, 0x7d]))
  const stream = await subscribe(gateway, room)
  assert.deepEqual(await stream.atLeast(1), [{ id: 0, data: '\ufeff{}' }])
  stream.close()
})

test('pitfall 5: each subscriber sees each id once and in order while messages flow and it reconnects', async () => {
  const room = newRoom()
  const total = 4_000
  const publishing = (async () => {
    for (let i = 0; i < total; i += 20) {
      await postMany(
        gateway,
        `/rooms/${room}/broadcast`,
        range(i, i + 20).map((n) => `m${n}`),
      )
    }
  })()
  const follow = async (eventsPerConnection: number) => {
    const seen: { id: number; data: string }[] = []
    while (seen.length < total) {
      const headers: Record<string, string> = seen.length > 0 ? { 'last-event-id': String(seen.length - 1) } : {}
      const stream = await subscribe(gateway, room, { headers })
      await stream.atLeast(Math.min(eventsPerConnection, total - seen.length), 20_000)
      seen.push(...stream.events)
      stream.close()
    }
    return seen
  }
  const readers = [follow(total), ...[1, 37, 150, 333, 1000].map((n) => follow(Math.max(n, 25)))]
  for (const seen of await Promise.all(readers)) {
    assert.ok(seen.every(({ id, data }, i) => id === i && data === `m${i}`))
    assert.equal(seen.length, total)
  }
  await publishing
})

test('pitfall 6: retry is digits only, and differs between streams', async () => {
  const seen = new Set<string>()
  for (let i = 0; i < 8; i++) {
    const stream = await subscribe(gateway, newRoom())
    await until(() => stream.raw() !== '', 'retry has come')
    seen.add(/^retry: (\d+)\n\n/.exec(stream.raw())?.[1] ?? 'none')
    stream.close()
  }
  assert.ok(!seen.has('none'))
  assert.ok(seen.size > 1)
})

test('pitfall 8: an idle stream gets comments', async () => {
  const stream = await subscribe(gateway, newRoom())
  await until(() => /\n:\n\n/.test(stream.raw()), 'a comment has come')
  assert.equal(stream.events.length, 0)
  stream.close()
})

test('pitfall 13: a stream is never compressed', async () => {
  const stream = await subscribe(gateway, newRoom(), { headers: { 'accept-encoding': 'gzip, br' } })
  assert.equal(stream.headers['content-encoding'], undefined)
  stream.close()
})
