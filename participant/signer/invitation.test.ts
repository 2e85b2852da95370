import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytesToHex } from '../base/bytes.ts'
import { INSECURE_TEST } from '../base/level.ts'
import { systemRandom } from '../base/random.ts'
import type { KeyShare } from '../key-share/key-share.ts'
import { dealTestShares } from '../key-share/testing.ts'
import { createIdentity } from '../party/roster.ts'
import { decodePacket, type Envelope, encodePacket, signEnvelope } from '../wire/envelope.ts'
import { seal, unseal } from '../wire/sealing.ts'
import {
  type Invitation,
  invitationHash,
  invitationProblem,
  isFromPeer,
  makeInvitation,
  openInvitation,
  sealInvitation,
} from './invitation.ts'

const parties = ['a', 'b', 'c']
const shares = dealTestShares({ parties, threshold: 2, accounts: ['x'], level: INSECURE_TEST })
const others = dealTestShares({ parties, threshold: 2, accounts: ['x'], level: INSECURE_TEST })
const share = (id: string, from = shares): KeyShare => from.get(id)?.get('x') as KeyShare
const meeting = new Uint8Array(32).fill(1)
const payload = { kind: 'sha256', message: Uint8Array.of(1) } as const
const invitation = makeInvitation(share('a'), ['a', 'b'], { kind: 'sign', payload }, 1_000)

const authority = { requestId: 'r1', permit: { expires: 7, tag: new Uint8Array(32) }, approvals: [] }

test('without permit and approvals it is encoded as it always was; with them, they are at its end', () => {
  const raw = (i: Invitation): Uint8Array => {
    const packet = decodePacket(sealInvitation(share('a'), meeting, 'b', i, systemRandom))
    assert.ok(packet.kind === 'sealed', 'it is sealed')
    return unseal(packet, share('b').identity.sealingKey).body
  }
  const [without, including] = [raw(invitation), raw({ ...invitation, authority })]
  // account, epoch, roster, level, signers, kind and payload, deadline: nothing else
  const length = 4 + 1 + 4 + 32 + 4 + invitation.level.length + 4 + 2 * (4 + 1) + 1 + 1 + 4 + payload.message.length + 7
  assert.equal(without.length, length)
  assert.deepEqual(including.slice(0, length), without)
  const packet = sealInvitation(share('a'), meeting, 'b', { ...invitation, authority }, systemRandom)
  assert.deepEqual(openInvitation(packet, share('b').identity)?.invitation, { ...invitation, authority })
  assert.deepEqual(
    makeInvitation(share('a'), ['a', 'b'], { kind: 'sign', payload }, 1_000, authority).authority,
    authority,
  )
})

test('the invited party opens it; nobody else does', () => {
  const raw = sealInvitation(share('a'), meeting, 'b', invitation, systemRandom)
  const got = openInvitation(raw, share('b').identity)
  assert.deepEqual(got?.invitation, invitation)
  assert.equal(got?.from, 'a')
  assert.ok(isFromPeer(share('b'), got as NonNullable<typeof got>))
  assert.equal(openInvitation(raw, share('c').identity), undefined)
  assert.equal(openInvitation(raw, share('b', others).identity), undefined)
  assert.equal(openInvitation(raw.slice(1), share('b').identity), undefined)
  assert.equal(openInvitation(Uint8Array.of(), share('b').identity), undefined)
})

test('the sealed packet shows neither account nor message', () => {
  const secret = { kind: 'sha256', message: new TextEncoder().encode('canary-canary-canary') } as const
  const raw = sealInvitation(
    share('a'),
    meeting,
    'b',
    makeInvitation(share('a'), ['a', 'b'], { kind: 'sign', payload: secret }, 1_000),
    systemRandom,
  )
  assert.ok(!Buffer.from(raw).includes('canary'))
})

test('an invitation signed by somebody outside the roster, or by ourselves, is not from a peer', () => {
  // the outsider has the same name, but not the key that the roster pins
  const forged = { ...share('a'), identity: share('a', others).identity }
  const raw = sealInvitation(forged, meeting, 'b', invitation, systemRandom)
  const got = openInvitation(raw, share('b').identity)
  assert.ok(got !== undefined)
  assert.equal(isFromPeer(share('b'), got), false)
  const own = openInvitation(sealInvitation(share('b'), meeting, 'b', invitation, systemRandom), share('b').identity)
  assert.ok(own !== undefined)
  assert.equal(isFromPeer(share('b'), own), false)
})

