/** The limits of one caller and of one address, over real connections. Time is a variable where it can be. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadGatewayConfig } from '../../config/load.ts'
import { errorCode, post, rawConnection, readAll, subscribe, testGateway, until } from '../testing/client.ts'
import { createAdmission } from './admission.ts'

/** A test that waits for what never comes fails instead of hanging. */
const LIMIT = { timeout: 20_000 }

function fakeClock() {
  let nowMs = 0
  const advanceMs = (ms: number) => {
    nowMs += ms
  }
  return { nowMs: () => nowMs, advanceMs }
}

test('requests a second: the burst passes, then 429 with the time to wait, and after it one more', LIMIT, async () => {
  const clock = fakeClock()
  const settings = { 'limits.requests_per_second': 1, 'limits.request_burst': 5 }
  const gateway = await testGateway(settings, { clock })
  const actions = ['broadcast', 'issue_unique_idx', 'broadcast', 'issue_unique_idx', 'broadcast']
  for (const action of actions) assert.equal((await post(gateway, 'r', action, 'x')).status, 200)
  for (const action of actions) {
    const refused = await post(gateway, 'r', action, 'x')
    assert.equal(refused.status, 429, action)
    assert.equal(refused.headers.get('retry-after'), '1')
    assert.equal(await errorCode(refused), 'too_many_requests')
  }
  const stream = await fetch(`${gateway.url}/rooms/r/subscribe`)
  assert.equal(stream.status, 429, 'a subscription is a request too')
  await stream.body?.cancel()
  clock.advanceMs(999)
  assert.equal((await post(gateway, 'r', 'broadcast', 'x')).status, 429)
  clock.advanceMs(1)
  assert.equal((await post(gateway, 'other', 'broadcast', 'x')).status, 200)
  assert.equal((await post(gateway, 'r', 'broadcast', 'x')).status, 429, 'one bucket for all rooms')
  clock.advanceMs(2000)
  const late = await subscribe(gateway, 'r')
  assert.equal((await late.atLeast(3)).length, 3, 'what was refused is not in the room')
  assert.equal((await fetch(`${gateway.url}/health`)).status, 200, 'health has no such limit')
  late.close()
  await gateway.close()
})

test('the time to wait is what the bucket needs', async () => {
  const clock = fakeClock()
  const gateway = await testGateway({ 'limits.requests_per_second': 1, 'limits.request_burst': 1 }, { clock })
  assert.equal((await post(gateway, 'r', 'issue_unique_idx')).status, 200)
  clock.advanceMs(400)
  const refused = await post(gateway, 'r', 'issue_unique_idx')
  assert.equal(refused.headers.get('retry-after'), '1', 'whole seconds, rounded up')
  clock.advanceMs(600)
  assert.equal((await post(gateway, 'r', 'issue_unique_idx')).status, 200)
  await gateway.close()
})

test('the defaults let a busy signing service through', () => {
  const clock = fakeClock()
  const { limits } = loadGatewayConfig({ cwd: import.meta.dirname, env: {} })
  const admission = createAdmission(limits, clock)
  // A minute of 1,500 requests a second from one address: invitations and answers of 750 signatures a second.
  for (let tick = 0; tick < 600; tick++) {
    for (let i = 0; i < 150; i++) assert.equal(admission.request('127.0.0.1', 'publish'), undefined)
    clock.advanceMs(100)
  }
  for (let i = 0; i < 1000; i++) assert.ok(admission.stream('127.0.0.1').ok, 'a thousand streams of one address')
})

test('X-Forwarded-For makes callers behind a trusted proxy, and nowhere else', async () => {
  const settings = { 'limits.requests_per_second': 1, 'limits.request_burst': 2 }
  const ask = async (gateway: { url: string }, forwarded: string) => {
    const headers = { 'x-forwarded-for': forwarded }
    return (await fetch(`${gateway.url}/rooms/r/issue_unique_idx`, { method: 'POST', headers })).status
  }
  const direct = await testGateway(settings, { clock: fakeClock() })
  for (const [forwarded, status] of [
    ['198.51.100.1', 200],
    ['198.51.100.2', 200],
    ['198.51.100.3', 429],
  ] as const) {
    assert.equal(await ask(direct, forwarded), status, forwarded)
  }
  await direct.close()

  const behind = await testGateway({ ...settings, 'server.trusted_proxies': ['127.0.0.0/8'] }, { clock: fakeClock() })
  for (const [forwarded, status] of [
    ['198.51.100.1', 200],
    ['6.6.6.6, 198.51.100.1', 200],
    ['7.7.7.7, 198.51.100.1', 429],
    ['198.51.100.2', 200],
  ] as const) {
    assert.equal(await ask(behind, forwarded), status, forwarded)
  }
  await behind.close()
})

