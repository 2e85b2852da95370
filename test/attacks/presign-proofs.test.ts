/**
 * Proofs of presigning that are genuine, and were made for something else: another session, epoch, prover, recipient or
 * slot. What they are about is the same wherever that can be arranged.
 */
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { seededRandom } from '../../participant/math/testing.ts'
import type { PartyId } from '../../participant/party/roster.ts'
import type { Round } from '../../participant/party/rounds.ts'
import { memoryRoom } from '../../participant/party/simulation.ts'
import { allValues } from '../../participant/party/testing.ts'
import type { One } from '../../participant/protocols/presign/rounds.ts'
import { altered, both, type Cheat, fixture, rebound, runPresign } from '../../participant/protocols/testing.ts'
import { encode } from '../../participant/wire/codec.ts'
import { drawingFrom, keeping } from './cheats.ts'
import { expectNamed, OTHER_SESSION, parrot, type Runner, row, table } from './harness.ts'

const two = fixture(2, 2)
const three = fixture(3, 3)
const { one, oneProofs, two: second, twoProducts, three: third } = two.presign
const presigning: Runner = (f, o) => runPresign(f, o)

const FOR_ALL = ['psi-prime', 'psi-prime-prime'] as const
const FOR_ONE = ['psi0', 'psi1', 'psi', 'psi-hat'] as const
const eq = (slot: string): RegExp => new RegExp(`^${slot}: eq`)

table('presigning, proofs for something else', two, presigning, [
  ...[...FOR_ONE, ...FOR_ALL].flatMap((slot) => [
    row(`#12 ${slot} for another session`, rebound(slot, OTHER_SESSION), 'PROOF_EQ', eq(slot)),
    row(`#37 ${slot} for another epoch`, rebound(slot, { epoch: 1 }), 'PROOF_EQ', eq(slot)),
    row(`#13 ${slot} in another party’s name`, rebound(slot, { prover: 'p0' }), 'PROOF_EQ', eq(slot)),
  ]),
  ...FOR_ONE.map((slot) =>
    row(`#15 ${slot} for another recipient`, rebound(slot, { verifier: 'p2' }), 'PROOF_EQ', eq(slot)),
  ),
  ...FOR_ALL.map((slot) =>
    row(`#15 ${slot} for one recipient`, rebound(slot, { verifier: 'p0' }), 'PROOF_EQ', eq(slot)),
  ),
  ...(
    [
      ['psi0', 'psi1'],
      ['psi1', 'psi0'],
      ['psi', 'psi-hat'],
      ['psi-hat', 'psi'],
      ['psi-prime', 'psi-prime-prime'],
      ['psi-prime-prime', 'psi-prime'],
    ] as const
  ).map(([slot, name]) =>
    row(`#14 ${slot} with the name of ${name}`, rebound(slot, { slot: `presign ${name}` }), 'PROOF_EQ', eq(slot)),
  ),
  row(
    '#14 ψ1 in the place of ψ0',
    altered(oneProofs, (m) => ({ ...m, psi0: m.psi1 })),
    'PROOF_EQ',
    eq('psi0'),
  ),
  row(
    '#14 ψ0 in the place of ψ1',
    altered(oneProofs, (m) => ({ ...m, psi1: m.psi0 })),
    'PROOF_EQ',
    eq('psi1'),
  ),
  row(
    '#14 ψ̂ and its products in the place of ψ’s',
    altered(twoProducts, (m) => ({ ...m, D: m.DHat, F: m.FHat, psi: m.psiHat })),
    'PROOF_EQ',
    eq('psi'),
  ),
  row(
    '#14 ψ and its products in the place of ψ̂’s',
    altered(twoProducts, (m) => ({ ...m, DHat: m.D, FHat: m.F, psiHat: m.psi })),
    'PROOF_EQ',
    eq('psi-hat'),
  ),
])

describe('presigning, what was said in another session that differs in its id alone', () => {
  /** Everybody draws the same in every session. */
  const drawing = (id: PartyId): Cheat => drawingFrom(seededRandom(`presign again ${id}`))
  const sent = new Map<Round<unknown>, Map<PartyId | '', unknown>>()
  const rounds = [one, oneProofs, second, twoProducts, third] as readonly Round<unknown>[]

  before(async () => {
    const keeps = rounds.map((round) => {
      const kept = new Map<PartyId | '', unknown>()
      sent.set(round, kept)
      return keeping(round, kept)
    })
    allValues(await runPresign(two, { cheats: { p0: drawing('p0'), p1: both(drawing('p1'), ...keeps) } }))
  })

  const again = (round: Round<unknown>): Cheat =>
    altered(round, (_, to) => sent.get(round)?.get(to) ?? assert.fail(`nothing was sent in ${round.name}`))

  for (const [round, check] of [
    [oneProofs, /^psi0: eq challenge$/],
    [second, /^psi-prime: eq challenge$/],
    [twoProducts, /^psi: eq challenge$/],
    [third, /^psi-prime-prime: eq challenge$/],
  ] as const) {
    test(`#12 the message of round ${round.name}: PROOF_EQ`, async () => {
      const replays = both(drawing('p1'), again(round as Round<unknown>))
      const results = await runPresign(two, { cheats: { p0: drawing('p0'), p1: replays } })
      expectNamed(two, results, 'p1', 'PROOF_EQ', check)
    })
  }

  test('all that is not bound to the session is the same', async () => {
    const kept = new Map<PartyId | '', One>()
    const p1 = both(drawing('p1'), keeping(one, kept))
    allValues(await runPresign(two, { cheats: { p0: drawing('p0'), p1 } }))
    const [now, before] = [kept.get(''), sent.get(one as Round<unknown>)?.get('') as One | undefined]
    assert.ok(now !== undefined && before !== undefined, 'nothing was kept')
    assert.deepEqual(encode(one.codec, now), encode(one.codec, before))
  })
})

for (const [round, check] of [
  ['2', /^psi-prime: eq challenge$/],
  ['3', /^psi-prime-prime: eq challenge$/],
] as const) {
  test(`#13 presigning: the peer’s message of round ${round} as one’s own: PROOF_EQ`, async () => {
    const room = memoryRoom()
    const results = await runPresign(two, { channelOf: () => room, cheats: { p1: parrot(room, 'p0', [round]) } })
    expectNamed(two, results, 'p1', 'PROOF_EQ', check)
  })
}

/** p0 gets what was made for p2, whose moduli are shorter, so that all numbers are in range. */
function misdirected<M>(round: Round<M>): Cheat {
  return (party) => ({
    ...party,
    async send(r, to, m) {
      if ((r as unknown) !== round) return party.send(r, to, m)
      if (to !== 'p2') return
      await party.send(r, 'p2', m)
      await party.send(r, 'p0', m)
    },
  })
}

for (const [round, check] of [
  [three.presign.oneProofs, /^psi0: eq challenge$/],
  [three.presign.twoProducts, /^psi: eq challenge$/],
] as const) {
  test(`#15 presigning, 3 parties: for one what was made for the other, round ${round.name}: PROOF_EQ`, async () => {
    const results = await runPresign(three, { cheats: { p1: misdirected(round as Round<unknown>) } })
    expectNamed(three, results, 'p1', 'PROOF_EQ', check)
  })
}
