/**
 * The gateway: requests over a real socket, and the pure parsers behind it. And its client: event streams, refusals and
 * answers as a gateway that lies could send them.
 */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { loadGatewayConfig } from '../../config/load.ts'
import { createLogger } from '../../config/logger.ts'
import { bodyProblem, KEEP_ALIVE, messageFrame, parseEventId, retryFrame } from '../../gateway/frame.ts'
import { parseRoomId } from '../../gateway/room-id.ts'
import { type RunningGateway, startGateway } from '../../gateway/server.ts'
import { toBase64, utf8ToBytes } from '../../participant/base/bytes.ts'
import { TransportError } from '../../participant/base/errors.ts'
import { connectGateway } from '../../participant/room/gateway.ts'
import { type GatewayOptions, makeLink, readRefusal } from '../../participant/room/link.ts'
import { runStream } from '../../participant/room/stream.ts'
import { type Dice, diceRandom } from './dice.ts'
import type { Target } from './target.ts'

const random = diceRandom('gateway')
const latin1 = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'latin1'))

// Requests

const HOST = 'Host: localhost\r\nConnection: close\r\n'
const REQUESTS: readonly string[] = [
  `GET /health HTTP/1.1\r\n${HOST}\r\n`,
  `GET /rooms/a%C3%A9/subscribe?last_event_id=3 HTTP/1.1\r\n${HOST}Last-Event-ID: 2\r\nRoom-Epoch: abc\r\n\r\n`,
  `POST /rooms/r1/broadcast HTTP/1.1\r\n${HOST}Content-Length: 5\r\nTTL: 60\r\nOrigin: https://a.example\r\n\r\nhello`,
  `POST /rooms/r1/broadcast HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`,
  `POST /rooms/r%2e1/issue_unique_idx HTTP/1.1\r\n${HOST}Content-Length: 0\r\n\r\n`,
  `POST /rooms/r1/broadcast HTTP/1.1\r\n${HOST}Content-Length: 2\r\nIdempotency-Key: k1\r\n\r\nhi`,
  `GET /rooms/r1 HTTP/1.1\r\n${HOST}\r\n`,
  `OPTIONS /rooms/r1/broadcast HTTP/1.1\r\n${HOST}Origin: https://a.example\r\nAccess-Control-Request-Method: POST\r\n\r\n`,
]
const TOKENS = [
  ...['\r\n', '\n', ' ', '%', '%00', '%2F', '%ff', '..', '/', '//', '?', '#', ';', ',', ':', '\0', '\u00ff'],
  ...[
    '0',
    '-1',
    '99999999999999999999',
    'chunked',
    'HTTP/1.0',
    'HTTP/2.0',
    'GET',
    'CONNECT',
    'HEAD',
    'PUT',
    'DELETE',
    'PRI',
  ],
  ...[
    'Expect: 100-continue\r\n',
    'Content-Length: 3\r\n',
    'Upgrade: websocket\r\nConnection: upgrade\r\n',
    'TTL: x\r\n',
  ],
  ...['http://other/rooms/x/subscribe', `X: ${'y'.repeat(20_000)}\r\n`, `/${'a'.repeat(3_000)}`],
]

function changeRequest(raw: Uint8Array, d: Dice): Uint8Array {
  const text = Buffer.from(raw).toString('latin1')
  const ends = [...text.matchAll(/[ /:\n?=%]/g)].map((m) => m.index)
  const at = d.pick([0, ...ends]) ?? 0
  return latin1(text.slice(0, at) + d.pick(TOKENS) + text.slice(at + d.pick([0, 0, 1, 3])))
}

const STATUSES = new Set([100, 200, 201, 204, 400, 401, 403, 404, 405, 408, 409, 410, 413, 417, 426, 429, 431, 501])

function requests(): Target {
  let running: Promise<RunningGateway> | undefined
  const logs: string[] = []
  const gateway = (): Promise<RunningGateway> => {
    const flags = { 'server.port': 0, 'limits.rooms': 200, 'limits.room_messages': 50, 'limits.body_bytes': 4096 }
    const config = loadGatewayConfig({ cwd: import.meta.dirname, env: {}, flags })
    const logger = createLogger({
      name: 'fuzz',
      level: 'error',
      format: 'json',
      destination: { write: (line: string) => void logs.push(line) },
    })
    running ??= startGateway({ config, logger, timeouts: { headersMs: 700, requestMs: 800, checkMs: 100 } })
    return running
  }
  const answerTo = async (raw: Uint8Array): Promise<string> => {
    const { port } = await gateway()
    return new Promise((resolve, reject) => {
      let text = ''
      const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
      const timer = setTimeout(() => {
        socket.destroy()
        reject(new Error('no answer in 4 s'))
      }, 4_000)
      const done = (): void => {
        clearTimeout(timer)
        socket.destroy()
        resolve(text)
      }
      socket.setEncoding('latin1')
      socket.on('error', () => undefined)
      socket.on('close', done)
      socket.on('end', done)
      socket.on('data', (chunk: string) => {
        text += chunk
        if (/\r\n\r\n/.test(text) && !text.startsWith('HTTP/1.1 100')) done()
      })
      socket.write(raw)
      socket.end()
    })
  }
  return {
    name: 'http/request',
    seeds: () => REQUESTS.map(latin1),
    change: changeRequest,
    async attempt(raw) {
      const answer = await answerTo(raw)
      assert.deepEqual(logs.splice(0), [], 'the gateway logged an error')
      // a connection that said nothing that can be answered is closed
      if (answer === '') return 'refused'
      const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1])
      assert.ok(STATUSES.has(status), `answered ${JSON.stringify(answer.slice(0, 80))}`)
      return status < 300 ? 'same' : 'refused'
    },
    async close() {
      const ending = running
      running = undefined
      await (await ending)?.close()
    },
  }
}

