/** Slow, rude and broken clients: none of them harms another, stays behind, or ends the process. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorCode, post, postMany, rawConnection, readAll, subscribe, testGateway, until } from './testing/client.ts'

/** A test that waits for what never comes fails instead of hanging. */
const LIMIT = { timeout: 10_000 }

const GET = (room: string) => `GET /rooms/${room}/subscribe HTTP/1.1\r\nHost: h\r\n\r\n`

test('pitfalls 16 and 17: a stalled reader is cut off at the limit, others get all, and it resumes without loss', async () => {
  const gateway = await testGateway({ 'limits.subscriber_buffer_bytes': 262_144 })
  const healthy = await subscribe(gateway, 'r')
  const stalled = await rawConnection(gateway, GET('r'))
  await until(() => gateway.status().subscribers === 2, 'both listen')
  stalled.pause()
  const total = 6_000
  const body = 'x'.repeat(4_000)
  for (let sent = 0; sent < total; sent += 500) {
    await postMany(gateway, '/rooms/r/broadcast', Array<string>(500).fill(body))
    await healthy.atLeast(sent + 500)
  }
  assert.ok(healthy.events.every(({ id, data }, i) => id === i && data.length === 4_000))
  assert.equal(gateway.status().subscribers, 1)
  assert.ok(gateway.logs.some((line) => line.includes('cut off a slow subscriber') && line.includes('buffer full')))

  const text = await readAll(stalled.resume())
  const seen = [...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id))
  assert.ok(seen.length > 0 && seen.length < total)
  assert.ok(
    seen.every((id, i) => id === i),
    'no gap before the cut',
  )
  // The last event may have been cut in two; a reader resumes from the last one it had whole.
  const lastWhole = seen.length - 2
  const again = await subscribe(gateway, 'r', { headers: { 'last-event-id': String(lastWhole) } })
  const rest = await again.atLeast(total - lastWhole - 1)
  assert.equal(rest[0]?.id, lastWhole + 1)
  assert.equal(rest.at(-1)?.id, total - 1)
  healthy.close()
  again.close()
  await gateway.close()
})

test('a long history reaches a healthy reader whole, though it is larger than the limit of what may wait', async () => {
  const gateway = await testGateway({ 'limits.subscriber_buffer_bytes': 1024 })
  await postMany(gateway, '/rooms/r/broadcast', Array<string>(400).fill('y'.repeat(20_000)))
  const stream = await subscribe(gateway, 'r')
  assert.equal((await stream.atLeast(400)).at(-1)?.id, 399)
  await post(gateway, 'r', 'broadcast', 'z'.repeat(500_000))
  assert.equal((await stream.atLeast(401)).at(-1)?.data.length, 500_000, 'one message may be larger than the limit')
  stream.close()
  await gateway.close()
})

test('a reader that takes nothing while it catches up is ended too', async () => {
  const gateway = await testGateway({ 'limits.keep_alive_seconds': 1, 'limits.room_bytes': 67_108_864 })
  await postMany(gateway, '/rooms/r/broadcast', Array<string>(120).fill('y'.repeat(250_000)))
  const stalled = await rawConnection(gateway, GET('r'))
  stalled.pause()
  await until(() => gateway.status().subscribers === 1, 'it listens')
  await until(() => gateway.status().subscribers === 0, 'it is cut off', 9_000)
  assert.ok(gateway.logs.some((line) => line.includes('"why":"stalled"')))
  stalled.destroy()
  await gateway.close()
})

test('pitfall 19: 1,000 aborted streams, half of them by RST, leave nothing behind', async () => {
  const gateway = await testGateway({ 'limits.subscribers_per_room': 1000 })
  for (let round = 0; round < 4; round++) {
    const sockets = await Promise.all(Array.from({ length: 250 }, () => rawConnection(gateway, GET('r'))))
    await until(() => gateway.status().subscribers === 250, 'all listen')
    const publishing = postMany(gateway, '/rooms/r/broadcast', Array<string>(20).fill('while they leave'))
    for (const [i, socket] of sockets.entries()) i % 2 === 0 ? socket.resetAndDestroy() : socket.destroy()
    await publishing
    await until(() => gateway.status().subscribers === 0, 'all have gone')
  }
  assert.equal((await fetch(`${gateway.url}/health`)).status, 200)
  await gateway.close()
})

test('a half-closed connection ends its stream', async () => {
  const gateway = await testGateway()
  const socket = await rawConnection(gateway, GET('r'))
  await until(() => gateway.status().subscribers === 1, 'it listens')
  socket.end()
  await until(() => gateway.status().subscribers === 0, 'it has gone')
  await gateway.close()
})

