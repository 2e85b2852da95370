/**
 * A party that does one thing other than the protocol says: every honest party ends, names it and nobody else, with the
 * code and the check of that thing, and with envelopes that it signed. Where no single party can be shown to have done
 * it, nobody is named. The alarm itself is tested beside presign/identify.ts.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { bigintToBytes } from '../participant/base/bytes.ts'
import { culprits, type FaultCode, PeerStopped, ProtocolAbort, UsageError } from '../participant/base/errors.ts'
import { systemRandom } from '../participant/base/random.ts'
import { G, modQ, mul, Q, randomNonZeroScalar } from '../participant/math/curve.ts'
import { feldman, randomPolynomial } from '../participant/math/polynomial.ts'
import type { Party } from '../participant/party/party.ts'
import { memberOf, type PartyId } from '../participant/party/roster.ts'
import type { BroadcastRound, Round } from '../participant/party/rounds.ts'
import { type MemoryRoom, memoryRoom } from '../participant/party/simulation.ts'
import { allValues } from '../participant/party/testing.ts'
import { viewed } from '../participant/party/view.ts'
import * as keygenRounds from '../participant/protocols/keygen/rounds.ts'
import type { AuxInfo } from '../participant/protocols/material.ts'
import type { One, OneProofs, TwoProducts } from '../participant/protocols/presign/rounds.ts'
import * as claim from '../participant/protocols/presign/statements.ts'
import { one as signRound } from '../participant/protocols/sign/protocol.ts'
import {
  altered,
  both,
  type Cheat,
  dealPresignatures,
  drawing,
  type Fixture,
  fixture,
  forged,
  type Results,
  type Run,
  rebound,
  runAux,
  runKeygen,
  runPresign,
  runSign,
  undecodable,
} from '../participant/protocols/testing.ts'
import { type Codec, decode, encode } from '../participant/wire/codec.ts'
import { decodePacket, type Envelope, envelopeCodec, verifyEnvelope } from '../participant/wire/envelope.ts'
import { encElg } from '../participant/zk/enc-elg.ts'
import type * as mod from '../participant/zk/mod.ts'
import type * as prm from '../participant/zk/prm.ts'

const two = fixture(2, 2)
const three = fixture(3, 3)

/** The message of a round that an envelope carries. */
function said<M>(codec: Codec<M>, envelope: Envelope): M {
  return decode(viewed(codec), envelope.body).message
}

/** The envelope with another message, as nobody signed it. */
function saying<M>(codec: Codec<M>, envelope: Envelope, message: M): Envelope {
  const { view } = decode(viewed(codec), envelope.body)
  return { ...envelope, body: encode(viewed(codec), { view, message }) }
}

/** All honest parties abort, naming `cheater` alone for `code` and `check`. */
function expectNamed(f: Fixture, results: Results<unknown>, cheater: PartyId, code: FaultCode, check: RegExp): void {
  for (const [id, result] of results) {
    if (id === cheater) continue
    assert.equal(result.status, 'rejected', `${id} has a result`)
    const e = (result as PromiseRejectedResult).reason
    assert.ok(e instanceof ProtocolAbort, `${id}: ${e}`)
    assert.deepEqual(
      e.faults.map((fault) => [fault.culprit, fault.code]),
      [[cheater, code]],
      `${id}: ${e.message}`,
    )
    const [fault] = e.faults
    assert.match(fault?.check ?? '', check)
    assert.ok((fault?.evidence.length ?? 0) > 0, 'no evidence')
    for (const raw of fault?.evidence ?? []) {
      const envelope = decode(envelopeCodec, raw)
      assert.equal(envelope.from, cheater)
      assert.ok(verifyEnvelope(envelope, memberOf(f.roster, cheater).verifyKey), 'evidence is not signed')
    }
  }
}

/** All parties abort, naming nobody. */
function expectNobody(results: Results<unknown>, code: FaultCode, except?: PartyId): void {
  for (const [id, result] of results) {
    if (id === except) continue
    assert.equal(result.status, 'rejected', `${id} has a result`)
    const e = (result as PromiseRejectedResult).reason
    assert.ok(e instanceof ProtocolAbort, `${id}: ${e}`)
    assert.deepEqual(e.faults, [], `${id}: ${e.message}`)
    assert.match(e.message, new RegExp(`\\(${code}\\)`))
  }
}

interface Row {
  readonly what: string
  readonly cheat: Cheat
  readonly code: FaultCode
  readonly check: RegExp
}

