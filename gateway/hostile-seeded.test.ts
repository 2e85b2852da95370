/**
 * 1,000 hostile requests from a seed, over real connections: none ends the process, learns anything of the inside, changes
 * what two honest parties see in the room next to it, or leaves anything behind. HOSTILE_SEED=n repeats a run.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { testGateway, until } from './testing/client.ts'
import { runHostile } from './testing/hostile-run.ts'

const SEED = Number(process.env['HOSTILE_SEED'] ?? 20_261_124)
const SETTINGS = {
  'limits.rooms': 100,
  'limits.body_bytes': 4096,
  'limits.room_idle_seconds': 60,
  'limits.keep_alive_seconds': 1,
}

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** After everything that is waiting to be collected has been. */
async function heapBytes(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    await new Promise((resolve) => setTimeout(resolve, 20))
    collect()
  }
  return process.memoryUsage().heapUsed
}

const sockets = () => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length

test('1,000 hostile requests', { timeout: 60_000 }, async () => {
  let nowMs = 0
  const timeouts = { requestMs: 1_000, headersMs: 700, checkMs: 100 }
  const gateway = await testGateway(SETTINGS, { clock: { nowMs: () => nowMs }, timeouts })
  const allForgotten = async () => {
    await until(() => gateway.status().subscribers === 0, 'all streams have gone', 20_000)
    nowMs += 60_000
    gateway.sweep()
    assert.deepEqual(gateway.status(), { rooms: 0, subscribers: 0, bytes: 0 }, 'nothing stays behind')
  }
  // Once for what is only made at the first request.
  await runHostile(gateway, { seed: SEED + 1, requests: 100 })
  await allForgotten()
  const before = await heapBytes()
  const answers = await runHostile(gateway, { seed: SEED, requests: 1_000 })

  const statuses = new Map<string, number>()
  for (const { text } of answers) {
    const status = text === '' ? 'closed' : text.slice(9, 12)
    statuses.set(status, (statuses.get(status) ?? 0) + 1)
  }
  for (const status of ['closed', '200', '400', '404', '405', '408', '413', '431']) {
    assert.ok((statuses.get(status) ?? 0) > 0, `the seed reaches ${status}: ${JSON.stringify([...statuses])}`)
  }

  await allForgotten()
  const growth = (await heapBytes()) - before
  assert.ok(growth < 20_000_000, `the heap has grown by ${growth} bytes`)
  await gateway.close()
  await until(() => sockets() === 0, 'no connection is left', 10_000)
})
