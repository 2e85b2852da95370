import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Expiries } from './expiries.ts'
import { Log } from './log.ts'

const frame = (bytes = 10): Buffer => Buffer.alloc(bytes)

/** Ids that a reader from `id` on gets. */
function idsFrom(log: Log, id: number): readonly number[] {
  const ids: number[] = []
  for (let held = log.from(id); held !== undefined; held = log.from(held.id + 1)) ids.push(held.id)
  return ids
}

test('the soonest comes first, and none before its time', () => {
  const expiries = new Expiries<{ readonly expiresAtMs: number }>()
  const times = Array.from({ length: 500 }, (_, i) => (i * 7919) % 101)
  for (const expiresAtMs of times) expiries.add({ expiresAtMs })
  const taken: number[] = []
  for (let nowMs = 0; nowMs <= 100; nowMs++) {
    for (let one = expiries.takeExpired(nowMs); one !== undefined; one = expiries.takeExpired(nowMs)) {
      assert.equal(one.expiresAtMs, nowMs, 'taken in the moment its time has come')
      taken.push(one.expiresAtMs)
    }
  }
  assert.deepEqual(
    taken,
    [...times].sort((a, b) => a - b),
  )
  assert.equal(expiries.takeExpired(Number.POSITIVE_INFINITY), undefined)
})

test('what has expired is gone from every figure and for every reader, in whatever order times were given', () => {
  const log = new Log()
  for (const expiresAtMs of [50, undefined, 20, 40, undefined, 10]) log.append(frame(), expiresAtMs)
  assert.deepEqual([log.size, log.bytes, log.firstId, log.lastId, log.nextId], [6, 60, 0, 5, 6])
  assert.equal(log.expire(9), 0)
  assert.equal(log.expire(20), 20)
  assert.deepEqual([log.size, log.bytes, log.firstId, log.lastId, log.nextId], [4, 40, 0, 4, 6])
  assert.deepEqual(idsFrom(log, 0), [0, 1, 3, 4])
  assert.deepEqual(idsFrom(log, 2), [3, 4])
  assert.deepEqual(idsFrom(log, 5), [])
  assert.equal(log.expire(1000), 20)
  assert.deepEqual(idsFrom(log, 0), [1, 4])
  assert.deepEqual([log.size, log.bytes, log.firstId, log.lastId], [2, 20, 1, 4])
})

test('a log in which everything has expired goes on counting', () => {
  const log = new Log()
  log.append(frame(), 1)
  log.append(frame(), 1)
  log.expire(1)
  assert.deepEqual([log.size, log.bytes, log.firstId, log.lastId, log.nextId], [0, 0, undefined, undefined, 2])
  assert.equal(log.from(0), undefined)
  log.append(frame(), 9)
  assert.deepEqual(idsFrom(log, 0), [2])
})

test('the same as a plain list, for any mixture of times', () => {
  const log = new Log()
  let plain: { readonly id: number; readonly expiresAtMs: number }[] = []
  let seed = 1
  const next = (below: number): number => {
    seed = (seed * 48271) % 2147483647
    return seed % below
  }
  for (let nowMs = 0; nowMs < 3000; nowMs++) {
    const expiresAtMs = next(4) === 0 ? Number.POSITIVE_INFINITY : nowMs + next(300)
    plain.push({ id: log.nextId, expiresAtMs })
    log.append(frame(), expiresAtMs)
    if (next(3) === 0) {
      log.expire(nowMs)
      plain = plain.filter((e) => e.expiresAtMs > nowMs)
      assert.deepEqual([log.size, log.firstId, log.lastId], [plain.length, plain[0]?.id, plain.at(-1)?.id])
      const id = next(log.nextId + 1)
      assert.equal(log.from(id)?.id, plain.find((e) => e.id >= id)?.id, `from ${id} on`)
    }
  }
})

test('a log that let go of its messages tells what it lacks, and goes on with the next', () => {
  const log = new Log()
  for (const expiresAtMs of [5, undefined, 3]) log.append(frame(), expiresAtMs)
  assert.equal(log.lacks(0), false)
  log.forget()
  assert.deepEqual([log.size, log.bytes, log.firstId, log.lastId, log.nextId], [0, 0, undefined, undefined, 3])
  assert.deepEqual([log.lacks(2), log.lacks(3)], [true, false])
  log.append(frame(), 9)
  assert.equal(log.expire(5), 0, 'times of what was let go are forgotten too')
  assert.deepEqual(idsFrom(log, 0), [3])
  assert.deepEqual([log.size, log.bytes, log.lacks(2), log.lacks(3)], [1, 10, true, false])
})
