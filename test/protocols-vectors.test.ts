/**
 * Fixed bytes of everything that two versions of the library must agree on. A change here is a change of the wire
 * version: old peers, stored evidence and key shares would not be understood.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { bytesToHex, fromHex, utf8ToBytes } from '../participant/base/bytes.ts'
import { INSECURE_TEST, LEVELS } from '../participant/base/level.ts'
import type { Random } from '../participant/base/random.ts'
import { secret } from '../participant/base/secret.ts'
import { G, mul, type Point } from '../participant/math/curve.ts'
import { fingerprint, type Identity, identityOf, makeRoster, rosterDigest } from '../participant/party/roster.ts'
import { type SessionFacts, sessionId } from '../participant/party/session.ts'
import {
  bool,
  bytes,
  type Codec,
  decode,
  encode,
  fixed,
  int,
  list,
  nat,
  point,
  scalar,
  struct,
  text,
  u8,
  u16,
  u32,
} from '../participant/wire/codec.ts'
import { decodePacket, encodePacket, signEnvelope, verifyEnvelope } from '../participant/wire/envelope.ts'
import { seal, unseal } from '../participant/wire/sealing.ts'
import { Transcript } from '../participant/wire/transcript.ts'
import type { Binding, Provable } from '../participant/zk/sigma.ts'
import { instances, seededRandom } from '../participant/zk/testing.ts'

type Vectors = Readonly<Record<string, string>>

const VECTORS = JSON.parse(readFileSync(new URL('vectors/wire.json', import.meta.url), 'utf8')) as Readonly<
  Record<'codec' | 'transcript' | 'envelope' | 'sealing' | 'session' | 'level' | 'proof', Vectors>
>

interface Sample {
  readonly a: number
  readonly b: readonly boolean[]
  readonly c: string
}

const sample: Codec<Sample> = struct<Sample>({ a: u16, b: list(bool, 0, 4), c: text(9) })

function codecCase<T>(codec: Codec<T>, value: T): readonly [codec: Codec<unknown>, value: unknown] {
  return [codec as Codec<unknown>, value]
}

const CODEC: Readonly<Record<string, readonly [Codec<unknown>, unknown]>> = {
  'u8 200': codecCase(u8, 200),
  'u16 258': codecCase(u16, 258),
  'u32 2^32 − 2': codecCase(u32, 2 ** 32 - 2),
  'bool true': codecCase(bool, true),
  'fixed(3)': codecCase(fixed(3), Uint8Array.of(1, 2, 3)),
  'bytes(9) of 2': codecCase(bytes(9), Uint8Array.of(7, 8)),
  'text(9) aé😀': codecCase(text(9), 'aé😀'),
  'nat(12) 300': codecCase(nat(12), 300n),
  'int(15) −300': codecCase(int(15), -300n),
  'int(16) 0': codecCase(int(16), 0n),
  'scalar 7': codecCase(scalar, 7n),
  'list of u8': codecCase(list(u8, 0, 4), [1, 2, 3]),
  struct: codecCase(sample, { a: 5, b: [true, false], c: 'x' }),
}

const fixedRandom = (byte: number): Random => ({ bytes: (length) => new Uint8Array(length).fill(byte) })
const identity = (id: string, byte: number): Identity =>
  identityOf(id, secret(new Uint8Array(32).fill(byte)), secret(new Uint8Array(32).fill(byte + 1)))
const [alice, bob] = [identity('alice', 1), identity('bob', 3)]
const roster = makeRoster([bob, alice])
const session = new Uint8Array(32).fill(0xa5)
const broadcast = signEnvelope(
  { session, protocol: 'presign', round: '1', from: 'alice', to: '', body: Uint8Array.of(1, 2, 3) },
  alice.signingKey,
)
const direct = signEnvelope(
  { session, protocol: 'keygen', round: '2 shares', from: 'alice', to: 'bob', body: Uint8Array.of(4, 5) },
  alice.signingKey,
)
const facts: SessionFacts = {
  purpose: 'sign',
  level: INSECURE_TEST,
  roster,
  threshold: 2,
  account: 'wallet',
  epoch: 3,
  publicKey: mul(G, 5n),
  signers: ['alice', 'bob'],
  digest: new Uint8Array(32).fill(8),
  nonces: new Map([
    ['alice', new Uint8Array(32).fill(1)],
    ['bob', new Uint8Array(32).fill(2)],
  ]),
}
const { publicKey: _key, digest: _digest, ...before } = facts

const transcript = (): Transcript =>
  new Transcript('vector').text('label', 'value').bytes('empty', new Uint8Array(0)).value('number', u16, 258)

/** The compact proofs: those of every signature. Their statements are made from public constants. */
const PROOFS = (({ encElg, affG, elog }) => [encElg, affG, elog])(
  instances(INSECURE_TEST.name),
) as unknown as readonly {
  readonly proof: Provable<unknown, unknown, unknown, string>
  readonly binding: Binding
  readonly statement: unknown
  readonly verifierStatement: unknown
  readonly witness: unknown
}[]

