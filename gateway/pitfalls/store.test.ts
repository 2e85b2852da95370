/** Pitfalls of the backing store in memory: 32. Those of Redis, 30 to 32, are tested in redis/. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { post, subscribe, testGateway } from '../testing/client.ts'

test('pitfall 32: a room that was forgotten comes back with another epoch, and who resumes is told', async () => {
  let nowMs = 0
  const gateway = await testGateway({ 'limits.room_idle_seconds': 60 }, { clock: { nowMs: () => nowMs } })
  for (let i = 0; i < 5; i++) await post(gateway, 'r', 'broadcast', `old ${i}`)
  const first = await fetch(`${gateway.url}/rooms/r`)
  const { epoch } = (await first.json()) as { epoch: string }
  nowMs += 60_000
  gateway.sweep()
  // The new room has given out the id that the reader knows: only the epoch tells that it is another.
  for (let i = 0; i < 9; i++) await post(gateway, 'r', 'broadcast', `new ${i}`)
  const headers = { 'last-event-id': '4', 'room-epoch': epoch }
  const resumed = await subscribe(gateway, 'r', { headers })
  const events = await resumed.atLeast(9)
  assert.notEqual(resumed.headers['room-epoch'], epoch)
  assert.equal(resumed.headers['room-resumed-from'], '0')
  assert.deepEqual(resumed.resets, [{ epoch: resumed.headers['room-epoch'], resumed_from: 0 }])
  assert.deepEqual(
    events.map(({ data }) => data),
    Array.from({ length: 9 }, (_, i) => `new ${i}`),
  )
  resumed.close()
  await gateway.close()
})
