/**
 * Attacks on the third round of presigning: shares of δ and χ that do not match, found by two signers at once and by
 * more with the alarm, and values that are made to be zero.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { culprits, PeerStopped, ProtocolAbort, UsageError } from '../../participant/base/errors.ts'
import { systemRandom } from '../../participant/base/random.ts'
import { G, modQ, randomNonZeroScalar } from '../../participant/math/curve.ts'
import type { BroadcastRound, Round } from '../../participant/party/rounds.ts'
import { type MemoryRoom, memoryRoom } from '../../participant/party/simulation.ts'
import type { Three } from '../../participant/protocols/presign/rounds.ts'
import { altered, both, type Cheat, drawing, fixture, runPresign } from '../../participant/protocols/testing.ts'
import { decode } from '../../participant/wire/codec.ts'
import { envelopeCodec } from '../../participant/wire/envelope.ts'
import { misreading } from './cheats.ts'
import { expectNamed, expectNobody, garbled, heard, type Runner, row, said, table, wide } from './harness.ts'

const two = fixture(2, 2)
const three = fixture(3, 3)
const { two: second, three: third } = two.presign
const presigning: Runner = (f, o) => runPresign(f, o)

const inThird = (change: (m: Three) => Partial<Three>): Cheat => altered(third, (m) => ({ ...m, ...change(m) }))
const badDelta = inThird((m) => ({ delta: modQ(m.delta + 1n) }))

table('presigning, round 3', two, presigning, [
  row('#39 another δ', badDelta, 'DELTA', /^eq delta$/),
  row(
    '#39 a δ of zero',
    inThird(() => ({ delta: 0n })),
    'DELTA',
    /^eq delta$/,
  ),
  row(
    '#39 another Δ',
    inThird((m) => ({ Delta: m.Delta.double() })),
    'PROOF_EQ',
    /^psi-prime-prime: eq/,
  ),
  row(
    '#39 another δ, and a Δ that makes up for it',
    inThird((m) => ({ delta: modQ(m.delta + 1n), Delta: m.Delta.add(G) })),
    'PROOF_EQ',
    /^psi-prime-prime: eq/,
  ),
  row(
    '#40 another S',
    inThird((m) => ({ S: m.S.add(G) })),
    'CHI',
    /^eq chi$/,
  ),
  row(
    '#39 #40 another δ and another S',
    inThird((m) => ({ delta: modQ(m.delta + 1n), S: m.S.add(G) })),
    'DELTA',
    /^eq delta$/,
  ),
  row(
    'a wrong response of ψ″',
    inThird(({ psiPrimePrime: p }) => ({
      psiPrimePrime: { ...p, response: { ...p.response, u: modQ(p.response.u + 1n) } },
    })),
    'PROOF_EQ',
    /^psi-prime-prime: eq challenge$/,
  ),
  garbled(third as never),
])

test('presigning, 2 parties: a wrong sum shows all four messages of the peer', async () => {
  const result = (await runPresign(two, { cheats: { p1: badDelta } })).get('p0')
  assert.ok(result?.status === 'rejected' && result.reason instanceof ProtocolAbort, 'p0 did not abort')
  const rounds = result.reason.faults[0]?.evidence.map((raw) => decode(envelopeCodec, raw).round)
  assert.deepEqual(rounds, ['1', '2', '2 products', '3'])
})

table('presigning, round 3', three, presigning, [
  row(
    '#39 another Δ',
    altered(three.presign.three, (m) => ({ ...m, Delta: m.Delta.double() })),
    'PROOF_EQ',
    /^psi-prime-prime: eq/,
  ),
])

describe('presigning, 3 parties: the alarm', () => {
  for (const [what, sum, code, check] of [
    ['#39 another δ, shown by the alarm', 'delta', 'DELTA', /^psi-dec: eq S$/],
    ['#40 another S, shown by the alarm', 'chi', 'CHI', /^psi-hat-dec: eq S$/],
  ] as const) {
    test(`${what}: ${code}`, async () => {
      const results = await runPresign(three, { deadlineMs: 300_000 }, (id) => {
        const share = three.shares.get(id) ?? assert.fail('no share')
        return id === 'p2' ? { ...share, aux: misreading(share.aux, sum) } : share
      })
      expectNamed(three, results, 'p2', code, check)
    })
  }

  /** Does not look at this round, and gives up. */
  const leavesAt =
    (round: Round<never>): Cheat =>
    (party) => ({
      ...party,
      collect: <M>(r: Round<M>) =>
        (r as unknown) === round ? Promise.reject(new UsageError('leaves')) : party.collect(r),
    })

  for (const [what, wrong] of [
    ['#39 another δ', altered(three.presign.three, (m) => ({ ...m, delta: modQ(m.delta + 1n) }))],
    ['#40 another S', altered(three.presign.three, (m) => ({ ...m, S: m.S.add(G) }))],
  ] as const) {
    test(`${what} from somebody who leaves before the alarm: nobody is named`, async () => {
      const cheat = both(wrong, leavesAt(three.presign.three as Round<never>))
      const results = await runPresign(three, { cheats: { p2: cheat } })
      for (const id of ['p0', 'p1']) {
        const r = results.get(id)
        assert.ok(r?.status === 'rejected' && r.reason instanceof PeerStopped, `${id} has a result`)
        assert.deepEqual(culprits(r.reason), [])
      }
    })
  }
})

