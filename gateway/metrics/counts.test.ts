/** Counting: what goes in comes out, in the right bucket, under the right name, and under no name of somebody else. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Counts, PUBLISH_BUCKETS_MS, total } from './counts.ts'
import { Rate } from './rate.ts'

test('a broadcast is counted in the first bucket that it fits into, its end included', () => {
  const counts = new Counts([])
  for (const end of PUBLISH_BUCKETS_MS) counts.published(10, end)
  counts.published(10, 0)
  counts.published(10, 1000.1)
  counts.published(10, 1e9)
  assert.deepEqual(counts.publishTimes, [2, ...PUBLISH_BUCKETS_MS.slice(1).map(() => 1), 2])
  assert.equal(counts.messages, PUBLISH_BUCKETS_MS.length + 3)
  assert.equal(counts.messageBytes, 10 * counts.messages)
  const sum = PUBLISH_BUCKETS_MS.reduce((a, b) => a + b, 1e9 + 1000.1)
  assert.ok(Math.abs(counts.publishMs - sum) < 1e-3, 'the sum of all')
})

test('names are those given at the start, from zero; anything else is other, however often it comes', () => {
  const counts = new Counts(['room_full'])
  assert.deepEqual(
    [...counts.refusals],
    [
      ['room_full', 0],
      ['other', 0],
    ],
  )
  counts.refused('room_full')
  for (let i = 0; i < 1000; i++) counts.refused(`made-up-${i}`)
  counts.cutOff('buffer full')
  counts.cutOff('of a new kind')
  assert.deepEqual(
    [...counts.refusals],
    [
      ['room_full', 1],
      ['other', 1000],
    ],
  )
  assert.deepEqual(
    [...counts.cutOffs],
    [
      ['buffer_full', 1],
      ['stalled', 0],
      ['other', 1],
    ],
  )
  assert.equal(total(counts.refusals), 1001)
})

test('lag is that of the slowest reader that is still there', () => {
  const counts = new Counts([])
  const reader = (bytes: number, messages: number) => ({ lag: () => ({ bytes, messages }) })
  const slow = reader(500, 1)
  counts.opened(reader(100, 7))
  counts.opened(slow)
  assert.deepEqual(counts.lag(), { bytes: 500, messages: 7 })
  counts.closed(slow)
  assert.deepEqual(counts.lag(), { bytes: 100, messages: 7 })
  assert.equal(counts.streamsOpened - counts.streamsClosed, 1)
})

test('the rate is that of the last minute', () => {
  const rate = new Rate(0)
  assert.deepEqual(rate.upTo(10_000, 50), { perSecond: 5, seconds: 10 })
  for (let s = 15; s <= 300; s += 15) rate.note(1000 * s, s <= 150 ? 0 : 20 * (s - 150))
  assert.deepEqual(rate.upTo(300_000, 3000), { perSecond: 20, seconds: 60 })
  assert.deepEqual(rate.upTo(315_000, 3000), { perSecond: 15 / 0.9375, seconds: 75 }, 'until the timer has run again')
  assert.deepEqual(new Rate(5).upTo(5, 0), { perSecond: 0, seconds: 0 })
})
