/** The log: one line for what was refused, with the id of the answer, and at info no secret wherever a request has one. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { loadGatewayConfig } from '../config/load.ts'
import { secretFile } from './auth/testing.ts'
import { noMeter } from './hooks.ts'
import { MemoryStore } from './rooms.ts'
import { post, rawConnection, readAll, subscribe, testGateway, until } from './testing/client.ts'

const CANARY = 'canary7731'
type Line = Readonly<Record<string, unknown>>

const linesOf = (gateway: { logs: readonly string[] }, msg: string) =>
  gateway.logs.map((line) => JSON.parse(line) as Line).filter((line) => line['msg'] === msg)

test('what is refused is one line at info, which the answer names', async () => {
  const gateway = await testGateway({ 'logging.level': 'info' })
  const answer = await post(gateway, 'r', 'broadcast', 'a\rb')
  const id = answer.headers.get('request-id')
  assert.match(String(id), /^[\w-]{12}$/)
  const [line, ...others] = linesOf(gateway, 'refused')
  assert.equal(others.length, 0)
  const { time, ms, ...rest } = line ?? {}
  assert.ok(typeof time === 'string' && typeof ms === 'number', 'when, and how long')
  assert.deepEqual(rest, {
    level: 'info',
    name: 'test',
    request: id,
    method: 'POST',
    route: '/rooms/{id}/broadcast',
    status: 400,
    code: 'body_has_cr_or_nul',
    from: '127.0.0.1',
    msg: 'refused',
  })
})

test('what is answered well is a line at debug only, and has an id there only', async () => {
  const quiet = await testGateway({ 'logging.level': 'info' })
  assert.equal((await post(quiet, 'r', 'broadcast', 'x')).headers.get('request-id'), null)
  assert.equal((await fetch(`${quiet.url}/livez`)).headers.get('request-id'), null)
  assert.equal(quiet.logs.filter((line) => line.includes('answered') || line.includes('refused')).length, 0)

  const gateway = await testGateway()
  const health = await fetch(`${gateway.url}/health`)
  await post(gateway, 'r', 'broadcast', 'x')
  const stream = await subscribe(gateway, 'r')
  const lines = linesOf(gateway, 'answered')
  assert.deepEqual(
    lines.map(({ level, method, route, status }) => [level, method, route, status]),
    [
      ['debug', 'GET', '/health', 200],
      ['debug', 'POST', '/rooms/{id}/broadcast', 200],
      ['debug', 'GET', '/rooms/{id}/subscribe', 200],
    ],
  )
  assert.equal(health.headers.get('request-id'), lines[0]?.['request'])
  stream.close()
})

test('an id that comes with a request counts for nothing', async () => {
  const gateway = await testGateway()
  const answer = await fetch(`${gateway.url}/nowhere`, { headers: { 'request-id': CANARY, 'x-request-id': CANARY } })
  assert.match(String(answer.headers.get('request-id')), /^[\w-]{12}$/)
  const again = await fetch(`${gateway.url}/nowhere`)
  assert.notEqual(again.headers.get('request-id'), answer.headers.get('request-id'))
  assert.ok(!gateway.logs.join('').includes(CANARY), 'not in the log either')
})

test('at info: no secret, from wherever it comes', async () => {
  const gateway = await testGateway({
    'logging.level': 'info',
    'limits.subscriber_buffer_bytes': 1024,
    'auth.mode': 'token',
    'auth.token_file': secretFile(
      JSON.stringify([
        {
          name: 'known',
          sha256: createHash('sha256').update(`${CANARY}-token-0123456789abcdefghijklm`).digest('hex'),
          rights: ['subscribe', 'publish'],
          rooms: ['*'],
        },
      ]),
    ),
  })
  const good = { authorization: `Bearer ${CANARY}-token-0123456789abcdefghijklm` }
  const asked: (readonly [string, string, Record<string, string>, string?])[] = [
    ['GET', `/rooms/${CANARY}/subscribe`, {}],
    ['GET', `/rooms/${CANARY}/subscribe?last_event_id=${CANARY}`, good],
    ['GET', `/rooms/${CANARY}/subscribe`, { ...good, 'last-event-id': CANARY }],
    ['GET', `/rooms/r/subscribe?access_token=${CANARY}`, {}],
    ['POST', `/rooms/${CANARY}/broadcast`, { ...good, ttl: CANARY }, CANARY],
    ['POST', `/rooms/${CANARY}/broadcast`, { ...good, 'idempotency-key': `${CANARY} ${CANARY}` }, CANARY],
    ['POST', `/rooms/${CANARY}/broadcast`, good, `${CANARY}\r`],
    ['POST', `/rooms/${CANARY}/issue_unique_idx`, good],
    ['POST', `/rooms/${CANARY}/tokens`, good, `{"rights": "${CANARY}"}`],
    ['GET', `/${CANARY}?${CANARY}`, { cookie: CANARY, 'user-agent': CANARY, referer: `http://h/${CANARY}` }],
    ['PUT', `/rooms/${CANARY}/broadcast`, { 'x-forwarded-for': CANARY, origin: `https://${CANARY}.example` }],
    ['GET', '/', { authorization: `Basic ${btoa(`${CANARY}:${CANARY}`)}` }],
    ['GET', '/', { authorization: `Bearer ${CANARY}` }],
  ]
  const ids: string[] = []
  for (const [method, path, headers, body] of asked) {
    const answer = await fetch(gateway.url + path, { method, headers, ...(body !== undefined && { body }) })
    assert.ok(answer.status >= 400, `${method} ${path} is refused`)
    ids.push(String(answer.headers.get('request-id')))
    assert.ok(!(await answer.text()).includes(CANARY), 'nor does the answer repeat it')
  }
  for (const text of [`GET /rooms/%${CANARY}/subscribe HTTP/1.1\r\nHost: h\r\n\r\n`, `${CANARY} / HTTP/9\r\n\r\n`]) {
    await readAll(await rawConnection(gateway, text), (answer) => answer.includes('\r\n\r\n'))
  }
  const slow = await subscribe(gateway, CANARY, { headers: good })
  slow.close()
  await until(() => gateway.status().subscribers === 0, 'the stream is gone')
  const logged = linesOf(gateway, 'refused').map((line) => line['request'])
  for (const id of ids) assert.ok(logged.includes(id), 'each refusal is in the log')
  await gateway.close()
  assert.ok(
    !gateway.logs.join('').includes(CANARY),
    gateway.logs.find((line) => line.includes(CANARY)),
  )
})

test('a fault of the gateway: 500 with an id, and a line at error that says where and quotes nothing', async () => {
  class Broken extends MemoryStore {
    override issueIndex(): never {
      throw Object.assign(new Error(`${CANARY} went wrong`), { body: CANARY })
    }
  }
  const clock = { nowMs: () => performance.now() }
  const { limits } = loadGatewayConfig({ cwd: import.meta.dirname, env: {} })
  const gateway = await testGateway({}, { store: new Broken({ limits, clock, meter: noMeter }) })
  const answer = await post(gateway, 'r', 'issue_unique_idx')
  assert.equal(answer.status, 500)
  const [line] = linesOf(gateway, 'request failed')
  assert.equal(line?.['level'], 'error')
  assert.equal(line?.['request'], answer.headers.get('request-id'))
  assert.equal(line?.['error'], 'Error')
  assert.ok(JSON.stringify(line?.['at']).includes('access-log.test.ts'), 'where')
  assert.equal(linesOf(gateway, 'refused')[0]?.['request'], line?.['request'])
  assert.ok(!gateway.logs.join('').includes(CANARY), 'not what')
})

test('a flood of refusals is not a flood of lines, and none is lost without a word', async () => {
  const clock = { ms: 0, nowMs: () => clock.ms }
  const gateway = await testGateway({ 'logging.level': 'info' }, { clock })
  const refuse = async (times: number) => {
    for (let i = 0; i < times; i++) await (await fetch(`${gateway.url}/nowhere`)).body?.cancel()
  }
  await refuse(80)
  assert.equal(linesOf(gateway, 'refused').length, 50)
  clock.ms = 1_000
  await refuse(2)
  const lines = linesOf(gateway, 'refused').slice(50)
  assert.deepEqual(
    lines.map((line) => line['skipped']),
    [30, undefined],
  )
})
