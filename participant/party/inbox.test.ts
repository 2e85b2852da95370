/** What is dropped, what is kept, and what convicts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { systemRandom } from '../base/random.ts'
import { decode } from '../wire/codec.ts'
import { encodePacket, envelopeCodec, type Message, signEnvelope, verifyEnvelope } from '../wire/envelope.ts'
import { seal } from '../wire/sealing.ts'
import { DIRECT_LIMIT, Inbox } from './inbox.ts'
import { createIdentity, type Identity, makeRoster } from './roster.ts'

const [alice, bob, carol, mallory] = ['alice', 'bob', 'carol', 'mallory'].map((id) =>
  createIdentity(id, systemRandom),
) as [Identity, Identity, Identity, Identity]
const roster = makeRoster([alice, bob, carol])
const session = systemRandom.bytes(32)
const ROUNDS = new Map<string, 'broadcast' | 'direct'>([
  ['p/1', 'broadcast'],
  ['p/2', 'direct'],
  ['p/1/echo', 'broadcast'],
  ['session/stop', 'direct'],
])

function open(mayRestart = false) {
  const changes = { count: 0 }
  const peers = roster.members.filter((m) => m.id !== 'bob')
  const inbox = new Inbox({
    session,
    identity: bob,
    peers,
    rounds: ROUNDS,
    mayRestart,
    onChange: () => changes.count++,
  })
  return { inbox, changes }
}

const broadcast: Message = { session, protocol: 'p', round: '1', from: 'alice', to: '', body: Uint8Array.of(1) }
const direct: Message = { ...broadcast, round: '2', to: 'bob' }

function clear(m: Message, by: Identity = alice): Uint8Array {
  return encodePacket({ kind: 'clear', envelope: signEnvelope(m, by.signingKey) })
}

function sealed(m: Message, by: Identity = alice, to: Identity = bob): Uint8Array {
  return encodePacket(seal(signEnvelope(m, by.signingKey), to.sealKey, systemRandom))
}

test('a signed broadcast and a sealed direct message are kept', () => {
  const { inbox, changes } = open()
  inbox.accept(clear(broadcast))
  inbox.accept(sealed(direct))
  assert.deepEqual(inbox.take('alice', 'p', '1')?.body, Uint8Array.of(1))
  assert.deepEqual(inbox.take('alice', 'p', '2')?.to, 'bob')
  assert.equal(inbox.take('carol', 'p', '1'), undefined)
  assert.deepEqual([inbox.dropped, changes.count, inbox.faults.length], [0, 2, 0])
})

const unsigned = signEnvelope(broadcast, alice.signingKey)

const DROPPED: Readonly<Record<string, Uint8Array>> = {
  garbage: Uint8Array.of(1, 2, 3),
  nothing: new Uint8Array(0),
  'the wire version before': clear(broadcast).map((b, i) => (i === 0 ? 1 : b)),
  'another wire version': clear(broadcast).map((b, i) => (i === 0 ? 3 : b)),
  'another session': clear({ ...broadcast, session: systemRandom.bytes(32) }),
  'another session, sealed': sealed({ ...direct, session: systemRandom.bytes(32) }),
  'an unknown sender': clear({ ...broadcast, from: 'mallory' }, mallory),
  'our own message': clear({ ...broadcast, from: 'bob' }, bob),
  'an unknown round': clear({ ...broadcast, round: '9' }),
  'an unknown protocol': clear({ ...broadcast, protocol: 'q' }),
  'protocol and round that only together make a name': clear({ ...broadcast, protocol: 'p/1', round: 'echo' }),
  'no signature': encodePacket({ kind: 'clear', envelope: { ...unsigned, signature: new Uint8Array(64) } }),
  'the signature of somebody else': clear(broadcast, mallory),
  'the signature of another peer': clear(broadcast, carol),
  'another body than was signed': encodePacket({ kind: 'clear', envelope: { ...unsigned, body: Uint8Array.of(2) } }),
  'a direct message in the clear': clear(direct),
  'a sealed broadcast': sealed({ ...broadcast, to: 'bob' }),
  'a broadcast addressed to one': clear({ ...broadcast, to: 'bob' }),
  'a direct message to somebody else': sealed({ ...direct, to: 'carol' }, alice, carol),
  'a direct message to somebody else, sealed to us': sealed({ ...direct, to: 'carol' }),
  'a direct message to everybody, sealed': sealed({ ...direct, to: '' }),
  'a sealed message that does not open': sealed(direct, alice, carol),
}

for (const [what, packet] of Object.entries(DROPPED)) {
  test(`dropped: ${what}`, () => {
    const { inbox, changes } = open()
    inbox.accept(packet)
    assert.deepEqual([inbox.dropped, changes.count, inbox.faults.length], [1, 0, 0])
    for (const id of ['alice', 'bob', 'carol', 'mallory']) {
      for (const round of ['1', '2', '9', '1/echo']) assert.equal(inbox.take(id, 'p', round), undefined)
    }
    // and the genuine message still counts afterwards
    inbox.accept(clear(broadcast))
    assert.deepEqual(inbox.take('alice', 'p', '1')?.body, Uint8Array.of(1))
    assert.equal(inbox.faults.length, 0)
  })
}

test('the same message again is ignored, also under another seal', () => {
  const { inbox, changes } = open()
  inbox.accept(clear(broadcast))
  inbox.accept(clear(broadcast))
  inbox.accept(sealed(direct))
  inbox.accept(sealed(direct))
  assert.deepEqual([inbox.dropped, changes.count, inbox.faults.length], [0, 2, 0])
})

for (const [kind, first, second, round] of [
  ['broadcast', clear(broadcast), clear({ ...broadcast, body: Uint8Array.of(2) }), '1'],
  ['direct', sealed(direct), sealed({ ...direct, body: Uint8Array.of(2) }), '2'],
] as const) {
  test(`two different ${kind} messages convict their sender, with both envelopes; the first stays`, () => {
    const { inbox } = open()
    inbox.accept(first)
    inbox.accept(second)
    inbox.accept(second)
    assert.deepEqual(inbox.take('alice', 'p', round)?.body, Uint8Array.of(1))
    assert.equal(inbox.faults.length, 1)
    const [fault] = inbox.faults
    assert.deepEqual(
      [fault?.culprit, fault?.code, fault?.check, fault?.round],
      ['alice', 'DUPLICATE', 'equivocation', round],
    )
    const shown = (fault?.evidence ?? []).map((raw) => decode(envelopeCodec, raw))
    assert.deepEqual(
      shown.map((e) => e.body[0]),
      [1, 2],
    )
    for (const e of shown) {
      assert.ok(verifyEnvelope(e, alice.verifyKey), 'verifyEnvelope(e, alice.verifyKey)')
      assert.deepEqual([e.session, e.protocol, e.round], [session, 'p', round])
    }
  })
}

test('of one that may come a second time the first message counts, and another convicts nobody', () => {
  const { inbox } = open(true)
  inbox.accept(clear(broadcast))
  inbox.accept(clear({ ...broadcast, body: Uint8Array.of(2) }))
  assert.deepEqual(inbox.take('alice', 'p', '1')?.body, Uint8Array.of(1))
  assert.equal(inbox.faults.length, 0)
})

test('nobody is convicted by a second message that somebody else made', () => {
  const { inbox } = open()
  inbox.accept(clear(broadcast))
  for (const packet of Object.values(DROPPED)) inbox.accept(packet)
  inbox.accept(clear({ ...broadcast, body: Uint8Array.of(2) }, carol))
  assert.equal(inbox.faults.length, 0)
})

test('what is kept is bounded by the rounds, however much a peer sends', () => {
  const { inbox, changes } = open()
  for (let i = 0; i < 50; i++) {
    inbox.accept(clear({ ...broadcast, round: `x${i}` }))
    inbox.accept(clear({ ...broadcast, body: Uint8Array.of(i) }))
  }
  assert.equal(inbox.dropped, 50)
  assert.equal(inbox.faults.length, 1)
  assert.ok(changes.count <= 50, 'changes.count <= 50')
})

test('what is too large to be shown to others is no direct message; a broadcast may be larger', () => {
  const body = new Uint8Array(DIRECT_LIMIT)
  const larger = new Uint8Array(DIRECT_LIMIT + 1)
  const { inbox } = open()
  inbox.accept(sealed({ ...direct, body: larger }))
  assert.deepEqual([inbox.take('alice', 'p', '2'), inbox.dropped], [undefined, 1])
  inbox.accept(sealed({ ...direct, body }))
  assert.equal(inbox.take('alice', 'p', '2')?.body.length, DIRECT_LIMIT)
  inbox.accept(clear({ ...broadcast, body: larger }))
  assert.equal(inbox.take('alice', 'p', '1')?.body.length, DIRECT_LIMIT + 1)
  // a stop has what it accuses others of inside
  inbox.accept(sealed({ ...direct, protocol: 'session', round: 'stop', body: larger }))
  assert.equal(inbox.take('alice', 'session', 'stop')?.body.length, DIRECT_LIMIT + 1)
})

test('no bytes make it throw', () => {
  const { inbox } = open()
  const start = clear(broadcast)
  fc.assert(
    fc.property(fc.nat(start.length - 1), fc.nat(255), fc.uint8Array({ maxLength: 60 }), (at, b, tail) => {
      inbox.accept(start.map((v, i) => (i === at ? b : v)))
      inbox.accept(Uint8Array.of(1, at % 3, ...tail))
    }),
    { numRuns: 300 },
  )
  assert.equal(inbox.faults.length, 0)
})
