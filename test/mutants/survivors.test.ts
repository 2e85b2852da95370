/** Checks that `make mutants` found to be without a test, and that belong beside no other. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bigintToBytes } from '../../participant/base/bytes.ts'
import { DecodeError, UsageError } from '../../participant/base/errors.ts'
import { INSECURE_TEST } from '../../participant/base/level.ts'
import { systemRandom } from '../../participant/base/random.ts'
import { formatKeyShares, parseKeyShares } from '../../participant/key-share/format.ts'
import { createIdentity, makeRoster } from '../../participant/party/roster.ts'
import { sessionId } from '../../participant/party/session.ts'
import { memoryRoom } from '../../participant/party/simulation.ts'
import { contextOf } from '../../participant/protocols/presign/statements.ts'
import { fixture } from '../../participant/protocols/testing.ts'
import {
  invitationProblem,
  isFromPeer,
  makeInvitation,
  openInvitation,
  sealInvitation,
} from '../../participant/signer/invitation.ts'
import { rendezvous } from '../../participant/signer/rendezvous.ts'
import { decodePacket, encodePacket, signEnvelope } from '../../participant/wire/envelope.ts'

test('a negative integer is refused in our own words', () => {
  const message = 'expected a non-negative integer'
  for (const v of [-1n, -256n]) assert.throws(() => bigintToBytes(v, 4), { name: 'RangeError', message })
})

test('other signers with the same nonces are another session', () => {
  const nonce = systemRandom.bytes(32)
  const roster = makeRoster(['a', 'b', 'c'].map((id) => createIdentity(id, systemRandom)))
  const nonces = new Map(['a', 'b', 'c'].map((id) => [id, nonce]))
  const common = { purpose: 'sign', level: INSECURE_TEST, roster, threshold: 2, account: 'x', epoch: 0, nonces }
  const [ab, ac] = [
    ['a', 'b'],
    ['a', 'c'],
  ].map((signers) => sessionId({ ...common, signers }))
  assert.notDeepEqual(ab, ac)
})

test('a set of signers that is not one is refused as such, before anything is computed with it', () => {
  const f = fixture(4, 2)
  const share = f.shares.get('p0')
  assert.ok(share !== undefined)
  for (const signers of [
    ['p0', 'p1', 'p1'],
    ['p0', 'p1', 'stranger'],
    ['p0', 'p0'],
  ]) {
    const { publicKey, publicShares } = share.core
    assert.throws(
      () => contextOf(f.roster, 2, publicKey, publicShares, signers, share.aux.peers),
      (e) => e instanceof UsageError && e.message === 'signers: expected 2 distinct members in roster order',
      signers.join(),
    )
  }
})

test('entries of a key share file under another name than the members have are refused as such', () => {
  const share = fixture(2, 2).shares.get('p0')
  assert.ok(share !== undefined)
  const text = formatKeyShares(new Map([['a', share]]))
  for (const [field, path, who] of [
    ['public_shares', 'public_shares', 'member'],
    ['peers', 'aux.peers', 'other member'],
  ] as const) {
    const renamed = text.replace(new RegExp(`("${field}": \\{[^}]*?)"p1"`), '$1"p9"')
    assert.notEqual(renamed, text)
    assert.throws(
      () => parseKeyShares(renamed, { levels: [INSECURE_TEST] }),
      (e) =>
        e instanceof DecodeError &&
        e.message === `key shares: account "a": ${path}: expected one entry for each ${who}`,
      field,
    )
  }
})

const dealt = fixture(3, 2)
const shareOf = (id: string) => dealt.shares.get(id) ?? assert.fail('no share')
const invitation = makeInvitation(
  shareOf('p0'),
  ['p0', 'p1'],
  { kind: 'sha256', message: new Uint8Array(3) },
  Date.now() + 1_000,
)

test('an invitation from a name that nobody has is from no peer', () => {
  const stranger = { ...shareOf('p0'), identity: createIdentity('stranger', systemRandom) }
  const raw = sealInvitation(stranger, new Uint8Array(32), 'p1', invitation, systemRandom)
  const got = openInvitation(raw, shareOf('p1').identity)
  assert.ok(got !== undefined)
  assert.equal(isFromPeer(shareOf('p1'), got), false)
})

test('an invitation with a stranger after the members does not fit', () => {
  assert.equal(invitationProblem(shareOf('p1'), 'p0', invitation), undefined)
  const signers = ['p0', 'p1', 'stranger']
  assert.equal(invitationProblem(shareOf('p1'), 'p0', { ...invitation, signers }), 'SIGNERS')
})

test('a hello that the key in it did not sign, or that was for another room, counts for nothing', async () => {
  const [alice, bob, mallory] = ['alice', 'bob', 'mallory'].map((id) => createIdentity(id, systemRandom))
  assert.ok(alice !== undefined && bob !== undefined && mallory !== undefined)
  const common = {
    terms: { room: 'r', parties: 2, threshold: 2, accounts: ['a'], level: INSECURE_TEST.name },
    random: systemRandom,
    deadlineMs: 60,
    signal: new AbortController().signal,
  }
  const recorded = memoryRoom()
  await assert.rejects(rendezvous({ ...common, identity: alice, channel: recorded }))
  const [packet] = recorded.log.map(decodePacket)
  assert.ok(packet?.kind === 'clear' && packet.envelope.round === 'hello')
  const seen = async (by: typeof alice, room = 'r'): Promise<readonly string[]> => {
    const channel = memoryRoom()
    await channel.post(encodePacket({ kind: 'clear', envelope: signEnvelope(packet.envelope, by.signingKey) }))
    let members: readonly string[] = []
    const onMembers = (ids: readonly string[]): void => {
      members = ids
    }
    const terms = { ...common.terms, room }
    await assert.rejects(rendezvous({ ...common, terms, identity: bob, channel, onMembers }))
    return members
  }
  assert.ok((await seen(alice)).includes('alice'))
  assert.ok(!(await seen(mallory)).includes('alice'))
  assert.ok(!(await seen(alice, 'another room')).includes('alice'))
})
