/**
 * Evidence: what a party that aborts can show to somebody who was not there. Each kind has its twin: the guilty transcript
 * convicts, and an honest transcript that is offered as the same evidence does not.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Fault, type FaultCode, ProtocolAbort } from '../participant/base/errors.ts'
import { systemRandom } from '../participant/base/random.ts'
import type { KeyShare } from '../participant/key-share/key-share.ts'
import { modQ } from '../participant/math/curve.ts'
import type { Failed } from '../participant/party/party.ts'
import type { Identity, PartyId } from '../participant/party/roster.ts'
import type { Round } from '../participant/party/rounds.ts'
import { runAll } from '../participant/party/testing.ts'
import { auxInfo } from '../participant/protocols/aux-info/protocol.ts'
import { convicts } from '../participant/protocols/evidence.ts'
import { keygen } from '../participant/protocols/keygen/protocol.ts'
import * as kg from '../participant/protocols/keygen/rounds.ts'
import { presign } from '../participant/protocols/presign/protocol.ts'
import type { Three } from '../participant/protocols/presign/rounds.ts'
import { type SessionContext, sessionOf } from '../participant/protocols/session-context.ts'
import { sign, one as signOne, signRounds } from '../participant/protocols/sign/protocol.ts'
import {
  altered,
  both,
  type Cheat,
  type Fixture,
  fixture,
  honest,
  rebound,
  testContext,
  undecodable,
} from '../participant/protocols/testing.ts'
import { decode, encode } from '../participant/wire/codec.ts'
import { envelopeCodec, signEnvelope } from '../participant/wire/envelope.ts'

type Protocol = 'keygen' | 'aux-info' | 'sign'
const two = fixture(2, 2)
const three = fixture(3, 3)

function contextOf(f: Fixture, purpose: Protocol): SessionContext {
  const context = testContext(f, purpose)
  return purpose === 'sign' ? { ...context, digest: systemRandom.bytes(32) } : context
}

/** Runs the protocol with these cheats; the first abort of an honest party, and the context. */
async function abortOf(f: Fixture, purpose: Protocol, cheats: Readonly<Record<PartyId, Cheat>>, of = 'p0') {
  const context = contextOf(f, purpose)
  const protocols = { keygen: [kg.keygenRounds], 'aux-info': [f.aux], sign: [f.presign, signRounds] }[purpose]
  const { identities, roster, level } = f
  const session = sessionOf(context)
  const results = await runAll(
    { identities, roster, level, protocols, session, deadlineMs: 300_000 },
    async (given, id) => {
      const party = (name: string) => (cheats[id] ?? honest)(given(name))
      const { core, aux } = f.shares.get(id) as KeyShare
      if (purpose === 'keygen') return keygen({ threshold: f.threshold }, party('keygen'))
      if (purpose === 'aux-info') return auxInfo({ ...aux, rounds: f.aux }, party('aux-info'))
      const presignature = await presign({ core, aux, signers: f.parties, rounds: f.presign }, party('presign'))
      return sign({ presignature, digest: context.digest as Uint8Array }, party('sign'))
    },
  )
  const result = results.get(of)
  assert.ok(result?.status === 'rejected', 'the honest party ends without a result')
  const error = result.reason
  assert.ok(error instanceof ProtocolAbort, `expected an abort, got ${error}`)
  return { faults: error.faults, context }
}

/** An accuser that says of an honest peer's message in this round that it failed. */
function accusing(round: { readonly name: string }, failed: Failed): Cheat {
  return (party) => ({
    ...party,
    async collect(r) {
      const got = await party.collect(r)
      // a partial signature is checked only when the signature is wrong, which it isn't
      if ((r as unknown) === signOne && r.name === round.name) await party.checkEach(r, got, () => failed)
      return got
    },
    checkEach: (r, got, check, before) => party.checkEach(r, got, r.name === round.name ? () => failed : check, before),
  })
}

