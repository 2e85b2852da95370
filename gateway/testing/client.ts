/**
 * What the gateway's tests speak to it with: a gateway on a free port, plain requests, and an event stream that keeps the
 * wire text beside the parsed events. Its parser is for streams the gateway writes; tests of odd bodies use eventsource.
 */
import { type ClientRequest, type IncomingHttpHeaders, request } from 'node:http'
import { request as requestTls } from 'node:https'
import { connect, type Socket } from 'node:net'
import { after } from 'node:test'
import { loadGatewayConfig } from '../../config/load.ts'
import { createLogger } from '../../config/logger.ts'
import type { GatewayConfig, KeyPath } from '../../config/schema.ts'
import { type GatewayOptions, type RunningGateway, startGateway } from '../server.ts'
import { AUTHORITY } from './certificates.ts'

export interface TestGateway extends RunningGateway {
  readonly logs: readonly string[]
}

export type Settings = Partial<Record<KeyPath<GatewayConfig>, unknown>>

/** Tests ask more in a second than a caller may; those of that limit set it, and undefined is the default. */
const FAST_CALLER: Settings = { 'limits.requests_per_second': 1_000_000, 'limits.request_burst': 10_000_000 }

/** So that a test that fails leaves nothing running. */
const running: RunningGateway[] = []
after(() => Promise.all(running.map((gateway) => gateway.close())))

/** A gateway on a free loopback port with these keys changed. Logs at debug, into memory. */
export async function testGateway(
  settings: Settings = {},
  options: Omit<GatewayOptions, 'config' | 'logger'> = {},
): Promise<TestGateway> {
  const flags = { 'server.port': 0, 'logging.level': 'debug', ...FAST_CALLER, ...settings }
  const config = loadGatewayConfig({ cwd: import.meta.dirname, env: {}, flags })
  const logs: string[] = []
  const destination = { write: (line: string) => void logs.push(line) }
  const logger = createLogger({ name: 'test', level: config.logging.level, format: 'json', destination })
  const gateway = await startGateway({ config, logger, ...options })
  running.push(gateway)
  return { ...gateway, logs }
}

/** POST to a room; `action` is broadcast or issue_unique_idx. */
export function post(gateway: { url: string }, room: string, action: string, body?: string | Uint8Array) {
  return fetch(`${gateway.url}/rooms/${room}/${action}`, {
    method: 'POST',
    ...(body !== undefined && { body: body as string }),
  })
}

export async function errorCode(response: Response): Promise<string> {
  const { error } = (await response.json()) as { error: { code: string; message: string } }
  if (Object.keys(error).sort().join() !== 'code,message') throw new Error('unexpected shape of an error')
  return error.code
}

export interface StreamEvent {
  readonly id: number
  readonly data: string
}

/** The data of a `reset` event. */
export interface Reset {
  readonly epoch: string | null
  readonly resumed_from: number
}

export interface Stream {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly events: readonly StreamEvent[]
  readonly resets: readonly Reset[]
  /** Everything that came, as it came. */
  readonly raw: () => string
  /** Resolves when there are at least this many events; rejects after `timeoutMs` or when the stream ends before. */
  readonly atLeast: (count: number, timeoutMs?: number) => Promise<readonly StreamEvent[]>
  readonly ended: Promise<void>
  readonly close: () => void
}

