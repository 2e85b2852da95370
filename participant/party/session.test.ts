import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytesToHex } from '../base/bytes.ts'
import { UsageError } from '../base/errors.ts'
import { CGGMP24_3072, INSECURE_TEST } from '../base/level.ts'
import { systemRandom } from '../base/random.ts'
import { G, mul } from '../math/curve.ts'
import { createIdentity, makeRoster } from './roster.ts'
import { type SessionFacts, sessionId } from './session.ts'

const identities = ['a', 'b', 'c'].map((id) => createIdentity(id, systemRandom))
const nonces = new Map(identities.map(({ id }) => [id, systemRandom.bytes(32)]))

const FACTS: SessionFacts = {
  purpose: 'sign',
  level: INSECURE_TEST,
  roster: makeRoster(identities),
  threshold: 2,
  account: 'wallet',
  epoch: 0,
  publicKey: mul(G, 5n),
  signers: ['a', 'b'],
  digest: new Uint8Array(32),
  nonces,
}

const { publicKey: _publicKey, ...withoutKey } = FACTS
const { digest: _digest, ...withoutDigest } = FACTS
const changedNonce = (id: string) => new Map([...nonces, [id, systemRandom.bytes(32)]])

const CHANGES: Readonly<Record<string, SessionFacts>> = {
  purpose: { ...FACTS, purpose: 'presign' },
  level: { ...FACTS, level: CGGMP24_3072 },
  roster: { ...FACTS, roster: makeRoster([...identities, createIdentity('d', systemRandom)]) },
  threshold: { ...FACTS, threshold: 3 },
  account: { ...FACTS, account: 'wallet2' },
  epoch: { ...FACTS, epoch: 1 },
  'public key': { ...FACTS, publicKey: mul(G, -5n) },
  'public key, absent': withoutKey,
  signers: { ...FACTS, signers: ['a', 'c'] },
  'more signers': { ...FACTS, signers: ['a', 'b', 'c'] },
  digest: { ...FACTS, digest: new Uint8Array(32).fill(1) },
  'digest, absent': withoutDigest,
  'nonce of the first': { ...FACTS, nonces: changedNonce('a') },
  'nonce of the second': { ...FACTS, nonces: changedNonce('b') },
  'nonces swapped': {
    ...FACTS,
    nonces: new Map([
      ['a', nonces.get('b') as Uint8Array],
      ['b', nonces.get('a') as Uint8Array],
    ]),
  },
}

const all = Object.entries(CHANGES).map(([what, f]) => [what, bytesToHex(sessionId(f))] as const)

test('the same facts give the same id, of 32 bytes', () => {
  assert.deepEqual(sessionId({ ...FACTS, nonces: new Map([...nonces].reverse()) }), sessionId(FACTS))
  assert.equal(sessionId(FACTS).length, 32)
})

for (const [what, id] of all) {
  test(`another ${what}, another session`, () => {
    assert.notEqual(id, bytesToHex(sessionId(FACTS)))
    assert.equal(all.filter(([, other]) => other === id).length, 1)
  })
}

test('other signers with the same nonces are another session', () => {
  const same = { ...FACTS, nonces: new Map(identities.map(({ id }) => [id, new Uint8Array(32)])) }
  assert.notDeepEqual(sessionId({ ...same, signers: ['a', 'c'] }), sessionId(same))
})

test('the nonce of somebody who does not take part changes nothing', () => {
  assert.deepEqual(sessionId({ ...FACTS, nonces: changedNonce('c') }), sessionId(FACTS))
})

const REFUSED: Readonly<Record<string, Partial<SessionFacts>>> = {
  'a missing nonce': { nonces: new Map([['a', systemRandom.bytes(32)]]) },
  'a short nonce': { nonces: new Map([...nonces, ['b', new Uint8Array(31)]]) },
  'an empty nonce': { nonces: new Map([...nonces, ['a', new Uint8Array(0)]]) },
  'signers out of order': { signers: ['b', 'a'] },
  'a signer twice': { signers: ['a', 'a'] },
  'a signer twice, besides others': { signers: ['a', 'b', 'b'] },
  'a stranger': { signers: ['a', 'z'], nonces: new Map([...nonces, ['z', systemRandom.bytes(32)]]) },
}

for (const [what, change] of Object.entries(REFUSED)) {
  test(`refused: ${what}`, () => assert.throws(() => sessionId({ ...FACTS, ...change }), UsageError))
}

test('refused: a threshold, an epoch or an account that has no encoding', () => {
  assert.throws(() => sessionId({ ...FACTS, threshold: 65_536 }))
  assert.throws(() => sessionId({ ...FACTS, epoch: -1 }))
  assert.throws(() => sessionId({ ...FACTS, account: 'x'.repeat(257) }))
})
