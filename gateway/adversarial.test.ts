/**
 * What a caller can choose (times, keys, numbers of rooms) makes no single request expensive: each costs about the same
 * however much is there already. Times are those that a busy machine keeps; what they guard against takes many times longer.
 */
import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { loadGatewayConfig } from '../config/load.ts'
import { noMeter } from './hooks.ts'
import { KeyLog } from './idempotency.ts'
import { Log } from './log.ts'
import { MemoryStore } from './rooms.ts'

const { limits } = loadGatewayConfig({ cwd: import.meta.dirname, env: {} })
const BODY = Buffer.from('x')

/** Numbers from 0 to below `max`, the same in each run. */
function dice(): (max: number) => number {
  let state = 20_261_126
  return (max) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
    return state % max
  }
}

function msOf(work: () => void): number {
  const startMs = performance.now()
  work()
  return performance.now() - startMs
}

test('a million times to live in random order: each message costs microseconds, and all leave in time', () => {
  const log = new Log()
  const below = dice()
  const frame = Buffer.from('event')
  const COUNT = 1_000_000
  const ends = new Map<number, number>()
  const ms = msOf(() => {
    for (let i = 0; i < COUNT; i++) {
      log.expire(i)
      const endMs = i + 1 + below(COUNT / 2)
      ends.set(endMs, (ends.get(endMs) ?? 0) + 1)
      log.append(frame, endMs)
    }
  })
  assert.ok(ms < 60_000, `${ms} ms`)
  let left = [...ends].reduce((sum, [endMs, count]) => (endMs < COUNT ? sum : sum + count), 0)
  assert.equal(log.size, left, 'those that live')
  for (let nowMs = COUNT; log.size > 0; nowMs += 1) {
    log.expire(nowMs)
    left -= ends.get(nowMs) ?? 0
    if (log.size !== left) assert.equal(log.size, left, `at ${nowMs}`)
  }
  assert.deepEqual([log.bytes, log.firstId, log.nextId], [0, undefined, COUNT])
})

test('keys that end one at a time, in any order: none makes the room look at all the others', () => {
  const keys = new KeyLog()
  const below = dice()
  const HELD = 50_000
  let nowMs = 0
  let id = 0
  const add = () => {
    id += 1
    keys.add(`key ${id}`, { id, bodyHash: '', expiresAtMs: nowMs + 1 + below(HELD) }, HELD)
  }
  for (let i = 0; i < HELD; i++) add()
  const ms = msOf(() => {
    for (let i = 0; i < 20_000; i++) {
      nowMs += 1
      keys.expire(nowMs)
      add()
    }
  })
  assert.ok(ms < 5_000, `${ms} ms`)
  keys.expire(nowMs + HELD)
  assert.deepEqual([keys.size, keys.bytes], [0, 0])
})

test('a key that was dropped and used again goes with its second message, not with its first', () => {
  const keys = new KeyLog()
  keys.add('k', { id: 0, bodyHash: '', expiresAtMs: 10 }, 1)
  keys.add('other', { id: 1, bodyHash: '', expiresAtMs: 10 }, 1)
  keys.add('k', { id: 2, bodyHash: '', expiresAtMs: 20 }, 1)
  keys.expire(10)
  assert.equal(keys.find('k')?.id, 2)
  keys.expire(20)
  assert.equal(keys.find('k'), undefined)
})

test('keys that are dropped long before their time leave nothing behind', () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const keys = new KeyLog()
  const run = (from: number, to: number) => {
    for (let id = from; id < to; id++) keys.add(`key ${id}`, { id, bodyHash: '', expiresAtMs: 1e12 - id }, 10)
    collect()
    return process.memoryUsage().heapUsed
  }
  const before = run(0, 10_000)
  const growth = run(10_000, 400_000) - before
  assert.equal(keys.size, 10)
  assert.ok(growth < 10_000_000, `${growth} bytes stay`)
})

/** A store in which each look at a room asks for the time. */
function watchedStore(more: Partial<typeof limits>) {
  let [looks, nowMs] = [0, 0]
  const clock = {
    nowMs: () => {
      looks += 1
      return nowMs
    },
  }
  const store = new MemoryStore({ limits: { ...limits, room_seconds: 3_600, ...more }, clock, meter: noMeter })
  const advanceSeconds = (seconds: number) => {
    nowMs += 1000 * seconds
  }
  return { store, looks: () => looks, advanceSeconds }
}

test('too many rooms: the gateway looks for idle ones once a second, not for each that is refused', async () => {
  const ROOMS = 1_000
  const { store, looks, advanceSeconds } = watchedStore({ rooms: ROOMS, room_idle_seconds: 60 })
  for (let i = 0; i < ROOMS; i++) await store.publish(`r${i}`, BODY, {})
  const refused = async (): Promise<number> => {
    const before = looks()
    assert.equal((await store.publish('one more', BODY, {})).ok, false)
    return looks() - before
  }
  assert.ok((await refused()) >= ROOMS, 'the first time')
  for (let i = 0; i < 20; i++) assert.ok((await refused()) < 20, 'not again')
  advanceSeconds(1)
  assert.ok((await refused()) >= ROOMS, 'a second later')
  advanceSeconds(60)
  assert.equal((await store.publish('one more', BODY, {})).ok, true, 'idle rooms made place')
})

test('history of all rooms full: likewise', async () => {
  const ROOMS = 1_000
  const { store, looks, advanceSeconds } = watchedStore({
    rooms: 10_000,
    total_bytes: 36 * ROOMS,
    room_idle_seconds: 60,
  })
  let made = 0
  while ((await store.publish(`r${made}`, BODY, {})).ok) made += 1
  assert.ok(made > ROOMS / 2)
  for (let i = 0; i < 20; i++) {
    const before = looks()
    const answer = await store.publish('r0', BODY, {})
    assert.equal(answer.ok ? '' : answer.refusal.code, 'gateway_full')
    assert.ok(looks() - before < 20)
  }
  advanceSeconds(60)
  assert.equal((await store.publish('new', BODY, {})).ok, true)
})
