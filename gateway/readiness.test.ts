/** Readiness: what the store says, within a time limit, asked for as seldom as possible. */
import assert from 'node:assert/strict'
import { performance } from 'node:perf_hooks'
import { test } from 'node:test'
import { loadGatewayConfig } from '../config/load.ts'
import { createLogger } from '../config/logger.ts'
import { noMeter } from './hooks.ts'
import { ReadinessCheck } from './readiness.ts'
import { MemoryStore } from './rooms.ts'
import { testGateway } from './testing/client.ts'

const clockAt = (ms: number) => {
  const clock = { ms, nowMs: () => clock.ms }
  return clock
}

function checked(check: () => Promise<void>, timeLimitMs = 10_000) {
  const clock = clockAt(0)
  const lines: string[] = []
  const state = { isClosing: false, calls: 0 }
  const logger = createLogger({
    name: 'test',
    level: 'info',
    format: 'json',
    destination: { write: (line) => void lines.push(line) },
  })
  const readiness = new ReadinessCheck({
    store: {
      check: () => {
        state.calls += 1
        return check()
      },
    },
    clock,
    logger,
    isClosing: () => state.isClosing,
    timeLimitMs,
  })
  return { readiness, clock, state, lines }
}

test('ready when the store is there and nobody has asked to stop', async () => {
  const { readiness, state } = checked(() => Promise.resolve())
  assert.deepEqual(await readiness.ask(), { isReady: true, store: 'ok', isClosing: false })
  state.isClosing = true
  assert.deepEqual(await readiness.ask(), { isReady: false, store: 'ok', isClosing: true })
})

test('not ready when the store rejects, throws or hangs; never why', async () => {
  const secret = 'redis://user:canary7731@10.0.0.1'
  const rejects = checked(() => Promise.reject(new Error(secret)))
  assert.deepEqual(await rejects.readiness.ask(), { isReady: false, store: 'unavailable', isClosing: false })
  const throws = checked(() => {
    throw new Error(secret)
  })
  assert.equal((await throws.readiness.ask()).store, 'unavailable')
  const hangs = checked(() => new Promise(() => {}), 20)
  assert.equal((await hangs.readiness.ask()).store, 'timeout')
  for (const { lines } of [rejects, throws, hangs]) {
    assert.equal(lines.length, 1, 'a change is logged, once')
    assert.ok(!lines.join('').includes('canary7731'), 'without the reason')
  }
})

test('a thousand questions are one check a second, and one that hangs is not begun again', async () => {
  const { readiness, clock, state } = checked(() => Promise.resolve())
  const ask = () => Promise.all(Array.from({ length: 1000 }, () => readiness.ask()))
  await ask()
  await ask()
  clock.ms = 999
  await ask()
  assert.equal(state.calls, 1)
  clock.ms = 1_000
  await ask()
  assert.equal(state.calls, 2)

  const hangs = checked(() => new Promise(() => {}), 5)
  for (let s = 0; s < 5; s++) {
    hangs.clock.ms = 2_000 * s
    assert.equal((await hangs.readiness.ask()).store, 'timeout')
  }
  assert.equal(hangs.state.calls, 1)
})

test('a store that comes back is seen', async () => {
  let isAway = true
  const { readiness, clock, lines } = checked(() => (isAway ? Promise.reject(new Error()) : Promise.resolve()))
  assert.equal((await readiness.ask()).isReady, false)
  isAway = false
  clock.ms = 1_000
  assert.equal((await readiness.ask()).isReady, true)
  assert.equal(lines.length, 2)
})

test('on the main port: /readyz follows the store, /livez and /health do not', async () => {
  class Failing extends MemoryStore {
    isAway = false
    override check(): Promise<void> {
      return this.isAway ? Promise.reject(new Error('canary7731')) : super.check()
    }
  }
  const { limits } = loadGatewayConfig({ cwd: import.meta.dirname, env: {} })
  const clock = clockAt(performance.now())
  const store = new Failing({ limits, clock, meter: noMeter })
  const gateway = await testGateway({}, { store, clock })
  const ask = async (path: string) => {
    const answer = await fetch(gateway.url + path)
    return { status: answer.status, cache: answer.headers.get('cache-control'), body: await answer.json() }
  }
  assert.deepEqual(await ask('/readyz'), {
    status: 200,
    cache: 'no-store',
    body: { status: 'ready', store: 'ok', closing: false },
  })
  store.isAway = true
  clock.ms += 1_001
  assert.deepEqual(await ask('/readyz'), {
    status: 503,
    cache: 'no-store',
    body: { status: 'not ready', store: 'unavailable', closing: false },
  })
  assert.deepEqual(await ask('/livez'), { status: 200, cache: 'no-store', body: { status: 'ok' } })
  const { body } = await ask('/health')
  assert.equal((body as { status: string }).status, 'ok')
  const page = await (await fetch(gateway.url)).text()
  assert.match(page, /Not ready: store unavailable/)
  assert.ok(!page.includes('canary7731') && !gateway.logs.join('').includes('canary7731'), 'never why')
})
