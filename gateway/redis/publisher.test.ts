/** Messages that reach Redis in one script: each room for itself, each message answered for itself, the order kept. */
import assert from 'node:assert/strict'
import { before, suite, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { errorCode, post, subscribe, type TestGateway } from '../testing/client.ts'
import { sharedGateway, skip, TestRedis } from './testing/server.ts'

suite('many messages at once', { skip }, () => {
  let redis: TestRedis
  let gateway: TestGateway
  before(async () => {
    redis = await TestRedis.start()
    gateway = await sharedGateway(redis, { 'limits.room_messages': 300, 'limits.body_bytes': 700_000 })
  })

  /** How many messages Redis has been asked to take, and by how many scripts. */
  const scripts = (): number =>
    Number(/cmdstat_evalsha:calls=(\d+)/.exec(redis.cli('INFO', 'commandstats'))?.[1] ?? Number.NaN)
  const keyed = (room: string, key: string, body: string) =>
    fetch(`${gateway.url}/rooms/${room}/broadcast`, { method: 'POST', body, headers: { 'idempotency-key': key } })

  test('300 messages to 10 rooms at once: every answer has the id under which its message is heard', async () => {
    const sent = Array.from({ length: 300 }, (_, i) => ({ room: `many-${i % 10}`, body: `message ${i}` }))
    for (let i = 0; i < 10; i++) await post(gateway, `many-${i}`, 'issue_unique_idx')
    const begin = scripts()
    const answers = await Promise.all(
      sent.map(async ({ room, body }) => {
        const response = await post(gateway, room, 'broadcast', body)
        assert.equal(response.status, 200)
        return { room, body, id: Number(response.headers.get('event-id')) }
      }),
    )
    assert.ok(scripts() - begin < 150, 'messages share scripts')
    for (let i = 0; i < 10; i++) {
      const stream = await subscribe(gateway, `many-${i}`)
      const events = await stream.atLeast(30)
      const expected = answers.filter(({ room }) => room === `many-${i}`).sort((a, b) => a.id - b.id)
      assert.deepEqual(
        events,
        expected.map(({ id, body }) => ({ id, data: body })),
      )
      stream.close()
    }
  })

  test('what is refused is refused alone: a private room, a full one, a spoilt one, a key used twice', async () => {
    await fetch(`${gateway.url}/rooms/private`, { method: 'POST' })
    await post(gateway, 'spoilt', 'broadcast', 'x')
    redis.cli('DEL', 'sign-gateway:{spoilt}:taken')
    redis.cli('SET', 'sign-gateway:{spoilt}:taken', 'no hash')
    await keyed('twice', 'k', 'one')
    const sending = async (room: string, key: string, body: string) => {
      const response = await keyed(room, key, body)
      return response.status === 200 ? 'ok' : await errorCode(response)
    }
    for (let round = 0; round < 20; round++) {
      const answers = await Promise.all([
        sending('good', `a${round}`, 'x'),
        sending('private', 'k', 'x'),
        sending('spoilt', 'k', 'x'),
        sending('twice', 'k', 'another'),
        sending('twice', 'k', 'one'),
        sending(`new-${round}`, 'k', 'x'),
        sending('good', `b${round}`, 'y'),
      ])
      assert.deepEqual(answers, ['ok', 'private_room', 'store_unavailable', 'idempotency_key_reused', 'ok', 'ok', 'ok'])
    }
    assert.ok(gateway.logs.some((line) => line.includes('"code":"WRONGTYPE"')))
  })

  test('a room becomes full in the middle of a script', async () => {
    const answers = await Promise.all(Array.from({ length: 320 }, () => post(gateway, 'full', 'broadcast', 'x')))
    const taken = answers.filter(({ status }) => status === 200)
    assert.equal(taken.length, 300)
    for (const refused of answers.filter(({ status }) => status !== 200)) {
      assert.equal(await errorCode(refused), 'room_full')
    }
  })

  test('a room that is not there is made once, and all that were sent to it are in it', async () => {
    const answers = await Promise.all(Array.from({ length: 40 }, (_, i) => post(gateway, 'made', 'broadcast', `${i}`)))
    const ids = answers.map(({ headers }) => Number(headers.get('event-id'))).sort((a, b) => a - b)
    assert.deepEqual(ids, [...ids.keys()])
  })

  test('large messages go in scripts of their own, and small ones after them', async () => {
    const large = 'x'.repeat(600_000)
    const answers = await Promise.all(
      [large, large, 'small', large, 'small'].map((body) => post(gateway, 'large', 'broadcast', body)),
    )
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200, 200, 200, 200],
    )
    const stream = await subscribe(gateway, 'large')
    const lengths = (await stream.atLeast(5)).map(({ data }) => data.length).sort((a, b) => a - b)
    assert.deepEqual(lengths, [5, 5, 600_000, 600_000, 600_000])
    stream.close()
  })

  const timed = (to: TestGateway, room: string, ttl: string, body = 'x') =>
    fetch(`${to.url}/rooms/${room}/broadcast`, { method: 'POST', body, headers: { ttl } })

  test('a room that only expired messages would fill takes the next one', async () => {
    const small = await sharedGateway(redis, { 'limits.room_messages': 5 })
    for (let i = 0; i < 5; i++) assert.equal((await timed(small, 'small', '1')).status, 200)
    assert.equal(await errorCode(await timed(small, 'small', '1')), 'room_full')
    await sleep(1_100)
    for (let i = 0; i < 5; i++) assert.equal((await timed(small, 'small', '1')).status, 200)
  })

  test('messages whose time has passed leave by and by, and are in nobody’s way', async () => {
    await Promise.all(Array.from({ length: 250 }, () => timed(gateway, 'timed', '1')))
    await sleep(1_100)
    for (let i = 0; i < 40; i++) assert.equal((await timed(gateway, 'timed', '1')).status, 200)
    const held = Number(redis.cli('XLEN', 'sign-gateway:{timed}:log'))
    assert.ok(held <= 40, `${held} are still there`)
    await sleep(1_100)
    const { messages } = (await (await fetch(`${gateway.url}/rooms/timed`)).json()) as { messages: number }
    assert.equal(messages, 0)
  })

  test('times that are not in order: each message leaves at its own, and the room stays what it was', async () => {
    const type = () => redis.cli('TYPE', 'sign-gateway:{mixed}:expiring')
    const about = async () =>
      (await (await fetch(`${gateway.url}/rooms/mixed`)).json()) as { messages: number; bytes: number; epoch: string }
    await post(gateway, 'mixed', 'broadcast', 'kept')
    const { epoch, bytes } = await about()
    for (const ttl of ['1', '2', '2']) await timed(gateway, 'mixed', ttl)
    assert.equal(type(), 'list', 'in order')
    for (const ttl of ['1', '1000', '2', '1']) await timed(gateway, 'mixed', ttl)
    assert.equal(type(), 'zset')
    assert.ok(Number(redis.cli('PTTL', 'sign-gateway:{mixed}:expiring')) > 0, 'it goes with its room')
    assert.equal((await about()).messages, 8)
    await sleep(1_100)
    assert.equal((await about()).messages, 5)
    await sleep(1_100)
    assert.equal((await about()).messages, 2, 'the one of an hour and the one without a time')
    const stream = await subscribe(gateway, 'mixed')
    assert.deepEqual(
      (await stream.atLeast(2)).map(({ id }) => id),
      [0, 5],
    )
    stream.close()
    assert.equal((await about()).epoch, epoch)
    assert.ok((await about()).bytes < 2 * bytes + 10)
  })

  test('a list of times that has run out begins again as one, with its expiry', async () => {
    const key = 'sign-gateway:{again}:expiring'
    for (const ttl of ['1000', '1']) await timed(gateway, 'again', ttl)
    assert.equal(redis.cli('TYPE', key), 'zset')
    redis.cli('DEL', ...redis.cli('KEYS', '*{again}*').split('\n'))
    for (let round = 0; round < 2; round++) {
      await Promise.all(Array.from({ length: 150 }, () => timed(gateway, 'again', '1')))
      assert.equal(redis.cli('TYPE', key), 'list')
      assert.ok(Number(redis.cli('PTTL', key)) > 0)
      await sleep(1_100)
      const { messages } = (await (await fetch(`${gateway.url}/rooms/again`)).json()) as { messages: number }
      assert.equal(messages, 0, 'all of them, though they are looked at in parts')
      assert.equal(redis.cli('EXISTS', key), '0')
    }
  })

  test('a message with a TTL of 0 is heard by those who listen, on each gateway, and is not kept', async () => {
    const another = await sharedGateway(redis)
    const listening = await Promise.all([gateway, another].map((to) => subscribe(to, 'now')))
    for (const body of ['first', 'second']) {
      const response = await timed(gateway, 'now', '0', body)
      assert.equal(response.status, 200)
    }
    assert.equal(redis.cli('EXISTS', 'sign-gateway:{now}:log').trim(), '0')
    assert.equal((await post(gateway, 'now', 'broadcast', 'kept')).headers.get('event-id'), '2')
    const kept = { id: 2, data: 'kept' }
    for (const stream of listening) {
      assert.deepEqual(await stream.atLeast(3), [{ id: 0, data: 'first' }, { id: 1, data: 'second' }, kept])
      stream.close()
    }
    assert.ok(Number(redis.cli('PTTL', 'sign-gateway:{now}:log')) > 0, 'what is kept goes with its room')
    const late = await subscribe(await sharedGateway(redis), 'now')
    assert.deepEqual(await late.atLeast(1), [kept])
    late.close()
  })
})