test('an invitation from a name that nobody has is from no peer', () => {
  const stranger = { ...share('a'), identity: createIdentity('stranger', systemRandom) }
  const raw = sealInvitation(stranger, meeting, 'b', invitation, systemRandom)
  const got = openInvitation(raw, share('b').identity)
  assert.ok(got !== undefined, 'it opens')
  assert.equal(isFromPeer(share('b'), got), false)
})

test('what is sealed to us and is no invitation is passed over', () => {
  const { identity } = share('b')
  const packet = decodePacket(sealInvitation(share('a'), meeting, 'b', invitation, systemRandom))
  assert.ok(packet.kind === 'sealed', 'it is sealed')
  const envelope = unseal(packet, identity.sealingKey)
  const opened = (change: Partial<Envelope>) => {
    const signed = signEnvelope({ ...envelope, ...change }, share('a').identity.signingKey)
    return openInvitation(encodePacket(seal(signed, identity.sealKey, systemRandom)), identity)
  }
  assert.deepEqual(opened({})?.invitation, invitation)
  assert.equal(opened({ round: 'join' }), undefined)
  assert.equal(opened({ protocol: 'sign' }), undefined)
  assert.equal(opened({ to: 'c' }), undefined, 'for somebody else, under our key')
  const signed = signEnvelope(envelope, share('a').identity.signingKey)
  assert.equal(openInvitation(encodePacket({ kind: 'clear', envelope: signed }), identity), undefined, 'in the clear')
})

test('the hash covers the meeting and every field', () => {
  const base = invitationHash(meeting, invitation)
  const changed: Invitation[] = [
    { ...invitation, account: 'y' },
    { ...invitation, epoch: 1 },
    { ...invitation, roster: new Uint8Array(32) },
    { ...invitation, level: 'other' },
    { ...invitation, signers: ['a', 'c'] },
    { ...invitation, ask: { kind: 'sign', payload: { kind: 'keccak256', message: Uint8Array.of(1) } } },
    { ...invitation, ask: { kind: 'presign', owner: 'a' } },
    { ...invitation, ask: { kind: 'presign', owner: 'b' } },
    { ...invitation, ask: { kind: 'sign-presigned', payload, presignature: meeting, reply: 'replies-0' } },
    { ...invitation, ask: { kind: 'sign-presigned', payload, presignature: meeting, reply: 'replies-1' } },
    { ...invitation, deadline: 1_001n },
    { ...invitation, authority },
    { ...invitation, authority: { ...authority, requestId: 'other' } },
  ]
  const hashes = [base, ...changed.map((i) => invitationHash(meeting, i))].map(bytesToHex)
  assert.equal(new Set(hashes).size, hashes.length)
  assert.notDeepEqual(invitationHash(new Uint8Array(32), invitation), base)
})

test('what does not fit our share is named', () => {
  const of = (change: Partial<Invitation>, from = 'a'): string | undefined =>
    invitationProblem(share('b'), from, { ...invitation, ...change })
  assert.equal(of({}), undefined)
  assert.equal(of({ roster: new Uint8Array(32) }), 'ROSTER')
  assert.equal(of({ level: 'cggmp24-3072' }), 'ROSTER')
  assert.equal(of({ epoch: 1 }), 'EPOCH')
  assert.equal(of({ signers: ['a', 'b', 'c'] }), 'SIGNERS', 'more than threshold')
  assert.equal(of({ signers: ['b', 'a'] }), 'SIGNERS', 'order')
  assert.equal(of({ signers: ['b', 'b'] }), 'SIGNERS', 'twice')
  assert.equal(of({ signers: ['a', 'c'] }), 'SIGNERS', 'without us')
  assert.equal(of({ signers: ['b', 'c'] }), 'SIGNERS', 'without the one who asks')
  assert.equal(of({ signers: ['a', 'z'] }), 'SIGNERS', 'nobody of that name')
  assert.equal(of({ signers: ['a', 'b', 'z'] }), 'SIGNERS', 'a stranger after the members')
})

test('direct messages carry their signature inside the seal', () => {
  const packet = decodePacket(sealInvitation(share('a'), meeting, 'b', invitation, systemRandom))
  assert.equal(packet.kind, 'sealed')
  if (packet.kind === 'sealed') assert.equal(unseal(packet, share('b').identity.sealingKey).from, 'a')
})
