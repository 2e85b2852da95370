/** A signature from a presignature, by its two halves: which packet is the peer's answer, and what its answer shows. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { InternalError, PeerStopped, ProtocolAbort } from '../base/errors.ts'
import { systemRandom } from '../base/random.ts'
import { secret } from '../base/secret.ts'
import { modQ } from '../math/curve.ts'
import type { PartyId } from '../party/roster.ts'
import { viewed } from '../party/view.ts'
import type { Presignature } from '../protocols/material.ts'
import { presignedContext, sessionOf } from '../protocols/session-context.ts'
import { one } from '../protocols/sign/protocol.ts'
import { dealPresignatures, fixture, testContext } from '../protocols/testing.ts'
import { decode, encode } from '../wire/codec.ts'
import { decodePacket, type Envelope, encodePacket, signEnvelope } from '../wire/envelope.ts'
import { seal, unseal } from '../wire/sealing.ts'
import type { Presigned } from './pool.ts'
import { answerPacket, finish, openAnswer, refusalPacket } from './presigned.ts'

const f = fixture(3, 2)
const signers = ['p0', 'p1']
const share = (id: PartyId) => f.shares.get(id) ?? assert.fail('no share')
const context = testContext(f, 'presign', signers)
const digest = systemRandom.bytes(32)
const session = sessionOf(presignedContext(context, digest))
const meeting = systemRandom.bytes(32)
const view = new Uint8Array(32).fill(5)
const at = { share: share('p0'), meeting, session, peer: 'p1' }

/** Both parts of a presignature that p0 may spend; `change` is about the part of p0. */
function presigned(change: (p: Presignature) => Partial<Presignature> = () => ({})) {
  const dealt = dealPresignatures(signers, 7n)
  const part = (id: PartyId): Presigned => {
    const own = dealt.get(id) ?? assert.fail('no presignature')
    const presignature = id === 'p0' ? { ...own, ...change(own) } : own
    return { id: sessionOf(context), owner: 'p0', presignature, context, view, record: [Uint8Array.of(1)] }
  }
  return { mine: part('p0'), theirs: part('p1') }
}

function envelopeOf(raw: Uint8Array): Envelope {
  const packet = decodePacket(raw)
  return packet.kind === 'clear' ? packet.envelope : unseal(packet, share('p0').identity.sealingKey)
}

const signedBy = (id: PartyId, e: Envelope): Envelope => signEnvelope(e, share(id).identity.signingKey)
const clear = (envelope: Envelope): Uint8Array => encodePacket({ kind: 'clear', envelope })

test('the answer makes a signature; a refusal comes as one', () => {
  const { mine, theirs } = presigned()
  const answer = openAnswer(answerPacket(share('p1'), theirs, digest), at)
  assert.ok(answer !== undefined, 'it is the answer')
  // finish gives only what verifies under the public key
  assert.ok(finish(mine, digest, answer).s > 0n, 'a signature')
  const stop = { reason: 'NOT_TODAY', message: 'it is Sunday' }
  assert.throws(
    () => openAnswer(refusalPacket(share('p1'), meeting, 'p0', stop, systemRandom), at),
    (e) => e instanceof PeerStopped && e.peer === 'p1' && e.reason === 'NOT_TODAY',
  )
})

test('what the network, or a third party, made is no answer', () => {
  const answer = envelopeOf(answerPacket(share('p1'), presigned().theirs, digest))
  const none: readonly (readonly [what: string, raw: Uint8Array])[] = [
    ['nothing', new Uint8Array(0)],
    ['garbage', Uint8Array.of(1, 2, 3)],
    ['of somebody else', clear(signedBy('p2', { ...answer, from: 'p2' }))],
    ['signed by somebody else', clear(signedBy('p2', answer))],
    ['in the name of somebody else', clear(signedBy('p1', { ...answer, from: 'p2' }))],
    ['to one party', clear(signedBy('p1', { ...answer, to: 'p0' }))],
    ['of another protocol', clear(signedBy('p1', { ...answer, protocol: 'presign' }))],
    ['of another round', clear(signedBy('p1', { ...answer, round: '2' }))],
    ['of another session', clear(signedBy('p1', { ...answer, session: meeting }))],
    ['for another digest', answerPacket(share('p1'), presigned().theirs, new Uint8Array(32))],
  ]
  for (const [what, raw] of none) assert.equal(openAnswer(raw, at), undefined, what)
})

test('what the network, or a third party, made is no refusal', () => {
  const said = envelopeOf(refusalPacket(share('p1'), meeting, 'p0', { reason: 'NO', message: '' }, systemRandom))
  const sealed = (e: Envelope, to: PartyId = 'p0'): Uint8Array =>
    encodePacket(seal(e, share(to).identity.sealKey, systemRandom))
  assert.throws(() => openAnswer(sealed(signedBy('p1', said)), at), PeerStopped)
  const none: readonly (readonly [what: string, raw: Uint8Array])[] = [
    ['in the clear', clear(signedBy('p1', said))],
    ['of somebody else', sealed(signedBy('p2', { ...said, from: 'p2' }))],
    ['signed by somebody else', sealed(signedBy('p2', said))],
    ['in the name of somebody else', sealed(signedBy('p1', { ...said, from: 'p2' }))],
    ['to somebody else', sealed(signedBy('p1', { ...said, to: 'p2' }), 'p2')],
    ['to somebody else, under our key', sealed(signedBy('p1', { ...said, to: 'p2' }))],
    ['of another meeting', sealed(signedBy('p1', { ...said, session }))],
    ['of another protocol', sealed(signedBy('p1', { ...said, protocol: 'sign' }))],
    ['of another round', sealed(signedBy('p1', { ...said, round: 'go' }))],
  ]
  for (const [what, raw] of none) assert.equal(openAnswer(raw, at), undefined, what)
})

test('an answer that is wrong convicts its author, with what it rests on', () => {
  const answer = envelopeOf(answerPacket(share('p1'), presigned().theirs, digest))
  const { message } = decode(viewed(one.codec), answer.body)
  const body = (sigma: bigint, under = view): Uint8Array =>
    encode(viewed(one.codec), { view: under, message: { sigma } })
  for (const [code, changed] of [
    ['DECODE', Uint8Array.of(1)],
    ['VIEW', body(message.sigma, new Uint8Array(32))],
    ['PARTIAL_SIG', body(modQ(message.sigma + 1n))],
  ] as const) {
    assert.throws(
      () => finish(presigned().mine, digest, signedBy('p1', { ...answer, body: changed })),
      (e) => {
        assert.ok(e instanceof ProtocolAbort, `${e}`)
        assert.deepEqual(
          e.faults.map((x) => [x.culprit, x.code, x.evidence.length, x.record?.length]),
          [['p1', code, 1, 1]],
        )
        return true
      },
    )
  }
})

test('when our own part is wrong there is no signature, and nobody is blamed', () => {
  const { mine, theirs } = presigned((p) => ({ kTilde: secret(modQ(p.kTilde.expose() + 1n)) }))
  const answer = envelopeOf(answerPacket(share('p1'), theirs, digest))
  assert.throws(() => finish(mine, digest, answer), InternalError)
})