test('garbage, oversized heads and early ends are answered or dropped, and the gateway goes on', async () => {
  const gateway = await testGateway()
  const expectations: readonly (readonly [string, RegExp])[] = [
    ['\x16\x03\x01\x02\x00\x01', /^HTTP\/1\.1 400 /],
    ['GET / HTTP/9.9\r\n\r\n', /^HTTP\/1\.1 400 /],
    ['GET /health HTTP/1.1\r\n\r\n', /^HTTP\/1\.1 400 /],
    ['GET /health HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n', /^HTTP\/1\.1 400 .*"bad_request"/s],
    ['GET \\ HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n', /^HTTP\/1\.1 400 /],
    [`GET /health HTTP/1.1\r\nHost: h\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, /^HTTP\/1\.1 431 /],
    ['GET http://other.example/health?x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n', /^HTTP\/1\.1 200 /],
  ]
  for (const [request, expected] of expectations) {
    assert.match(await readAll(await rawConnection(gateway, request)), expected, request.slice(0, 40))
  }
  const early = await rawConnection(
    gateway,
    'POST /rooms/r/broadcast HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nab',
  )
  early.resetAndDestroy()
  // Garbage behind a stream's request closes that stream and puts nothing into it.
  const stream = await rawConnection(gateway, `${GET('r')}garbage\r\n\r\n`)
  assert.doesNotMatch((await readAll(stream)).slice(12), /HTTP\/1\.1/)
  await until(() => gateway.status().subscribers === 0, 'the stream has gone')
  assert.equal((await fetch(`${gateway.url}/health`)).status, 200)
  await gateway.close()
})

test('a subscription pipelined behind a stream is not left behind', async () => {
  const gateway = await testGateway()
  const socket = await rawConnection(gateway, GET('r') + GET('r') + GET('r'))
  await until(() => gateway.status().subscribers > 0, 'the first listens')
  await post(gateway, 'r', 'broadcast', 'x')
  assert.equal(gateway.status().subscribers, 1)
  socket.destroy()
  await until(() => gateway.status().subscribers === 0, 'it has gone')
  await gateway.close()
})

test('pitfall 27: room ids in paths', LIMIT, async () => {
  const gateway = await testGateway({ 'limits.room_id_length': 10 })
  const status = async (id: string) => {
    const request = `POST /rooms/${id}/issue_unique_idx HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`
    return Number((await readAll(await rawConnection(gateway, request))).slice(9, 12))
  }
  for (const bad of [
    '%E2%80%AE',
    '%E2%80%8B',
    '%00',
    'a%2Fb',
    '..',
    '%2e%2e',
    '.',
    'a%20b',
    '%ff',
    '%',
    'x'.repeat(11),
  ]) {
    assert.equal(await status(bad), 400, bad)
  }
  assert.equal(await status('x'.repeat(10)), 200)
  assert.equal(await status('a/b'), 404)
  // %2541 is the id "%41", another room than "A".
  assert.equal(await status('%2541'), 200)
  assert.deepEqual(await (await post(gateway, 'A', 'issue_unique_idx')).json(), { unique_idx: 1 })
  assert.deepEqual(await (await post(gateway, '%41', 'issue_unique_idx')).json(), { unique_idx: 2 })
  for (const refused of [
    await post(gateway, '%00', 'broadcast', 'x'),
    await fetch(`${gateway.url}/rooms/%00/subscribe`),
  ]) {
    assert.equal(refused.status, 400)
    assert.equal(await errorCode(refused), 'bad_room_id')
  }
  await gateway.close()
})

test('unknown paths are 404, wrong methods 405 with Allow, and no answer tells about the inside', LIMIT, async () => {
  const gateway = await testGateway()
  const ask = (method: string, path: string) => fetch(gateway.url + path, { method })
  for (const path of ['/rooms', '/rooms/r/other', '/rooms/r/subscribe/', '/healthz', '/rooms//subscribe']) {
    const answer = await ask('GET', path)
    assert.equal(answer.status, 404, path)
    assert.equal(await errorCode(answer), 'not_found')
  }
  for (const [method, path, allowed] of [
    ['POST', '/rooms/r/subscribe', 'GET'],
    ['GET', '/rooms/r/broadcast', 'POST'],
    ['DELETE', '/rooms/r/issue_unique_idx', 'POST'],
    ['PUT', '/health', 'GET'],
  ] as const) {
    const answer = await ask(method, path)
    assert.equal(answer.status, 405, path)
    assert.equal(answer.headers.get('allow'), `${allowed}, OPTIONS`)
    assert.equal(await errorCode(answer), 'method_not_allowed')
  }
  assert.equal((await ask('HEAD', '/rooms/r/subscribe')).status, 405)
  assert.equal((await ask('HEAD', '/health')).status, 200)
  assert.equal(gateway.status().subscribers, 0)
  await gateway.close()
})

test('logs hold no bodies, and room ids only at debug', async () => {
  const gateway = await testGateway({ 'limits.subscriber_buffer_bytes': 1024 })
  const stream = await subscribe(gateway, 'private-room')
  await post(gateway, 'private-room', 'broadcast', 'private-body')
  await post(gateway, 'private-room', 'broadcast', 'private\rbody')
  await stream.atLeast(1)
  stream.close()
  await gateway.close()
  assert.ok(gateway.logs.some((line) => line.includes('private-room')))
  assert.ok(!gateway.logs.some((line) => line.includes('private-body')))
  assert.ok(!gateway.logs.some((line) => line.includes('private-room') && !line.includes('"level":"debug"')))
})