describe('presigning: contributions that cancel', () => {
  for (const [what, draw] of [
    ['Γ is the identity', 1],
    ['δ is zero', 0],
  ] as const) {
    test(`#50 two that do it together, so that ${what}, name nobody: ZERO`, async () => {
      const v = randomNonZeroScalar(systemRandom)
      const cheats = { p0: drawing(draw, wide(v)), p1: drawing(draw, wide(-v)) }
      expectNobody(await runPresign(two, { cheats }), 'ZERO')
    })
  }

  /** Hears what p0 says in a round before it speaks, and cancels it. */
  function cancelling<M>(room: MemoryRoom, round: BroadcastRound<M>, cancel: (mine: M, theirs: M) => M): Cheat {
    return (party) => ({
      ...party,
      async broadcast<T>(r: BroadcastRound<T>, m: T) {
        if ((r as unknown) !== round) return party.broadcast(r, m)
        const theirs = said(round.codec, await heard(room, 'p0', round.name))
        await party.broadcast(round, cancel(m as unknown as M, theirs))
      },
    })
  }

  const CANCEL: readonly (readonly [
    what: string,
    cheat: (room: MemoryRoom) => Cheat,
    code: 'PROOF_EQ' | 'DELTA',
    check: RegExp,
  ])[] = [
    [
      '#50 a Γ that cancels the peer’s',
      (room) => cancelling(room, second, (m, { Gamma }) => ({ ...m, Gamma: Gamma.negate() })),
      'PROOF_EQ',
      /^psi-prime: eq/,
    ],
    [
      '#50 a δ that cancels the peer’s',
      (room) => cancelling(room, third, (m, { delta }) => ({ ...m, delta: modQ(-delta) })),
      'DELTA',
      /^eq delta$/,
    ],
    [
      '#50 a δ, a Δ and an S that cancel the peer’s',
      (room) =>
        cancelling(room, third, (m, { delta, Delta, S }) => ({
          ...m,
          delta: modQ(-delta),
          Delta: Delta.negate(),
          S: S.negate(),
        })),
      'PROOF_EQ',
      /^psi-prime-prime: eq/,
    ],
  ]

  for (const [what, cheat, code, check] of CANCEL) {
    test(`${what}: ${code}`, async () => {
      const room = memoryRoom()
      const results = await runPresign(two, { channelOf: () => room, cheats: { p1: cheat(room) } })
      expectNamed(two, results, 'p1', code, check)
    })
  }
})
