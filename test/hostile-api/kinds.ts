/**
 * Requests to the HTTP interface of sign-service that must not sign anything, by kind, drawn from a seed. Each is the bytes
 * of one connection, and says which answers are right. The tokens are good ones unless the kind is about the token.
 */
import { Buffer } from 'node:buffer'
import { type Dice, dice } from '../../gateway/testing/hostile-requests.ts'

export { type Dice, dice }

/** What hostile requests are made of. Texts are whole tokens; packets are base64 of a batch. */
export interface Material {
  readonly account: string
  readonly bodyBytes: number
  readonly good: string
  readonly expired: string
  readonly wrongAudience: string
  readonly wrongIssuer: string
  /** Signed by a key that is not the issuer's. */
  readonly wrongKey: string
  readonly wrongAlgorithm: string
  /** A batch with an invitation whose permit was used already; fresh each time. */
  usedPermit(): string
}

export interface HostileRequest {
  readonly bytes: Buffer
  /** The status of the answer; `closed` when the connection may just end. */
  readonly right: readonly (number | 'closed')[]
  /** The client ends its side without waiting for an answer: what it has announced never comes. */
  readonly isCut?: true
}

export type Make = (d: Dice, m: Material) => HostileRequest

const below = (d: Dice, max: number): number => Math.floor(d() * max)
const pick = <T>(d: Dice, from: readonly T[]): T => from[below(d, from.length)] as T
const START = '/v1/sign/start'
const JSON_TYPE = 'application/json'

interface Parts {
  readonly method?: string
  readonly path?: string
  readonly token?: string | undefined
  readonly type?: string
  readonly body?: string
  readonly length?: string
  readonly more?: string
}

function bytesOf({
  method = 'POST',
  path = START,
  token,
  type = JSON_TYPE,
  body = '{}',
  length,
  more = '',
}: Parts): Buffer {
  const authorization = token === undefined ? '' : `Authorization: Bearer ${token}\r\n`
  const size = length ?? String(Buffer.byteLength(body, 'latin1'))
  const head = `${method} ${path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Type: ${type}\r\nContent-Length: ${size}\r\n`
  return Buffer.from(`${head}${authorization}${more}\r\n${body}`, 'latin1')
}

const start = (m: Material, clientMessage = 'AAAAAA=='): string => JSON.stringify({ account: m.account, clientMessage })
const withToken =
  (read: (m: Material, d: Dice) => string | undefined): Make =>
  (d, m) => ({ bytes: bytesOf({ token: read(m, d), body: start(m, m.usedPermit()) }), right: [401] })

/** Characters of a token changed, so that nothing of it verifies. */
function broken(token: string, d: Dice): string {
  const at = below(d, token.length)
  const made = `${token.slice(0, at)}${pick(d, ['.', '=', '-', '..', 'A.B', ''])}${token.slice(at + 1 + below(d, 20))}`
  // another last sign of a signature can stand for the same bytes
  return made === token || made.length === token.length ? `.${made}` : made
}

const NONE = Buffer.from('{"alg":"none"}').toString('base64url')
const unsigned = (m: Material, d: Dice): string =>
  `${pick(d, [NONE, Buffer.from('{"alg":"None","kid":"k"}').toString('base64url')])}.${m.good.split('.')[1]}.${pick(d, ['', 'AA'])}`

const NUMBERS = ['1e999', '-0', '9007199254740993', '0x1', '١', '1_0', 'NaN']
const MALFORMED: readonly ((d: Dice, good: string) => string)[] = [
  (d, good) => good.slice(0, below(d, good.length - 1)),
  (d, good) => `${good}${pick(d, ['}', ',', '{}', '\0', '/*', good])}`,
  (d, good) => good.replace('"', pick(d, ["'", '\\', '\u0001', '"""'])),
  () => '',
  (d) => pick(d, ['undefined', '{a:1}', "{'a':1}", '[1,]', '{"a":1,}', '<a/>', '\xff\xfe', '{"a":"\xc3\x28"}']),
  (d) => `{"account":${pick(d, ['0x1', '1_0', 'NaN', '+1', '01', '.5'])}}`,
]

const TYPES = [
  'text/plain',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'application/jsonp',
  'application/json; charset=utf-16',
  'application/json, text/plain',
  'text/json',
  'application/ld+json',
  '*/*',
]

const PATHS = [
  ['/v1', '%2f', 'sign/start'],
  ['/v1/sign', '%2F', 'start'],
  ['/v1/sign/', '..%2fsign', '/start'],
  ['/v1', '%252fsign', '/start'],
  ['/v1/sign/start', '%00', ''],
  ['/v1/sign/start', '%2500', '.json'],
  ['/v1/sign/start', ';x=1', ''],
  ['/v1/sign', '%5c', 'start'],
  ['/V1', '/SIGN', '/START'],
  ['//v1', '/sign', '//start'],
  ['/v1/sign/start', '/', '/'],
  ['/v1/%73ign%', 'zz', '/start'],
  ['/v1/sessions/', '../sign', '/%73tart%2f'],
  ['/v1/sign/start', '%0d%0a', 'x'],
  ['/v1/sign/start', '%c0%ae', ''],
] as const