test('streams of one caller over all rooms, and a place is free again when one has gone', LIMIT, async () => {
  const gateway = await testGateway({ 'limits.subscribers_per_caller': 3 })
  const streams = await Promise.all(['a', 'b', 'c'].map((room) => subscribe(gateway, room)))
  const refused = await fetch(`${gateway.url}/rooms/d/subscribe`)
  assert.equal(refused.status, 429)
  assert.match(String(refused.headers.get('retry-after')), /^\d+$/)
  assert.equal(await errorCode(refused), 'too_many_streams')
  assert.equal((await post(gateway, 'd', 'broadcast', 'x')).status, 200, 'only streams are limited')
  streams[0]?.close()
  await until(() => gateway.status().subscribers === 2, 'one has left')
  const again = await subscribe(gateway, 'd')
  assert.equal(again.status, 200)
  assert.equal((await fetch(`${gateway.url}/rooms/d/subscribe`)).status, 429)
  // A refused subscription takes no place: not for a bad id, and not in a full room.
  for (const stream of [...streams, again]) stream.close()
  await until(() => gateway.status().subscribers === 0, 'all have left')
  for (let i = 0; i < 5; i++) {
    assert.equal((await fetch(`${gateway.url}/rooms/a/subscribe`, { headers: { 'last-event-id': 'x' } })).status, 400)
  }
  const last = await subscribe(gateway, 'a')
  assert.equal(last.status, 200)
  last.close()
  await gateway.close()
})

test(
  'connections of one address are closed above the limit, and others come in through a trusted proxy',
  LIMIT,
  async () => {
    const gateway = await testGateway({ 'limits.connections_per_address': 2 })
    const streams = [await subscribe(gateway, 'r'), await subscribe(gateway, 'r')]
    await assert.rejects(subscribe(gateway, 'r'))
    assert.equal(await readAll(await rawConnection(gateway)), '', 'closed without a word')
    streams[0]?.close()
    await until(() => gateway.status().subscribers === 1, 'closed')
    const later = await subscribe(gateway, 'r')
    assert.equal(later.status, 200)
    for (const stream of [...streams, later]) stream.close()
    await gateway.close()

    const trusting = await testGateway({
      'limits.connections_per_address': 2,
      'server.trusted_proxies': ['127.0.0.1'],
    })
    const many = await Promise.all(Array.from({ length: 5 }, () => subscribe(trusting, 'r')))
    assert.ok(
      many.every(({ status }) => status === 200),
      'the connections of a proxy are those of many',
    )
    for (const stream of many) stream.close()
    await trusting.close()
  },
)

test('a stream ends cleanly after its time, at random within the last fifth, and resumes', LIMIT, async () => {
  const gateway = await testGateway({ 'limits.stream_seconds': 2 })
  const unlimited = await testGateway()
  const forever = await subscribe(unlimited, 'r')
  const startedMs = performance.now()
  const lives = Array.from({ length: 12 }, async () => {
    const stream = await subscribe(gateway, 'r')
    await stream.ended
    return { stream, ms: performance.now() - startedMs }
  })
  await post(gateway, 'r', 'broadcast', 'zero')
  const ended = await Promise.all(lives)
  for (const { stream, ms } of ended) {
    assert.ok(ms > 1_500, `not before its time: ${ms}`)
    assert.match(stream.raw(), /retry: \d+\n\n$/, 'the last words say when to come back')
    assert.deepEqual(stream.events, [{ id: 0, data: 'zero' }])
  }
  await post(gateway, 'r', 'broadcast', 'one')
  const resumed = await subscribe(gateway, 'r', { headers: { 'last-event-id': '0' } })
  assert.deepEqual(await resumed.atLeast(1), [{ id: 1, data: 'one' }])
  assert.equal(unlimited.status().subscribers, 1, 'without the limit a stream goes on')
  for (const stream of [resumed, forever]) stream.close()
  await Promise.all([gateway.close(), unlimited.close()])
})

test('a room ends at its greatest age with a reset, though it is in use, and starts again', LIMIT, async () => {
  const clock = fakeClock()
  const settings = { 'limits.room_seconds': 100, 'limits.room_idle_seconds': 60 }
  const gateway = await testGateway(settings, { clock })
  const listening = await subscribe(gateway, 'r')
  await post(gateway, 'r', 'broadcast', 'old')
  await listening.atLeast(1)
  for (const seconds of [50, 49]) {
    clock.advanceMs(seconds * 1000)
    await post(gateway, 'r', 'broadcast', 'still')
    gateway.sweep()
  }
  assert.equal((await listening.atLeast(3)).length, 3)
  clock.advanceMs(1000)
  gateway.sweep()
  await listening.ended
  assert.match(listening.raw(), /event: reset\n.*\n\n$/s)
  assert.deepEqual(gateway.status(), { rooms: 0, subscribers: 0, bytes: 0 })
  const epoch = String(listening.headers['room-epoch'])
  const again = await subscribe(gateway, 'r', { headers: { 'last-event-id': '0', 'room-epoch': epoch } })
  assert.notEqual(again.headers['room-epoch'], epoch)
  await until(() => again.raw().includes('event: reset'), 'it is told')
  clock.advanceMs(100_000)
  // Also without a sweep: what comes after the end belongs to the next room.
  assert.equal((await post(gateway, 'r', 'broadcast', 'new')).status, 200)
  await again.ended
  const third = await subscribe(gateway, 'r')
  assert.deepEqual(await third.atLeast(1), [{ id: 0, data: 'new' }])
  third.close()
  await gateway.close()
})