interface Kind {
  readonly what: string
  readonly purpose: Protocol
  readonly round: { readonly name: string }
  readonly code: FaultCode
  readonly check: string
  readonly cheat: Cheat
}

const { presign: p, aux } = two
const KINDS: readonly Kind[] = [
  {
    what: 'another opening',
    purpose: 'keygen',
    round: kg.two,
    code: 'COMMIT_OPEN',
    check: 'eq V',
    cheat: altered(kg.two, (m) => ({ ...m, u: new Uint8Array(32) })),
  },
  {
    what: 'a wrong sub-share',
    purpose: 'keygen',
    round: kg.twoShares,
    code: 'VSS_SHARE',
    check: 'eq sigma G',
    cheat: altered(kg.twoShares, (m) => ({ sigma: modQ(m.sigma + 1n) })),
  },
  {
    what: 'no knowledge of the share',
    purpose: 'keygen',
    round: kg.three,
    code: 'PROOF_EQ',
    check: 'psi: eq X',
    cheat: altered(kg.three, (m) => ({ z: modQ(m.z + 1n) })),
  },
  {
    what: 'bytes that are no message',
    purpose: 'keygen',
    round: kg.two,
    code: 'DECODE',
    check: 'decode: message ends too early',
    cheat: undecodable(kg.two as never),
  },
  {
    what: 'moduli other than committed to',
    purpose: 'aux-info',
    round: aux.two,
    code: 'COMMIT_OPEN',
    check: 'eq V',
    cheat: altered(aux.two, (m) => ({ ...m, rho: new Uint8Array(32) })),
  },
  {
    what: 'Π^prm for another session',
    purpose: 'aux-info',
    round: aux.two,
    code: 'AUX_PRM',
    check: 'psi-hat: eq s',
    cheat: rebound('psi-hat', { session: new Uint8Array(32) }),
  },
  {
    what: 'Π^mod for another session',
    purpose: 'aux-info',
    round: aux.three,
    code: 'AUX_MOD',
    check: 'psi: eq x',
    cheat: rebound('psi', { session: new Uint8Array(32) }),
  },
  {
    what: 'Π^fac for another verifier',
    purpose: 'aux-info',
    round: aux.threeFac,
    code: 'AUX_FAC',
    check: 'phi: eq P',
    cheat: rebound('phi', { verifier: 'p9' }),
  },
  {
    what: 'ψ0 for another slot',
    purpose: 'sign',
    round: p.oneProofs,
    code: 'PROOF_EQ',
    check: 'psi0: eq challenge',
    cheat: rebound('psi0', { slot: 'presign psi1' }),
  },
  {
    what: 'ψ1 with another z2',
    purpose: 'sign',
    round: p.oneProofs,
    code: 'PROOF_EQ',
    check: 'psi1: eq C',
    cheat: altered(p.oneProofs, ({ psi0, psi1 }) => ({
      psi0,
      psi1: { ...psi1, response: { ...psi1.response, z2: psi1.response.z2 - 1n } },
    })),
  },
  {
    what: "ψ' for another session",
    purpose: 'sign',
    round: p.two,
    code: 'PROOF_EQ',
    check: 'psi-prime: eq challenge',
    cheat: rebound('psi-prime', { session: new Uint8Array(32) }),
  },
  {
    what: 'ψ for another verifier',
    purpose: 'sign',
    round: p.twoProducts,
    code: 'PROOF_EQ',
    check: 'psi: eq challenge',
    cheat: rebound('psi', { verifier: 'p9' }),
  },
  {
    what: 'ψ̂ in the slot of ψ',
    purpose: 'sign',
    round: p.twoProducts,
    code: 'PROOF_EQ',
    check: 'psi-hat: eq challenge',
    cheat: rebound('psi-hat', { slot: 'presign psi' }),
  },
  {
    what: 'ψ̂ with another wY',
    purpose: 'sign',
    round: p.twoProducts,
    code: 'PROOF_EQ',
    check: 'psi-hat: eq Y',
    cheat: altered(p.twoProducts, (m) => ({
      ...m,
      psiHat: { ...m.psiHat, response: { ...m.psiHat.response, wY: m.psiHat.response.wY - 1n } },
    })),
  },
  {
    what: "ψ'' of another prover",
    purpose: 'sign',
    round: p.three,
    code: 'PROOF_EQ',
    check: 'psi-prime-prime: eq challenge',
    cheat: rebound('psi-prime-prime', { prover: 'p0' }),
  },
  {
    what: 'another partial signature',
    purpose: 'sign',
    round: signOne,
    code: 'PARTIAL_SIG',
    check: 'eq sigma Gamma',
    cheat: altered(signOne, (m) => ({ sigma: modQ(m.sigma + 1n) })),
  },
]

