/** Token buckets: the burst, the rate, and that the bound on memory can't be used to get tokens. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Buckets } from './buckets.ts'

/** How many requests of a caller pass at this time. */
function passing(buckets: Buckets, caller: string, nowMs: number, tries = 100): number {
  return Array.from({ length: tries }, () => buckets.take(caller, nowMs)).filter((waitMs) => waitMs === 0).length
}

test('the burst passes at once, then as many a second as the rate says, and never more than the burst', () => {
  const buckets = new Buckets({ perSecond: 4, burst: 10, maxCallers: 100 })
  assert.equal(passing(buckets, 'a', 0), 10)
  assert.equal(passing(buckets, 'a', 1000), 4)
  assert.equal(passing(buckets, 'a', 1250), 1)
  assert.equal(passing(buckets, 'a', 3_600_000), 10)
})

test('what is refused says how long to wait, and then it passes', () => {
  const buckets = new Buckets({ perSecond: 4, burst: 1, maxCallers: 100 })
  assert.equal(buckets.take('a', 0), 0)
  assert.equal(buckets.take('a', 0), 250)
  assert.equal(buckets.take('a', 100), 150, 'trying does not make the wait longer')
  assert.equal(buckets.take('a', 250), 0)
})

test('callers do not share', () => {
  const buckets = new Buckets({ perSecond: 1, burst: 3, maxCallers: 100 })
  assert.equal(passing(buckets, 'a', 0), 3)
  assert.equal(passing(buckets, 'b', 0), 3)
})

test('callers whose bucket is full again are forgotten while others come', () => {
  const buckets = new Buckets({ perSecond: 1, burst: 2, maxCallers: 10_000 })
  for (let i = 0; i < 1000; i++) buckets.take(`a${i}`, 0)
  for (let i = 0; i < 500; i++) buckets.take(`b${i}`, 1000)
  assert.equal(buckets.size, 500, 'two for each that comes')
  buckets.take('b0', 1500)
  buckets.take('c', 1999)
  assert.equal(buckets.size, 501, 'those that are not full stay')
})

test('never more callers than the cap; a newcomer beyond it takes over the level of the one that goes', () => {
  const buckets = new Buckets({ perSecond: 1, burst: 10, maxCallers: 50 })
  for (let i = 0; i < 1000; i++) buckets.take(`caller ${i}`, i)
  assert.equal(buckets.size, 50)

  // An attacker empties its bucket and pushes it out with 49 other names that it empties too.
  const cheated = new Buckets({ perSecond: 1, burst: 10, maxCallers: 50 })
  let passed = 0
  for (let round = 0; round < 40; round++) {
    for (let name = 0; name < 75; name++) passed += passing(cheated, `name ${name}`, 0, 10)
  }
  assert.equal(passed, 50 * 10, 'as much as the buckets that fit hold, however the names change')
})

test('who comes often is not pushed out by those who come once', () => {
  const buckets = new Buckets({ perSecond: 1, burst: 100, maxCallers: 50 })
  assert.equal(passing(buckets, 'busy', 0), 100)
  for (let i = 0; i < 200; i++) {
    buckets.take(`passer-by ${i}`, i)
    assert.ok(buckets.take('busy', i) > 0, 'its empty bucket is still known')
  }
})
