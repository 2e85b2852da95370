/** kill -9 at a few messages of a signing; crash.slow.test.ts does it at every one. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Point, Stage } from './crash-signing.ts'

const POINTS: readonly Point[] = [
  { victim: 'client', message: 7, when: 'after' },
  { victim: 'service', message: 3, when: 'after' },
  { victim: 'gateway', message: 9, when: 'before' },
]

test('client, service or gateway killed in a signing: the next one works, and no nonce occurs twice', async () => {
  const stage = await Stage.open()
  try {
    for (const point of POINTS) await stage.crash(point)
    assert.ok(stage.checkNonces() >= 2 * POINTS.length)
  } finally {
    await stage.close()
  }
})
