/** Redis away, silent, restarted without what it had, or robbed of a part: never a 200 for nothing, never a silent wait. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { errorCode, post, subscribe, type TestGateway, until } from '../testing/client.ts'
import { SilentProxy, sharedGateway, skip, TestRedis } from './testing/server.ts'

const WAIT_MS = 20_000

const state = async (gateway: TestGateway, room: string) =>
  (await (await fetch(`${gateway.url}/rooms/${room}`)).json()) as { epoch: string; nextId?: number; messages: number }

async function untilAnswers(gateway: TestGateway): Promise<void> {
  const deadlineMs = Date.now() + WAIT_MS
  while ((await post(gateway, 'probe', 'issue_unique_idx')).status !== 200) {
    assert.ok(Date.now() < deadlineMs, 'answers again by now')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** Changes room r as no gateway would; a gateway that looks in between would see a room of which a part was lost. */
function inOneStep(redis: TestRedis, lua: string): void {
  const names = `local call, room, log = redis.call, KEYS[1], KEYS[2]
    local function count(next, messages)
      local rest = string.sub(call('HGET', room, 'counts'), 17)
      call('HSET', room, 'counts', struct.pack('>dd', next, messages) .. rest)
    end `
  redis.cli('EVAL', names + lua, '2', 'sign-gateway:{r}:room', 'sign-gateway:{r}:log')
}

