/** Attacks on key generation: each row is one thing that the last party does, in a run that is honest otherwise. */
import { describe, test } from 'node:test'
import { concatBytes, utf8ToBytes } from '../../participant/base/bytes.ts'
import { type Random, systemRandom } from '../../participant/base/random.ts'
import { G, IDENTITY, modQ, mul, type Point, randomNonZeroScalar, sum } from '../../participant/math/curve.ts'
import { evaluate, feldman, randomPolynomial } from '../../participant/math/polynomial.ts'
import type { Party } from '../../participant/party/party.ts'
import { MAX_PARTIES, memberOf, type PartyId } from '../../participant/party/roster.ts'
import type { BroadcastRound, Round } from '../../participant/party/rounds.ts'
import { type MemoryRoom, memoryRoom } from '../../participant/party/simulation.ts'
import * as kg from '../../participant/protocols/keygen/rounds.ts'
import {
  altered,
  both,
  type Cheat,
  drawing,
  type Fixture,
  fixture,
  rebound,
  runKeygen,
} from '../../participant/protocols/testing.ts'
import { encode } from '../../participant/wire/codec.ts'
import { Transcript } from '../../participant/wire/transcript.ts'
import { BAD_POINTS, fieldsOf, withField } from './fields.ts'
import {
  expectNamed,
  expectNobody,
  flip,
  garbled,
  heard,
  OTHER_SESSION,
  parrot,
  type Row,
  rewritten,
  row,
  said,
  table,
  wide,
} from './harness.ts'

const two = fixture(2, 2)
const three = fixture(3, 3)

const OPEN = ['COMMIT_OPEN', /^eq V$/] as const

/** Opens something else than it committed to. */
const opens = (what: string, change: (m: kg.Opening) => Partial<kg.Opening>): Row =>
  row(
    what,
    altered(kg.two, (m) => ({ ...m, ...change(m) })),
    ...OPEN,
  )

/** Commits to an opening of its own and shows it. */
function showing(party: Party, opening: kg.Opening, V = kg.commitTo(party.session, party.self, opening)): Cheat {
  return both(
    altered(kg.one, () => ({ V })),
    altered(kg.two, () => opening),
  )
}

function openingOf(random: Random, F: readonly Point[]): kg.Opening {
  const draw = () => random.bytes(32)
  return { rid: draw(), F, A: mul(G, 5n), c: draw(), u: draw() }
}

/** Shares a polynomial of n coefficients where others share one of as many as the threshold; all of it fits together. */
function sharing(n: number): Cheat {
  return (party) => {
    const f = n === 0 ? [] : randomPolynomial(party.random, n)
    const sigma = (to: string) => evaluate(f, BigInt(memberOf(party.roster, to).index))
    return both(
      showing(party, openingOf(party.random, feldman(f))),
      altered(kg.twoShares, (_, to) => ({ sigma: sigma(to) })),
    )(party)
  }
}

/** Commits to the right bytes with the border between two hashed fields elsewhere, and opens honestly. */
function hashing(fields: (t: Transcript, party: Party, opening: Uint8Array) => Transcript): Cheat {
  return (party) => {
    const opening = openingOf(party.random, feldman(randomPolynomial(party.random, three.threshold)))
    const V = fields(new Transcript('keygen commitment'), party, encode(kg.two.codec, opening)).digest()
    return showing(party, opening, V)(party)
  }
}

/** The first letter of the slot as the verifier's name. */
const shiftedSlot: Cheat = (party) => ({
  ...party,
  binding(prover, verifier, slot) {
    const b = party.binding(prover, verifier, slot)
    return prover === party.self ? { ...b, verifier: b.slot.slice(0, 1), slot: b.slot.slice(1) } : b
  },
})

/** Says that one Feldman point less is there, so that its last one is read as what comes next. */
const fewerPoints = rewritten(kg.two, (encoded, m) => {
  const count = fieldsOf(kg.two.codec, m).find((f) => f.path === 'F.length')
  return count === undefined ? encoded : withField(encoded, count, (old) => old.map((v, i) => (i === 3 ? v - 1 : v)))
})

