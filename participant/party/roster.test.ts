import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytesToHex } from '../base/bytes.ts'
import { UsageError } from '../base/errors.ts'
import { systemRandom } from '../base/random.ts'
import { secret } from '../base/secret.ts'
import {
  checkRoster,
  createIdentity,
  fingerprint,
  identityOf,
  MAX_PARTIES,
  type Member,
  makeRoster,
  memberOf,
  requireMember,
  rosterDigest,
} from './roster.ts'

const [bob, alice, carol] = ['bob', 'alice', 'carol'].map((id) => createIdentity(id, systemRandom)) as [
  ReturnType<typeof createIdentity>,
  ReturnType<typeof createIdentity>,
  ReturnType<typeof createIdentity>,
]
const roster = makeRoster([bob, alice, carol])

test('members stand in the order of their names, with indices from 1', () => {
  assert.deepEqual(
    roster.members.map((m) => [m.id, m.index]),
    [
      ['alice', 1],
      ['bob', 2],
      ['carol', 3],
    ],
  )
  assert.equal(fingerprint(makeRoster([carol, bob, alice])), fingerprint(roster))
  assert.match(fingerprint(roster), /^([0-9a-f]{4}-){4}[0-9a-f]{4}$/)
})

test('nothing secret is in a roster', () => {
  for (const m of roster.members) assert.deepEqual(Object.keys(m).sort(), ['id', 'index', 'sealKey', 'verifyKey'])
})

const [first, second, third] = roster.members as [Member, Member, Member]
const many = (n: number) => Array.from({ length: n }, (_, i) => createIdentity(`p${i}`, systemRandom))

test('refused: too few or too many members', () => {
  for (const members of [[], [first], many(MAX_PARTIES + 1)]) assert.throws(() => makeRoster(members), UsageError)
  assert.equal(makeRoster(many(MAX_PARTIES)).members.length, MAX_PARTIES)
})

const REFUSED: Readonly<Record<string, { readonly members: readonly Member[]; readonly message: RegExp }>> = {
  'a name twice': { members: [first, { ...second, id: 'alice' }], message: /distinct names/ },
  'names out of order': { members: [{ ...first, id: 'z' }, second], message: /in order/ },
  'an empty name': { members: [{ ...first, id: '' }, second], message: /no valid name/ },
  'a name with a slash': { members: [{ ...first, id: 'a/b' }, second], message: /no valid name/ },
  'a name that starts with a dash': { members: [{ ...first, id: '-a' }, second], message: /no valid name/ },
  'a name of 33 letters': { members: [{ ...first, id: 'a'.repeat(33) }, second], message: /no valid name/ },
  'a name with a line break': { members: [{ ...first, id: 'alice\n' }, second], message: /no valid name/ },
  'index 0': { members: [{ ...first, index: 0 }, second], message: /expected index 1/ },
  'a gap in the indices': { members: [first, { ...second, index: 3 }], message: /expected index 2/ },
  'an index twice': { members: [first, { ...second, index: 1 }], message: /expected index 2/ },
  'a short signing key': { members: [{ ...first, verifyKey: new Uint8Array(31) }, second], message: /32 bytes/ },
  'a long sealing key': { members: [first, { ...second, sealKey: new Uint8Array(33) }], message: /32 bytes/ },
  'a signing key twice': {
    members: [first, { ...second, verifyKey: first.verifyKey }],
    message: /same signing key/,
  },
  'a sealing key twice': {
    members: [first, second, { ...third, sealKey: first.sealKey }],
    message: /same sealing key/,
  },
}

for (const [what, { members, message }] of Object.entries(REFUSED)) {
  test(`refused: ${what}`, () => {
    assert.throws(
      () => checkRoster({ members }),
      (e: unknown) => e instanceof UsageError && message.test(e.message),
    )
  })
}

test('the digest tells apart every field', () => {
  const changed: readonly Member[] = [
    { ...first, id: 'alicf' },
    { ...first, index: 9 },
    { ...first, verifyKey: carol.verifyKey },
    { ...first, sealKey: carol.sealKey },
  ]
  const digests = [first, ...changed].map((m) => bytesToHex(rosterDigest({ members: [m, second] })))
  digests.push(bytesToHex(rosterDigest(roster)))
  assert.equal(new Set(digests).size, digests.length)
})

test('a member is found by name, and must have the pinned keys', () => {
  assert.equal(memberOf(roster, 'bob'), second)
  assert.throws(() => memberOf(roster, 'dave'), UsageError)
  assert.equal(requireMember(roster, bob), second)
  assert.throws(() => requireMember(roster, createIdentity('bob', systemRandom)), /identity keys of bob/)
  const otherSeal = identityOf('bob', bob.signingKey, secret(systemRandom.bytes(32)))
  const otherSign = identityOf('bob', secret(systemRandom.bytes(32)), bob.sealingKey)
  for (const identity of [otherSeal, otherSign]) assert.throws(() => requireMember(roster, identity), UsageError)
})

test('an identity has a valid name and the public keys of its secrets', () => {
  assert.throws(() => createIdentity('a b', systemRandom), UsageError)
  assert.deepEqual(identityOf('bob', bob.signingKey, bob.sealingKey), bob)
})