const MADE: { readonly [K in keyof typeof VECTORS]: Vectors } = {
  codec: {
    ...Object.fromEntries(Object.entries(CODEC).map(([name, [codec, v]]) => [name, bytesToHex(encode(codec, v))])),
    'point G': bytesToHex(encode<Point>(point, G)),
    'point −2G': bytesToHex(encode<Point>(point, mul(G, -2n))),
  },
  transcript: {
    'nothing, digest': bytesToHex(new Transcript('vector').digest()),
    'three fields, digest': bytesToHex(transcript().digest()),
    'three fields, 100 bytes of stream': bytesToHex(transcript().stream().bytes(100)),
    'three fields, below 2^255 − 19': transcript()
      .stream()
      .below(2n ** 255n - 19n)
      .toString(16),
  },
  envelope: {
    'broadcast, signature': bytesToHex(broadcast.signature),
    'broadcast, packet': bytesToHex(encodePacket({ kind: 'clear', envelope: broadcast })),
    'direct, signature': bytesToHex(direct.signature),
  },
  sealing: {
    'direct, sealed to bob with an ephemeral key of 0x07': bytesToHex(
      encodePacket(seal(direct, bob.sealKey, fixedRandom(7))),
    ),
  },
  session: {
    'roster digest': bytesToHex(rosterDigest(roster)),
    fingerprint: fingerprint(roster),
    'session id, signing': bytesToHex(sessionId(facts)),
    'session id, before there is a key': bytesToHex(sessionId({ ...before, purpose: 'keygen', account: '' })),
  },
  level: Object.fromEntries(LEVELS.map((l) => [l.name, bytesToHex(l.digest)])),
  proof: Object.fromEntries(
    PROOFS.map(({ proof, binding: b, statement, witness }) => [
      proof.name,
      bytesToHex(
        encode(proof.codec(b.level), proof.prove(b, statement, witness, seededRandom(`vector ${proof.name}`))),
      ),
    ]),
  ),
}

for (const part of Object.keys(VECTORS) as (keyof typeof VECTORS)[]) {
  test(`${part}: the same bytes as ever`, () => assert.deepEqual(MADE[part], VECTORS[part]))
}

test('the stored bytes decode to what they were made from', () => {
  for (const [name, [codec, value]] of Object.entries(CODEC)) {
    assert.deepEqual(decode(codec, fromHex(VECTORS.codec[name] as string)), value, name)
  }
  const clear = decodePacket(fromHex(VECTORS.envelope['broadcast, packet'] as string))
  assert.ok(clear.kind === 'clear' && verifyEnvelope(clear.envelope, alice.verifyKey), 'does not verify')
  const sealed = decodePacket(fromHex(Object.values(VECTORS.sealing)[0] as string))
  assert.ok(sealed.kind === 'sealed', "sealed.kind === 'sealed'")
  assert.deepEqual(unseal(sealed, bob.sealingKey), direct)
})

test('the stored proofs hold', () => {
  for (const { proof, binding, verifierStatement } of PROOFS) {
    const given = decode(proof.codec(binding.level), fromHex(VECTORS.proof[proof.name] as string))
    assert.equal(proof.verify(binding, verifierStatement, given), undefined, proof.name)
  }
})

test('the fixed keys are those of RFC 8032 and RFC 7748 seeds', () => {
  // so that another implementation can rebuild the vectors from the bytes 01…01 to 04…04
  assert.equal(bytesToHex(alice.verifyKey), '8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c')
  assert.equal(utf8ToBytes(alice.id).length, 5)
})
