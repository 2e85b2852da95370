/** A small soak of each store, from the sources; and that the soak finds what a careless gateway does. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { freePort } from '../processes.ts'
import { startRedis } from './kinds.ts'
import { type Server, startServer } from './server.ts'
import { isGood, soak } from './soak.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const LIMIT_MS = 120_000

async function start(file: string, env: Readonly<Record<string, string>> = {}, at?: number): Promise<Server> {
  const port = at ?? (await freePort())
  const limits = {
    SIGN_GATEWAY_LOGGING_LEVEL: 'error',
    SIGN_GATEWAY_LIMITS_REQUESTS_PER_SECOND: '1000000',
    SIGN_GATEWAY_LIMITS_REQUEST_BURST: '1000000',
    SIGN_GATEWAY_LIMITS_SUBSCRIBER_BUFFER_BYTES: '65536',
  }
  return startServer({
    command: process.execPath,
    // where the loader is
    cwd: ROOT,
    args: ['--import', 'tsx', file, ...(file.includes('raw') ? [String(port)] : [])],
    env: { ...limits, ...env, SIGN_GATEWAY_SERVER_PORT: String(port) },
    port,
  })
}

test('20,000 deliveries in memory: nothing lost, doubled or out of order', async () => {
  const server = await start('gateway/main.ts')
  try {
    const o = { rooms: 8, messagesPerRoom: 500, seed: 5, limitMs: LIMIT_MS }
    const result = await soak({ ...o, ports: [server.port], deliveries: 20_000 })
    assert.ok(isGood(result), JSON.stringify(result))
    assert.ok(result.dropped > 50 && result.stalled > 50 && result.postedAgain > 20, JSON.stringify(result))
  } finally {
    await server.stop()
  }
})

test('two gateways on one Redis, each of which is killed once', async (t) => {
  if (!existsSync('/usr/bin/redis-server')) return t.skip('redis-server is not installed')
  const redis = await startRedis()
  const env = { SIGN_GATEWAY_STORE_TYPE: 'redis', SIGN_GATEWAY_STORE_REDIS_URL: `redis://127.0.0.1:${redis.port}` }
  const servers = await Promise.all([start('gateway/main.ts', env), start('gateway/main.ts', env)])
  let kills = 0
  let isDone = false
  const killing = async (): Promise<void> => {
    for (const [i, server] of [...servers.entries()]) {
      await new Promise((resolve) => setTimeout(resolve, 500))
      await server.stop('SIGKILL')
      kills += 1
      servers[i] = await start('gateway/main.ts', env, server.port)
    }
  }
  try {
    const o = { rooms: 8, messagesPerRoom: 300, seed: 6, limitMs: LIMIT_MS, ports: servers.map(({ port }) => port) }
    const results: unknown[] = []
    const soaking = (async () => {
      // For as long as gateways are being killed.
      for (let seed = o.seed; !isDone; seed++) {
        const result = await soak({ ...o, seed, deliveries: 10_000 })
        results.push(result)
        assert.ok(isGood(result), JSON.stringify(result))
      }
    })()
    await Promise.all([
      killing().finally(() => {
        isDone = true
      }),
      soaking,
    ])
    assert.ok(kills === 2 && results.length > 0, `${kills} kills, ${results.length} soaks`)
  } finally {
    for (const server of servers) await server.stop()
    await redis.stop()
  }
})

test('a gateway that keeps the last 100 messages and knows no Idempotency-Key is found out', async () => {
  const server = await start('scripts/bench/raw-gateway.ts')
  try {
    const o = { rooms: 4, messagesPerRoom: 500, seed: 7, limitMs: 20_000, patienceMs: 1_000 }
    const { doubled, outOfOrder, lost } = await soak({ ...o, ports: [server.port], deliveries: 8_000 })
    assert.ok(doubled > 0, 'what was posted again is there twice')
    assert.ok(lost + outOfOrder > 0, 'what was not kept is missing')
  } finally {
    await server.stop()
  }
})
