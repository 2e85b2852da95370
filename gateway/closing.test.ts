/**
 * Closing waits for answers and for nothing else. The grace period is far longer than these tests may take: what needs it
 * fails by their time limit.
 */
import assert from 'node:assert/strict'
import { Agent, request } from 'node:http'
import { test } from 'node:test'
import type { Authorize } from './hooks.ts'
import { post, rawConnection, readAll, subscribe, testGateway, until } from './testing/client.ts'

const LIMIT = { timeout: 60_000 }
const timeouts = { closeGraceMs: 120_000, headersMs: 120_000, requestMs: 120_000 }

test('connections on which nothing ever came, and idle ones, do not hold it up', LIMIT, async () => {
  const gateway = await testGateway({}, { timeouts })
  const silent = [await rawConnection(gateway), await rawConnection(gateway)]
  const agent = new Agent({ keepAlive: true })
  await new Promise((resolve) => {
    request(`${gateway.url}/health`, { agent }, (response) => response.resume().on('end', resolve)).end()
  })
  await (await fetch(`${gateway.url}/health`)).text()
  const stream = await subscribe(gateway, 'r')
  const closed = silent.map((socket) => readAll(socket))
  await gateway.close()
  assert.deepEqual(await Promise.all(closed), ['', ''])
  await stream.ended
  agent.destroy()
})

test('an answer that has ended but not yet left is not cut short', LIMIT, async () => {
  const authorize: Authorize = async () => ({ ok: true, value: { caller: 'x', pass: '*' } })
  const settings = { 'limits.body_bytes': 17_000_000, 'limits.room_bytes': 67_108_864 }
  const gateway = await testGateway(settings, { timeouts, authorize })
  await post(gateway, 'r', 'broadcast', 'x'.repeat(16_000_000))
  const reader = await rawConnection(gateway, 'GET /rooms/r/subscribe HTTP/1.1\r\nHost: h\r\n\r\n')
  reader.pause()
  await until(() => gateway.status().subscribers === 1, 'it listens')
  await fetch(`${gateway.url}/rooms/r`, { method: 'DELETE' })
  const closed = gateway.close()
  await new Promise((resolve) => setTimeout(resolve, 200))
  const text = await readAll(reader.resume())
  assert.ok(text.length > 16_000_000, 'the whole message')
  assert.match(text.slice(-100), /event: reset\nid:\ndata: .*\n\n$/)
  await closed
})

test('two requests on one connection are both answered', LIMIT, async () => {
  const waiting: (() => void)[] = []
  const authorize: Authorize = async (_, action) => {
    if (action === 'index') await new Promise<void>((resolve) => waiting.push(resolve))
    return { ok: true, value: { caller: 'x', pass: undefined } }
  }
  const gateway = await testGateway({}, { timeouts, authorize })
  const head = 'POST /rooms/r/issue_unique_idx HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n'
  const socket = await rawConnection(gateway, head + head)
  await until(() => waiting.length === 2, 'both have come')
  const text = readAll(socket)
  const closed = gateway.close()
  waiting[0]?.()
  await new Promise((resolve) => setTimeout(resolve, 200))
  waiting[1]?.()
  assert.match(await text, /\{"unique_idx":1\}.*\{"unique_idx":2\}/s)
  await closed
})

test('half a request keeps its connection, and is cut by the grace period', LIMIT, async () => {
  const gateway = await testGateway({}, { timeouts: { ...timeouts, closeGraceMs: 1_500 } })
  const finished = await rawConnection(gateway, 'GET /health HTTP/1.1\r\nHost: h\r\n')
  const unfinished = await rawConnection(gateway, 'GET /health HTTP/1.1\r\nHost: h\r\n')
  await new Promise((resolve) => setTimeout(resolve, 100))
  const texts = [readAll(finished), readAll(unfinished)]
  const closed = gateway.close()
  await new Promise((resolve) => setTimeout(resolve, 400))
  finished.write('\r\n')
  assert.match((await texts[0]) ?? '', /^HTTP\/1\.1 200 /)
  assert.equal(await texts[1], '')
  await closed
})
