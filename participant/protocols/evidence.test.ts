/**
 * What it takes to convict, on the transcript of a key generation in which p1 gives p0 a wrong sub-share: everything that
 * the evidence may be missing, and everything that an accuser may make up about an honest party.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Fault, ProtocolAbort } from '../base/errors.ts'
import { systemRandom } from '../base/random.ts'
import { G, modQ } from '../math/curve.ts'
import type { Identity, PartyId } from '../party/roster.ts'
import { runAll } from '../party/testing.ts'
import { FIRST_VIEW, viewed } from '../party/view.ts'
import { decode, encode } from '../wire/codec.ts'
import { type Envelope, envelopeCodec, signEnvelope } from '../wire/envelope.ts'
import { convicts } from './evidence.ts'
import { keygen } from './keygen/protocol.ts'
import * as kg from './keygen/rounds.ts'
import { type SessionContext, sessionOf } from './session-context.ts'
import { altered, type Cheat, fixture, honest, testContext } from './testing.ts'

const f = fixture(3, 3)
const read = (raw: Uint8Array): Envelope => decode(envelopeCodec, raw)

/** Signed by `by`, who is the sender if nobody else is named. */
function signed(e: Omit<Envelope, 'signature'>, by: PartyId = e.from): Uint8Array {
  return encode(envelopeCodec, signEnvelope(e, (f.identities.get(by) as Identity).signingKey))
}

/** What p0 has after a key generation in which p1 does this. */
async function transcript(cheat: Cheat): Promise<{ readonly fault: Fault; readonly context: SessionContext }> {
  const context = testContext(f, 'keygen')
  const { identities, roster, level } = f
  const results = await runAll(
    { identities, roster, level, protocols: [kg.keygenRounds], session: sessionOf(context) },
    (party, id) => keygen({ threshold: 3 }, (id === 'p1' ? cheat : honest)(party('keygen'))),
  )
  const result = results.get('p0')
  assert.ok(result?.status === 'rejected' && result.reason instanceof ProtocolAbort, 'p0 aborts')
  return { fault: result.reason.faults[0] as Fault, context }
}

const wrongShare = altered(kg.twoShares, (m, to) => ({ sigma: modQ(m.sigma + (to === 'p0' ? 1n : 0n)) }))
const share = transcript(wrongShare)
/** All go to the end but p1, whose last response is wrong: there are broadcasts of every round. */
const knowledge = transcript(altered(kg.three, (m) => ({ z: modQ(m.z + 1n) })))

function said({ fault }: { readonly fault: Fault }, from: PartyId, round: string): Envelope {
  const all = [...fault.evidence, ...(fault.record ?? [])].map(read)
  return all.find((e) => e.from === from && e.round === round) ?? assert.fail(`${from} said nothing in ${round}`)
}

test('the guilty are convicted, whatever else stands before what counts', async () => {
  for (const made of [await share, await knowledge]) {
    const { fault, context } = made
    assert.equal(await convicts(fault, context), true)
    const record = fault.record ?? []
    const [one, two] = [said(made, 'p1', '1'), said(made, 'p1', '2')]
    // signed by p1 in this session, and none of its broadcasts in the round that is looked for
    const decoys = [
      one,
      ...[one, two].flatMap((e) => [
        { ...e, to: 'p2', body: two.body.map((b) => b ^ 1) },
        { ...e, protocol: 'aux-info', body: two.body.map((b) => b ^ 1) },
      ]),
    ].map((e) => signed(e))
    const shuffled = [...record].reverse()
    assert.equal(await convicts({ ...fault, record: [...decoys, ...shuffled] }, context), true)
    assert.equal(await convicts({ ...fault, evidence: [...decoys, ...fault.evidence] }, context), true)
  }
})

test('what is missing, foreign or of somebody else proves nothing', async () => {
  const made = await share
  const { fault, context } = made
  const record = fault.record ?? []
  const [opening, wrong] = fault.evidence.map(read) as [Envelope, Envelope]
  const own = signed(opening)
  const elsewhere = { ...opening, session: systemRandom.bytes(32) }
  const stranger = { ...opening, from: 'p9' }
  const { record: _, ...withoutRecord } = fault
  const rows: readonly (readonly [what: string, Partial<Fault>])[] = [
    ['nothing', { evidence: [] }],
    ['no broadcasts', { record: [] }],
    ['without what it rests on', { evidence: fault.evidence.slice(1) }],
    ['garbage before it', { evidence: [Uint8Array.of(1), ...fault.evidence] }],
    ['signed by another', { evidence: [own, signed(wrong, 'p0')] }],
    ['resting on what another signed', { evidence: [signed(opening, 'p0'), signed(wrong)] }],
    ['resting on what another said', { evidence: [signed({ ...opening, from: 'p2' }), signed(wrong)] }],
    ['resting on another session', { evidence: [signed(elsewhere), signed(wrong)] }],
    ['another session', { evidence: [own, signed({ ...wrong, session: elsewhere.session })] }],
    ['a record with another session', { record: [...record, signed(elsewhere)] }],
    ['a record with what nobody signed', { record: [...record, signed(opening, 'p0')] }],
    ['a record with a stranger', { record: [...record, signed(stranger, 'p0')] }],
    ['against another', { culprit: 'p2' }],
    ['against a stranger', { culprit: 'p9' }],
    ['another round', { round: kg.two.name }],
    ['another protocol', { protocol: 'aux-info' }],
    ['no round of the protocol', { round: '7', evidence: [own, signed({ ...wrong, round: '7' })] }],
    ['no protocol', { protocol: 'chess', evidence: [own, signed({ ...wrong, protocol: 'chess' })] }],
    ['another code', { code: 'PROOF_EQ' }],
    ['another check', { check: 'eq V' }],
  ]
  assert.equal(await convicts(withoutRecord, context), false, 'no record')
  for (const [what, change] of rows) assert.equal(await convicts({ ...fault, ...change }, context), false, what)
})