for (const kind of KINDS) {
  for (const f of [two, three]) {
    // the larger roster takes longer and shows the same but where more parties' broadcasts matter
    if (
      f === three &&
      !['a wrong sub-share', 'ψ for another verifier', 'another partial signature'].includes(kind.what)
    )
      continue
    test(`${kind.purpose}, ${f.parties.length} parties: ${kind.what} convicts the guilty, and an honest peer of nothing`, async () => {
      const { faults, context } = await abortOf(f, kind.purpose, { p1: kind.cheat })
      assert.deepEqual(
        faults.map((x) => [x.culprit, x.round, x.code, x.check]),
        [['p1', kind.round.name, kind.code, kind.check]],
      )
      const [fault] = faults as [Fault]
      assert.equal(await convicts(fault, context), true)

      // the twin: the same accusation of an honest peer, with its honest messages
      if (kind.code !== 'DECODE') {
        const { code, check } = kind
        const framed = await abortOf(f, kind.purpose, { p0: accusing(kind.round, { code, check }) })
        assert.ok(framed.faults.length > 0)
        for (const x of framed.faults)
          assert.equal(await convicts(x, framed.context), false, `an honest ${x.culprit} is convicted`)
      }
    })
  }
}

test('sums: with three signers the alarm convicts; with two it is certain for the other, and proves nothing to a third', async () => {
  // A cheater's own sum is right for itself: it takes what one peer said for something else, so that it joins the alarm.
  const wakes: Cheat = (party) => ({
    ...party,
    async collect<M>(round: Round<M>) {
      const got = await party.collect(round)
      if (round.name !== three.presign.three.name || party.protocol !== 'presign') return got
      return got.map((m, from) => {
        if (from !== party.peers[0]) return m
        const said = m.message as unknown as Three
        return { ...m, message: { ...said, delta: modQ(said.delta + 5n) } as unknown as M }
      })
    },
    checkEach: async (round, got, check, before) =>
      round.name === three.presign.three.name ? undefined : party.checkEach(round, got, check, before),
  })
  const wrong = both(
    altered(three.presign.three, (m) => ({ ...m, delta: modQ(m.delta + 1n) })),
    wakes,
  )
  const { faults, context } = await abortOf(three, 'sign', { p1: wrong })
  assert.deepEqual(
    faults.map((x) => [x.culprit, x.code]),
    [['p1', 'DELTA']],
  )
  assert.equal(await convicts(faults[0] as Fault, context), true)
  assert.equal(await convicts({ ...(faults[0] as Fault), culprit: 'p2' }, context), false)

  const alone = await abortOf(two, 'sign', {
    p1: altered(two.presign.three, (m) => ({ ...m, delta: modQ(m.delta + 1n) })),
  })
  assert.deepEqual(
    alone.faults.map((x) => [x.culprit, x.code]),
    [['p1', 'DELTA']],
  )
  assert.equal(await convicts(alone.faults[0] as Fault, alone.context), false)
})