type Runner = (f: Fixture, o: Run) => Promise<Results<unknown>>

/** The last party cheats. */
function table(name: string, f: Fixture, run: Runner, rows: readonly Row[]): void {
  const cheater = f.parties.at(-1) as PartyId
  describe(`${name}, ${f.parties.length} parties`, () => {
    for (const { what, cheat, code, check } of rows) {
      test(`${what}: ${code}`, async () => {
        expectNamed(f, await run(f, { cheats: { [cheater]: cheat } }), cheater, code, check)
      })
    }
  })
}

function row(what: string, cheat: Cheat, code: FaultCode, check: RegExp): Row {
  return { what, cheat, code, check }
}

const flip = (b: Uint8Array): Uint8Array => b.map((v, i) => (i === 0 ? v ^ 1 : v))
const OTHER_SESSION = { session: new Uint8Array(32).fill(0xee) }
const DECODE = /^decode: /
const garbled = (round: Round<never>): Row =>
  row(`round ${round.name} does not decode`, undecodable(round as Round<unknown>), 'DECODE', DECODE)

// Key generation

const kg = keygenRounds

/** Commits to this opening and shows it. */
function opens(make: (party: Party) => keygenRounds.Opening): Cheat {
  return (party) => {
    const opening = make(party)
    return both(
      altered(kg.one, () => ({ V: kg.commitTo(party.session, party.self, opening) })),
      altered(kg.two, () => opening),
    )(party)
  }
}

function points(n: number): Cheat {
  return opens(({ random }) => ({
    rid: random.bytes(32),
    F: n === 0 ? [] : feldman(randomPolynomial(random, n)),
    A: mul(G, 5n),
    c: random.bytes(32),
    u: random.bytes(32),
  }))
}

