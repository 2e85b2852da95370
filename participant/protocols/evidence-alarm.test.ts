/**
 * Evidence of the alarm: a cheater in either sum is convicted, and an honest signer by nothing that it proved in the
 * alarm, whatever the alarm is then said to have been about.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Fault, ProtocolAbort } from '../base/errors.ts'
import { G, modQ } from '../math/curve.ts'
import type { PartyId } from '../party/roster.ts'
import type { Round } from '../party/rounds.ts'
import { runAll } from '../party/testing.ts'
import { decode } from '../wire/codec.ts'
import { envelopeCodec } from '../wire/envelope.ts'
import { convicts } from './evidence.ts'
import { presign } from './presign/protocol.ts'
import type { Three } from './presign/rounds.ts'
import { type SessionContext, sessionOf } from './session-context.ts'
import { altered, both, type Cheat, fixture, honest, testContext } from './testing.ts'

const f = fixture(3, 3)
const { three, alarmSum } = f.presign

/** Takes what one peer said for something else, so that it goes into the alarm as well. */
const wakes = (change: (m: Three) => Three): Cheat => {
  return (party) => ({
    ...party,
    async collect<M>(round: Round<M>) {
      const got = await party.collect(round)
      if (round.name !== three.name) return got
      return got.map((m, from) =>
        from === party.peers[0] ? { ...m, message: change(m.message as unknown as Three) as unknown as M } : m,
      )
    },
    checkEach: async (round, got, check, before) =>
      round.name === three.name ? undefined : party.checkEach(round, got, check, before),
  })
}

/** What p0 has after a presigning in which p1 publishes wrong shares of the sums. */
async function alarmAfter(
  cheat: Cheat,
): Promise<{ readonly faults: readonly Fault[]; readonly context: SessionContext }> {
  const context = testContext(f, 'sign')
  const { identities, roster, level, parties: signers } = f
  const results = await runAll(
    { identities, roster, level, protocols: [f.presign], session: sessionOf(context), deadlineMs: 300_000 },
    async (party, id) => {
      const { core, aux } = f.shares.get(id) ?? assert.fail('no share')
      return presign({ core, aux, signers, rounds: f.presign }, (id === 'p1' ? cheat : honest)(party('presign')))
    },
  )
  const result = results.get('p0')
  assert.ok(result?.status === 'rejected' && result.reason instanceof ProtocolAbort, 'p0 aborts')
  return { faults: result.reason.faults, context }
}

/** That an honest party's Π^dec of the alarm is about the other sum: what fails first under another statement. */
function accusation(culprit: PartyId, { record = [] }: Fault, other: 'DELTA' | 'CHI'): Fault {
  const evidence = record.filter((raw) => {
    const e = decode(envelopeCodec, raw)
    return e.from === culprit && e.round === alarmSum.name
  })
  const check = other === 'DELTA' ? 'psi-dec: eq X' : 'psi-hat-dec: eq X'
  return { culprit, protocol: 'presign', round: alarmSum.name, code: other, check, evidence, record }
}

async function expectOnly({ faults, context }: Awaited<ReturnType<typeof alarmAfter>>, code: 'DELTA' | 'CHI') {
  assert.deepEqual(
    faults.map((x) => [x.culprit, x.code]),
    [['p1', code]],
  )
  const [fault] = faults as readonly [Fault]
  assert.equal(await convicts(fault, context), true)
  assert.equal(await convicts(accusation('p2', fault, code === 'CHI' ? 'DELTA' : 'CHI'), context), false)
}

test('when both sums are wrong the alarm is about δ, and what honest signers proved is wrong about nothing', async () => {
  const cheat = altered(three, (m) => ({ ...m, delta: modQ(m.delta + 1n), S: m.S.add(G) }))
  await expectOnly(
    await alarmAfter(
      both(
        cheat,
        wakes((m) => ({ ...m, delta: modQ(m.delta + 5n) })),
      ),
    ),
    'DELTA',
  )
})

test('when δ is right the alarm is about χ', async () => {
  const cheat = altered(three, (m) => ({ ...m, S: m.S.add(G) }))
  await expectOnly(
    await alarmAfter(
      both(
        cheat,
        wakes((m) => ({ ...m, S: m.S.add(G) })),
      ),
    ),
    'CHI',
  )
})
