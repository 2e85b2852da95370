/** /readyz and the metrics over a Redis that goes away, falls silent, and comes back. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { TestGateway } from '../testing/client.ts'
import { SilentProxy, sharedGateway, skip, TestRedis } from './testing/server.ts'

const WAIT_MS = 20_000

async function untilReady(gateway: TestGateway, status: number): Promise<unknown> {
  const deadlineMs = Date.now() + WAIT_MS
  for (;;) {
    const answer = await fetch(`${gateway.metricsUrl}/readyz`)
    const body: unknown = await answer.json()
    if (answer.status === status) return body
    assert.ok(Date.now() < deadlineMs, `/readyz is ${status} by now`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

const storeUp = async (gateway: TestGateway) =>
  /^sign_gateway_store_up (\d)$/m.exec(await (await fetch(`${gateway.metricsUrl}/metrics`)).text())?.[1]

suite('readiness with Redis', { skip }, () => {
  test('follows a Redis that is killed and started again; the process stays alive', async () => {
    const redis = await TestRedis.start()
    const gateway = await sharedGateway(redis, { 'metrics.enabled': true, 'metrics.port': 0 })
    assert.deepEqual(await untilReady(gateway, 200), { status: 'ready', store: 'ok', closing: false })
    assert.equal(await storeUp(gateway), '1')
    await redis.kill()
    const { store, ...rest } = (await untilReady(gateway, 503)) as { store: string }
    assert.deepEqual(rest, { status: 'not ready', closing: false })
    assert.ok(['unavailable', 'timeout'].includes(store), store)
    assert.equal(await storeUp(gateway), '0')
    assert.equal((await fetch(`${gateway.url}/livez`)).status, 200)
    assert.match(await (await fetch(gateway.url)).text(), /Not ready: store /)
    await redis.start()
    await untilReady(gateway, 200)
  })

  test('a Redis that says nothing is not waited for', async () => {
    const redis = await TestRedis.start()
    const proxy = await SilentProxy.start(redis.port)
    const gateway = await sharedGateway(
      { url: `redis://127.0.0.1:${proxy.port}` },
      { 'metrics.enabled': true, 'metrics.port': 0 },
    )
    await untilReady(gateway, 200)
    proxy.fallSilent()
    await untilReady(gateway, 503)
    proxy.cut()
  })
})
