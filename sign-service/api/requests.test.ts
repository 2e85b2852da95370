/** What is a request and what an answer: bodies, fields, headers, limits, and nothing of an exception. Over real sockets. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, createServer, type IncomingMessage, type OutgoingHttpHeaders, request } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { createLogger } from '../../config/logger.ts'
import { toBase64 } from '../../participant/base/bytes.ts'
import { batchCodec } from '../../participant/exchange/batch.ts'
import { Hub } from '../../participant/exchange/hub.ts'
import { encode } from '../../participant/wire/codec.ts'
import { type AppOptions, createApp } from './app.ts'
import type { ApiError } from './errors.ts'
import { Limits } from './limits.ts'
import { readJson } from './read-json.ts'
import { stepBody } from './routes.ts'
import { type ApiServer, listen } from './server.ts'
import { Sessions } from './sessions.ts'
import { type TestApi, testApi } from './testing.ts'

const QUICK = { timeout: 20_000 }
const message = toBase64(encode(batchCodec, { listen: [], packets: [{ room: 'r', packet: Uint8Array.of(1) }] }))
type Failure = { readonly error?: { code?: string; message?: string; details?: { field?: string } } }

interface Answer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: Failure
}

/** As it is written here, where fetch would set headers of its own. */
function ask(
  url: string,
  o: { headers?: OutgoingHttpHeaders; body?: string | Buffer; chunked?: boolean; localAddress?: string; agent?: Agent },
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { headers = {}, body = '', chunked = false, localAddress, agent } = o
    const length = chunked ? { 'transfer-encoding': 'chunked' } : { 'content-length': Buffer.byteLength(body) }
    const call = request(
      url,
      {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...length, ...headers },
        agent: agent ?? false,
        ...(localAddress !== undefined && { localAddress }),
      },
      (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (piece: string) => {
          text += piece
        })
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: JSON.parse(text) as Failure }),
        )
      },
    )
    call.on('error', reject)
    call.end(body)
  })
}

describe('bodies', () => {
  let api: TestApi
  before(async () => {
    api = await testApi({ 'api.body_bytes': 1024 })
  })
  const question = JSON.stringify({ account: 'main' })
  const answers: readonly (readonly [string, Parameters<typeof ask>[1], number, RegExp?])[] = [
    ['JSON', { body: question }, 200],
    [
      'JSON, with the encoding named',
      { body: question, headers: { 'content-type': 'Application/JSON; charset=UTF-8' } },
      200,
    ],
    ['another type', { body: question, headers: { 'content-type': 'text/plain' } }, 415, /^content-type/],
    [
      'JSON in another encoding',
      { body: question, headers: { 'content-type': 'application/json; charset=latin1' } },
      415,
      /^content-type/,
    ],
    ['something compressed', { body: question, headers: { 'content-encoding': 'gzip' } }, 415, /^content-encoding/],
    ['no UTF-8', { body: Buffer.from('{"account":"\xff"}', 'latin1') }, 400, /^body: expected JSON in UTF-8$/],
    ['no JSON', { body: '{"account":' }, 400, /^body: expected JSON in UTF-8$/],
    ['no object', { body: '7' }, 400, /^body: expected a JSON object$/],
    ['too much, in pieces', { body: ' '.repeat(1025), chunked: true }, 413, /^body: expected at most 1024 bytes$/],
    ['as much as there may be', { body: question + ' '.repeat(1024 - question.length), chunked: true }, 200],
  ]
  for (const [what, o, status, expected] of answers) {
    test(what, QUICK, async () => {
      const { body, ...answer } = await ask(`${api.url}/v1/getPublicKey`, o)
      assert.equal(answer.status, status)
      if (expected !== undefined) assert.match(body.error?.message ?? '', expected)
    })
  }

  test(
    'what is declared as too long is refused before it comes, and nothing follows on that connection',
    QUICK,
    async () => {
      const socket = connect(api.port, '127.0.0.1')
      socket.write(
        'POST /v1/getPublicKey HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 1025\r\n\r\n',
      )
      const [head] = (await once(socket, 'data')) as [Buffer]
      assert.match(String(head), /^HTTP\/1\.1 413 /)
      assert.match(String(head), /\r\nconnection: close\r\n/i)
      socket.destroy()
    },
  )
})

