/** Idempotency-Key: published once, answered the same, never for two bodies, and bounded in number and time. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KEY_SECONDS, KeyLog, keyExpiryMs } from './idempotency.ts'
import { errorCode, post, rawConnection, readAll, subscribe, testGateway } from './testing/client.ts'

const send = (
  gateway: { url: string },
  room: string,
  body: string,
  key: string,
  headers: Record<string, string> = {},
) =>
  fetch(`${gateway.url}/rooms/${room}/broadcast`, {
    method: 'POST',
    body,
    headers: { 'idempotency-key': key, ...headers },
  })

test('pitfall 26: the same key publishes once and answers with the same id', async () => {
  const gateway = await testGateway()
  const stream = await subscribe(gateway, 'r')
  await post(gateway, 'r', 'broadcast', 'before')
  const answers = await Promise.all([1, 2, 3].map(() => send(gateway, 'r', 'x', 'k1')))
  for (const answer of answers) {
    assert.equal(answer.status, 200)
    assert.equal(answer.headers.get('event-id'), '1')
    assert.equal(await answer.text(), '')
  }
  assert.equal((await send(gateway, 'r', 'x', 'k2')).headers.get('event-id'), '2', 'another key, another message')
  assert.equal((await send(gateway, 'other', 'x', 'k1')).headers.get('event-id'), '0', 'another room, another message')
  assert.equal((await post(gateway, 'r', 'broadcast', 'x')).headers.get('event-id'), '3')
  assert.deepEqual(
    (await stream.atLeast(4)).map(({ data }) => data),
    ['before', 'x', 'x', 'x'],
  )
  stream.close()
  await gateway.close()
})

test('the same key with another body is 409, and publishes nothing', async () => {
  const gateway = await testGateway()
  await send(gateway, 'r', 'x', 'k')
  const refused = await send(gateway, 'r', 'y', 'k')
  assert.equal(refused.status, 409)
  assert.equal(await errorCode(refused), 'idempotency_key_reused')
  assert.equal((await send(gateway, 'r', 'x', 'k')).headers.get('event-id'), '0')
  const state = (await (await fetch(`${gateway.url}/rooms/r`)).json()) as { messages: number }
  assert.equal(state.messages, 1)
  await gateway.close()
})

test('a repeat is answered though the room is full by now', async () => {
  const gateway = await testGateway({ 'limits.room_messages': 1 })
  await send(gateway, 'r', 'x', 'k')
  assert.equal(await errorCode(await send(gateway, 'r', 'y', 'k2')), 'room_full')
  assert.equal((await send(gateway, 'r', 'x', 'k')).status, 200)
  // what was refused has used up neither its key nor an id
  const other = await testGateway({ 'limits.room_bytes': 1024 })
  assert.equal(await errorCode(await send(other, 'r', 'x'.repeat(2_000), 'k')), 'room_full')
  assert.equal((await send(other, 'r', 'y', 'k')).headers.get('event-id'), '0')
  await gateway.close()
  await other.close()
})

test('what a key may be', async () => {
  const gateway = await testGateway()
  for (const good of ['a', '~', '!"#', 'x'.repeat(128)]) assert.equal((await send(gateway, 'r', 'x', good)).status, 200)
  for (const bad of ['', ' ', 'a b', 'x'.repeat(129), 'é', 'a\tb']) {
    const refused = await send(gateway, 'r', 'x', bad)
    assert.equal(refused.status, 400, JSON.stringify(bad))
    assert.equal(await errorCode(refused), 'bad_idempotency_key')
  }
  const twice = await rawConnection(
    gateway,
    'POST /rooms/r/broadcast HTTP/1.1\r\nHost: h\r\nConnection: close\r\nIdempotency-Key: a\r\nIdempotency-Key: b\r\nContent-Length: 1\r\n\r\nx',
  )
  assert.match(await readAll(twice), /^HTTP\/1\.1 400 .*"bad_idempotency_key"/s, 'one key, not two')
  await gateway.close()
})

test('a room remembers so many keys, and its bytes are counted and given back', async () => {
  let nowMs = 0
  const settings = { 'limits.room_keys': 2, 'limits.room_idle_seconds': 60 }
  const gateway = await testGateway(settings, { clock: { nowMs: () => nowMs } })
  for (const key of ['a', 'b', 'c']) await send(gateway, 'r', 'x', key)
  assert.equal((await send(gateway, 'r', 'x', 'c')).headers.get('event-id'), '2')
  assert.equal((await send(gateway, 'r', 'x', 'b')).headers.get('event-id'), '1')
  assert.equal((await send(gateway, 'r', 'x', 'a')).headers.get('event-id'), '3', 'the oldest was forgotten')
  const frame = 'event: new-message\nid: 0\ndata: x\n\n'.length
  const { bytes } = gateway.status()
  assert.ok(bytes > 4 * frame, 'keys are counted')
  const state = (await (await fetch(`${gateway.url}/rooms/r`)).json()) as { bytes: number }
  assert.equal(state.bytes, bytes, 'the same in the room and in all')
  nowMs = 60_000
  gateway.sweep()
  assert.deepEqual(gateway.status(), { rooms: 0, subscribers: 0, bytes: 0 })
  await gateway.close()
})

test('a key goes with its message, and not before a client has had time to ask again', async () => {
  let nowMs = 0
  const gateway = await testGateway({}, { clock: { nowMs: () => nowMs } })
  const stream = await subscribe(gateway, 'r')
  await send(gateway, 'r', 'stays', 'k1')
  await send(gateway, 'r', 'x', 'k2', { ttl: '1' })
  nowMs = 1000 * KEY_SECONDS - 1
  assert.equal((await send(gateway, 'r', 'x', 'k2', { ttl: '1' })).headers.get('event-id'), '1', 'its message has gone')
  const before = gateway.status().bytes
  nowMs = 1000 * KEY_SECONDS
  gateway.sweep()
  assert.ok(gateway.status().bytes < before, 'the key has gone')
  assert.equal((await send(gateway, 'r', 'x', 'k2', { ttl: '1' })).headers.get('event-id'), '2')
  nowMs = 100_000_000
  assert.equal((await send(gateway, 'r', 'stays', 'k1')).headers.get('event-id'), '0', 'like its message')
  assert.equal(keyExpiryMs(5, 1_000), 1_000_005, 'as long as a message that stays longer')
  stream.close()
  await gateway.close()
})

test('the log of keys: dropping gives back what adding took', () => {
  const keys = new KeyLog()
  for (let i = 0; i < 100; i++) keys.add(`key ${i}`, { id: i, bodyHash: '', expiresAtMs: i < 50 ? 10 : 20 }, 60)
  assert.equal(keys.size, 60)
  keys.expire(9)
  assert.equal(keys.size, 60, 'nothing before its time')
  keys.expire(10)
  assert.equal(keys.size, 50)
  assert.ok(keys.bytes > 0, 'the others are counted')
  keys.expire(20)
  assert.deepEqual([keys.size, keys.bytes], [0, 0])
})
