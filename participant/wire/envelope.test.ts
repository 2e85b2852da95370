import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { bigintToBytes, bytesToBigint, concatBytes, fromHex } from '../base/bytes.ts'
import { DecodeError } from '../base/errors.ts'
import { systemRandom } from '../base/random.ts'
import { createIdentity } from '../party/roster.ts'
import { decode, encode } from './codec.ts'
import {
  BODY_LIMIT,
  decodePacket,
  type Envelope,
  encodePacket,
  envelopeCodec,
  type Message,
  type Packet,
  signEnvelope,
  verifyEnvelope,
} from './envelope.ts'
import { seal } from './sealing.ts'

const alice = createIdentity('alice', systemRandom)
const bob = createIdentity('bob', systemRandom)

const MESSAGE: Message = {
  session: new Uint8Array(32).fill(5),
  protocol: 'presign',
  round: '1',
  from: 'alice',
  to: '',
  body: Uint8Array.of(1, 2, 3),
}
const signed = signEnvelope(MESSAGE, alice.signingKey)

test('an envelope verifies under its sender and nobody else', () => {
  assert.ok(verifyEnvelope(signed, alice.verifyKey), 'verifyEnvelope(signed, alice.verifyKey)')
  assert.ok(!verifyEnvelope(signed, bob.verifyKey), '!verifyEnvelope(signed, bob.verifyKey)')
})

const CHANGES: { readonly [K in keyof Envelope]: Envelope[K] } = {
  session: new Uint8Array(32).fill(6),
  protocol: 'presigm',
  round: '2',
  from: 'alicf',
  to: 'bob',
  body: Uint8Array.of(1, 2),
  signature: signEnvelope({ ...MESSAGE, round: '3' }, alice.signingKey).signature,
}

for (const field of Object.keys(CHANGES) as (keyof Envelope)[]) {
  test(`changed ${field}: does not verify`, () => {
    assert.ok(!verifyEnvelope({ ...signed, [field]: CHANGES[field] }, alice.verifyKey), 'verifies')
  })
}

test('a byte moved from one field to the next does not verify', () => {
  assert.ok(!verifyEnvelope({ ...signed, protocol: 'presig', round: 'n1' }, alice.verifyKey), 'verifies')
  assert.ok(!verifyEnvelope({ ...signed, from: 'alic', to: 'e' }, alice.verifyKey), 'verifies')
})

test('every bit of the signature counts', () => {
  for (let i = 0; i < 64; i++) {
    const signature = signed.signature.slice()
    signature[i] = (signature[i] as number) ^ (1 << (i % 8))
    assert.ok(!verifyEnvelope({ ...signed, signature }, alice.verifyKey), `byte ${i}`)
  }
})

/** The order of the group of Ed25519. */
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n

test('strict: s + L is another signature of the same message, and refused', () => {
  const s = bytesToBigint(signed.signature.slice(32).reverse()) + ORDER
  const signature = concatBytes(signed.signature.slice(0, 32), bigintToBytes(s, 32).reverse())
  assert.ok(
    !verifyEnvelope({ ...signed, signature }, alice.verifyKey),
    '!verifyEnvelope({ ...signed, signature }, alice.verifyKey)',
  )
})

test('strict: keys of small order, under which one signature fits every message, are refused', () => {
  const identity = concatBytes(Uint8Array.of(1), new Uint8Array(31))
  const signature = concatBytes(identity, new Uint8Array(32))
  for (const key of [
    identity,
    fromHex('ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f'),
    new Uint8Array(32),
  ]) {
    assert.ok(!verifyEnvelope({ ...signed, signature }, key), '!verifyEnvelope({ ...signed, signature }, key)')
  }
})

test('malformed keys and signatures do not verify, and do not throw', () => {
  for (const key of [new Uint8Array(0), new Uint8Array(31), new Uint8Array(33), new Uint8Array(32).fill(255)]) {
    assert.ok(!verifyEnvelope(signed, key), '!verifyEnvelope(signed, key)')
  }
  for (const length of [0, 63, 65])
    assert.ok(!verifyEnvelope({ ...signed, signature: new Uint8Array(length) }, alice.verifyKey), 'verifies')
  // a body that has no encoding was never signed
  assert.ok(!verifyEnvelope({ ...signed, body: new Uint8Array(BODY_LIMIT + 1) }, alice.verifyKey), 'verifies')
})

const name = fc.string({ unit: 'grapheme', maxLength: 5 })
const messages: fc.Arbitrary<Message> = fc.record({
  session: fc.uint8Array({ minLength: 32, maxLength: 32 }),
  protocol: name,
  round: name,
  from: name,
  to: name,
  body: fc.uint8Array({ maxLength: 60 }),
})

test('packets come back, clear and sealed', () => {
  fc.assert(
    fc.property(messages, fc.boolean(), (m, sealed) => {
      const envelope = signEnvelope(m, alice.signingKey)
      const p: Packet = sealed ? seal(envelope, bob.sealKey, systemRandom) : { kind: 'clear', envelope }
      assert.deepEqual(decodePacket(encodePacket(p)), p)
    }),
    { numRuns: 30 },
  )
})

function refusedOrCanonical(raw: Uint8Array): void {
  let packet: Packet
  try {
    packet = decodePacket(raw)
  } catch (e) {
    assert.ok(e instanceof DecodeError, `threw ${e}`)
    return
  }
  assert.deepEqual(encodePacket(packet), raw)
}

const clear = encodePacket({ kind: 'clear', envelope: signed })
const sealed = encodePacket(seal(signEnvelope({ ...MESSAGE, to: 'bob' }, alice.signingKey), bob.sealKey, systemRandom))

test('any bytes either are refused with DecodeError or re-encode to themselves', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), refusedOrCanonical), { numRuns: 500 })
  // past the version and the kind
  fc.assert(
    fc.property(fc.nat(2), fc.uint8Array({ maxLength: 300 }), (kind, rest) =>
      refusedOrCanonical(concatBytes(Uint8Array.of(1, kind), rest)),
    ),
    { numRuns: 500 },
  )
})

test('any change to a packet is refused with DecodeError or canonical', () => {
  const edit = fc.tuple(fc.nat(400), fc.constantFrom('set', 'insert', 'drop', 'cut'), fc.nat(255))
  fc.assert(
    fc.property(fc.constantFrom(clear, sealed), fc.array(edit, { minLength: 1, maxLength: 3 }), (start, edits) => {
      const raw = [...start]
      for (const [at, how, byte] of edits) {
        const i = at % raw.length
        if (how === 'set') raw[i] = byte
        else if (how === 'insert') raw.splice(i, 0, byte)
        else if (how === 'drop') raw.splice(i, 1)
        else raw.splice(Math.max(1, i))
      }
      refusedOrCanonical(Uint8Array.from(raw))
    }),
    { numRuns: 1000 },
  )
})

test('another version, another kind, a body or a name above the limit', () => {
  const set = (i: number, v: number): Uint8Array => clear.map((b, j) => (i === j ? v : b))
  for (const v of [0, 1, 3]) assert.throws(() => decodePacket(set(0, v)), /wire version/)
  assert.throws(() => decodePacket(set(1, 2)), /clear or a sealed/)
  const long = { ...signed, body: new Uint8Array(BODY_LIMIT) }
  assert.deepEqual(decode(envelopeCodec, encode(envelopeCodec, long)), long)
  assert.throws(() => encode(envelopeCodec, { ...signed, body: new Uint8Array(BODY_LIMIT + 1) }), RangeError)
  assert.throws(() => encode(envelopeCodec, { ...signed, round: 'x'.repeat(65) }), RangeError)
})
