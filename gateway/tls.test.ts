/** HTTPS in the process: HTTP/2 and HTTP/1.1 on one port, versions, certificates, limits that HTTP/2 lacks, and closing. */
import assert from 'node:assert/strict'
import { type EventEmitter, once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type ClientHttp2Session, type ClientHttp2Stream, connect as connectHttp2, constants } from 'node:http2'
import { type RequestOptions, request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import {
  AUTHORITY,
  CLIENT_CERT,
  CLIENT_KEY,
  RENEWED_CERT,
  RENEWED_KEY,
  SERVER_CERT,
  SERVER_KEY,
} from './testing/certificates.ts'
import { rawConnection, readAll, type Settings, testGateway, until } from './testing/client.ts'

const folder = mkdtempSync(join(tmpdir(), 'gateway-tls-'))
after(() => rmSync(folder, { recursive: true }))

let files = 0
function file(content: string, mode = 0o600): string {
  const path = join(folder, `file-${files++}.pem`)
  writeFileSync(path, content)
  chmodSync(path, mode)
  return path
}

const settings = (): Settings => ({ 'tls.cert_file': file(SERVER_CERT, 0o644), 'tls.key_file': file(SERVER_KEY) })

interface At {
  readonly url: string
  readonly port: number
}

async function session(gateway: At): Promise<ClientHttp2Session> {
  const opened = connectHttp2(gateway.url, { ca: AUTHORITY })
  opened.on('error', () => {})
  after(() => opened.destroy())
  await once(opened, 'connect')
  return opened
}

/** However it ended. */
const closed = (what: EventEmitter): Promise<void> => new Promise((resolve) => what.once('close', () => resolve()))

interface Answer {
  readonly stream: ClientHttp2Stream
  readonly headers: Record<string, unknown>
  readonly text: () => string
  readonly ended: Promise<unknown>
}

async function h2(from: ClientHttp2Session, method: string, path: string, body?: string, more = {}): Promise<Answer> {
  const stream = from.request({ ':method': method, ':path': path, ...more }, { endStream: body === undefined })
  let text = ''
  stream.setEncoding('utf8')
  stream.on('error', () => {})
  const ended = closed(stream)
  const answered = once(stream, 'response')
  stream.on('data', (chunk: string) => (text += chunk))
  if (body !== undefined) stream.end(body)
  const [headers] = (await answered) as [Record<string, unknown>]
  return { stream, headers, text: () => text, ended }
}

/** One request over HTTP/1.1; the answer's text grows while it comes. */
async function h1(gateway: At, method: string, path: string, body?: string, options: RequestOptions = {}) {
  const call = request(gateway.url + path, { method, ca: AUTHORITY, agent: false, ...options })
  call.on('error', () => {})
  after(() => call.destroy())
  const answered = new Promise<import('node:http').IncomingMessage>((resolve, reject) => {
    call.once('response', resolve)
    call.once('error', reject)
  })
  call.end(body)
  const response = await answered
  let text = ''
  response.setEncoding('utf8')
  response.on('error', () => {})
  response.on('data', (chunk: string) => (text += chunk))
  const ended = closed(response)
  return { response, text: () => text, ended, socket: response.socket as TLSSocket, call }
}

const events = (text: string): readonly string[] => [...text.matchAll(/^data: (.*)$/gm)].map(([, data = '']) => data)

test('pitfall 11: messages come over HTTP/2, with history, resuming, and no header of another protocol', async () => {
  const gateway = await testGateway(settings())
  const client = await session(gateway)
  assert.equal((await h2(client, 'POST', '/rooms/r/broadcast', 'one')).headers[':status'], 200)
  const stream = await h2(client, 'GET', '/rooms/r/subscribe')
  assert.equal(stream.headers[':status'], 200)
  assert.equal(stream.headers['content-type'], 'text/event-stream')
  for (const name of ['connection', 'transfer-encoding', 'keep-alive']) assert.equal(stream.headers[name], undefined)
  for (const body of ['two', 'three']) {
    assert.equal((await h2(client, 'POST', '/rooms/r/broadcast', body)).headers[':status'], 200)
  }
  await until(() => events(stream.text()).length === 3, 'three messages', 20_000)
  assert.deepEqual(events(stream.text()), ['one', 'two', 'three'])
  const resumed = await h2(client, 'GET', '/rooms/r/subscribe', undefined, { 'last-event-id': '1' })
  await until(() => events(resumed.text()).length === 1, 'the rest', 20_000)
  assert.deepEqual(events(resumed.text()), ['three'])
  const index = await h2(client, 'POST', '/rooms/r/issue_unique_idx', '')
  await index.ended
  assert.equal(index.text(), '{"unique_idx":1}')
  const wrong = await h2(client, 'GET', '/rooms/%00/subscribe')
  await wrong.ended
  assert.match(wrong.text(), /bad_room_id/)
  const large = await h2(client, 'POST', '/rooms/r/broadcast', 'x'.repeat(1_048_577))
  assert.equal(large.headers[':status'], 413)
  stream.stream.close()
  resumed.stream.close()
  await until(() => gateway.status().subscribers === 0, 'both have left', 20_000)
  await gateway.close()
})

test('the same port speaks HTTP/1.1 over TLS 1.3 and 1.2, to clients that ask for nothing else', async () => {
  const gateway = await testGateway(settings())
  assert.match(gateway.url, /^https:/)
  for (const maxVersion of ['TLSv1.3', 'TLSv1.2'] as const) {
    const stream = await h1(gateway, 'GET', `/rooms/${maxVersion}/subscribe`, undefined, { maxVersion })
    assert.equal(stream.response.httpVersion, '1.1')
    assert.equal(stream.socket.getProtocol(), maxVersion)
    const posted = await h1(gateway, 'POST', `/rooms/${maxVersion}/broadcast`, 'hello', { maxVersion })
    assert.equal(posted.response.statusCode, 200)
    await until(() => events(stream.text()).length === 1, 'the message', 20_000)
    stream.call.destroy()
  }
  await until(() => gateway.status().subscribers === 0, 'all have left', 20_000)
  await gateway.close()
})

test('older versions and weak ciphers are refused; with min_version 1.3 also 1.2', async () => {
  const gateway = await testGateway(settings())
  const get = (options: RequestOptions, to: At = gateway) => h1(to, 'GET', '/health', undefined, options)
  await assert.rejects(get({ minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }))
  await assert.rejects(get({ maxVersion: 'TLSv1.2', ciphers: 'AES128-SHA:AES256-SHA256:ECDHE-ECDSA-AES128-SHA' }))
  const strict = await testGateway({ ...settings(), 'tls.min_version': '1.3' })
  await assert.rejects(get({ maxVersion: 'TLSv1.2' }, strict))
  assert.equal((await get({}, strict)).response.statusCode, 200)
  const plain = await rawConnection(gateway, 'GET /health HTTP/1.1\r\nHost: a\r\n\r\n')
  await readAll(plain)
  assert.equal((await get({})).response.statusCode, 200, 'plain HTTP on the port harms nobody')
  await strict.close()
  await gateway.close()
})

test('with client_ca_file only clients with a certificate get in', async () => {
  const gateway = await testGateway({ ...settings(), 'tls.client_ca_file': file(AUTHORITY, 0o644) })
  const get = async (options: RequestOptions) =>
    (await h1(gateway, 'GET', '/health', undefined, options)).response.statusCode
  await assert.rejects(get({}))
  assert.equal(await get({ cert: CLIENT_CERT, key: CLIENT_KEY }), 200)
  await gateway.close()
})

test('files that can not be used are refused, naming key and file', async () => {
  const table: readonly (readonly [Settings, RegExp])[] = [
    [
      { 'tls.key_file': file(SERVER_KEY, 0o644) },
      /tls\.key_file: .*: expected a file that only its owner can read; mode is 0644/,
    ],
    [
      { 'tls.key_file': file(RENEWED_KEY) },
      /tls\.key_file: .*: expected the key of the certificate in tls\.cert_file$/,
    ],
    [{ 'tls.key_file': file(SERVER_CERT) }, /tls\.key_file: .*: expected a private key in PEM, without a passphrase$/],
    [{ 'tls.cert_file': file(SERVER_KEY) }, /tls\.cert_file: .*: expected a certificate in PEM$/],
    [{ 'tls.cert_file': file('') }, /tls\.cert_file: .*: expected a certificate in PEM$/],
    [{ 'tls.cert_file': folder }, /tls\.cert_file: .*: expected a regular file$/],
    [{ 'tls.client_ca_file': file('x') }, /tls\.client_ca_file: .*: expected certificates in PEM$/],
  ]
  for (const [changed, expected] of table) {
    await assert.rejects(testGateway({ ...settings(), ...changed }), (error: Error) => {
      assert.match(error.message, expected)
      assert.ok(!error.message.includes('BEGIN'), 'nothing of the file')
      return true
    })
  }
})

test('a renewed certificate is shown to new connections; streams go on; a bad one changes nothing', async () => {
  const own = settings()
  const gateway = await testGateway(own)
  const commonName = async (): Promise<unknown> => {
    const socket = connectTls({ port: gateway.port, host: '127.0.0.1', ca: AUTHORITY })
    await once(socket, 'secureConnect')
    const { subject } = socket.getPeerCertificate()
    socket.destroy()
    return subject.CN
  }
  const client = await session(gateway)
  const stream = await h2(client, 'GET', '/rooms/r/subscribe')
  assert.equal(await commonName(), 'server')
  writeFileSync(String(own['tls.key_file']), RENEWED_KEY)
  await gateway.reload()
  assert.equal(await commonName(), 'server', 'half of it is there')
  assert.ok(
    gateway.logs.some((line) => line.includes('stay as they were')),
    'and it is logged',
  )
  writeFileSync(String(own['tls.cert_file']), RENEWED_CERT)
  await gateway.reload()
  assert.equal(await commonName(), 'renewed')
  assert.equal((await h2(client, 'POST', '/rooms/r/broadcast', 'still here')).headers[':status'], 200)
  await until(() => events(stream.text()).length === 1, 'the message', 20_000)
  await gateway.close()
})

test('closing ends streams of both protocols cleanly, and waits for nobody else', async () => {
  const gateway = await testGateway(settings(), { timeouts: { closeGraceMs: 60_000 } })
  const client = await session(gateway)
  const second = await h2(client, 'GET', '/rooms/r/subscribe')
  const first = await h1(gateway, 'GET', '/rooms/r/subscribe')
  const idle = await session(gateway)
  await gateway.close()
  await Promise.all([second.ended, first.ended, client.closed || closed(client), idle.closed || closed(idle)])
  for (const { text } of [first, second])
    assert.match(text(), /retry: \d+\n\n.*retry: \d+\n\n$/s, 'told when to come back')
})

test('a connection on which the handshake does not go on ends with the grace period', async () => {
  const gateway = await testGateway(settings(), { timeouts: { closeGraceMs: 200 } })
  const halfway = await rawConnection(gateway, '\u0016\u0003\u0001')
  const over = closed(halfway)
  await gateway.close()
  await over
})

test('over HTTP/2 too, a body that does not come is not waited for, and a reader that does not read is cut off', async () => {
  const gateway = await testGateway(
    { ...settings(), 'limits.subscriber_buffer_bytes': 65_536 },
    { timeouts: { requestMs: 300 } },
  )
  const client = await session(gateway)
  const upload = client.request({ ':method': 'POST', ':path': '/rooms/r/broadcast' }, { endStream: false })
  upload.on('error', () => {})
  upload.write('half')
  await closed(upload)
  assert.equal(upload.rstCode, constants.NGHTTP2_CANCEL)

  const slow = client.request({ ':path': '/rooms/r/subscribe' })
  slow.on('error', () => {})
  await once(slow, 'response')
  slow.pause()
  const reader = await h2(await session(gateway), 'GET', '/rooms/r/subscribe')
  const poster = await session(gateway)
  const body = 'x'.repeat(16_384)
  let sent = 0
  while (gateway.status().subscribers > 1) {
    assert.ok(sent < 400, 'cut off at some time')
    assert.equal((await h2(poster, 'POST', '/rooms/r/broadcast', body)).headers[':status'], 200)
    sent += 1
  }
  await until(() => events(reader.text()).length === sent, 'all messages for who reads', 20_000)
  assert.ok(
    gateway.logs.some((line) => line.includes('cut off a slow subscriber')),
    'it is logged',
  )
  await gateway.close()
})
