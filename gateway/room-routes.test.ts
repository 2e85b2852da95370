/** The room itself over HTTP: its state, a private one, and its end. And the hooks that stand before every route. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Action, Admission, Authorize, Granted } from './hooks.ts'
import { noMeter } from './hooks.ts'
import { refusals } from './refusal.ts'
import { errorCode, post, rawConnection, readAll, subscribe, testGateway, until } from './testing/client.ts'

interface State {
  readonly epoch: string
}
const room = (gateway: { url: string }, id: string, method = 'GET', token?: string) =>
  fetch(`${gateway.url}/rooms/${id}`, { method, ...(token !== undefined && { headers: bearer(token) }) })
const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` })

/** Everybody may do everything, with this pass. */
const granting =
  (granted: Partial<Granted>): Authorize =>
  async () => ({ ok: true, value: { caller: 'somebody', pass: undefined, ...granted } })

test('GET tells the state of a room and makes none', async () => {
  let nowMs = 0
  const gateway = await testGateway({}, { clock: { nowMs: () => nowMs } })
  const none = await room(gateway, 'r')
  assert.equal(none.status, 404)
  assert.equal(await errorCode(none), 'no_such_room')
  assert.equal(gateway.status().rooms, 0, 'asking makes no room')

  const stream = await subscribe(gateway, 'r')
  const epoch = stream.headers['room-epoch']
  const base = { epoch, private: false, subscribers: 1, age_seconds: 0 }
  const empty = { first_id: null, last_id: null, next_id: 0, messages: 0, bytes: 0 }
  assert.deepEqual(await (await room(gateway, 'r')).json(), { ...base, ...empty })
  await fetch(`${gateway.url}/rooms/r/broadcast`, { method: 'POST', body: 'short', headers: { ttl: '10' } })
  await post(gateway, 'r', 'broadcast', 'one')
  await post(gateway, 'r', 'broadcast', 'two')
  nowMs = 10_999
  const bytes = 2 * 'event: new-message\nid: 1\ndata: one\n\n'.length
  assert.deepEqual(
    await (await room(gateway, 'r')).json(),
    { ...base, age_seconds: 10, first_id: 1, last_id: 2, next_id: 3, messages: 2, bytes },
    'what has expired is not counted',
  )
  stream.close()
  await until(() => gateway.status().subscribers === 0, 'it has gone')
  nowMs += 599_000
  assert.equal((await room(gateway, 'r')).status, 200)
  nowMs += 1_000
  assert.equal((await room(gateway, 'r')).status, 404, 'looking at a room is no use that keeps it')
  for (const method of ['PUT', 'PATCH']) {
    const wrong = await room(gateway, 'r', method)
    assert.equal(wrong.status, 405)
    assert.equal(wrong.headers.get('allow'), 'GET, POST, DELETE, OPTIONS')
  }
  const bad = await room(gateway, '%00')
  assert.equal(await errorCode(bad), 'bad_room_id')
  await gateway.close()
})

test('POST makes a private room once; it opens to its own token only', async () => {
  const gateway = await testGateway()
  const made = await room(gateway, 'p', 'POST')
  assert.equal(made.status, 201)
  const { epoch, token } = (await made.json()) as { epoch: string; token: string }
  assert.match(epoch, /^[\w-]{22}$/)
  for (const id of ['p', 'open']) {
    if (id === 'open') await post(gateway, id, 'broadcast', 'x')
    const again = await room(gateway, id, 'POST')
    assert.equal(again.status, 409)
    assert.equal(await errorCode(again), 'room_exists')
  }
  const closed = [
    await post(gateway, 'p', 'broadcast', 'x'),
    await post(gateway, 'p', 'issue_unique_idx'),
    await fetch(`${gateway.url}/rooms/p/subscribe`),
    await room(gateway, 'p'),
  ]
  for (const answer of closed) {
    assert.equal(answer.status, 403)
    assert.equal(await errorCode(answer), 'private_room')
  }
  const state = (await (await room(gateway, 'p', 'GET', token)).json()) as State
  assert.deepEqual(state, {
    epoch,
    private: true,
    subscribers: 0,
    first_id: null,
    last_id: null,
    next_id: 0,
    messages: 0,
    bytes: 0,
    age_seconds: 0,
  })
  const stream = await subscribe(gateway, 'p', { headers: bearer(token) })
  const url = `${gateway.url}/rooms/p/broadcast`
  assert.equal((await fetch(url, { method: 'POST', body: 'x', headers: bearer(token) })).status, 200)
  assert.deepEqual(await stream.atLeast(1), [{ id: 0, data: 'x' }])
  stream.close()
  await gateway.close()
})