table('key generation', three, runKeygen, [
  row(
    'another commitment',
    altered(kg.one, (m) => ({ V: flip(m.V) })),
    ...OPEN,
  ),
  opens('#26 other Feldman points than committed to', (m) => ({ F: [mul(G, 7n), ...m.F.slice(1)] })),
  opens('#26 another A than committed to', () => ({ A: mul(G, 7n) })),
  ...(['rid', 'c', 'u'] as const).map((field) =>
    opens(`another ${field} than committed to`, (m) => ({ [field]: flip(m[field]) })),
  ),
  row(
    '#10 a byte of the session hashed with the party',
    hashing((t, { session, self }, opening) =>
      t
        .bytes('session', session.slice(0, 31))
        .bytes('party', concatBytes(session.slice(31), utf8ToBytes(self)))
        .bytes('opening', opening),
    ),
    ...OPEN,
  ),
  row(
    '#10 a byte of the party hashed with the opening',
    hashing((t, { session, self }, opening) =>
      t
        .bytes('session', session)
        .text('party', self.slice(0, -1))
        .bytes('opening', concatBytes(utf8ToBytes(self.slice(-1)), opening)),
    ),
    ...OPEN,
  ),
  row('#10 a Feldman point opened as the next field', fewerPoints, 'DECODE', /^decode: message has trailing bytes$/),
  row('#10 Π^sch of p and 2 in place of p2', rebound('psi', { prover: 'p', verifier: '2' }), 'PROOF_EQ', /^psi: eq X$/),
  row('#10 Π^sch with a byte of its slot in the verifier', shiftedSlot, 'PROOF_EQ', /^psi: eq X$/),
  row('#24 one Feldman point more', sharing(4), 'VSS_LEN', /^length F$/),
  row('#24 as many Feldman points as decode', sharing(MAX_PARTIES + 1), 'VSS_LEN', /^length F$/),
  row('#24 one Feldman point less', sharing(2), 'VSS_LEN', /^length F$/),
  row('#24 no Feldman points', sharing(0), 'VSS_LEN', /^length F$/),
  row(
    '#25 wrong sub-shares',
    altered(kg.twoShares, (m) => ({ sigma: modQ(m.sigma + 1n) })),
    'VSS_SHARE',
    /^eq sigma G$/,
  ),
  ...three.parties.slice(0, -1).map((only) =>
    row(
      `#25 a wrong sub-share for ${only} only`,
      altered(kg.twoShares, (m, to) => (to === only ? { sigma: modQ(m.sigma + 1n) } : m)),
      'VSS_SHARE',
      /^eq sigma G$/,
    ),
  ),
  row(
    '#26 a wrong response of Π^sch',
    altered(kg.three, (m) => ({ z: modQ(m.z + 1n) })),
    'PROOF_EQ',
    /^psi: eq X$/,
  ),
  row('#12 Π^sch for another session', rebound('psi', OTHER_SESSION), 'PROOF_EQ', /^psi: eq X$/),
  row('#12 Π^sch without the joint rid', rebound('psi', { slot: 'keygen psi' }), 'PROOF_EQ', /^psi: eq X$/),
  row('#13 Π^sch in another party’s name', rebound('psi', { prover: 'p0' }), 'PROOF_EQ', /^psi: eq X$/),
])

table(
  'key generation, nothing that decodes',
  two,
  runKeygen,
  [kg.one, kg.two, kg.twoShares, kg.three, kg.four].map((r) => garbled(r as Round<never>)),
)

const opening = openingOf(systemRandom, feldman(randomPolynomial(systemRandom, 2)))
const pointFields = fieldsOf(kg.two.codec, opening).filter((f) => f.kind === 'point')

table(
  'key generation, what is no point',
  two,
  runKeygen,
  pointFields.flatMap((field) =>
    BAD_POINTS.map(([what, bytes]) =>
      row(
        `#28 ${field.path}: ${what}`,
        rewritten(kg.two, (encoded) => withField(encoded, field, bytes)),
        'DECODE',
        /^decode: expected a compressed point on the curve$/,
      ),
    ),
  ),
)

/** Opens when it has seen what the others open, so that the key is `target`, which it may know the secret of. */
function rogue(room: MemoryRoom, others: readonly PartyId[], target: Point): Cheat {
  return (party) => ({
    ...party,
    async broadcast<M>(round: BroadcastRound<M>, message: M) {
      if ((round as unknown) !== kg.two) return party.broadcast(round, message)
      const theirs = await Promise.all(others.map(async (id) => said(kg.two.codec, await heard(room, id, '2')).F[0]))
      const [, ...rest] = (message as kg.Opening).F
      const F = [target.subtract(sum(theirs as Point[])), ...rest]
      await party.broadcast(kg.two, { ...(message as kg.Opening), F })
    },
  })
}

describe('key generation, a party that waits for the others', () => {
  const cheating = async (f: Fixture, cheat: (room: MemoryRoom) => Cheat) => {
    const room = memoryRoom()
    return runKeygen(f, { channelOf: () => room, cheats: { [f.parties.at(-1) as PartyId]: cheat(room) } })
  }

  for (const [what, target] of [
    ['#26 a rogue key: points that make the key one of its own', mul(G, 7n)],
    ['#27 points that are the others’ negated: the key would be the identity', IDENTITY],
  ] as const) {
    test(`${what}: COMMIT_OPEN`, async () => {
      const results = await cheating(three, (room) => rogue(room, ['p0', 'p1'], target))
      expectNamed(three, results, 'p2', ...OPEN)
    })
  }

  test('#13 the peer’s commitment and opening as its own: COMMIT_OPEN', async () => {
    const results = await cheating(two, (room) => parrot(room, 'p0', ['1', '2']))
    expectNamed(two, results, 'p1', ...OPEN)
  })

  test('#13 the peer’s response of Π^sch as its own: PROOF_EQ', async () => {
    const results = await cheating(two, (room) => parrot(room, 'p0', ['3']))
    expectNamed(two, results, 'p1', 'PROOF_EQ', /^psi: eq X$/)
  })
})

test('#27 key generation: contributions that cancel give no key, and name nobody', async () => {
  const v = randomNonZeroScalar(systemRandom)
  const cheats = { p0: drawing(0, wide(v)), p1: drawing(0, wide(-v)) }
  expectNobody(await runKeygen(two, { cheats }), 'PK_IDENTITY')
})

test('#27 key generation: a share of zero is no share, and names nobody', async () => {
  // f(1) = 0 for the sum of the polynomials
  const [a0, a1, b0] = [0, 0, 0].map(() => randomNonZeroScalar(systemRandom)) as [bigint, bigint, bigint]
  const cheats = {
    p0: both(drawing(0, wide(a0)), drawing(1, wide(a1))),
    p1: both(drawing(0, wide(b0)), drawing(1, wide(-(a0 + a1 + b0)))),
  }
  expectNobody(await runKeygen(two, { cheats }), 'PK_IDENTITY')
})
