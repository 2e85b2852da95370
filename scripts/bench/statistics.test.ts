import assert from 'node:assert/strict'
import { test } from 'node:test'
import { percentile, summaryOf } from './statistics.ts'

test('median, min and max of an odd and an even number of values, in any order', () => {
  assert.deepEqual(summaryOf([10, 9, 2]), { n: 3, median: 9, min: 2, max: 10 })
  assert.deepEqual(summaryOf([4, 1, 100, 2]), { n: 4, median: 3, min: 1, max: 100 })
  assert.deepEqual(summaryOf([7]), { n: 1, median: 7, min: 7, max: 7 })
  assert.throws(() => summaryOf([]), RangeError)
})

test('values are left in their order', () => {
  const values = [3, 1, 2]
  summaryOf(values)
  assert.deepEqual(values, [3, 1, 2])
})

test('a 99th percentile from a hundred values on', () => {
  const to = (n: number): number[] => Array.from({ length: n }, (_, i) => n - i)
  assert.equal('p99' in summaryOf(to(99)), false)
  assert.equal(summaryOf(to(100)).p99, 99)
  assert.equal(summaryOf(to(200)).p99, 198)
})

test('percentiles are values that were there', () => {
  const sorted = [1, 2, 3, 4]
  assert.deepEqual(
    [1, 25, 26, 50, 75, 99, 100].map((p) => percentile(sorted, p)),
    [1, 1, 2, 2, 3, 4, 4],
  )
  for (const p of [0, 101]) assert.throws(() => percentile(sorted, p), RangeError)
})