test('a body that ends early is an error and not a wait for ever', QUICK, async () => {
  let settle: (result: unknown) => void = () => {}
  const read = new Promise<unknown>((resolve) => {
    settle = resolve
  })
  const server = createServer((incoming) => void readJson(incoming, 1000).then(settle, settle)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  socket.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"a"')
  await once(server, 'request')
  socket.destroy()
  assert.equal(((await read) as ApiError).code, 'INVALID_REQUEST')
  server.close()
})

describe('fields', () => {
  let api: TestApi
  before(async () => {
    api = await testApi({ 'api.create_accounts': true })
  })
  const sessionId = 'A'.repeat(22)
  const good = {
    '/v1/sign/start': { account: 'main', clientMessage: message },
    '/v1/sign/step': { sessionId, sequence: 1, clientMessage: message },
    '/v1/createAccount/start': { account: 'main', room: 'r', clientMessage: message },
    '/v1/recover/start': { account: 'main', party: 'client', issuedAt: 1, proof: '' },
    '/v1/getPublicKey': { account: 'main' },
  }
  const bad: readonly (readonly [keyof typeof good, string, unknown])[] = [
    ...Object.keys(good).map((path) => [path as keyof typeof good, 'more', 1] as const),
    ['/v1/sign/start', 'account', ''],
    ['/v1/sign/start', 'account', 'x'.repeat(257)],
    ['/v1/sign/start', 'account', 7],
    ['/v1/sign/start', 'clientSession', 'x'.repeat(21)],
    ['/v1/sign/start', 'clientSession', 'x'.repeat(65)],
    ['/v1/sign/start', 'clientMessage', '%'],
    ['/v1/sign/start', 'clientMessage', 'AAAA'],
    ['/v1/sign/step', 'sessionId', 'x'.repeat(23)],
    ['/v1/sign/step', 'sequence', 0],
    ['/v1/sign/step', 'sequence', 1.5],
    ['/v1/sign/step', 'sequence', 1_000_001],
    ['/v1/createAccount/start', 'room', ''],
    ['/v1/createAccount/start', 'room', 'a/b'],
    ['/v1/createAccount/start', 'room', 'x'.repeat(101)],
    ['/v1/recover/start', 'party', 'x'.repeat(33)],
    ['/v1/recover/start', 'issuedAt', -1],
    ['/v1/recover/start', 'proof', 'A'.repeat(4097)],
  ]
  for (const [path, field, value] of bad) {
    test(`${path}: ${field}, ${String(value).slice(0, 24)}`, QUICK, async () => {
      const response = await api.post(path, { ...good[path], [field]: value })
      const { error } = (await response.json()) as Failure
      assert.equal(response.status, 400)
      assert.deepEqual([error?.code, error?.details?.field], ['INVALID_REQUEST', field])
    })
  }
  test('names of fields come back short and in ASCII', QUICK, async () => {
    const response = await api.post('/v1/getPublicKey', { account: 'main', [`\u202e${'x'.repeat(200)}`]: 1 })
    const { error } = (await response.json()) as Failure
    assert.equal(error?.details?.field, `?${'x'.repeat(99)}`)
  })
  test('a clientMessage beyond its limit is refused as that field', QUICK, async () => {
    const big = await testApi({ 'api.body_bytes': 16 * 1024 * 1024 })
    const response = await big.post('/v1/sign/start', {
      account: 'main',
      clientMessage: 'A'.repeat(8 * 1024 * 1024 + 4),
    })
    assert.match(((await response.json()) as Failure).error?.message ?? '', /^clientMessage: (?!expected base64)/)
  })
})

test('the last packet of a finished signature is its partial signature, and of nothing else', () => {
  const packets = [1, 2].map((n) => ({ room: 'r', packet: Uint8Array.of(n) }))
  const [done, going] = (['DONE', 'CONTINUE'] as const).map((status) => ({ sessionId: 's', status, packets }))
  assert.ok(done !== undefined && going !== undefined, 'steps')
  assert.equal(stepBody('id', done, true).serverPartial, 'Ag==')
  assert.equal(stepBody('id', going, true).serverPartial, undefined)
  assert.equal(stepBody('id', done, false).serverPartial, undefined)
  assert.equal(stepBody('id', { ...done, packets: [] }, true).serverPartial, undefined)
})

/** The interface alone, with what a host would give it. */
async function appWith(more: Partial<AppOptions> = {}, connections = 100) {
  const logs: string[] = []
  const counted: string[] = []
  const limit = { requestsPerSecond: 1000, requestBurst: 1000, accountPerSecond: 1000, accountBurst: 1000 }
  const session = {
    sessions: 10,
    sessionsPerCaller: 10,
    sessionMs: 60_000,
    idleMs: 60_000,
    waitMs: 10_000,
    leftMs: 10_000,
  }
  const sessions = new Sessions(new Hub(), session)
  const app = createApp({
    checks: { mutualTls: false, names: undefined, jwt: undefined },
    limits: new Limits({ ...limit, allowedAddresses: undefined, nowMs: () => 0 }),
    sessions,
    bodyBytes: 1024,
    version: '0',
    log: createLogger({
      name: 't',
      level: 'debug',
      format: 'json',
      destination: { write: (l) => void logs.push(l) },
    }),
    account: () => undefined,
    accounts: () => 1,
    createAccount: undefined,
    recover: () => assert.fail('no recovery'),
    gatewayAnswers: async () => true,
    nowMs: () => 0,
    onRequest: (route, status, _, code) => void counted.push(`${route} ${status} ${code}`),
    ...more,
  })
  const server = await listen(app, { host: '127.0.0.1', port: 0, tls: undefined, connections, onUnreadable: () => '' })
  servers.push(server)
  return { ...server, logs, counted, sessions }
}
const servers: ApiServer[] = []
after(async () => {
  for (const server of servers) await server.close(0)
})

test('answers have a request id, are not kept, and show no header of our own', QUICK, async () => {
  const { url, counted } = await appWith()
  for (const path of ['/livez', '/nothing', '/v1/health']) {
    const { headers } = await fetch(`${url}${path}`)
    assert.match(headers.get('request-id') ?? '', /^[0-9a-f-]{36}$/)
    assert.equal(headers.get('cache-control'), 'no-store')
    assert.equal(headers.get('x-content-type-options'), 'nosniff')
    assert.equal(headers.get('x-error-code'), null)
  }
  assert.deepEqual(counted.slice(0, 2), ['/livez 200 undefined', '/* 404 NOT_FOUND'])
  const wrong = await fetch(`${url}/livez`, { method: 'DELETE' })
  assert.deepEqual([wrong.status, wrong.headers.get('allow')], [405, 'GET'])
})

test('nothing of an exception is answered or logged', QUICK, async () => {
  const { url, logs } = await appWith({
    account: () => {
      throw new TypeError('canary')
    },
  })
  const { status, body } = await ask(`${url}/v1/getPublicKey`, { body: JSON.stringify({ account: 'main' }) })
  assert.deepEqual([status, body.error?.code], [500, 'INTERNAL_ERROR'])
  assert.ok(!JSON.stringify(body).includes('canary'), 'answered')
  assert.match(logs.join(''), /TypeError/)
  assert.ok(!logs.join('').includes('canary'), 'logged')
})

test('it is ready with shares and a gateway', QUICK, async () => {
  const noShares = await appWith({ accounts: () => 0 })
  const noGateway = await appWith({ gatewayAnswers: async () => false })
  const ready = async ({ url }: { url: string }) => (await fetch(`${url}/readyz`)).status
  assert.deepEqual([await ready(noShares), await ready(noGateway), await ready(await appWith())], [503, 503, 200])
  const health = (await (await fetch(`${noGateway.url}/v1/health`)).json()) as { status: string; gateway: string }
  assert.deepEqual([health.status, health.gateway], ['degraded', 'unreachable'])
})

test('limits are by caller, by address and by account', QUICK, async () => {
  const body = JSON.stringify({ account: 'none' })
  const one = (api: TestApi, localAddress: string) =>
    ask(`${api.url}/v1/getPublicKey`, { body, localAddress }).then((a) => a.status)
  const byCaller = await testApi({ 'api.requests_per_second': 1, 'api.request_burst': 3 })
  const statuses = [
    await one(byCaller, '127.0.0.1'),
    await one(byCaller, '127.0.0.1'),
    await one(byCaller, '127.0.0.2'),
  ]
  assert.deepEqual([...statuses, await one(byCaller, '127.0.0.2')], [404, 404, 404, 429], 'one caller, two addresses')
  const byAddress = await testApi({ 'api.requests_per_second': 1, 'api.request_burst': 2 })
  const live = async () => (await fetch(`${byAddress.url}/livez`)).status
  assert.deepEqual([await live(), await live(), await live()], [200, 200, 429], 'nobody in particular')
  const byAccount = await testApi({ 'api.account_requests_per_second': 1, 'api.account_request_burst': 1 })
  const start = (account: string) => byAccount.post('/v1/sign/start', { account, clientMessage: message })
  assert.deepEqual([(await start('main')).status, (await start('other')).status], [200, 200])
  const limited = await start('main')
  assert.deepEqual([limited.status, limited.headers.get('retry-after')], [429, '1'])
})

test('an unknown account can’t be asked about, signed with or recovered', QUICK, async () => {
  const api = await testApi()
  const bodies = {
    '/v1/sign/start': { clientMessage: message },
    '/v1/recover/start': { party: 'client', issuedAt: Date.now(), proof: '' },
    '/v1/getPublicKey': {},
  }
  for (const [path, body] of Object.entries(bodies)) {
    assert.equal((await api.post(path, { account: 'none', ...body })).status, 404, path)
  }
})

test('connections have a limit; an address that is taken is an error', QUICK, async () => {
  const { port, url } = await appWith({}, 2)
  const sockets = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')]
  await Promise.all(sockets.map((s) => once(s, 'connect')))
  const third = connect(port, '127.0.0.1')
  third.on('error', () => {})
  const asked = performance.now()
  await once(third, 'close')
  assert.ok(performance.now() - asked < 5_000, 'at once, and not because it says nothing')
  for (const s of sockets) s.destroy()
  await assert.rejects(testApi({ 'server.port': port }), { code: 'EADDRINUSE' })
  assert.ok(url.endsWith(String(port)), url)
})

test('closing: idle connections end, what waits is answered, and what does not end is cut off', QUICK, async () => {
  const idle = await appWith()
  const agent = new Agent({ keepAlive: true })
  await ask(`${idle.url}/v1/getPublicKey`, { body: '{}', agent })
  const started = performance.now()
  await idle.close(15_000)
  assert.ok(performance.now() - started < 10_000, 'waited for an idle connection')
  agent.destroy()

  const api = await testApi({ 'api.wait_seconds': 20, 'api.create_accounts': true })
  const waiting = api.post('/v1/sign/start', {
    account: 'main',
    clientMessage: toBase64(encode(batchCodec, { listen: ['r'], packets: [] })),
  })
  const making = await api.post('/v1/createAccount/start', { account: 'fresh', room: 'c', clientMessage: message })
  assert.equal(making.status, 200)
  const closing = performance.now()
  await api.close(15_000)
  const answer = await waiting
  assert.ok(performance.now() - closing < 10_000, 'waited for a step that waits')
  assert.equal(answer.status, 200)
  while (!api.logs.join('').includes('account not created')) await new Promise((resolve) => setTimeout(resolve, 10))

  const half = await appWith()
  const late = connect(half.port, '127.0.0.1')
  late.write('GET /livez HTTP/1.1\r\n')
  await once(late, 'connect')
  await new Promise((resolve) => setTimeout(resolve, 50))
  const halfClosed = half.close(15_000)
  late.write('host: x\r\n\r\n')
  const [answered] = (await once(late, 'data')) as [Buffer]
  assert.match(String(answered), /^HTTP\/1\.1 200 [\s\S]*\r\nconnection: close\r\n/i)
  await halfClosed

  const stuck = await appWith()
  const socket = connect(stuck.port, '127.0.0.1')
  socket.on('error', () => {})
  socket.write(
    'POST /v1/getPublicKey HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{',
  )
  await once(socket, 'connect')
  await new Promise((resolve) => setTimeout(resolve, 50))
  await stuck.close(100)
  if (!socket.destroyed) await once(socket, 'close')
})

test('the key of the certificate is read by its owner only', QUICK, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'api-key-'))
  const [cert, key] = [join(folder, 'cert'), join(folder, 'key')]
  writeFileSync(cert, 'x')
  writeFileSync(key, 'x', { mode: 0o644 })
  await assert.rejects(testApi({ 'api.cert_file': cert, 'api.key_file': key }), /api\.key_file: .*only its owner/)
  rmSync(folder, { recursive: true })
})
