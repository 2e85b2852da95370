/** Two gateways on one Redis act as one: messages, ids, indexes, keys, limits, removal, expiry. */
import assert from 'node:assert/strict'
import { before, suite, test } from 'node:test'
import { errorCode, post, subscribe, type TestGateway, until } from '../testing/client.ts'
import { sharedGateway, skip, TestRedis } from './testing/server.ts'

suite('two gateways on one Redis', { skip }, () => {
  let redis: TestRedis
  let a: TestGateway
  let b: TestGateway
  before(async () => {
    redis = await TestRedis.start()
    // What happens at once must not be seen only because everything is looked at again some time later.
    const seldom = { 'limits.keep_alive_seconds': 3600, 'limits.room_idle_seconds': 3600 }
    ;[a, b] = await Promise.all([sharedGateway(redis, seldom), sharedGateway(redis, seldom)])
  })

  const state = async (gateway: TestGateway, room: string) =>
    (await (await fetch(`${gateway.url}/rooms/${room}`)).json()) as Record<string, unknown>
  /** Seldom, since asking stops this process and its gateways for a moment. */
  const untilNoKeys = async (pattern: string) => {
    const deadlineMs = Date.now() + 30_000
    while (redis.cli('KEYS', pattern) !== '') {
      assert.ok(Date.now() < deadlineMs, `${pattern} has gone by now`)
      await new Promise((resolve) => setTimeout(resolve, 300))
    }
  }
  const keyed = (gateway: TestGateway, room: string, key: string, body: string) =>
    fetch(`${gateway.url}/rooms/${room}/broadcast`, { method: 'POST', body, headers: { 'idempotency-key': key } })

  test('what is posted to one is heard at both, history and live, with the same ids and epoch', async () => {
    await post(a, 'r', 'broadcast', 'zero')
    const [first, second] = await Promise.all([subscribe(a, 'r'), subscribe(b, 'r')])
    assert.equal(first.headers['room-epoch'], second.headers['room-epoch'], 'one room')
    await post(b, 'r', 'broadcast', 'one\nwith ü and a second line')
    await post(a, 'r', 'broadcast', '')
    const expected = [
      { id: 0, data: 'zero' },
      { id: 1, data: 'one\nwith ü and a second line' },
      { id: 2, data: '' },
    ]
    assert.deepEqual(await first.atLeast(3), expected)
    assert.deepEqual(await second.atLeast(3), expected)
    const late = await subscribe(b, 'r', { headers: { 'last-event-id': '1' } })
    assert.deepEqual(await late.atLeast(1), [{ id: 2, data: '' }])
    for (const stream of [first, second, late]) stream.close()
  })

  test('a long history comes whole, though Redis gives it in parts', async () => {
    const body = 'x'.repeat(300_000)
    for (let i = 0; i < 12; i++) await post(a, 'long', 'broadcast', `${i} ${body}`)
    const stream = await subscribe(b, 'long')
    const events = await stream.atLeast(12)
    assert.deepEqual(
      events.map(({ id, data }) => `${id} ${data.length}`),
      events.map((_, i) => `${i} ${body.length + String(i).length + 1}`),
    )
    stream.close()
  })

  test('200 indexes asked for at both at once are all different, from 1 to 200', async () => {
    const asked = Array.from({ length: 200 }, async (_, i) => {
      const response = await post(i % 2 === 0 ? a : b, 'indexes', 'issue_unique_idx')
      return ((await response.json()) as { unique_idx: number }).unique_idx
    })
    const indexes = (await Promise.all(asked)).sort((x, y) => x - y)
    assert.deepEqual(
      indexes,
      Array.from({ length: 200 }, (_, i) => i + 1),
    )
  })

  test('a key that one gateway has seen is a repeat at the other', async () => {
    const [one, two] = await Promise.all([keyed(a, 'keys', 'k', 'body'), keyed(b, 'keys', 'k', 'body')])
    assert.deepEqual([one.status, two.status], [200, 200])
    const other = await keyed(b, 'keys', 'k', 'another body')
    assert.equal(other.status, 409)
    assert.equal(await errorCode(other), 'idempotency_key_reused')
    assert.equal((await keyed(b, 'keys', 'k2', 'body')).status, 200, 'another key, same body')
    assert.equal((await state(a, 'keys'))['messages'], 2)
  })

  test('the oldest key is forgotten when there are too many', async () => {
    const few = await sharedGateway(redis, { 'limits.room_keys': 2 })
    for (const key of ['k1', 'k2', 'k3', 'k2', 'k3', 'k1']) await keyed(few, 'few-keys', key, 'body')
    assert.equal((await state(few, 'few-keys'))['messages'], 4, 'k1 was forgotten, k2 and k3 were not')
  })

  test('a message leaves after its time, at both, and its id is not given out again', async () => {
    const send = (gateway: TestGateway, body: string, ttl?: string) =>
      fetch(`${gateway.url}/rooms/ttl/broadcast`, { method: 'POST', body, headers: ttl === undefined ? {} : { ttl } })
    const live = await subscribe(b, 'ttl')
    await send(a, 'short', '1')
    await send(a, 'long', '1000')
    await send(b, 'last', '1')
    assert.equal((await live.atLeast(3)).length, 3, 'a live reader gets them')
    const epoch = String(live.headers['room-epoch'])
    live.close()
    const deadlineMs = Date.now() + 10_000
    for (;;) {
      const { messages, nextId = undefined, ...rest } = await state(a, 'ttl')
      if (messages === 1) break
      assert.ok(Date.now() < deadlineMs, `expired by now: ${JSON.stringify({ messages, nextId, ...rest })}`)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    const fresh = await sharedGateway(redis)
    const resumed = await subscribe(fresh, 'ttl', { headers: { 'last-event-id': '2', 'room-epoch': epoch } })
    assert.deepEqual(resumed.resets, [], 'id 2 has expired, which is no reason to start over')
    const late = await subscribe(b, 'ttl')
    await send(b, 'next')
    const expected = [
      { id: 1, data: 'long' },
      { id: 3, data: 'next' },
    ]
    assert.deepEqual(await late.atLeast(2), expected)
    assert.deepEqual(await resumed.atLeast(1), [{ id: 3, data: 'next' }])
    for (const stream of [late, resumed]) stream.close()
  })

  test('both publish into one room at once: one order, and hardly a reason to read the log again', async () => {
    const streams = await Promise.all([a, a, b].map((gateway) => subscribe(gateway, 'both')))
    const reads = () => Number(/cmdstat_xrange:calls=(\d+)/.exec(redis.cli('INFO', 'commandstats'))?.[1] ?? 0)
    const before = reads()
    await Promise.all(
      Array.from({ length: 16 }, async (_, lane) => {
        for (let i = 0; i < 50; i++) {
          assert.equal((await post(lane % 2 === 0 ? a : b, 'both', 'broadcast', `${lane} ${i}`)).status, 200)
        }
      }),
    )
    const [first, ...others] = await Promise.all(streams.map((stream) => stream.atLeast(800)))
    assert.deepEqual(
      first?.map(({ id }) => id),
      Array.from({ length: 800 }, (_, i) => i),
    )
    for (const other of others) assert.deepEqual(other, first)
    // What this gateway said itself is on its way when another's message comes: that is waited for, not read.
    assert.ok(reads() - before <= 5, `${reads() - before} reads`)
    for (const stream of streams) stream.close()
  })

  test('limits hold over both: messages, bytes, rooms, streams', async () => {
    const limited = { 'store.key_prefix': 'limited:', 'limits.rooms': 3, 'limits.room_messages': 4 }
    const settings = { ...limited, 'limits.room_bytes': 1024, 'limits.subscribers_per_room': 2 }
    const [c, d] = await Promise.all([sharedGateway(redis, settings), sharedGateway(redis, settings)])
    const codes: string[] = []
    for (let i = 0; i < 5; i++) {
      const response = await post(i % 2 === 0 ? c : d, 'full', 'broadcast', 'x')
      codes.push(response.status === 200 ? 'ok' : await errorCode(response))
    }
    assert.deepEqual(codes, ['ok', 'ok', 'ok', 'ok', 'room_full'])
    assert.equal((await post(c, 'heavy', 'broadcast', 'x'.repeat(600))).status, 200)
    const heavy = await post(d, 'heavy', 'broadcast', 'x'.repeat(600))
    assert.equal(await errorCode(heavy), 'room_full')

    const made = await Promise.all(
      ['r1', 'r2', 'r3'].map((room, i) => post(i % 2 === 0 ? c : d, room, 'broadcast', 'x')),
    )
    assert.deepEqual(made.map(({ status }) => status).sort(), [200, 429, 429], 'one of three rooms is left')
    assert.equal((await post(d, 'full', 'issue_unique_idx')).status, 200, 'those that are there go on')

    const first = await subscribe(c, 'heavy')
    await until(() => c.status().subscribers === 1, 'the first listens')
    assert.equal((await state(c, 'heavy'))['subscribers'], 1)
    const second = await subscribe(d, 'heavy')
    assert.equal((await state(d, 'heavy'))['subscribers'], 2, 'counted over both')
    const third = await subscribe(d, 'heavy')
    assert.equal(third.status, 429)
    first.close()
    second.close()
  })

  test('DELETE at one ends the streams at the other, and the room begins anew', async () => {
    const created = await fetch(`${a.url}/rooms/private`, { method: 'POST' })
    assert.ok(created.status < 300, `created: ${created.status}`)
    const { token } = (await created.json()) as { token: string }
    assert.equal(await errorCode(await post(b, 'private', 'broadcast', 'x')), 'private_room', 'known at the other')
    assert.equal((await fetch(`${b.url}/rooms/private`, { method: 'POST' })).status, 409)
    const refused = await fetch(`${b.url}/rooms/private`, { method: 'DELETE' })
    assert.ok(refused.status === 401 || refused.status === 403, `without a token: ${refused.status}`)
    assert.equal(typeof token, 'string')

    const open = await subscribe(b, 'open-room')
    await post(a, 'open-room', 'broadcast', 'x')
    await open.atLeast(1)
    const keys = redis.cli('KEYS', '*{open-room}*').split('\n')
    assert.ok(keys.length > 1, 'there are keys')
    redis.cli('DEL', ...keys)
    await post(a, 'open-room', 'broadcast', 'first of another room')
    await open.ended
    assert.deepEqual(open.resets, [{ epoch: null, resumed_from: 0 }])
    const again = await subscribe(b, 'open-room', { headers: { 'last-event-id': '0' } })
    assert.notEqual(again.headers['room-epoch'], open.headers['room-epoch'])
    again.close()
  })

  test('a reader that finds nobody there gets the room of now, and a room without readers is let go', async () => {
    await post(a, 'left', 'broadcast', 'x')
    const first = await subscribe(b, 'left')
    await first.atLeast(1)
    first.close()
    await until(() => b.status().subscribers === 0, 'it left')
    redis.cli('DEL', ...redis.cli('KEYS', '*{left}*').split('\n'))
    const second = await subscribe(b, 'left')
    assert.notEqual(second.headers['room-epoch'], first.headers['room-epoch'])
    second.close()
    await until(() => b.status().rooms === 0, 'no room is held', 30_000)
    assert.equal(b.status().bytes, 0)
  })

  test('a room is kept by a stream at any gateway, and forgotten when it is idle', async () => {
    const settings = { 'store.key_prefix': 'idle:', 'limits.room_idle_seconds': 3 }
    const [c, d] = await Promise.all([sharedGateway(redis, settings), sharedGateway(redis, settings)])
    await post(c, 'kept', 'broadcast', 'x')
    await keyed(c, 'idle', 'k', 'x')
    await fetch(`${c.url}/rooms/idle/broadcast`, { method: 'POST', body: 'x', headers: { ttl: '1000' } })
    const stream = await subscribe(d, 'kept')
    const epoch = stream.headers['room-epoch']
    await stream.atLeast(1)
    await untilNoKeys('idle:{idle}*')
    assert.equal((await state(c, 'kept'))['epoch'], epoch, 'and the other has not')
    stream.close()
    await untilNoKeys('idle:{kept}*')
    const reader = await subscribe(c, 'kept', { headers: { 'last-event-id': '0', 'room-epoch': String(epoch) } })
    await until(() => reader.resets.length === 1, 'the one who comes back is told')
    reader.close()
  })
})