test('a pass for a room that has gone enters no other of its name, and makes none', async () => {
  let nowMs = 0
  const gateway = await testGateway({}, { clock: { nowMs: () => nowMs } })
  const { token } = (await (await room(gateway, 'p', 'POST')).json()) as { token: string }
  nowMs = 600_000
  const actions = () => [
    fetch(`${gateway.url}/rooms/p/broadcast`, { method: 'POST', body: 'x', headers: bearer(token) }),
    fetch(`${gateway.url}/rooms/p/issue_unique_idx`, { method: 'POST', headers: bearer(token) }),
    fetch(`${gateway.url}/rooms/p/subscribe`, { headers: bearer(token) }),
  ]
  for (const action of await Promise.all(actions())) assert.equal(await errorCode(action), 'room_gone')
  assert.equal(gateway.status().rooms, 0, 'none was made')
  await post(gateway, 'p', 'broadcast', 'somebody else has the name now')
  for (const action of await Promise.all(actions())) {
    assert.equal(action.status, 410)
    assert.equal(await errorCode(action), 'room_gone')
  }
  assert.equal(await errorCode(await room(gateway, 'p', 'DELETE', token)), 'not_the_owner')
  await gateway.close()
})

test('DELETE by the owner ends every stream with a reset and forgets the room', async () => {
  const gateway = await testGateway()
  const { token } = (await (await room(gateway, 'p', 'POST')).json()) as { token: string }
  const streams = [
    await subscribe(gateway, 'p', { headers: bearer(token) }),
    await subscribe(gateway, 'p', { headers: bearer(token) }),
  ]
  const url = `${gateway.url}/rooms/p/broadcast`
  await fetch(url, { method: 'POST', body: 'last', headers: bearer(token) })
  const removed = await room(gateway, 'p', 'DELETE', token)
  assert.equal(removed.status, 204)
  assert.equal(await removed.text(), '')
  for (const stream of streams) {
    await stream.ended
    assert.deepEqual(stream.events, [{ id: 0, data: 'last' }])
    assert.deepEqual(stream.resets, [{ epoch: null, resumed_from: 0 }])
    assert.ok(
      stream.raw().endsWith('event: reset\nid:\ndata: {"epoch":null,"resumed_from":0}\n\n'),
      'and nothing after',
    )
  }
  await until(() => gateway.status().subscribers === 0, 'the streams have gone')
  assert.deepEqual(gateway.status(), { rooms: 0, subscribers: 0, bytes: 0 })
  assert.equal(await errorCode(await room(gateway, 'p', 'DELETE', token)), 'no_such_room')
  const next = await subscribe(gateway, 'p')
  assert.deepEqual(next.resets, [], 'the next room of the name is another')
  assert.equal(next.events.length, 0)
  next.close()
  await gateway.close()
})

test('an open room has no owner: nobody removes it but an operator', async () => {
  for (const [pass, status] of [
    [undefined, 403],
    ['another epoch', 403],
    ['*', 204],
  ] as const) {
    const gateway = await testGateway({}, { authorize: granting({ pass }) })
    if (pass !== 'another epoch') await post(gateway, 'r', 'broadcast', 'x')
    else await room(gateway, 'r', 'POST')
    const answer = await room(gateway, 'r', 'DELETE')
    assert.equal(answer.status, status, String(pass))
    if (status === 403) assert.equal(await errorCode(answer), 'not_the_owner')
    assert.equal(gateway.status().rooms, status === 403 ? 1 : 0)
    await gateway.close()
  }
})

test('a stalled reader of a removed room does not stay', { timeout: 60_000 }, async () => {
  const gateway = await testGateway({}, { authorize: granting({ pass: '*' }) })
  for (let i = 0; i < 30; i++) await post(gateway, 'r', 'broadcast', 'y'.repeat(1_000_000))
  const stalled = await rawConnection(gateway, 'GET /rooms/r/subscribe HTTP/1.1\r\nHost: h\r\n\r\n')
  stalled.pause()
  await until(() => gateway.status().subscribers === 1, 'it listens')
  assert.equal((await room(gateway, 'r', 'DELETE')).status, 204)
  await until(() => gateway.status().subscribers === 0, 'it is cut off', 40_000)
  stalled.destroy()
  await gateway.close()
})

