import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chacha20poly1305 } from '@noble/ciphers/chacha.js'
import { x25519 } from '@noble/curves/ed25519.js'
import { hkdf } from '@noble/hashes/hkdf.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, concatBytes, utf8ToBytes } from '../base/bytes.ts'
import { DecodeError } from '../base/errors.ts'
import { systemRandom } from '../base/random.ts'
import { secret } from '../base/secret.ts'
import { createIdentity } from '../party/roster.ts'
import { encode } from './codec.ts'
import {
  type Envelope,
  encodePacket,
  envelopeCodec,
  type SealedPacket,
  signEnvelope,
  verifyEnvelope,
} from './envelope.ts'
import { seal, unseal } from './sealing.ts'
import { Transcript } from './transcript.ts'

const [alice, bob, carol] = ['alice', 'bob', 'carol'].map((id) => createIdentity(id, systemRandom)) as [
  ReturnType<typeof createIdentity>,
  ReturnType<typeof createIdentity>,
  ReturnType<typeof createIdentity>,
]
const BODY = utf8ToBytes('the sub-share is nobody else’s business')

function envelopeTo(to: string, session = new Uint8Array(32).fill(5)): Envelope {
  return signEnvelope(
    { session, protocol: 'keygen', round: '2 shares', from: 'alice', to, body: BODY },
    alice.signingKey,
  )
}

const packet = seal(envelopeTo('bob'), bob.sealKey, systemRandom)

test('the recipient gets the signed envelope', () => {
  const back = unseal(packet, bob.sealingKey)
  assert.deepEqual(back, envelopeTo('bob'))
  assert.ok(verifyEnvelope(back, alice.verifyKey), 'verifyEnvelope(back, alice.verifyKey)')
})

test('neither body nor round is in the packet', () => {
  assert.ok(!bytesToHex(encodePacket(packet)).includes(bytesToHex(BODY.slice(0, 8))), 'the body shows')
  assert.ok(!bytesToHex(encodePacket(packet)).includes(bytesToHex(utf8ToBytes('2 shares'))), 'the round shows')
})

test('nobody else opens it', () => {
  for (const key of [carol.sealingKey, alice.sealingKey]) {
    assert.throws(() => unseal(packet, key), DecodeError)
  }
})

function flip(bytes: Uint8Array, at: number): Uint8Array {
  return bytes.map((b, i) => (i === at ? b ^ 1 : b))
}

const CHANGED: Readonly<Record<string, SealedPacket>> = {
  session: { ...packet, session: flip(packet.session, 0) },
  recipient: { ...packet, to: 'bo' },
  'recipient, to another party': { ...packet, to: 'carol' },
  'ephemeral key': { ...packet, ephemeral: flip(packet.ephemeral, 0) },
  // the top bit, which X25519 itself ignores
  'unused bit of the ephemeral key': { ...packet, ephemeral: packet.ephemeral.map((b, i) => (i === 31 ? b ^ 128 : b)) },
  'ephemeral key of small order': { ...packet, ephemeral: new Uint8Array(32) },
  'first byte of the ciphertext': { ...packet, ciphertext: flip(packet.ciphertext, 0) },
  'last byte of the tag': { ...packet, ciphertext: flip(packet.ciphertext, packet.ciphertext.length - 1) },
  'a byte less': { ...packet, ciphertext: packet.ciphertext.slice(0, -1) },
  'a byte more': { ...packet, ciphertext: concatBytes(packet.ciphertext, new Uint8Array(1)) },
  'no ciphertext': { ...packet, ciphertext: new Uint8Array(0) },
}

for (const [what, changed] of Object.entries(CHANGED)) {
  test(`changed ${what}: does not open`, () => {
    assert.throws(
      () => unseal(changed, bob.sealingKey),
      (e: unknown) => e instanceof DecodeError && e.message === 'sealed packet does not open',
    )
  })
}

/** The construction written out again, with a context that need not be that of the envelope inside. */
function sealedAs(session: Uint8Array, to: string, inner: Envelope): SealedPacket {
  const secretKey = systemRandom.bytes(32)
  const ephemeral = x25519.getPublicKey(secretKey)
  const context = new Transcript('sealed').bytes('session', session).text('to', to).digest()
  const salt = concatBytes(ephemeral, bob.sealKey)
  const key = hkdf(sha256, x25519.getSharedSecret(secretKey, bob.sealKey), salt, context, 32)
  const plain = encode(envelopeCodec, inner)
  const ciphertext = chacha20poly1305(key, new Uint8Array(12), context).encrypt(plain)
  return { kind: 'sealed', session, to, ephemeral, ciphertext }
}

test('another recipient or session inside is refused', () => {
  const session = envelopeTo('bob').session
  const other = new Uint8Array(32).fill(9)
  assert.deepEqual(unseal(sealedAs(session, 'bob', envelopeTo('bob')), bob.sealingKey), envelopeTo('bob'))
  for (const inner of [envelopeTo('carol'), envelopeTo(''), envelopeTo('bob', other)]) {
    assert.throws(
      () => unseal(sealedAs(session, 'bob', inner), bob.sealingKey),
      (e: unknown) => e instanceof DecodeError && /another session or recipient/.test(e.message),
    )
  }
})

test('two seals of one envelope share nothing, and the key of one does not open the other', () => {
  const again = seal(envelopeTo('bob'), bob.sealKey, systemRandom)
  assert.notDeepEqual(again.ephemeral, packet.ephemeral)
  assert.notDeepEqual(again.ciphertext, packet.ciphertext)
  assert.throws(() => unseal({ ...packet, ciphertext: again.ciphertext }, bob.sealingKey), DecodeError)
})

test('a recipient key of small order is never sealed to', () => {
  assert.throws(() => seal(envelopeTo('bob'), new Uint8Array(32), systemRandom))
})

test('a malformed key opens nothing', () => {
  assert.throws(() => unseal(packet, secret(new Uint8Array(31))), DecodeError)
})