/** What a field is not. */
const GARBAGE: readonly ((d: Dice) => unknown)[] = [
  () => null,
  () => true,
  (d) => below(d, 1e9) - 5e8,
  (d) => Number(pick(d, NUMBERS.slice(0, 3))),
  () => [],
  () => ({}),
  (d) => ({ [pick(d, ['__proto__', 'constructor', 'toString', '$ne', ''])]: 1 }),
  (d) => 'x'.repeat(below(d, 5000)),
  (d) => String.fromCharCode(...Array.from({ length: 1 + below(d, 40) }, () => below(d, 0x10000))),
  (d) => pick(d, ["' OR 1=1--", '{{7*7}}', '../../etc/passwd', '\u202e', '\0', '%00', '<script>']),
]
const ROUTES: Readonly<Record<string, readonly string[]>> = {
  '/v1/sign/start': ['account', 'clientSession', 'clientMessage'],
  '/v1/sign/step': ['sessionId', 'sequence', 'clientMessage'],
  '/v1/recover/start': ['account', 'party', 'issuedAt', 'proof'],
  '/v1/getPublicKey': ['account'],
  '/v1/createAccount/start': ['account', 'room', 'clientMessage'],
}

export const KINDS: Readonly<Record<string, Make>> = {
  'no token': withToken((_, d) => pick(d, [undefined, '', ' '])),
  expired: withToken((m) => m.expired),
  'wrong audience': withToken((m) => m.wrongAudience),
  'wrong issuer': withToken((m) => m.wrongIssuer),
  'wrong algorithm': withToken((m, d) => pick(d, [m.wrongAlgorithm, m.wrongKey, unsigned(m, d)])),
  'broken token': withToken((m, d) => broken(m.good, d)),
  'replayed permit': (_, m) => ({
    bytes: bytesOf({ token: m.good, body: start(m, m.usedPermit()) }),
    right: [200, 429],
  }),
  oversized(d, m) {
    const size = m.bodyBytes + 1 + below(d, 10_000_000)
    const some = 'x'.repeat(below(d, 20_000))
    if (d() < 0.5) return { bytes: bytesOf({ token: m.good, body: some, length: String(size) }), right: [413] }
    // too much for the text of one field, in a body that is not too long: nothing is decoded
    return { bytes: bytesOf({ token: m.good, body: JSON.stringify({ account: 'x'.repeat(60_000) }) }), right: [400] }
  },
  'length that lies'(d, m) {
    const body = start(m)
    const said = pick(d, [`${body.length + 10}`, `${body.length - 5}`, '-1', '1e3', '0x10', '9'.repeat(25), '3, 3', ''])
    const tail = d() < 0.3 ? 'Transfer-Encoding: chunked\r\n' : ''
    return {
      bytes: bytesOf({ token: m.good, body, length: said, more: tail }),
      right: [400, 413, 'closed'],
      isCut: true,
    }
  },
  'malformed JSON': (d, m) => ({
    bytes: bytesOf({ token: m.good, body: pick(d, MALFORMED)(d, start(m)) }),
    right: [400],
  }),
  'deep JSON'(d, m) {
    const depth = 1_000 + below(d, 100_000)
    const body = pick(d, [() => '['.repeat(depth), () => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`])()
    return { bytes: bytesOf({ token: m.good, body }), right: [400] }
  },
  'wrong content type'(d, m) {
    const coded = d() < 0.2
    const more = coded ? `Content-Encoding: ${pick(d, ['gzip', 'br', 'deflate', 'x'])}\r\n` : ''
    return {
      bytes: bytesOf({ token: m.good, body: start(m), more, ...(!coded && { type: pick(d, TYPES) }) }),
      right: [415],
    }
  },
  'path tricks'(d, m) {
    const path = pick(d, PATHS).join('')
    return { bytes: bytesOf({ path, token: m.good, body: start(m, m.usedPermit()) }), right: [400, 404, 405] }
  },
  'random fields'(d, m) {
    const path = pick(d, Object.keys(ROUTES))
    const names = ROUTES[path] ?? []
    const body = Object.fromEntries([...names, ...(d() < 0.3 ? ['more'] : [])].map((n) => [n, pick(d, GARBAGE)(d)]))
    const text = JSON.stringify(body).replace(
      /[^\x20-\x7e]/g,
      (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
    )
    return { bytes: bytesOf({ path, token: m.good, body: text }), right: [400, 403, 404] }
  },
}