test('an accuser that shows another message of its own than it sent proves nothing', async () => {
  // p1 is honest; p0 accuses it with K of its own exchanged, so that the honest proof no longer fits
  const failed: Failed = { code: 'PROOF_EQ', check: 'psi: eq challenge' }
  const { faults, context } = await abortOf(two, 'sign', { p0: accusing(two.presign.twoProducts, failed) })
  const [fault] = faults as [Fault]
  const p0 = two.identities.get('p0') as Identity
  const record = (fault.record ?? []).map((raw) => {
    const e = decode(envelopeCodec, raw)
    if (e.from !== 'p0' || e.protocol !== 'presign' || e.round !== '1') return raw
    const body = e.body.slice()
    body[100] = (body[100] as number) ^ 1 // a byte of K
    return encode(envelopeCodec, signEnvelope({ ...e, body }, p0.signingKey))
  })
  assert.notDeepEqual(record, fault.record)
  assert.equal(await convicts({ ...fault, record }, context), false)
})

test('evidence that is incomplete, foreign, unsigned or under another context proves nothing', async () => {
  const cheat = altered(signOne, (m: { readonly sigma: bigint }) => ({ sigma: modQ(m.sigma + 1n) }))
  const { faults, context } = await abortOf(two, 'sign', { p1: cheat })
  const [fault] = faults as [Fault]
  assert.equal(await convicts(fault, context), true)
  const flipped = (raw: Uint8Array, at: number): Uint8Array =>
    raw.map((b, i) => (i === (at < 0 ? raw.length + at : at) ? b ^ 1 : b))
  const last = fault.evidence.at(-1) as Uint8Array
  const variants: readonly (readonly [string, Fault, SessionContext])[] = [
    ['no messages', { ...fault, evidence: [] }, context],
    ['no broadcasts', { ...fault, record: [] }, context],
    ['a broadcast less', { ...fault, record: (fault.record ?? []).slice(1) }, context],
    ['signature changed', { ...fault, evidence: [flipped(last, -1)] }, context],
    ['body changed', { ...fault, evidence: [flipped(last, -80)] }, context],
    ['garbage', { ...fault, evidence: [Uint8Array.of(1, 2, 3)] }, context],
    ['another culprit', { ...fault, culprit: 'p0' }, context],
    ['somebody unknown', { ...fault, culprit: 'p7' }, context],
    ['another code', { ...fault, code: 'PROOF_EQ' }, context],
    ['another round', { ...fault, round: '2' }, context],
    ['another digest', fault, { ...context, digest: new Uint8Array(32) }],
    ['another account', fault, { ...context, account: 'b' }],
    ['another epoch', fault, { ...context, epoch: 1 }],
    ['other moduli', fault, { ...context, aux: contextOf(three, 'sign').aux ?? new Map() }],
    ['no key', fault, (({ feldman: _, ...rest }) => rest)(context)],
  ]
  for (const [what, f, c] of variants) {
    if (what === 'other moduli') continue // partial signatures don't rest on them
    assert.equal(await convicts(f, c), false, what)
  }
})

test('two messages in one round convict their author, whatever else is shown', async () => {
  const context = contextOf(two, 'keygen')
  const session = sessionOf(context)
  const p1 = two.identities.get('p1') as Identity
  const say = (body: Uint8Array, to = '', round = '1') =>
    encode(envelopeCodec, signEnvelope({ session, protocol: 'keygen', round, from: 'p1', to, body }, p1.signingKey))
  const fault: Fault = {
    culprit: 'p1',
    protocol: 'keygen',
    round: '1',
    code: 'DUPLICATE',
    check: 'equivocation',
    evidence: [say(Uint8Array.of(1)), say(Uint8Array.of(2))],
  }
  assert.equal(await convicts(fault, context), true)
  assert.equal(await convicts({ ...fault, evidence: [say(Uint8Array.of(1)), say(Uint8Array.of(1))] }, context), false)
  assert.equal(
    await convicts({ ...fault, evidence: [say(Uint8Array.of(2), 'p0'), say(Uint8Array.of(1))] }, context),
    false,
  )
  assert.equal(
    await convicts({ ...fault, evidence: [say(Uint8Array.of(2), '', '2'), say(Uint8Array.of(1))] }, context),
    false,
  )
})