suite('when Redis fails', { skip }, () => {
  test('while it is away: 503 with Retry-After, streams stay open; then they go on', async () => {
    const redis = await TestRedis.start()
    const gateway = await sharedGateway(redis)
    const stream = await subscribe(gateway, 'r')
    await post(gateway, 'r', 'broadcast', 'before')
    await stream.atLeast(1)
    await redis.kill()
    await until(() => gateway.logs.some((line) => line.includes('lost Redis')), 'it is noticed', WAIT_MS)
    for (const action of ['broadcast', 'issue_unique_idx']) {
      const refused = await post(gateway, 'r', action, 'x')
      assert.equal(refused.status, 503)
      assert.equal(refused.headers.get('retry-after'), '1')
      assert.equal(await errorCode(refused), 'store_unavailable')
    }
    const late = await subscribe(gateway, 'r', { headers: { 'last-event-id': '0' } })
    assert.equal(late.status, 200, 'nothing has to be read for it')
    assert.equal((await subscribe(gateway, 'r')).status, 503, 'the log is in Redis')
    assert.equal((await subscribe(gateway, 'unknown')).status, 503)
    assert.equal((await fetch(`${gateway.url}/rooms/r`)).status, 503)

    await redis.start()
    await untilAnswers(gateway)
    assert.equal((await post(gateway, 'r', 'broadcast', 'after')).status, 200)
    const expected = [
      { id: 0, data: 'before' },
      { id: 1, data: 'after' },
    ]
    assert.deepEqual(await stream.atLeast(2), expected)
    assert.deepEqual(await late.atLeast(1), expected.slice(1))
    for (const each of [stream, late]) each.close()
  })

  test('pitfall 30: a connection that says nothing any more is noticed; the answer that was lost is found with the same key', async () => {
    const redis = await TestRedis.start()
    const proxy = await SilentProxy.start(redis.port)
    const [far, near] = await Promise.all([
      sharedGateway({ url: `redis://127.0.0.1:${proxy.port}` }),
      sharedGateway(redis),
    ])
    const stream = await subscribe(far, 'r')
    const keyed = (gateway: TestGateway) =>
      fetch(`${gateway.url}/rooms/r/broadcast`, { method: 'POST', body: 'x', headers: { 'idempotency-key': 'k' } })
    assert.equal((await keyed(near)).status, 200)
    await stream.atLeast(1)
    const other = await subscribe(far, 'other')
    await post(near, 'other', 'broadcast', 'of the first room')
    await other.atLeast(1)

    proxy.fallSilent()
    const unanswered = await keyed(far)
    assert.equal(unanswered.status, 503, 'not 200: nobody knows')
    assert.equal((await post(near, 'r', 'broadcast', 'meanwhile')).status, 200)
    redis.cli('DEL', 'sign-gateway:{other}:room', 'sign-gateway:{other}:log')
    for (const body of ['of', 'another', 'room']) await post(near, 'other', 'broadcast', body)
    proxy.speak()
    await untilAnswers(far)
    assert.equal((await keyed(far)).status, 200)
    assert.equal((await post(far, 'r', 'broadcast', 'last')).status, 200)
    assert.deepEqual(
      (await stream.atLeast(3)).map(({ id, data }) => `${id} ${data}`),
      ['0 x', '1 meanwhile', '2 last'],
      'single, and without a gap',
    )
    await other.ended
    assert.equal(other.events.length, 1, 'nothing of the room that took the place of its own')
    assert.equal(other.resets.length, 1)
    stream.close()
  })

  test('a restart that lost the last messages begins a new epoch, and readers are told', async () => {
    const redis = await TestRedis.start({ appendonly: 'no' })
    const [a, b] = await Promise.all([sharedGateway(redis), sharedGateway(redis)])
    await post(a, 'r', 'broadcast', 'saved')
    const stream = await subscribe(b, 'r')
    redis.cli('SAVE')
    await post(a, 'r', 'broadcast', 'lost')
    await stream.atLeast(2)
    const { epoch } = await state(a, 'r')
    await redis.kill()
    await redis.start()
    assert.equal(redis.cli('HGET', 'sign-gateway:{r}:room', 'epoch'), epoch, 'the room as it was saved is there')
    await untilAnswers(a)
    await post(a, 'r', 'broadcast', 'first of a new epoch')
    await stream.ended
    assert.deepEqual(stream.resets, [{ epoch: null, resumed_from: 0 }])
    const again = await subscribe(b, 'r', { headers: { 'last-event-id': '1', 'room-epoch': epoch } })
    assert.deepEqual(await again.atLeast(1), [{ id: 0, data: 'first of a new epoch' }])
    assert.equal(again.resets.length, 1)
    again.close()
  })

  test('a durable Redis that has lost messages all the same is caught by a gateway that knows them', async () => {
    const redis = await TestRedis.start()
    const gateway = await sharedGateway(redis)
    const stream = await subscribe(gateway, 'r')
    for (const body of ['a', 'b', 'c']) await post(gateway, 'r', 'broadcast', body)
    await stream.atLeast(3)
    inOneStep(redis, "call('XDEL', log, '3-0'); count(2, 2)")
    redis.cli('CLIENT', 'KILL', 'TYPE', 'pubsub')
    await stream.ended
    assert.deepEqual(stream.resets, [{ epoch: null, resumed_from: 0 }])
  })

  test('a log that was evicted or deleted begins a new epoch', async () => {
    const redis = await TestRedis.start()
    const gateway = await sharedGateway(redis)
    await post(gateway, 'r', 'broadcast', 'x')
    const { epoch } = await state(gateway, 'r')
    redis.cli('DEL', 'sign-gateway:{r}:log')
    await post(gateway, 'r', 'broadcast', 'y')
    const now = await state(gateway, 'r')
    assert.notEqual(now.epoch, epoch)
    assert.equal(now.messages, 1)
  })

  test('a room whose numbers somebody else has spoilt begins a new epoch', async () => {
    const redis = await TestRedis.start()
    const gateway = await sharedGateway(redis)
    await post(gateway, 'r', 'broadcast', 'x')
    const { epoch } = await state(gateway, 'r')
    redis.cli('HSET', 'sign-gateway:{r}:room', 'counts', '7')
    assert.equal((await post(gateway, 'r', 'broadcast', 'y')).status, 200)
    const now = await state(gateway, 'r')
    assert.notEqual(now.epoch, epoch)
    assert.equal(now.messages, 1)
  })

  test('a private room of which a part was lost opens for nobody', async () => {
    const redis = await TestRedis.start()
    const gateway = await sharedGateway(redis)
    await fetch(`${gateway.url}/rooms/p`, { method: 'POST' })
    const five = "redis.call('HSET', KEYS[1], 'counts', struct.pack('>ddddddd', 0, 5, 0, 0, 0, 9999999999999, 0))"
    redis.cli('EVAL', five, '1', 'sign-gateway:{p}:room')
    assert.equal(await errorCode(await post(gateway, 'p', 'broadcast', 'x')), 'private_room')
  })

  test('a live message that did not come is read, one that comes twice is passed over', async () => {
    const redis = await TestRedis.start()
    const gateway = await sharedGateway(redis)
    const stream = await subscribe(gateway, 'r')
    await post(gateway, 'r', 'broadcast', 'zero')
    const { epoch } = await state(gateway, 'r')
    inOneStep(redis, "call('XADD', log, '2-0', 'b', 'one'); count(2, 2)")
    await post(gateway, 'r', 'broadcast', 'two')
    await stream.atLeast(3)
    redis.cli('SPUBLISH', 'sign-gateway:{r}:live', `message ${epoch} 1  again`)
    redis.cli('SPUBLISH', 'sign-gateway:{r}:live', 'nonsense')
    await post(gateway, 'r', 'broadcast', 'three')
    assert.deepEqual(
      (await stream.atLeast(4)).map(({ id, data }) => `${id} ${data}`),
      ['0 zero', '1 one', '2 two', '3 three'],
    )
    stream.close()
  })

  test('a reader that comes from another gateway and is ahead of this one is no reader of another room', async () => {
    const redis = await TestRedis.start()
    const gateway = await sharedGateway(redis)
    const live = await subscribe(gateway, 'r')
    await post(gateway, 'r', 'broadcast', 'zero')
    await live.atLeast(1)
    const { epoch } = await state(gateway, 'r')
    // said at the other gateway; the news of it has not come here yet
    inOneStep(redis, "call('XADD', log, '2-0', 'b', 'one'); count(2, 2)")
    const ahead = await subscribe(gateway, 'r', { headers: { 'last-event-id': '1', 'room-epoch': epoch } })
    assert.equal(ahead.headers['room-resumed-from'], '2')
    const lying = await subscribe(gateway, 'r', { headers: { 'last-event-id': '7', 'room-epoch': epoch } })
    await lying.atLeast(2)
    assert.equal(lying.resets.length, 1, 'an id that nobody was given is told')
    await post(gateway, 'r', 'broadcast', 'two')
    assert.deepEqual(await ahead.atLeast(1), [{ id: 2, data: 'two' }])
    assert.deepEqual(ahead.resets, [])
    assert.deepEqual(
      (await live.atLeast(3)).map(({ data }) => data),
      ['zero', 'one', 'two'],
    )
    for (const stream of [live, ahead, lying]) stream.close()
  })

  test('a reader that is ahead while Redis is away is asked to come again, not told that its messages are gone', async () => {
    const redis = await TestRedis.start()
    const gateway = await sharedGateway(redis)
    const live = await subscribe(gateway, 'r')
    await post(gateway, 'r', 'broadcast', 'zero')
    await live.atLeast(1)
    await redis.kill()
    const headers = { 'last-event-id': '1' }
    const refused = await fetch(`${gateway.url}/rooms/r/subscribe`, { headers })
    assert.equal(refused.status, 503)
    assert.equal(await errorCode(refused), 'store_unavailable')
    await redis.start()
    await untilAnswers(gateway)
    live.close()
  })

  test('out of memory: 429 and nothing half-written; afterwards it goes on', async () => {
    const redis = await TestRedis.start()
    const gateway = await sharedGateway(redis)
    await post(gateway, 'r', 'broadcast', 'x')
    await fetch(`${gateway.url}/rooms/r/broadcast`, { method: 'POST', body: 'x', headers: { ttl: '1' } })
    // past its time: a script that makes room would begin with removing it
    await sleep(1_100)
    const before = redis.cli('HGETALL', 'sign-gateway:{r}:room')
    redis.cli('CONFIG', 'SET', 'maxmemory', '1')
    const full = await post(gateway, 'r', 'broadcast', 'y')
    assert.equal(full.status, 429)
    assert.equal(await errorCode(full), 'gateway_full')
    assert.equal(redis.cli('HGETALL', 'sign-gateway:{r}:room'), before)
    redis.cli('CONFIG', 'SET', 'maxmemory', '0')
    assert.equal((await post(gateway, 'r', 'broadcast', 'y')).status, 200)
    assert.ok(before.includes((await state(gateway, 'r')).epoch), 'in the same epoch')
  })
})