/** Subscribes; resolves when the head of the answer is there. Add `path` to use a query. */
export function subscribe(
  gateway: { url: string },
  room: string,
  { headers = {}, query = '' }: { headers?: Record<string, string>; query?: string } = {},
): Promise<Stream> {
  return new Promise((resolve, reject) => {
    const ask = gateway.url.startsWith('https:') ? requestTls : request
    const options = { headers, agent: false, ca: AUTHORITY }
    const call: ClientRequest = ask(`${gateway.url}/rooms/${room}/subscribe${query}`, options)
    call.once('error', reject)
    call.once('response', (response) => {
      call.off('error', reject)
      call.on('error', () => {})
      const chunks: string[] = []
      const events: StreamEvent[] = []
      const resets: Reset[] = []
      let rest = ''
      let wake: () => void = () => {}
      let isOver = false
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        chunks.push(chunk)
        const blocks = (rest + chunk).split('\n\n')
        rest = blocks.pop() ?? ''
        for (const block of blocks) {
          if (block.startsWith(RESET)) resets.push(JSON.parse(block.slice(RESET.length)) as Reset)
          else if (block.startsWith('event: ')) events.push(parseBlock(block))
        }
        wake()
      })
      response.on('error', () => {})
      const ended = new Promise<void>((done) =>
        response.once('close', () => {
          isOver = true
          wake()
          done()
        }),
      )
      const atLeast = (count: number, timeoutMs = 10_000) =>
        new Promise<readonly StreamEvent[]>((done, fail) => {
          const timer = setTimeout(() => fail(new Error(`${events.length} of ${count} events`)), timeoutMs)
          const look = () => {
            if (events.length < count && !isOver) return
            clearTimeout(timer)
            wake = () => {}
            if (events.length < count) fail(new Error(`ended at ${events.length} of ${count} events`))
            else done(events)
          }
          wake = look
          look()
        })
      resolve({
        status: response.statusCode ?? 0,
        headers: response.headers,
        events,
        resets,
        raw: () => chunks.join(''),
        atLeast,
        ended,
        close: () => void call.destroy(),
      })
    })
    call.end()
  })
}

const RESET = 'event: reset\nid:\ndata: '

function parseBlock(block: string): StreamEvent {
  const [name, id = '', ...data] = block.split('\n')
  if (name !== 'event: new-message' || !/^id: \d+$/.test(id)) throw new Error(`unexpected event ${block.slice(0, 80)}`)
  return { id: Number(id.slice(4)), data: data.map((line) => line.replace(/^data: /, '')).join('\n') }
}

/** A bare connection, for requests no HTTP client would send. */
export function rawConnection(gateway: { port: number }, text = ''): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port: gateway.port, host: '127.0.0.1' }, () => {
      socket.off('error', reject)
      socket.on('error', () => {})
      if (text !== '') socket.write(text)
      resolve(socket)
    })
    socket.once('error', reject)
  })
}

/** Everything a connection says until it closes, or until `enough` says so. */
export function readAll(socket: Socket, enough: (text: string) => boolean = () => false): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    const onData = (chunk: Buffer) => {
      text += chunk.toString('latin1')
      if (enough(text)) done()
    }
    const done = () => {
      socket.off('data', onData)
      socket.off('close', done)
      resolve(text)
    }
    socket.on('data', onData)
    socket.on('close', done)
  })
}

/** Sends many POSTs over one connection without waiting in between, and returns the bodies of the answers. */
export async function postMany(gateway: { port: number }, path: string, bodies: readonly string[]): Promise<string[]> {
  const socket = await rawConnection(gateway)
  const answers: string[] = []
  const head = `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: `
  const answered = new Promise<void>((resolve, reject) => {
    let rest = ''
    socket.setEncoding('latin1')
    socket.on('close', () => reject(new Error(`closed after ${answers.length} answers`)))
    socket.on('data', (chunk: string) => {
      rest += chunk
      for (;;) {
        const end = rest.indexOf('\r\n\r\n')
        if (end < 0) break
        const length = Number(/content-length: (\d+)/i.exec(rest.slice(0, end))?.[1] ?? 0)
        if (rest.length < end + 4 + length) break
        if (!rest.startsWith('HTTP/1.1 200 ')) return reject(new Error(rest.slice(0, end)))
        answers.push(rest.slice(end + 4, end + 4 + length))
        rest = rest.slice(end + 4 + length)
      }
      if (answers.length === bodies.length) resolve()
    })
  })
  for (let start = 0; start < bodies.length; start += 500) {
    const batch = bodies.slice(start, start + 500).map((body) => `${head}${Buffer.byteLength(body)}\r\n\r\n${body}`)
    if (!socket.write(batch.join(''))) await new Promise((resolve) => socket.once('drain', resolve))
  }
  await answered
  socket.destroy()
  return answers
}

/** Polls until a condition holds. */
export async function until(condition: () => boolean, what: string, timeoutMs = 5_000): Promise<void> {
  const deadline = Date.now() + timeoutMs
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`timed out waiting until ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