// Pure parsers of the gateway

const textOf = (raw: Uint8Array): string => new TextDecoder().decode(raw)

const roomId: Target = {
  name: 'http/room-id',
  text: true,
  seeds: () => ['r1', 'session-abc', 'a%C3%A9', '%F0%9F%98%80'].map(utf8ToBytes),
  attempt(raw) {
    const id = parseRoomId(textOf(raw), 128)
    if (id === undefined) return 'refused'
    assert.equal(parseRoomId(encodeURIComponent(id), 128), id)
    return 'same'
  },
}

const eventId: Target = {
  name: 'http/event-id',
  text: true,
  seeds: () => ['0', '7', '9007199254740991', '007'].map(utf8ToBytes),
  attempt(raw) {
    const id = parseEventId(textOf(raw))
    if (id === 'unreadable') return 'refused'
    assert.ok(Number.isSafeInteger(id) && id >= 0)
    assert.equal(BigInt(textOf(raw)), BigInt(id))
    return 'same'
  },
}

// The client

type Fetch = NonNullable<GatewayOptions['fetch']>

function linkOf(answer: () => Response) {
  return makeLink({ url: 'http://gateway.example', fetch: (async () => answer()) as Fetch, random })
}

/** The stream in pieces, since a line may be cut anywhere. */
function streamOf(raw: Uint8Array): ReadableStream<Uint8Array> {
  const size = 1 + (raw.length % 37)
  let at = 0
  return new ReadableStream({
    pull(controller) {
      if (at >= raw.length) return controller.close()
      controller.enqueue(raw.slice(at, at + size))
      at += size
    },
  })
}

async function messagesOf(raw: Uint8Array): Promise<readonly { id: number | undefined; text: string }[]> {
  const got: { id: number | undefined; text: string }[] = []
  const headers = { 'content-type': 'text/event-stream' }
  const controller = new AbortController()
  const timer = setTimeout(() => controller.abort(), 3_000)
  const end = await runStream(
    linkOf(() => new Response(streamOf(raw) as BodyInit, { status: 200, headers })),
    {
      room: 'r',
      signal: controller.signal,
      position: () => ({ lastId: undefined, epoch: undefined }),
      onRestart: () => undefined,
      onOpen: () => undefined,
      onMessage: (id, text) => void got.push({ id, text }),
    },
  )
  clearTimeout(timer)
  assert.ok(!controller.signal.aborted, 'did not end with its stream')
  assert.equal(end.kind, 'lost')
  return got
}

/** Any body that the gateway takes comes out of its client's parser as it was. */
const frame: Target = {
  name: 'http/body',
  seeds: () => ['hello', 'two\nlines\n', '\ufeffé', ': x', 'data: y\n\nid: 5', ''].map(utf8ToBytes),
  async attempt(raw) {
    const body = Buffer.from(raw)
    if (bodyProblem(body) !== undefined) return 'refused'
    const stream = Buffer.concat([retryFrame(500, 600), messageFrame(7, body), KEEP_ALIVE])
    assert.deepEqual(await messagesOf(stream), [{ id: 7, text: body.toString('utf8') }])
    return 'same'
  },
}

const packet = (n: number): string => toBase64(random.bytes(n))

const events: Target = {
  name: 'client/stream',
  seeds: () => {
    const frames = [3, 40, 300].map((n, i) => messageFrame(i, Buffer.from(packet(n))))
    return [
      Buffer.concat([retryFrame(500, 600), ...frames, KEEP_ALIVE]),
      Buffer.from('retry: 1\r\nid: 5\r\nevent: new-message\r\ndata: YQ==\r\n\r\n:\r\n\r\n'),
      Buffer.from('\ufeffevent: other\ndata\nid\n\nevent: new-message\nid: 1\u0000\ndata: x\n\n'),
    ]
  },
  async attempt(raw) {
    const messages = await messagesOf(raw)
    for (const { id, text } of messages) {
      assert.ok(id === undefined || (Number.isSafeInteger(id) && id >= 0))
      assert.ok(text.length <= raw.length)
    }
    return messages.length === 0 ? 'refused' : 'same'
  },
}

const refusal: Target = {
  name: 'client/refusal',
  text: true,
  seeds: () => ['{"error":{"code":"room_full","message":"x"}}', '{"error":{"code":"a"}}'].map(utf8ToBytes),
  async attempt(raw) {
    const headers = raw.length % 2 === 0 ? { 'retry-after': String(raw.length * 7) } : {}
    const response = new Response(streamOf(raw) as BodyInit, { status: 400 + (raw.length % 100), headers })
    const { code, retryAfterMs } = await readRefusal(response)
    assert.ok(retryAfterMs >= 0 && retryAfterMs <= 60_000)
    if (code === undefined) return 'refused'
    assert.match(code, /^[a-z0-9_]{1,40}$/)
    return 'same'
  },
}

const index: Target = {
  name: 'client/index',
  text: true,
  seeds: () => ['{"unique_idx":1}', ' {"unique_idx": 12345 }\n'].map(utf8ToBytes),
  async attempt(raw) {
    const gateway = connectGateway({
      url: 'http://gateway.example',
      fetch: (async () => new Response(streamOf(raw) as BodyInit)) as Fetch,
    })
    try {
      const n = await gateway.issueIndex('r', { deadlineMs: 500 })
      assert.ok(Number.isSafeInteger(n) && n >= 1)
      assert.deepEqual(JSON.parse(textOf(raw)), { unique_idx: n })
      return 'same'
    } catch (e) {
      if (e instanceof TransportError) return 'refused'
      throw e
    }
  },
}

export const targets: readonly Target[] = [requests(), roomId, eventId, frame, events, refusal, index]