test('a message that does not decode convicts where the protocol has it, and a good one of nothing else', async () => {
  const { fault, context } = await share
  const [opening] = fault.evidence.map(read) as [Envelope]
  const empty = { code: 'DECODE', check: 'decode: message ends too early', record: fault.record ?? [] } as const
  const rows: readonly (readonly [what: string, round: string, to: string, proven: boolean])[] = [
    ['a broadcast', '1', '', true],
    ['a direct message', '2 shares', 'p0', true],
    ['a broadcast that is addressed', '1', 'p0', false],
    ['a direct message to all', '2 shares', '', false],
  ]
  for (const [what, round, to, proven] of rows) {
    const evidence = [signed({ ...opening, round, to, body: new Uint8Array(0) })]
    const about = { culprit: 'p1', protocol: 'keygen', round, evidence, ...empty }
    assert.equal(await convicts(about, context), proven, what)
  }
  assert.equal(await convicts({ ...fault, ...empty }, context), false, 'one that decodes')
})

test('nothing is proven against somebody who was told something else than the accuser shows', async () => {
  // p2 is honest: its response holds for the key that it was told of, and not with another opening of p0
  const made = await knowledge
  const { fault, context } = made
  const three = said(made, 'p2', '3')
  const accused = { ...fault, culprit: 'p2', evidence: [signed(three)] }
  assert.equal(await convicts(accused, context), false)
  const opening = said(made, 'p0', '2')
  const { view, message } = decode(viewed(kg.two.codec), opening.body)
  const [first, ...rest] = message.F
  const other = { ...message, F: [(first ?? G).add(G), ...rest] }
  const body = encode(viewed(kg.two.codec), { view, message: other })
  const record = (fault.record ?? []).map((raw) => {
    const e = read(raw)
    return e.from === 'p0' && e.round === '2' ? signed({ ...e, body }) : raw
  })
  assert.equal(await convicts({ ...accused, record }, context), false)
})

test('a message is checked as one of its own round only', async () => {
  const made = await knowledge
  const { fault, context } = made
  // 32 bytes that could be a response, in the round of commitments
  const one = said(made, 'p2', '1')
  const about = { ...fault, culprit: 'p2', round: '1', evidence: [signed(one)] }
  assert.deepEqual([fault.code, fault.check], ['PROOF_EQ', 'psi: eq X'])
  assert.equal(await convicts(about, context), false)
})

test('who is not among the signers of the session is convicted of nothing in it', async () => {
  const signers = ['p0', 'p1']
  const context = { ...testContext(fixture(3, 2), 'sign', signers), roster: f.roster }
  const say = (from: PartyId, byte: number): Uint8Array => {
    const body = encode(viewed(kg.one.codec), { view: FIRST_VIEW, message: { V: new Uint8Array(32).fill(byte) } })
    return signed({ session: sessionOf(context), protocol: 'presign', round: '1', from, to: '', body })
  }
  const twice = (culprit: PartyId): Fault => ({
    culprit,
    protocol: 'presign',
    round: '1',
    code: 'DUPLICATE',
    check: 'equivocation',
    evidence: [say(culprit, 1), say(culprit, 2)],
  })
  assert.equal(await convicts(twice('p1'), context), true)
  assert.equal(await convicts(twice('p2'), context), false)
})

test('two messages of one party in one round are two that differ, for the same recipient', async () => {
  const context = testContext(f, 'keygen')
  const base = { session: sessionOf(context), protocol: 'keygen', round: '1', from: 'p1', to: '' }
  const [a, b] = [Uint8Array.of(1), Uint8Array.of(2)]
  const say = (body: Uint8Array, from = 'p1'): Uint8Array => signed({ ...base, from, body })
  const about = (first: Partial<Envelope>, by: PartyId = 'p1', rest: Partial<Fault> = {}): Fault => ({
    culprit: 'p1',
    protocol: 'keygen',
    round: '1',
    code: 'DUPLICATE',
    check: 'equivocation',
    evidence: [signed({ ...base, body: a, ...first }, by), say(b)],
    ...rest,
  })
  assert.equal(await convicts(about({}), context), true)
  const rows: readonly (readonly [what: string, Fault])[] = [
    ['the same message', about({ body: b })],
    ['another protocol', about({ protocol: 'aux-info' })],
    ['another round', about({ round: '2' })],
    ['another recipient', about({ to: 'p0' })],
    ['another session', about({ session: new Uint8Array(32) })],
    ['the first of another author', about({ from: 'p2' }, 'p2')],
    ['the second of another author', { ...about({}), evidence: [say(a), say(b, 'p2')] }],
    ['one that another signed', about({}, 'p2')],
    ['said to be something else', about({}, 'p1', { code: 'CHI' })],
    ['said of another round', about({}, 'p1', { round: '2' })],
    ['said of another protocol', about({}, 'p1', { protocol: 'aux-info' })],
    ['with something foreign', about({}, 'p1', { record: [signed({ ...base, body: a }, 'p2')] })],
  ]
  for (const [what, fault] of rows) assert.equal(await convicts(fault, context), false, what)
})
