/** The metrics port of a gateway that runs: what it counts, what it says of readiness, and what it never tells. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { runGateway } from '../cli.ts'
import { post, postMany, rawConnection, readAll, subscribe, testGateway, until } from '../testing/client.ts'

const WITH_METRICS = { 'metrics.enabled': true, 'metrics.port': 0 }

async function scrape(gateway: { metricsUrl: string | undefined }): Promise<ReadonlyMap<string, number>> {
  const text = await (await fetch(`${gateway.metricsUrl}/metrics`)).text()
  const samples = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(
    samples.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  )
}

test('messages, deliveries, streams, rooms and refusals are counted', async () => {
  const gateway = await testGateway(WITH_METRICS)
  const streams = await Promise.all([subscribe(gateway, 'a'), subscribe(gateway, 'a'), subscribe(gateway, 'b')])
  for (let i = 0; i < 3; i++) await post(gateway, 'a', 'broadcast', 'four')
  await post(gateway, 'c', 'broadcast', 'five5')
  await Promise.all(streams.slice(0, 2).map((stream) => stream.atLeast(3)))
  const late = await subscribe(gateway, 'a')
  await late.atLeast(3)
  await post(gateway, 'a', 'broadcast', 'no\rno')
  await fetch(`${gateway.url}/nowhere`)
  streams[2]?.close()
  await until(() => gateway.status().subscribers === 3, 'the stream is gone')

  const sampled = await scrape(gateway)
  const frame = 'event: new-message\nid: 0\ndata: four\n\n'.length
  const expected: Readonly<Record<string, number>> = {
    sign_gateway_messages_total: 4,
    sign_gateway_message_bytes_total: 17,
    sign_gateway_deliveries_total: 9,
    sign_gateway_delivered_bytes_total: 9 * frame,
    sign_gateway_streams_opened_total: 4,
    sign_gateway_streams_closed_total: 1,
    sign_gateway_subscribers: 3,
    sign_gateway_rooms: 3,
    sign_gateway_history_bytes: 4 * frame + 1,
    'sign_gateway_refusals_total{code="body_has_cr_or_nul"}': 1,
    'sign_gateway_refusals_total{code="not_found"}': 1,
    'sign_gateway_refusals_total{code="room_full"}': 0,
    sign_gateway_publish_seconds_count: 4,
    'sign_gateway_publish_seconds_bucket{le="+Inf"}': 4,
    sign_gateway_store_up: 1,
    sign_gateway_closing: 0,
    'sign_gateway_limit{limit="rooms"}': 10_000,
  }
  for (const [name, value] of Object.entries(expected)) assert.equal(sampled.get(name), value, name)
  assert.ok((sampled.get('sign_gateway_publish_seconds_sum') ?? 0) > 0, 'broadcasts take time')
  assert.ok((sampled.get('sign_gateway_connections') ?? 0) >= 3, 'a connection for each stream')
  assert.ok(sampled.has('nodejs_eventloop_lag_p99_seconds') && sampled.has('process_resident_memory_bytes'), 'process')
  assert.ok(
    [...sampled.keys()].some((name) => /^sign_gateway_build_info\{version="\d/.test(name)),
    'build',
  )

  const buckets = [...sampled].filter(([name]) => name.startsWith('sign_gateway_publish_seconds_bucket'))
  assert.ok(
    buckets.every(([, value], i) => i === 0 || value >= (buckets[i - 1]?.[1] ?? 0)),
    'buckets only grow',
  )
})

test('a reader that takes nothing is seen before it is cut off, and counted when it is', async () => {
  const gateway = await testGateway({ ...WITH_METRICS, 'limits.subscriber_buffer_bytes': 50_000_000 })
  await postMany(gateway, '/rooms/r/broadcast', Array<string>(20).fill('x'.repeat(1_000_000)))
  const stalled = await rawConnection(gateway, 'GET /rooms/r/subscribe HTTP/1.1\r\nHost: h\r\n\r\n')
  await once(stalled, 'readable')
  const catchingUp = await scrape(gateway)
  assert.ok((catchingUp.get('sign_gateway_lag_messages') ?? 0) > 5, 'history is left')
  assert.ok((catchingUp.get('sign_gateway_lag_bytes') ?? 0) > 0, 'bytes wait')
  stalled.destroy()
  await gateway.close()

  const strict = await testGateway({ ...WITH_METRICS, 'limits.subscriber_buffer_bytes': 1024 })
  const slow = await rawConnection(strict, 'GET /rooms/r/subscribe HTTP/1.1\r\nHost: h\r\n\r\n')
  await until(() => strict.status().subscribers === 1, 'it listens')
  slow.pause()
  for (let i = 0; i < 60 && strict.status().subscribers === 1; i++)
    await post(strict, 'r', 'broadcast', 'y'.repeat(900_000))
  await until(() => strict.status().subscribers === 0, 'it is cut off')
  assert.equal((await scrape(strict)).get('sign_gateway_cut_offs_total{reason="buffer_full"}'), 1)
  slow.destroy()
})

test('connections above the limit are counted', async () => {
  const gateway = await testGateway({ ...WITH_METRICS, 'limits.connections': 1 })
  const first = await rawConnection(gateway)
  const second = await rawConnection(gateway)
  await readAll(second)
  assert.equal((await scrape(gateway)).get('sign_gateway_connections_dropped_total'), 1)
  first.destroy()
})

test('no room, caller or token is in the metrics, whatever was asked for', async () => {
  const gateway = await testGateway(WITH_METRICS)
  const secret = 'canary7731'
  const stream = await subscribe(gateway, secret, { headers: { 'room-epoch': secret } })
  const headers = { authorization: `Bearer ${secret}`, 'idempotency-key': secret, 'user-agent': secret }
  await fetch(`${gateway.url}/rooms/${secret}/broadcast?x=${secret}`, { method: 'POST', body: secret, headers })
  await fetch(`${gateway.url}/rooms/${secret}/broadcast?token=${secret}`, { method: 'POST', body: secret })
  await fetch(`${gateway.url}/${secret}?${secret}`, { headers })
  for (let i = 0; i < 50; i++) await fetch(`${gateway.url}/rooms/${secret}${i}/issue_unique_idx`, { method: 'POST' })
  const text = await (await fetch(`${gateway.metricsUrl}/metrics?${secret}`)).text()
  assert.ok(!text.includes(secret), 'not in the metrics')
  assert.ok(!text.includes('127.0.0.1'), 'no address either')
  const own = text.split('\n').filter((line) => line.startsWith('sign_gateway_'))
  assert.ok(own.length < 120, `the number of series does not grow with rooms: ${own.length}`)
  stream.close()
})

test('the port answers GET at three paths, and is closed unless asked for', async () => {
  const gateway = await testGateway(WITH_METRICS)
  const ask = (method: string, path: string) => fetch(`${gateway.metricsUrl}${path}`, { method })
  const page = await ask('GET', '/metrics')
  assert.match(String(page.headers.get('content-type')), /^text\/plain; version=0\.0\.4/)
  assert.equal(page.headers.get('x-content-type-options'), 'nosniff')
  assert.deepEqual(await (await ask('GET', '/livez')).json(), { status: 'ok' })
  assert.deepEqual(await (await ask('GET', '/readyz')).json(), { status: 'ready', store: 'ok', closing: false })
  for (const path of ['/', '/health', '/rooms/r/subscribe', '/metrics/', '/openapi.json', '/%6detrics']) {
    assert.equal((await ask('GET', path)).status, 404, path)
  }
  for (const method of ['POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS']) {
    const answer = await ask(method, '/metrics')
    assert.equal(answer.status, 405, method)
    assert.equal(answer.headers.get('allow'), 'GET')
  }
  assert.equal((await testGateway()).metricsUrl, undefined)
  assert.equal((await fetch(`${gateway.url}/metrics`)).status, 404, 'not on the main port')
})

test('the metrics port outlives the main one while the gateway closes, and says so', async () => {
  const gateway = await testGateway(WITH_METRICS, { timeouts: { closeGraceMs: 3_000 } })
  const upload = await rawConnection(
    gateway,
    'POST /rooms/r/broadcast HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nab',
  )
  await until(() => gateway.logs.some((line) => line.includes('listening')), 'it listens')
  await new Promise((resolve) => setTimeout(resolve, 50))
  const closed = gateway.close()
  const ready = await fetch(`${gateway.metricsUrl}/readyz`)
  assert.equal(ready.status, 503)
  assert.deepEqual(await ready.json(), { status: 'not ready', store: 'ok', closing: true })
  assert.equal((await fetch(`${gateway.metricsUrl}/livez`)).status, 200)
  assert.equal((await scrape(gateway)).get('sign_gateway_closing'), 1)
  upload.write('cd')
  await closed
  await assert.rejects(fetch(`${gateway.metricsUrl}/livez`))
  upload.destroy()
})

test('a metrics port that is taken: exit code 1, one line that names it, and nothing is left open', async () => {
  const blocker = createServer().listen(0, '127.0.0.1')
  await once(blocker, 'listening')
  const { port } = blocker.address() as AddressInfo
  const free = createServer().listen(0, '127.0.0.1')
  await once(free, 'listening')
  const main = (free.address() as AddressInfo).port
  await new Promise((resolve) => free.close(resolve))
  let stderr = ''
  const exitCode = await runGateway({
    argv: ['--port', String(main)],
    env: { SIGN_GATEWAY_METRICS_ENABLED: 'true', SIGN_GATEWAY_METRICS_PORT: String(port) },
    stdout: { write: () => {} },
    stderr: { write: (text) => (stderr += text) },
    stopRequested: () => Promise.resolve(),
  })
  assert.equal(exitCode, 1)
  assert.equal(
    stderr,
    `sign-gateway: can't listen on 127.0.0.1 port ${port} for metrics: the address is already in use\n`,
  )
  await assert.rejects(fetch(`http://127.0.0.1:${main}/livez`))
  blocker.close()
})
