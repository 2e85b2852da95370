/** Refilling: between the marks, one at a time, when nobody waits, and slower after failures. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TransportError } from '../base/errors.ts'
import { systemRandom } from '../base/random.ts'
import { dealPresignatures, fixture, testContext } from '../protocols/testing.ts'
import { type PoolKey, PresignaturePool } from './pool.ts'
import { startRefill } from './refill.ts'

const signers = ['p0', 'p1']
const key: PoolKey = { account: 'a', signers, owner: 'p0' }
const context = testContext(fixture(2, 2), 'presign')
const presignature = dealPresignatures(signers, 5n).get('p0') ?? assert.fail('no presignature')

function scene(o: { readonly fails?: () => boolean; readonly isIdle?: () => boolean } = {}) {
  const pool = new PresignaturePool({ max: 10, maxAgeMs: 60_000 })
  const ending = new AbortController()
  const pauses: number[] = []
  const seen = { running: 0, most: 0, tries: 0 }
  const refill = startRefill({
    pool,
    low: 2,
    high: 4,
    signal: ending.signal,
    isIdle: o.isIdle ?? (() => true),
    pauseMs: { min: 5, max: 20 },
    onPause: (_key, code, ms) => {
      assert.equal(code, 'TRANSPORT')
      pauses.push(ms)
    },
    async presign({ owner }) {
      seen.tries++
      seen.most = Math.max(seen.most, ++seen.running)
      await new Promise((resolve) => setTimeout(resolve, 2))
      seen.running--
      if (o.fails?.() === true) throw new TransportError('no')
      pool.put({ id: systemRandom.bytes(32), owner, presignature, context, view: new Uint8Array(32), record: [] })
    },
  })
  const until = async (isTrue: () => boolean): Promise<void> => {
    for (const stopAt = Date.now() + 5_000; !isTrue(); ) {
      assert.ok(Date.now() < stopAt, `it never came: ${JSON.stringify([seen, pool.counts(), pauses])}`)
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
  }
  return { pool, refill, ending, pauses, seen, until }
}

const quiet = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 60))

test('up to the high mark, and again only below the low one', async () => {
  const { pool, refill, seen, until } = scene()
  for (let i = 0; i < 5; i++) refill.watch(key)
  await until(() => pool.size(key) === 4)
  await quiet()
  assert.deepEqual([pool.size(key), seen.most], [4, 1])
  pool.takeOldest(key)
  pool.takeOldest(key)
  refill.watch(key)
  await quiet()
  assert.equal(pool.size(key), 2)
  pool.takeOldest(key)
  refill.watch(key)
  await until(() => pool.size(key) === 4)
})

test('not while somebody waits', async () => {
  let isIdle = false
  const { pool, refill, seen, until } = scene({ isIdle: () => isIdle })
  refill.watch(key)
  await quiet()
  assert.equal(seen.tries, 0)
  isIdle = true
  await until(() => pool.size(key) === 4)
})

test('after failures it waits longer each time, up to a limit, and goes on by itself', async () => {
  let left = 5
  const { pool, refill, pauses, until } = scene({ fails: () => left-- > 0 })
  refill.watch(key)
  await until(() => pool.size(key) === 4)
  assert.deepEqual(pauses, [5, 10, 20, 20, 20])
})

test('it ends with its participant', async () => {
  const { refill, seen, ending } = scene({ fails: () => true })
  refill.watch(key)
  ending.abort()
  await quiet()
  const { tries } = seen
  refill.watch(key)
  await quiet()
  assert.equal(seen.tries, tries)
})