/** Says in every round what p0 said, read from the room before anything of its own is in it. */
function parrot(room: MemoryRoom): Cheat {
  const heard = async (round: string): Promise<Envelope> => {
    for (const until = Date.now() + 10_000; Date.now() < until; ) {
      for (const p of room.log.map(decodePacket)) {
        if (p.kind === 'clear' && p.envelope.from === 'p0' && p.envelope.round === round) return p.envelope
      }
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
    return assert.fail(`p0 said nothing in round ${round}`)
  }
  return (party) => ({
    ...party,
    async broadcast<M>(round: BroadcastRound<M>, _message: M) {
      await party.broadcast(round, said(round.codec, await heard(round.name)))
    },
  })
}

const openings = (['rid', 'c', 'u'] as const).map((field) =>
  row(
    `another ${field} than committed to`,
    altered(kg.two, (m) => ({ ...m, [field]: flip(m[field]) })),
    'COMMIT_OPEN',
    /^eq V$/,
  ),
)

table('key generation', three, runKeygen, [
  row(
    'another commitment',
    altered(kg.one, (m) => ({ V: flip(m.V) })),
    'COMMIT_OPEN',
    /^eq V$/,
  ),
  row(
    'other Feldman points than committed to (rogue key)',
    altered(kg.two, (m) => ({ ...m, F: [mul(G, 7n), ...m.F.slice(1)] })),
    'COMMIT_OPEN',
    /^eq V$/,
  ),
  row(
    'another A than committed to',
    altered(kg.two, (m) => ({ ...m, A: mul(G, 7n) })),
    'COMMIT_OPEN',
    /^eq V$/,
  ),
  ...openings,
  row('one Feldman point more', points(4), 'VSS_LEN', /^length F$/),
  row('one Feldman point less', points(2), 'VSS_LEN', /^length F$/),
  row('no Feldman points', points(0), 'VSS_LEN', /^length F$/),
  row(
    'wrong sub-shares',
    altered(kg.twoShares, (m) => ({ sigma: modQ(m.sigma + 1n) })),
    'VSS_SHARE',
    /^eq sigma G$/,
  ),
  row(
    'a wrong response of Π^sch',
    altered(kg.three, (m) => ({ z: modQ(m.z + 1n) })),
    'PROOF_EQ',
    /^psi: eq X$/,
  ),
  row('Π^sch for another session', rebound('psi', OTHER_SESSION), 'PROOF_EQ', /^psi: eq X$/),
  row('Π^sch without the joint rid', rebound('psi', { slot: 'keygen psi' }), 'PROOF_EQ', /^psi: eq X$/),
  row('Π^sch in another party’s name', rebound('psi', { prover: 'p0' }), 'PROOF_EQ', /^psi: eq X$/),
])

table('key generation', two, runKeygen, [
  ...[kg.one, kg.two, kg.twoShares, kg.three].map((r) => garbled(r as Round<never>)),
])

test('key generation: the peer’s commitment and opening as its own: COMMIT_OPEN', async () => {
  const room = memoryRoom()
  const results = await runKeygen(two, { channelOf: () => room, cheats: { p1: parrot(room) } })
  expectNamed(two, results, 'p1', 'COMMIT_OPEN', /^eq V$/)
})

test('key generation: a wrong sub-share for one party is seen by that party; nobody else is named by anybody', async () => {
  const results = await runKeygen(three, {
    cheats: { p2: altered(kg.twoShares, (m, to) => (to === 'p0' ? { sigma: modQ(m.sigma + 1n) } : m)) },
  })
  const [p0, p1] = [results.get('p0'), results.get('p1')]
  assert.ok(p0?.status === 'rejected' && p0.reason instanceof ProtocolAbort, 'p0 did not abort')
  assert.deepEqual(
    p0.reason.faults.map((f) => [f.culprit, f.code]),
    [['p2', 'VSS_SHARE']],
  )
  assert.ok(p1?.status === 'rejected' && p1.reason.code === 'PEER_STOPPED', 'p1 was not told')
})

const wide = (v: bigint): Uint8Array => bigintToBytes(modQ(v), 64)

test('key generation: contributions that cancel give no key, and name nobody', async () => {
  const v = randomNonZeroScalar(systemRandom)
  const cheats = { p0: drawing(0, wide(v)), p1: drawing(0, wide(-v)) }
  expectNobody(await runKeygen(two, { cheats }), 'PK_IDENTITY')
})

test('key generation: a share of zero is no share, and names nobody', async () => {
  // f(1) = 0 for the sum of the polynomials
  const [a0, a1, b0] = [0, 0, 0].map(() => randomNonZeroScalar(systemRandom)) as [bigint, bigint, bigint]
  const cheats = {
    p0: both(drawing(0, wide(a0)), drawing(1, wide(a1))),
    p1: both(drawing(0, wide(b0)), drawing(1, wide(-(a0 + a1 + b0)))),
  }
  expectNobody(await runKeygen(two, { cheats }), 'PK_IDENTITY')
})

// Auxiliary information

type Own = Pick<AuxInfo, 'paillier' | 'pedersen'>

/** The last party brings these moduli along. */
function bringing(change: (own: Own, peer: Own) => Own): Runner {
  return (f, o) => {
    const of = (id: PartyId): Own => f.shares.get(id)?.aux as Own
    const last = f.parties.at(-1) as PartyId
    return runAux(f, o, (id) => (id === last ? change(of(id), of('p0')) : of(id)))
  }
}

const withN = (N: (own: Own, peer: Own) => bigint): Runner =>
  bringing((own, peer) => ({ ...own, paillier: { ...own.paillier, N: N(own, peer) } }))
const withPedersen = (change: (p: AuxInfo['pedersen']) => Partial<AuxInfo['pedersen']>): Runner =>
  bringing((own) => ({ ...own, pedersen: { ...own.pedersen, ...change(own.pedersen) } }))

const MODULI: readonly (readonly [what: string, run: Runner, code: FaultCode, check: RegExp])[] = [
  ['N a bit too short', withN((o) => o.paillier.N >> 1n), 'AUX_SIZE', /^size N$/],
  ['N a bit too long', withN((o) => (o.paillier.N << 1n) + 1n), 'AUX_SIZE', /^size N$/],
  ['N = 0', withN(() => 0n), 'AUX_SIZE', /^size N$/],
  ['an even N', withN((o) => o.paillier.N - 1n), 'AUX_SIZE', /^odd N$/],
  ['N̂ a bit too short', withPedersen((p) => ({ NHat: p.NHat >> 1n })), 'AUX_SIZE', /^size NHat$/],
  ['an even N̂', withPedersen((p) => ({ NHat: p.NHat - 1n })), 'AUX_SIZE', /^odd NHat$/],
  ['N̂ = N', withN((o) => o.pedersen.NHat), 'AUX_DUP', /^N is NHat$/],
  ['the peer’s N', withN((_, peer) => peer.paillier.N), 'AUX_DUP', /^a modulus of ours$/],
  ['the peer’s N̂ as N', withN((_, peer) => peer.pedersen.NHat), 'AUX_DUP', /^a modulus of ours$/],
  [
    'the peer’s ring-Pedersen parameters',
    bringing((own, peer) => ({ ...own, pedersen: peer.pedersen })),
    'AUX_DUP',
    /^a modulus of ours$/,
  ],
  ['s = 0', withPedersen(() => ({ s: 0n })), 'AUX_RP_BASE', /^base s, t$/],
  ['s = 1', withPedersen(() => ({ s: 1n })), 'AUX_RP_BASE', /^base s, t$/],
  ['s = N̂ − 1', withPedersen((p) => ({ s: p.NHat - 1n })), 'AUX_RP_BASE', /^base s, t$/],
  ['s above N̂', withPedersen((p) => ({ s: p.s + p.NHat })), 'AUX_RP_BASE', /^base s, t$/],
  ['s = t', withPedersen((p) => ({ s: p.t })), 'AUX_RP_BASE', /^base s, t$/],
  ['t = 1', withPedersen(() => ({ t: 1n })), 'AUX_RP_BASE', /^base s, t$/],
  ['t with a factor of N̂', withPedersen((p) => ({ t: p.p.expose() })), 'AUX_RP_BASE', /^base s, t$/],
  ['s outside of what t generates', withPedersen((p) => ({ s: p.NHat - p.s })), 'AUX_PRM', /^psi-hat: eq s$/],
]

describe('auxiliary information, 2 parties: moduli', () => {
  for (const [what, run, code, check] of MODULI) {
    test(`${what}: ${code}`, async () => expectNamed(two, await run(two, { cheats: {} }), 'p1', code, check))
  }
})

const auxOpenings = (['N', 'NHat', 's', 't'] as const).map((field) =>
  row(
    `another ${field} than committed to`,
    altered(two.aux.two, (m) => ({ ...m, [field]: m[field] ^ 2n })),
    'COMMIT_OPEN',
    /^eq V$/,
  ),
)
const auxBytes = (['rho', 'u'] as const).map((field) =>
  row(
    `another ${field} than committed to`,
    altered(two.aux.two, (m) => ({ ...m, [field]: flip(m[field]) })),
    'COMMIT_OPEN',
    /^eq V$/,
  ),
)

table('auxiliary information', two, (f, o) => runAux(f, o), [
  row(
    'another commitment',
    altered(two.aux.one, (m) => ({ V: flip(m.V) })),
    'COMMIT_OPEN',
    /^eq V$/,
  ),
  ...auxOpenings,
  ...auxBytes,
  row(
    'another Π^prm than committed to',
    altered(two.aux.two, (m) => ({
      ...m,
      psiHat: { ...m.psiHat, response: { z: m.psiHat.response.z.map((z) => z ^ 1n) } },
    })),
    'COMMIT_OPEN',
    /^eq V$/,
  ),
  row(
    'a wrong response of Π^prm',
    forged<prm.Commitment, prm.Response>('prm', (p) => ({ ...p, response: { z: p.response.z.map((z) => z ^ 1n) } })),
    'AUX_PRM',
    /^psi-hat: eq s$/,
  ),
  row(
    'Π^prm of one repetition',
    forged<prm.Commitment, prm.Response>('prm', (p) => ({ ...p, response: { z: p.response.z.slice(0, 1) } })),
    'PROOF_LEN',
    /^psi-hat: length z$/,
  ),
  row('Π^prm for another session', rebound('psi-hat', OTHER_SESSION), 'AUX_PRM', /^psi-hat: eq s$/),
  row('Π^prm in another party’s name', rebound('psi-hat', { prover: 'p0' }), 'AUX_PRM', /^psi-hat: eq s$/),
  row(
    'Π^mod without entries',
    forged<mod.Commitment, mod.Response>('mod', (p) => ({ ...p, response: { entries: [] } })),
    'PROOF_LEN',
    /^psi: length entries$/,
  ),
  row(
    'a w of Π^mod that is a square',
    forged<mod.Commitment, mod.Response>('mod', (p) => ({ ...p, commitment: { w: 4n } })),
    'AUX_MOD_W',
    /^psi: w$/,
  ),
  row('Π^mod for another session', rebound('psi', OTHER_SESSION), 'AUX_MOD', /^psi: eq x$/),
  row('Π^mod without the joint ρ', rebound('psi', { slot: 'aux-info psi' }), 'AUX_MOD', /^psi: eq x$/),
  row('Π^fac without the joint ρ', rebound('phi', { slot: 'aux-info phi' }), 'AUX_FAC', /^phi: eq/),
  row('Π^fac for another session', rebound('phi', OTHER_SESSION), 'AUX_FAC', /^phi: eq/),
  row('Π^fac for another recipient', rebound('phi', { verifier: 'p2' }), 'AUX_FAC', /^phi: eq/),
  row(
    'Π^fac out of range',
    altered(two.aux.threeFac, (m) => ({
      phi: {
        ...m.phi,
        response: {
          ...m.phi.response,
          z1: 1n << (BigInt(two.level.ell + two.level.epsilon + two.level.modulusBits / 2) + 1n),
        },
      },
    })),
    'AUX_FAC',
    /^phi: range z1$/,
  ),
  ...[two.aux.one, two.aux.two, two.aux.three, two.aux.threeFac].map((r) => garbled(r as Round<never>)),
])

test('auxiliary information: two peers with one modulus end it; the one that was copied names the other', async () => {
  const of = (id: PartyId): Own => three.shares.get(id)?.aux as Own
  const results = await runAux(three, {}, (id) => (id === 'p2' ? { ...of('p2'), paillier: of('p1').paillier } : of(id)))
  const faults = [...results.values()].map((r) => {
    assert.ok(r.status === 'rejected' && r.reason instanceof ProtocolAbort, 'expected an abort')
    return r.reason.faults.map((f) => [f.culprit, f.code])
  })
  assert.deepEqual(faults.slice(0, 2), [[], [['p2', 'AUX_DUP']]])
})

// Presigning

const { one, oneProofs, two: second, twoProducts, three: third } = two.presign

const change = <K extends keyof One>(field: K, f: (v: One[K]) => One[K]): Cheat =>
  altered(one, (m) => ({ ...m, [field]: f(m[field]) }))
const product = (field: 'D' | 'F' | 'DHat' | 'FHat', f: (v: bigint) => bigint): Cheat =>
  altered(twoProducts, (m: TwoProducts) => ({ ...m, [field]: f(m[field]) }))

const N1 = two.shares.get('p1')?.aux.paillier as AuxInfo['paillier']
const TOO_WIDE = (1n << BigInt(two.level.ell + two.level.epsilon)) + 1n
const square = (N: bigint) => (v: bigint) => v ** 2n % N ** 2n
const double = (P: One['Y']): One['Y'] => P.double()

const ROUND_ONE: readonly Row[] = [
  row('another K', change('K', square(N1.N)), 'PROOF_EQ', /^psi0: eq/),
  row(
    'K = 0',
    change('K', () => 0n),
    'CIPHER_GROUP',
    /^psi0: group C$/,
  ),
  row(
    'K with a factor of N',
    change('K', () => N1.p.expose()),
    'CIPHER_GROUP',
    /^psi0: group C$/,
  ),
  row(
    'K above N²',
    change('K', () => N1.NN + 1n),
    'CIPHER_GROUP',
    /^psi0: group C$/,
  ),
  row('another G', change('G', square(N1.N)), 'PROOF_EQ', /^psi1: eq/),
  row(
    'G = N',
    change('G', () => N1.N),
    'CIPHER_GROUP',
    /^psi1: group C$/,
  ),
  row('another Y', change('Y', double), 'PROOF_EQ', /^psi0: eq/),
  row('another A1', change('A1', double), 'PROOF_EQ', /^psi0: eq/),
  row('another A2', change('A2', double), 'PROOF_EQ', /^psi0: eq/),
  row('another B1', change('B1', double), 'PROOF_EQ', /^psi1: eq/),
  row('another B2', change('B2', double), 'PROOF_EQ', /^psi1: eq/),
  row(
    'ψ0 out of range',
    altered(oneProofs, (m) => ({
      ...m,
      psi0: { ...m.psi0, response: { ...m.psi0.response, z1: TOO_WIDE } },
    })),
    'PROOF_RANGE',
    /^psi0: range z1$/,
  ),
  row(
    'ψ1 out of range',
    altered(oneProofs, (m) => ({
      ...m,
      psi1: { ...m.psi1, response: { ...m.psi1.response, z1: -TOO_WIDE } },
    })),
    'PROOF_RANGE',
    /^psi1: range z1$/,
  ),
  row(
    'a first message of ψ0 that is no unit',
    altered(oneProofs, (m) => ({ ...m, psi0: { ...m.psi0, commitment: { ...m.psi0.commitment, S: 0n } } })),
    'PROOF_GROUP',
    /^psi0: group S$/,
  ),
  row(
    'ψ1 in the place of ψ0',
    altered(oneProofs, (m) => ({ ...m, psi0: m.psi1 })),
    'PROOF_EQ',
    /^psi0: eq/,
  ),
  row(
    'ψ0 in the place of ψ1',
    altered(oneProofs, (m) => ({ ...m, psi1: m.psi0 })),
    'PROOF_EQ',
    /^psi1: eq/,
  ),
  row('ψ0 for another session', rebound('psi0', OTHER_SESSION), 'PROOF_EQ', /^psi0: eq/),
  row('ψ0 for another recipient', rebound('psi0', { verifier: 'p2' }), 'PROOF_EQ', /^psi0: eq/),
  row('ψ1 for another epoch', rebound('psi1', { epoch: 1 }), 'PROOF_EQ', /^psi1: eq/),
]

const ROUND_TWO: readonly Row[] = [
  row(
    'another Γ',
    altered(second, (m) => ({ ...m, Gamma: m.Gamma.double() })),
    'PROOF_EQ',
    /^psi-prime: eq/,
  ),
  row(
    'a wrong response of ψ′',
    altered(second, (m) => ({
      ...m,
      psiPrime: { ...m.psiPrime, response: { ...m.psiPrime.response, z: modQ(m.psiPrime.response.z + 1n) } },
    })),
    'PROOF_EQ',
    /^psi-prime: eq L$/,
  ),
  row('ψ′ for another session', rebound('psi-prime', OTHER_SESSION), 'PROOF_EQ', /^psi-prime: eq/),
  row(
    'another D',
    product('D', (v) => v + 1n),
    'PROOF_EQ',
    /^psi: eq/,
  ),
  row(
    'D = 0',
    product('D', () => 0n),
    'CIPHER_GROUP',
    /^psi: group D$/,
  ),
  row(
    'another F',
    product('F', (v) => v + 1n),
    'PROOF_EQ',
    /^psi: eq/,
  ),
  row(
    'F with a factor of N',
    product('F', () => N1.q.expose()),
    'CIPHER_GROUP',
    /^psi: group Y$/,
  ),
  row(
    'another D̂',
    product('DHat', (v) => v + 1n),
    'PROOF_EQ',
    /^psi-hat: eq/,
  ),
  row(
    'D̂ = 0',
    product('DHat', () => 0n),
    'CIPHER_GROUP',
    /^psi-hat: group D$/,
  ),
  row(
    'another F̂',
    product('FHat', (v) => v + 1n),
    'PROOF_EQ',
    /^psi-hat: eq/,
  ),
  row(
    'F̂ = 0',
    product('FHat', () => 0n),
    'CIPHER_GROUP',
    /^psi-hat: group Y$/,
  ),
  row(
    'ψ out of range (wide β)',
    altered(twoProducts, (m) => ({
      ...m,
      psi: {
        ...m.psi,
        response: { ...m.psi.response, z2: (1n << BigInt(two.level.ellPrime + two.level.epsilon)) + 1n },
      },
    })),
    'PROOF_RANGE',
    /^psi: range z2$/,
  ),
  row(
    'ψ̂ and its products in the place of ψ’s',
    altered(twoProducts, (m) => ({ ...m, D: m.DHat, F: m.FHat, psi: m.psiHat })),
    'PROOF_EQ',
    /^psi: eq/,
  ),
  row('ψ for another session', rebound('psi', OTHER_SESSION), 'PROOF_EQ', /^psi: eq/),
  row('ψ for another recipient', rebound('psi', { verifier: 'p2' }), 'PROOF_EQ', /^psi: eq/),
  row('ψ̂ with the name of ψ', rebound('psi-hat', { slot: 'presign psi' }), 'PROOF_EQ', /^psi-hat: eq/),
]

const ROUND_THREE: readonly Row[] = [
  row(
    'another Δ',
    altered(third, (m) => ({ ...m, Delta: m.Delta.double() })),
    'PROOF_EQ',
    /^psi-prime-prime: eq/,
  ),
  row(
    'a wrong response of ψ″',
    altered(third, (m) => ({
      ...m,
      psiPrimePrime: {
        ...m.psiPrimePrime,
        response: { ...m.psiPrimePrime.response, u: modQ(m.psiPrimePrime.response.u + 1n) },
      },
    })),
    'PROOF_EQ',
    /^psi-prime-prime: eq M$/,
  ),
  row('ψ″ for another session', rebound('psi-prime-prime', OTHER_SESSION), 'PROOF_EQ', /^psi-prime-prime: eq/),
]

const badDelta = altered(third, (m) => ({ ...m, delta: modQ(m.delta + 1n) }))
const badS = altered(third, (m) => ({ ...m, S: m.S.add(G) }))

const presigning: Runner = (f, o) => runPresign(f, o)

table('presigning, round 1', two, presigning, ROUND_ONE)
table('presigning, round 2', two, presigning, ROUND_TWO)
table('presigning, round 3', two, presigning, [
  ...ROUND_THREE,
  row('another δ', badDelta, 'DELTA', /^eq delta$/),
  row('another S', badS, 'CHI', /^eq chi$/),
])
table(
  'presigning, nothing that decodes',
  two,
  presigning,
  [one, oneProofs, second, twoProducts, third].map((r) => garbled(r as Round<never>)),
)

test('presigning, 2 parties: a wrong sum shows all four messages of the peer', async () => {
  const result = (await runPresign(two, { cheats: { p1: badDelta } })).get('p0')
  assert.ok(result?.status === 'rejected' && result.reason instanceof ProtocolAbort, 'p0 did not abort')
  const rounds = result.reason.faults[0]?.evidence.map((raw) => decode(envelopeCodec, raw).round)
  assert.deepEqual(rounds, ['1', '2', '2 products', '3'])
})

const rounds3 = three.presign
table('presigning', three, presigning, [
  row(
    'another Γ',
    altered(rounds3.two, (m) => ({ ...m, Gamma: m.Gamma.double() })),
    'PROOF_EQ',
    /^psi-prime: eq/,
  ),
  row(
    'another Δ',
    altered(rounds3.three, (m) => ({ ...m, Delta: m.Delta.double() })),
    'PROOF_EQ',
    /^psi-prime-prime: eq/,
  ),
])

/** Does not look at this round, and gives up. */
function leavesAt(round: Round<never>): Cheat {
  return (party) => ({
    ...party,
    collect: <M>(r: Round<M>) =>
      (r as unknown) === round ? Promise.reject(new UsageError('leaves')) : party.collect(r),
  })
}

for (const [sum, wrong] of [
  ['δ', altered(rounds3.three, (m) => ({ ...m, delta: modQ(m.delta + 1n) }))],
  ['S', altered(rounds3.three, (m) => ({ ...m, S: m.S.add(G) }))],
] as const) {
  test(`presigning, 3 parties: another ${sum} from somebody who leaves before the alarm: nobody is named`, async () => {
    const cheat = both(wrong, leavesAt(rounds3.three as Round<never>))
    const results = await runPresign(three, { cheats: { p2: cheat } })
    for (const id of ['p0', 'p1']) {
      const r = results.get(id)
      assert.ok(r?.status === 'rejected' && r.reason instanceof PeerStopped, id)
      assert.deepEqual(culprits(r.reason), [])
    }
  })
}

for (const [what, draw] of [
  ['Γ is the identity', 1],
  ['δ is zero', 0],
] as const) {
  test(`presigning: contributions that cancel, so that ${what}, name nobody: ZERO`, async () => {
    const v = randomNonZeroScalar(systemRandom)
    expectNobody(await runPresign(two, { cheats: { p0: drawing(draw, wide(v)), p1: drawing(draw, wide(-v)) } }), 'ZERO')
  })
}

// Signing

const DIGEST = new Uint8Array(32).fill(7)

/** Signs honestly for one digest what it should sign for another. */
const signing: Runner = (f, o) => runSign(f, dealPresignatures(f.parties, 11n), DIGEST, o)

for (const f of [two, three]) {
  table('signing', f, signing, [
    row(
      'a random σ',
      altered(signRound, ({ sigma }) => ({ sigma: modQ(sigma + 1n) })),
      'PARTIAL_SIG',
      /^eq sigma Gamma$/,
    ),
    row(
      '−σ',
      altered(signRound, ({ sigma }) => ({ sigma: Q - sigma })),
      'PARTIAL_SIG',
      /^eq sigma Gamma$/,
    ),
    row(
      'σ = 0',
      altered(signRound, () => ({ sigma: 0n })),
      'PARTIAL_SIG',
      /^eq sigma Gamma$/,
    ),
    garbled(signRound as Round<never>),
  ])
}

test('signing: σ for another message: PARTIAL_SIG', async () => {
  const presignatures = dealPresignatures(three.parties, 11n)
  const p2 = presignatures.get('p2')
  const other = modQ(
    (p2?.kTilde.expose() ?? 0n) * 5n + modQ(p2?.Gamma.toAffine().x ?? 0n) * (p2?.chiTilde.expose() ?? 0n),
  )
  const results = await runSign(three, presignatures, DIGEST, {
    cheats: { p2: altered(signRound, () => ({ sigma: other })) },
  })
  expectNamed(three, results, 'p2', 'PARTIAL_SIG', /^eq sigma Gamma$/)
})

// Evidence: what convicts the guilty convicts again elsewhere, and what the innocent said does not.

/** The evidence of the one fault that p0 found. */
function evidenceOf(results: Results<unknown>): readonly Envelope[] {
  const result = results.get('p0')
  assert.ok(result?.status === 'rejected' && result.reason instanceof ProtocolAbort, 'expected an abort')
  assert.equal(result.reason.faults.length, 1)
  return result.reason.faults[0]?.evidence.map((raw) => decode(envelopeCodec, raw)) ?? []
}

/** What p1 said in the clear, by round, in a run where all are honest. */
async function saidBy(run: Runner): Promise<ReadonlyMap<string, Envelope>> {
  const room = memoryRoom()
  allValues(await run(two, { cheats: {}, channelOf: () => room }))
  const packets = room.log.map(decodePacket)
  return new Map(
    packets.flatMap((p) => (p.kind === 'clear' && p.envelope.from === 'p1' ? [[p.envelope.round, p.envelope]] : [])),
  )
}

test('evidence of a wrong opening: commitment and opening, and the honest ones pass the same check', async () => {
  const judge = (commit: Envelope, opening: Envelope) => {
    const { V } = said(kg.one.codec, commit)
    return kg.checkOpening(commit.session, 2, commit.from, V, said(kg.two.codec, opening))
  }
  const evidence = evidenceOf(
    await runKeygen(two, { cheats: { p1: altered(kg.two, (m) => ({ ...m, rid: flip(m.rid) })) } }),
  )
  assert.deepEqual(
    evidence.map((e) => e.round),
    ['1', '2'],
  )
  assert.equal(judge(...(evidence as [Envelope, Envelope]))?.code, 'COMMIT_OPEN')
  const honest = await saidBy(runKeygen)
  assert.equal(judge(honest.get('1') as Envelope, honest.get('2') as Envelope), undefined)
})

test('evidence of a wrong sub-share: Feldman points and sub-share', async () => {
  const judge = (opening: Envelope, share: Envelope) =>
    kg.checkSubShare(1, said(kg.two.codec, opening).F, said(kg.twoShares.codec, share))
  for (const [wrong, code] of [
    [1n, 'VSS_SHARE'],
    [0n, undefined],
  ] as const) {
    const shares: keygenRounds.SubShare[] = []
    const cheat = altered(kg.twoShares, (m) => {
      shares.push(m)
      return { sigma: modQ(m.sigma + 1n) }
    })
    const [opening, share] = evidenceOf(await runKeygen(two, { cheats: { p1: cheat } })) as [Envelope, Envelope]
    assert.deepEqual([opening.round, share.round], ['2', '2 shares'])
    const sigma = modQ((shares[0]?.sigma ?? 0n) + wrong)
    assert.equal(judge(opening, saying(kg.twoShares.codec, share, { sigma }))?.code, code)
  }
})

test('evidence of a wrong ψ0: what it is about, and the proof', async () => {
  const [share, peer] = [two.shares.get('p0'), two.shares.get('p1')]
  assert.ok(share && peer, 'share && peer')
  const { core, aux } = share
  const publicAux = new Map([...aux.peers, ...peer.aux.peers])
  const ctx = claim.contextOf(two.roster, 2, core.publicKey, core.publicShares, two.parties, publicAux)
  /** Somebody who was not there, and has no secret. */
  const judge = (first: Envelope, proofs: Envelope) => {
    const statement = claim.psi0(ctx, 'p1', 'p0', said(one.codec, first))
    const binding = {
      session: first.session,
      epoch: 0,
      level: two.level,
      prover: 'p1',
      verifier: 'p0',
      slot: 'presign psi0',
    }
    return encElg.verify(binding, statement, said(oneProofs.codec, proofs).psi0)
  }
  let right: OneProofs | undefined
  const cheat = altered(oneProofs, (m) => {
    right = m
    return { ...m, psi0: m.psi1 }
  })
  const [first, proofs] = evidenceOf(await runPresign(two, { cheats: { p1: cheat } })) as [Envelope, Envelope]
  assert.deepEqual([first.round, proofs.round], ['1', '1 proofs'])
  assert.match(judge(first, proofs) ?? '', /^eq/)
  assert.equal(judge(first, saying(oneProofs.codec, proofs, right as OneProofs)), undefined)
})
