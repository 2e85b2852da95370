/** Pitfalls of memory that no other test names: 18, 21 and 22. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { openFileLimit } from '../limits/open-files.ts'
import { postMany, rawConnection, testGateway, until } from '../testing/client.ts'

const LIMIT = { timeout: 60_000 }

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** What JavaScript and its buffers hold, after what can be collected has been. */
async function heldBytes(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    await new Promise((resolve) => setTimeout(resolve, 20))
    collect()
  }
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

test('pitfall 18: what may wait for a slow reader is counted in bytes, not in messages', LIMIT, async () => {
  const gateway = await testGateway({ 'limits.total_bytes': 268_435_456, 'limits.room_bytes': 268_435_456 })
  for (const [room, count, bytes, left] of [
    ['many small ones', 9_000, 10, 1],
    ['few large ones', 60, 1_000_000, 0],
  ] as const) {
    const path = `/rooms/${room.replaceAll(' ', '-')}`
    const stalled = await rawConnection(gateway, `GET ${path}/subscribe HTTP/1.1\r\nHost: h\r\n\r\n`)
    await until(() => gateway.status().subscribers === 1, 'it listens')
    stalled.pause()
    await postMany(gateway, `${path}/broadcast`, Array<string>(count).fill('x'.repeat(bytes)))
    if (left === 0) await until(() => gateway.status().subscribers === 0, 'it is cut off', 20_000)
    assert.equal(gateway.status().subscribers, left, room)
    stalled.destroy()
    await until(() => gateway.status().subscribers === 0, 'it has gone', 20_000)
  }
  await gateway.close()
})

test('pitfall 21: rooms have limits of count, bytes and time, and give the memory back', LIMIT, async () => {
  let nowMs = 0
  const settings = { 'limits.room_idle_seconds': 60, 'limits.room_bytes': 4_000_000, 'limits.total_bytes': 50_000_000 }
  const gateway = await testGateway(settings, { clock: { nowMs: () => nowMs } })
  const before = await heldBytes()
  for (let i = 0; i < 12; i++) {
    await postMany(gateway, `/rooms/room-${i}/broadcast`, Array<string>(39).fill('x'.repeat(100_000)))
  }
  assert.ok(gateway.status().bytes > 45_000_000, 'they hold what was sent')
  await assert.rejects(postMany(gateway, '/rooms/room-0/broadcast', ['x'.repeat(1_000_000)]), /409/)
  await assert.rejects(
    postMany(gateway, '/rooms/room-12/broadcast', Array<string>(39).fill('x'.repeat(100_000))),
    /429/,
    'all rooms together have a limit',
  )
  nowMs += 60_000
  gateway.sweep()
  assert.deepEqual(gateway.status(), { rooms: 0, subscribers: 0, bytes: 0 })
  const left = (await heldBytes()) - before
  assert.ok(left < 15_000_000, `${left} bytes stay`)
  await gateway.close()
})

test('pitfall 22: the start says how many files may be open, and warns when they are too few', async (t) => {
  const limit = openFileLimit()
  if (limit === undefined) return t.skip('this system has no /proc/self/limits')
  assert.equal(openFileLimit('/nonexistent'), undefined)
  const enough = await testGateway({ 'limits.connections': 10 })
  assert.ok(enough.logs.some((line) => line.includes('"msg":"open files"') && line.includes('"open_files"')))
  await enough.close()
  if (limit > 999_999) return t.diagnostic('no limit of this process is too small to warn about')
  const tooFew = await testGateway({ 'limits.connections': 1_000_000 })
  assert.ok(tooFew.logs.some((line) => line.includes('"level":"warn"') && line.includes('fewer open files')))
  await tooFew.close()
})
