/** Controls of the canary: a secret that gets out is found, in each form and each channel; what is public is not. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { createLogger } from '../config/logger.ts'
import { ProtocolAbort, TransportError } from '../participant/base/errors.ts'
import { systemRandom } from '../participant/base/random.ts'
import { Secret, secret } from '../participant/base/secret.ts'
import { fixture } from '../participant/protocols/testing.ts'
import { encodePacket, signEnvelope } from '../participant/wire/envelope.ts'
import { capturingOutput, noteShare, searchPackets } from './secrecy-record.ts'
import { Canary, Channels } from './secrecy-search.ts'

const f = fixture(2, 2)
const share = [...f.shares.values()][0] ?? assert.fail()

function planted(bytes = systemRandom.bytes(32)): { canary: Canary; bytes: Uint8Array; value: bigint } {
  const canary = new Canary()
  canary.note('planted', bytes)
  return { canary, bytes, value: BigInt(`0x${Buffer.from(bytes).toString('hex')}`) }
}

function found(canary: Canary, put: (seen: Channels) => void): boolean {
  const seen = new Channels()
  seen.text('noise', 'a line of a log, 2026-11-20T23:27:44 127.0.0.1:8080 0123456789abcdef0123456789abcdef')
  seen.raw('noise', systemRandom.bytes(5_000))
  assert.deepEqual(seen.leaks(canary), [])
  put(seen)
  return seen.leaks(canary).length > 0
}

const forms: readonly (readonly [string, (b: Buffer, v: bigint) => string])[] = [
  ['raw bytes', (b) => b.toString('latin1')],
  ['raw bytes, low first', (b) => Buffer.from(b).reverse().toString('latin1')],
  ['hex', (b) => b.toString('hex')],
  ['hex without leading zeros', (_, v) => `0x${v.toString(16)}`],
  ['hex in capitals', (b) => b.toString('hex').toUpperCase()],
  ['hex, low byte first', (b) => Buffer.from(b).reverse().toString('hex')],
  ['decimal', (_, v) => `${v}n`],
  ['a negative decimal', (_, v) => String(-v)],
  ...[0, 1, 2, 3].flatMap((n) =>
    [0, 1, 2].map(
      (after) =>
        [
          `base64 with ${n} bytes before and ${after} after`,
          (b: Buffer) => Buffer.concat([Buffer.alloc(n, 0xa7), b, Buffer.alloc(after, 0xa7)]).toString('base64'),
        ] as const,
    ),
  ),
  ['base64, low byte first', (b) => Buffer.from(b).reverse().toString('base64')],
  ['base64url', (b) => b.toString('base64url')],
  ['a list of numbers', (b) => [...b].join(', ')],
  ['JSON of a Uint8Array', (b) => JSON.stringify(new Uint8Array(b))],
  ['JSON of a Buffer', (b) => JSON.stringify(b)],
  ['inspected Uint8Array', (b) => `Uint8Array(32) [\n  ${[...b].map((v) => String(v).padStart(3)).join(',\n  ')}\n]`],
  ['inspected Buffer', (b) => `<Buffer ${(b.toString('hex').match(/../g) ?? []).join(' ')}>`],
  ['a half of it', (b) => b.toString('hex').slice(0, 40)],
  ['the other half', (b) => b.toString('hex').slice(23)],
]

for (const [form, text] of forms) {
  test(`found: ${form}`, () => {
    for (const length of form.includes('half') ? [32, 228] : [16, 32, 228]) {
      const bytes = systemRandom.bytes(length)
      // one time in a few with a zero in front, a small digit otherwise
      bytes[0] = length === 32 ? 0 : ((bytes[0] as number) & 0x0f) | 1
      const { canary, value } = planted(bytes)
      assert.ok(
        found(canary, (seen) => seen.text('c', `before ${text(Buffer.from(bytes), value)} after`)),
        `${length} bytes`,
      )
    }
  })
}

const { canary, bytes, value } = planted()

class LeakyError extends Error {
  readonly detail = value
}
const hiddenIn = Object.defineProperty({}, 'k', { value, enumerable: false })

const objects: readonly (readonly [string, () => unknown])[] = [
  ['the message of an error', () => new TransportError(`got ${value}`)],
  ['the stack of an error', () => Object.assign(new Error('x'), { stack: `at ${value.toString(16)}` })],
  ['a cause of a cause', () => new Error('a', { cause: new Error('b', { cause: new Error(String(value)) }) })],
  ['a field of an error', () => new LeakyError('x')],
  ['evidence', () => new ProtocolAbort('x', [{ evidence: [bytes] } as never])],
  ['a map in a map', () => new Map([['a', new Map([['b', value]])]])],
  ['a hidden property', () => hiddenIn],
  [
    'a getter',
    () => ({
      get k() {
        return value
      },
    }),
  ],
  ['toJSON', () => ({ toJSON: () => value.toString(16) })],
  ['toString', () => ({ toString: () => value.toString(16) })],
]
for (const [what, make] of objects) {
  test(`found: ${what}`, () => assert.ok(found(canary, (seen) => seen.object('o', make()))))
}

test('not found: a wrapped secret, also in a key share', () => {
  assert.ok(
    !found(canary, (seen) => seen.object('o', { a: secret(value), b: new Error('x', { cause: secret(bytes) }) })),
  )
  const keys = new Canary()
  noteShare(keys, share)
  assert.ok(keys.size >= 10)
  assert.ok(!found(keys, (seen) => seen.object('share', share)))
})

const ways: readonly (readonly [name: string | symbol, show: (x: Secret<bigint>) => unknown])[] = [
  ['toString', (x) => x.toString()],
  ['toJSON', (x) => ({ x })],
  [Symbol.toPrimitive, (x) => `${x}`],
  [Symbol.for('nodejs.util.inspect.custom'), (x) => [x]],
]
for (const [name, show] of ways) {
  test(`found: a Secret whose ${String(name)} shows it`, () => {
    const keys = new Canary()
    noteShare(keys, share)
    assert.ok(!found(keys, (seen) => seen.object('x', show(share.core.x))))
    const kept = Object.getOwnPropertyDescriptor(Secret.prototype, name) as PropertyDescriptor
    const shows = function (this: Secret<unknown>): string {
      return String(this.expose())
    }
    Object.defineProperty(Secret.prototype, name, { ...kept, value: shows })
    try {
      assert.ok(found(keys, (seen) => seen.object('x', show(share.core.x))))
    } finally {
      Object.defineProperty(Secret.prototype, name, kept)
    }
  })
}

test('found: in a line of a log, at the lowest level', () => {
  assert.ok(
    found(canary, (seen) => {
      const destination = { write: (line: string) => seen.text('log', line) }
      createLogger({ name: 'x', level: 'trace', format: 'json', destination }).trace({ k: value.toString() }, 'oops')
    }),
  )
})

test('found: on standard output and error, of this process and of another', async () => {
  for (const name of ['stdout', 'stderr'] as const) {
    const seen = new Channels()
    await capturingOutput(seen, async () => void process[name].write(`# ${value}\n`))
    assert.ok(seen.leaks(canary).length > 0, name)
    const child = spawnSync(process.execPath, ['-e', `process.${name}.write("${value.toString(16)}")`])
    assert.ok(found(canary, (s) => s.raw(name, child[name])))
  }
})

test('found: in a packet, in the clear or beside a sealed message', () => {
  const [identity] = f.identities.values()
  assert.ok(identity)
  const body = Buffer.concat([Buffer.from([1, 2, 3]), bytes, Buffer.alloc(9)])
  const message = { session: new Uint8Array(32), protocol: 'p', round: 'r', from: identity.id, to: '', body }
  const packet = encodePacket({ kind: 'clear', envelope: signEnvelope(message, identity.signingKey) })
  assert.ok(found(canary, (seen) => searchPackets(seen, 'packets', [packet])))
  assert.ok(found(canary, (seen) => seen.text('http', `data: ${Buffer.from(packet).toString('base64')}\n`)))
})

test('what is allowed is not reported, and neither is what it has in common with a secret; the rest still is', () => {
  const N = share.aux.paillier.N
  const phi = share.aux.paillier.phi.expose()
  const keys = new Canary()
  keys.note('phi', phi)
  keys.allow([N])
  assert.ok(!found(keys, (seen) => seen.text('n', `${N} ${N.toString(16)}`)))
  assert.ok(found(keys, (seen) => seen.text('phi', `${phi}`)))
  assert.ok(found(keys, (seen) => seen.text('phi', phi.toString(16))))
  const shown = planted()
  shown.canary.allow([shown.bytes])
  assert.ok(!found(shown.canary, (seen) => seen.raw('r', shown.bytes)))
})