test('every route asks who it is and how much it may; refusals are counted and reach no room', async () => {
  const asked: string[] = []
  const counted: string[] = []
  const authorize: Authorize = async ({ headers }, action, roomId) => {
    asked.push(`${action} ${roomId}`)
    if (headers['x-no'] !== undefined) return { ok: false, refusal: refusals.forbidden(), caller: 'mallory' }
    return { ok: true, value: { caller: 'alice', pass: undefined } }
  }
  const limited = new Set<Action | 'other'>()
  const requests: string[] = []
  const admission: Admission = {
    request(caller, action) {
      requests.push(`${action} of ${caller}`)
      return limited.has(action) ? refusals.gatewayFull() : undefined
    },
    stream: () => ({ ok: true, value: () => {} }),
  }
  const meter = { ...noMeter, refused: (code: string) => void counted.push(code) }
  const gateway = await testGateway({}, { authorize, admission, meter })
  const routes: readonly (readonly [Action, string, string])[] = [
    ['subscribe', 'GET', '/subscribe'],
    ['publish', 'POST', '/broadcast'],
    ['index', 'POST', '/issue_unique_idx'],
    ['state', 'GET', ''],
    ['create', 'POST', ''],
    ['remove', 'DELETE', ''],
  ]
  for (const [action, method, path] of routes) {
    const url = `${gateway.url}/rooms/a%C3%A9${path}`
    const refused = await fetch(url, { method, headers: { 'x-no': '1' } })
    assert.equal(await errorCode(refused), 'forbidden', action)
    await (await fetch(`${gateway.url}/rooms/%00${path}`, { method })).text()
    limited.add(action)
    for (const headers of [{}, { 'x-no': '1' }] as Record<string, string>[]) {
      const tooMuch = await fetch(url, { method, headers })
      assert.equal(tooMuch.status, 429, action)
      assert.equal(await errorCode(tooMuch), 'gateway_full')
    }
    assert.deepEqual(
      asked.splice(0),
      Array<string>(3).fill(`${action} aé`),
      'an id that is none is nobody to ask about',
    )
    assert.deepEqual(counted.splice(0), ['forbidden', 'bad_room_id', 'gateway_full', 'gateway_full'])
    const callers = ['mallory', '127.0.0.1', 'alice', 'mallory']
    assert.deepEqual(
      requests.splice(0),
      callers.map((caller) => `${action} of ${caller}`),
      'refused or not, it is a request',
    )
  }
  assert.equal(gateway.status().rooms, 0)
  const elsewhere = async () => {
    await (await fetch(`${gateway.url}/nothing`)).text()
    await (await fetch(`${gateway.url}/health`, { method: 'PUT' })).text()
    await (await fetch(`${gateway.url}/openapi.json`)).text()
    await (await fetch(`${gateway.url}/health`)).text()
    await (await fetch(`${gateway.url}/livez`)).text()
  }
  await elsewhere()
  assert.deepEqual(counted.splice(0), ['not_found', 'method_not_allowed'])
  assert.deepEqual(requests.splice(0), Array<string>(3).fill('other of 127.0.0.1'), 'all but the probes')
  limited.add('other')
  await elsewhere()
  assert.deepEqual(counted, Array<string>(3).fill('gateway_full'))
  await gateway.close()
})

test('a place for a stream is taken once and given back once, however it ends', async () => {
  let [taken, released] = [0, 0]
  const admission: Admission = {
    request: () => undefined,
    stream() {
      if (taken - released >= 1) return { ok: false, refusal: refusals.tooManySubscribers() }
      taken += 1
      return {
        ok: true,
        value: () => {
          released += 1
        },
      }
    },
  }
  const gateway = await testGateway({}, { admission })
  const first = await subscribe(gateway, 'r')
  const second = await fetch(`${gateway.url}/rooms/r/subscribe`)
  assert.equal(await errorCode(second), 'too_many_subscribers')
  first.close()
  await until(() => released === 1, 'given back')
  const third = await subscribe(gateway, 'r')
  assert.equal(third.status, 200)
  await gateway.close()
  await third.ended
  await until(() => released === 2, 'given back')
  assert.equal(taken, 2)
})

test('a client that leaves while it is asked about leaves no stream and no message behind', async () => {
  let go: () => void = () => {}
  let asked = 0
  const wait = new Promise<void>((resolve) => {
    go = resolve
  })
  let answered = 0
  const authorize: Authorize = async () => {
    asked += 1
    await wait
    answered += 1
    return { ok: true, value: { caller: 'x', pass: undefined } }
  }
  const counted: string[] = []
  const meter = { ...noMeter, refused: (code: string) => void counted.push(code) }
  const gateway = await testGateway({}, { authorize, meter })
  const stream = await rawConnection(gateway, 'GET /rooms/r/subscribe HTTP/1.1\r\nHost: h\r\n\r\n')
  const head = 'POST /rooms/r/broadcast HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nab'
  const upload = await rawConnection(gateway, head)
  await until(() => asked === 2, 'both are asked about')
  const closed = [readAll(stream), readAll(upload)]
  stream.destroy()
  upload.destroy()
  await Promise.all(closed)
  await new Promise((resolve) => setTimeout(resolve, 100))
  go()
  await until(() => answered === 2, 'both are answered')
  await until(() => counted.includes('body_incomplete'), 'the upload is given up')
  const live = await subscribe(gateway, 'r')
  await post(gateway, 'r', 'broadcast', 'x')
  assert.deepEqual(await live.atLeast(1), [{ id: 0, data: 'x' }])
  assert.equal(gateway.status().subscribers, 1)
  live.close()
  await gateway.close()
})
