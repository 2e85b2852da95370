/**
 * Requests that no honest client sends, drawn from a seed: the same seed gives the same requests. Each is a list of steps
 * on one connection. None of them may reach the room named in `ALIEN_ROOM`, nor put `MARK` into any answer but the streams
 * and states of the rooms that they write to themselves.
 */
import { Buffer } from 'node:buffer'

/** What hostile bodies carry. */
export const MARK = 'EVIL'
/** A room that hostile requests try to reach by tricks, never by simply naming it. */
export const ALIEN_ROOM = 'honest'

export type Step =
  | { readonly kind: 'write'; readonly bytes: Buffer }
  | { readonly kind: 'pause'; readonly ms: number }
  /** Half-closes. */
  | { readonly kind: 'end' }
  | { readonly kind: 'reset' }

export interface HostileRequest {
  readonly kind: string
  readonly steps: readonly Step[]
}

/** Numbers from 0 to 1 (mulberry32). */
export type Dice = () => number

export function dice(seed: number): Dice {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

const below = (d: Dice, max: number): number => Math.floor(d() * max)
const pick = <T>(d: Dice, from: readonly T[]): T => from[below(d, from.length)] as T
const noise = (d: Dice, bytes: number): string =>
  String.fromCharCode(...Array.from({ length: bytes }, () => below(d, 256)))
/** Each character is one byte. */
const write = (text: string): Step => ({ kind: 'write', bytes: Buffer.from(text, 'latin1') })

const HOST = 'Host: h\r\n'
const SMUGGLED = `POST /rooms/${ALIEN_ROOM}/broadcast HTTP/1.1\r\n${HOST}Content-Length: 4\r\n\r\n${MARK}`
const ACTIONS = ['broadcast', 'issue_unique_idx', 'subscribe', '', 'nothing'] as const
const METHODS = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS', 'TRACE', 'PROPFIND', 'M-SEARCH'] as const

const ID_TRICKS: readonly string[] = [
  ...['%00', '%0a', '%0d%0aid:%20999', '%2e%2e', '..', '.', '%2E', '%2f', '%5c', '\\', '%252e%252e', '%c0%ae%c0%ae'],
  ...['%ff%fe', '%ed%a0%80', '%f4%90%80%80', '%', '%g1', '%u0041', '%E2%80%AE', '%E2%80%8B', '%EF%BB%BF', '%C2%85'],
  ...['a%20b', 'a%09b', 'a+b', '*', '__proto__', 'constructor', 'toString', 'hasOwnProperty', '%7f', '%1b[2J', '<b>'],
  ...['%24%7B7*7%7D', '{{7*7}}', ';ls', '|id', "'%20OR%201=1--", 'ev%E2%80%A8il', '%F0%9F%92%A3', 'ﬀ', 'a;v=1', 'a:b'],
  ...[`x/../${ALIEN_ROOM}`, `x%2f..%2f${ALIEN_ROOM}`, `${ALIEN_ROOM}%00`, `${ALIEN_ROOM}%2f`, `%20${ALIEN_ROOM}`],
  ...[`${ALIEN_ROOM}%20`, `${ALIEN_ROOM}.`, `${ALIEN_ROOM.toUpperCase()}`, `${ALIEN_ROOM}%E2%80%8D`, `./${ALIEN_ROOM}`],
]

function roomOf(d: Dice): string {
  const draw = d()
  if (draw < 0.4) return `h${below(d, 20)}`
  if (draw < 0.5) return 'x'.repeat(pick(d, [127, 128, 129, 1_000, 7_000, 15_000]))
  if (draw < 0.55) return '%41'.repeat(pick(d, [128, 129, 2_000]))
  return pick(d, ID_TRICKS)
}

const target = (d: Dice): string => `/rooms/${roomOf(d)}/${pick(d, ACTIONS)}`
const post = (room: string, headers: string, body: string): Step =>
  write(`POST /rooms/${room}/broadcast HTTP/1.1\r\n${HOST}${headers}\r\n${body}`)
const sized = (body: string): string => `Content-Length: ${body.length}\r\n`

function path(d: Dice): readonly Step[] {
  const before = pick(d, [
    '',
    '',
    '',
    '/',
    '//',
    '/.',
    '/..',
    'http://other.example',
    'HTTPS://h:1',
    'http://',
    '?',
    '#',
    '*',
  ])
  const after = pick(d, ['', '', '/', '//', '?x', '#y', '?last_event_id=%00', '?token=secret', '/..', ';a=b', '%20'])
  return [write(`${pick(d, METHODS)} ${before}${target(d)}${after} HTTP/1.1\r\n${HOST}\r\n`)]
}

function startLine(d: Dice): readonly Step[] {
  const version = pick(d, [
    'HTTP/1.1',
    'HTTP/1.0',
    'HTTP/0.9',
    'HTTP/2.0',
    'HTTP/9.9',
    'http/1.1',
    'HTTP/1.1 ',
    'RTSP/1.0',
  ])
  const method = pick(d, [...METHODS, 'get', 'G\0T', 'CONNECT', 'PRI', '', 'X'.repeat(5_000), 'POST\t', ' GET'])
  const form = pick(d, [
    target(d),
    'h:80',
    '*',
    '',
    'http://a@b:c/',
    `/${'a'.repeat(9_000)}`,
    '/\x80\xff',
    '/ /',
    '\\\\x\\y',
  ])
  return [write(`${method} ${form} ${version}${pick(d, ['\r\n', '\n', '\r', '\r\n\r\n'])}${HOST}\r\n`)]
}

const IDS = [
  '99999999999999999999',
  '9'.repeat(15_000),
  '-1',
  '1e9',
  '0x10',
  '1.5',
  '',
  ' ',
  'null',
  '١',
  '9007199254740993',
]
const HEADERS: readonly ((d: Dice) => string)[] = [
  (d) => `Last-Event-ID: ${pick(d, IDS)}\r\n`,
  (d) => `Last-Event-ID: 1\r\nLast-Event-ID: ${pick(d, IDS)}\r\n`,
  (d) => `Room-Epoch: ${noise(d, 40).replace(/[\0\r\n]/g, '_')}\r\n`,
  (d) => `TTL: ${pick(d, IDS)}\r\n`,
  (d) => `Idempotency-Key: ${pick(d, ['', '"', 'k'.repeat(12_000), '\x01', '"a", "b"', '\xff', ...IDS])}\r\n`,
  (d) =>
    `Authorization: ${pick(d, ['Bearer', 'Bearer ', 'Basic eDp5', `Bearer ${'a.'.repeat(3_000)}`, 'Bearer e30.e30.'])}\r\n`,
  (d) =>
    `X-Forwarded-For: ${pick(d, ['127.0.0.1', '::1', ',,,', '1.1.1.1,'.repeat(900), noise(d, 9).replace(/[\0\r\n]/g, '_')])}\r\n`,
  (d) => `Host: ${pick(d, ['a b', '', 'other.example', '[::1', 'h\r\nHost: i', '@', 'x'.repeat(8_000)])}\r\n`,
  (d) => Array.from({ length: pick(d, [99, 1_001, 3_000]) }, (_, i) => `X${i}: y\r\n`).join(''),
  (d) => `X: ${'y'.repeat(pick(d, [8_000, 17_000, 200_000]))}\r\n`,
  (d) => `X: a${pick(d, ['\0', '\x01', '\x7f', '\r', '\n', '\r\n '])}b\r\n`,
  (d) => `${pick(d, ['', ' ', 'X Y', 'X\0', 'é', '\t', 'X:', '(x)'])}: v\r\n`,
  (d) => `Origin: ${pick(d, ['null', 'https://evil.example', '*', '\x00', 'x'.repeat(9_000)])}\r\n`,
  (d) => `Expect: ${pick(d, ['100-continue', '200-ok', '', '100-continue, 100-continue'])}\r\n`,
  (d) =>
    `Upgrade: ${pick(d, ['websocket', 'h2c', 'TLS/1.0'])}\r\nConnection: Upgrade${pick(d, ['', ', HTTP2-Settings\r\nHTTP2-Settings: AA'])}\r\n`,
  (d) => `Connection: ${pick(d, ['close', 'keep-alive, close', 'host, content-length', '\x01'])}\r\n`,
  (d) => `Accept-Encoding: gzip\r\nRange: bytes=${pick(d, ['0-', '-1', '9-1'])}\r\nIf-None-Match: *\r\n`,
]

function headers(d: Dice): readonly Step[] {
  const some = Array.from({ length: 1 + below(d, 3) }, () => pick(d, HEADERS)(d)).join('')
  const room = `h${below(d, 20)}`
  if (d() < 0.5) return [write(`GET /rooms/${room}/subscribe HTTP/1.1\r\n${HOST}${some}\r\n`)]
  return [post(room, `${some}${sized(MARK)}`, MARK)]
}

/** Two ends of one message: where a proxy and a server could disagree. What is hidden must never be served. */
function smuggling(d: Dice): readonly Step[] {
  const codings = [
    'chunked',
    'xchunked',
    'chunked, identity',
    'identity, chunked',
    'chunked\r\nTransfer-Encoding: x',
    '\tchunked',
  ]
  const te = `Transfer-Encoding${pick(d, ['', '', ' ', '\t'])}:${pick(d, [' ', '', '\r\n '])}${pick(d, codings)}\r\n`
  const chunked = `0\r\n\r\n${SMUGGLED}`
  return pick(d, [
    () => [post('h1', `Content-Length: ${chunked.length}\r\n${te}`, chunked)],
    () => [post('h1', `${te}Content-Length: 4\r\n`, `5c\r\n${SMUGGLED}\r\n0\r\n\r\n`)],
    () => [
      post(
        'h1',
        `Content-Length: ${pick(d, ['+4', '4, 4', '4 4', '0x4', '-4', '4.0', '', '4;x'])}\r\n`,
        `${MARK}${SMUGGLED}`,
      ),
    ],
    () => [post('h1', 'Content-Length: 4\r\nContent-Length: 0\r\n', `${MARK}${SMUGGLED}`)],
    () => [
      post(
        'h1',
        'Transfer-Encoding: chunked\r\n',
        `${pick(d, ['-1', 'zz', 'ffffffffffffffff1', '0x4', ' 4', '4 4'])}\r\n${SMUGGLED}`,
      ),
    ],
    () => [post('h1', 'Transfer-Encoding: chunked\r\n', `4;${'x'.repeat(pick(d, [9, 20_000]))}\n${MARK}\r\n0\r\n\r\n`)],
    () => [post('h1', `Content-Length : 4\r\n`, `${MARK}${SMUGGLED}`)],
    () => [post('h1', `X: y\rContent-Length: 0\r\nContent-Length: 4\r\n`, `${MARK}${SMUGGLED}`)],
  ])()
}

/** What would be a field, an event or another line of a stream, if it were passed on as it is. */
function injection(d: Dice): readonly Step[] {
  const separator = pick(d, ['\n', '\n\n', '\r', '\r\n', '\r\n\r\n', '\0', '\xe2\x80\xa8', '\xc2\x85', '\x0b', '\x1e'])
  const field = pick(d, [
    'event: new-message',
    'id: 0',
    'id:',
    'retry: 1',
    'data: x',
    ': x',
    'event: reset',
    '\xef\xbb\xbfdata: x',
  ])
  const body = `${MARK}${separator}${field}${separator}${separator}data: ${MARK}`
  return [post(`h${below(d, 20)}`, sized(body), body)]
}

function badBytes(d: Dice): readonly Step[] {
  const bytes = pick(d, [
    '\xff\xfe',
    '\xc0\x80',
    '\xed\xa0\x80',
    '\xf5\x80\x80\x80',
    '\xe2\x82',
    '\x80',
    noise(d, 200),
    '\0',
  ])
  const body = `${MARK}${bytes}`
  return [post(`h${below(d, 20)}`, sized(body), body)]
}

function lyingLength(d: Dice): readonly Step[] {
  const body = MARK.repeat(1 + below(d, 200))
  const said = pick(d, [body.length + 1, body.length * 2, 4_096, 5_000, 10 ** 12, 2 ** 53, '9'.repeat(30)])
  const after = pick(d, [{ kind: 'end' }, { kind: 'reset' }, { kind: 'pause', ms: 20 }] as const)
  return [post(`h${below(d, 20)}`, `Content-Length: ${said}\r\n`, body), after, { kind: 'reset' }]
}

function slow(d: Dice): readonly Step[] {
  const whole = `POST /rooms/h2/broadcast HTTP/1.1\r\n${HOST}Content-Length: 40\r\n\r\n${MARK.repeat(5)}`
  const cut = 1 + below(d, whole.length - 1)
  const steps: Step[] = []
  for (let at = 0; at < cut; at += 16)
    steps.push(write(whole.slice(at, Math.min(at + 16, cut))), { kind: 'pause', ms: 5 })
  // Some wait for the gateway to lose its patience.
  return d() < 0.3 ? steps : [...steps, { kind: pick(d, ['end', 'reset'] as const) }]
}

function tooLarge(d: Dice): readonly Step[] {
  const chunk = `800\r\n${MARK.repeat(512)}\r\n`
  if (d() < 0.5) return [post('h3', 'Transfer-Encoding: chunked\r\n', chunk.repeat(1 + below(d, 30)))]
  return [post('h3', `Content-Length: ${4_097 + below(d, 100_000)}\r\n`, MARK.repeat(below(d, 20_000)))]
}

function half(d: Dice): readonly Step[] {
  const request = `GET /rooms/h${below(d, 20)}/subscribe HTTP/1.1\r\n${HOST}\r\n`
  const first = write(request.slice(0, pick(d, [0, 1, 20, request.length - 1, request.length])))
  return [first, { kind: 'pause', ms: below(d, 20) }, { kind: pick(d, ['end', 'reset'] as const) }]
}

function pipeline(d: Dice): readonly Step[] {
  const one = () => pick(d, [path, headers, injection, badBytes] as const)(d)
  return Array.from({ length: 2 + below(d, 6) }, one).flat()
}

function otherProtocol(d: Dice): readonly Step[] {
  const frames = noise(d, 60)
  return [
    write(
      pick(d, [
        `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0${frames}`,
        `\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03${frames}`,
        `SSH-2.0-x\r\n${frames}`,
        `*1\r\n$4\r\nINFO\r\n`,
        `EHLO x\r\n`,
        `\0\0\0\0${frames}`,
        frames,
        '\r\n'.repeat(2_000),
        `PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\n${SMUGGLED}`,
      ]),
    ),
  ]
}

const KINDS: readonly (readonly [string, number, (d: Dice) => readonly Step[]])[] = [
  ['path', 4, path],
  ['start line', 2, startLine],
  ['headers', 4, headers],
  ['smuggling', 4, smuggling],
  ['injection', 3, injection],
  ['bad bytes', 2, badBytes],
  ['lying length', 2, lyingLength],
  ['slow', 1, slow],
  ['too large', 1, tooLarge],
  ['half-closed', 2, half],
  ['pipeline', 2, pipeline],
  ['another protocol', 2, otherProtocol],
]
export const HOSTILE_KINDS: readonly string[] = KINDS.map(([kind]) => kind)
const ALL = KINDS.flatMap(([kind, weight, make]) => Array.from({ length: weight }, () => ({ kind, make })))

export function hostileRequest(d: Dice): HostileRequest {
  const { kind, make } = pick(d, ALL)
  return { kind, steps: make(d) }
}
