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
    if (action === 'state') await new Promise<void>((resolve) => waiting.push(resolve))
    return { ok: true, value: { caller: 'x', pass: undefined } }
  }
  const gateway = await testGateway({}, { timeouts, authorize })
  const head = 'GET /rooms/r HTTP/1.1\r\nHost: h\r\n\r\n'
  const socket = await rawConnection(gateway, head + head)
  await until(() => waiting.length === 2, 'both have come')
  const text = readAll(socket)
  const closed = gateway.close()
  waiting[0]?.()
  await new Promise((resolve) => setTimeout(resolve, 200))
  waiting[1]?.()
  assert.match(await text, /no_such_room.*no_such_room/s)
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

test('what comes after the streams have ended is refused, not taken for nobody', LIMIT, async () => {
  for (const [path, body] of [
    ['/rooms/r/broadcast', 'late'],
    ['/rooms/r/issue_unique_idx', ''],
    ['/rooms/new', ''],
  ]) {
    const gateway = await testGateway({}, { timeouts })
    const stream = await subscribe(gateway, 'r')
    const socket = await rawConnection(gateway, 'GET /health HTTP/1.1\r\nHost: x\r\n\r\n')
    await readAll(socket, (text) => text.endsWith('}'))
    const closing = gateway.close()
    const rest = readAll(socket)
    socket.write(`POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body?.length}\r\n\r\n${body}`)
    const answer = await rest
    assert.match(answer, /^HTTP\/1\.1 503 /, path)
    assert.match(answer, /"code":"shutting_down"/)
    assert.match(answer, /retry-after: 1\r\n/i)
    await Promise.all([closing, stream.ended])
    assert.equal(stream.events.length, 0)
  }
})

test('a body that was on its way when the streams ended is refused too', LIMIT, async () => {
  const gateway = await testGateway({}, { timeouts })
  const socket = await rawConnection(
    gateway,
    'POST /rooms/r/broadcast HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nla',
  )
  await until(() => gateway.status().rooms === 0, 'nothing is there yet')
  await new Promise((resolve) => setTimeout(resolve, 50))
  const closing = gateway.close()
  const rest = readAll(socket)
  socket.write('te')
  assert.match(await rest, /^HTTP\/1\.1 503 /)
  await closing
})
