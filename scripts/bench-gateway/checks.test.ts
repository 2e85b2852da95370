import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bodyOf } from './body.ts'
import { noFaults, RoomCheck, StreamCheck } from './checks.ts'

/** Two streams of a room; each message is [id, sender, number]. */
function faultsOf(...streams: readonly (readonly (readonly [number, number, number])[])[]) {
  const [room, faults] = [new RoomCheck(), noFaults()]
  for (const messages of streams) {
    const check = new StreamCheck(room, faults, 64)
    for (const [id, sender, number] of messages) check.take(id, bodyOf(64, sender, number), 0, 64)
  }
  return faults
}

test('what is right has no faults, with ids and without', () => {
  const good = [
    [0, 0, 0],
    [1, 1, 0],
    [2, 0, 1],
  ] as const
  assert.deepEqual(faultsOf(good, good), noFaults())
  const withoutIds = good.map(([, sender, number]) => [-1, sender, number] as const)
  assert.deepEqual(faultsOf(withoutIds, withoutIds), noFaults())
})

test('doubled, skipped, exchanged, seen in another order by another stream, and under a wrong id', () => {
  assert.deepEqual(faultsOf([[0, 0, 0], [1, 0, 0]]), { ...noFaults(), doubled: 1 }) // biome-ignore format: one line
  assert.deepEqual(faultsOf([[0, 0, 0], [1, 0, 2]]), { ...noFaults(), outOfOrder: 1 }) // biome-ignore format: one line
  assert.deepEqual(
    faultsOf([
      [0, 0, 1],
      [1, 0, 0],
    ]),
    { ...noFaults(), outOfOrder: 1, doubled: 1 },
  )
  assert.equal(
    faultsOf(
      [
        [-1, 0, 0],
        [-1, 1, 0],
      ],
      [
        [-1, 1, 0],
        [-1, 0, 0],
      ],
    ).outOfOrder,
    2,
  )
  assert.equal(
    faultsOf([
      [0, 0, 0],
      [2, 0, 1],
    ]).outOfOrder,
    1,
  )
})

test('a body that was cut, mixed up, or of another length is damaged', () => {
  const faults = noFaults()
  const check = new StreamCheck(new RoomCheck(), faults, 64)
  const body = bodyOf(64, 0, 0)
  assert.equal(check.take(0, body, 0, 63), -1)
  assert.equal(check.take(0, Buffer.concat([body.subarray(0, 32), bodyOf(64, 0, 1).subarray(32)]), 0, 64), -1)
  assert.equal(check.take(0, bodyOf(65, 0, 0), 0, 65), -1)
  assert.deepEqual([faults.damaged, check.count], [3, 0])
  assert.equal(check.take(0, body, 0, 64), 0)
})
