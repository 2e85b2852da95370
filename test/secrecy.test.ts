/**
 * The canary: every protocol runs, good and failing in each round, with recorded randomness, and everything that comes
 * out is searched for every draw and every secret: the room's packets, standard output and error, the errors and what the
 * protocols return, as text, JSON and inspected to the bottom. Programs and gateways: secrecy-gateway.test.ts and
 * secrecy-processes.test.ts.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Random, systemRandom } from '../participant/base/random.ts'
import { modQ } from '../participant/math/curve.ts'
import type { PartyId } from '../participant/party/roster.ts'
import { memoryRoom } from '../participant/party/simulation.ts'
import { allValues } from '../participant/party/testing.ts'
import { keygenRounds } from '../participant/protocols/keygen/rounds.ts'
import type { Presignature } from '../participant/protocols/material.ts'
import { one as signRound } from '../participant/protocols/sign/protocol.ts'
import {
  altered,
  both,
  type Cheat,
  dealPresignatures,
  type Fixture,
  fixture,
  type Results,
  type Run,
  runAux,
  runKeygen,
  runPresign,
  runSign,
  undecodable,
} from '../participant/protocols/testing.ts'
import { type AnyRound, nudging, silent } from './secrecy-cheats.ts'
import { capturingOutput, deltaIn, judge, noteShare, openPackets, searchPackets } from './secrecy-record.ts'
import { Canary, Channels } from './secrecy-search.ts'

const two = fixture(2, 2)
const three = fixture(3, 3)
const DIGEST = new Uint8Array(32).fill(7)

interface Scene {
  readonly canary: Canary
  readonly seen: Channels
  readonly run: Run & { readonly random: Random }
  readonly log: readonly Uint8Array[]
}

/** The evidence against a wrong sub-share is that sub-share, signed; the run is over, and its key was never made. */
const SUB_SHARE_AS_EVIDENCE = /^error, .*: sub-share \(/

/** Runs `play` under observation, then asserts that nothing got out but what `except` says. */
async function expectNothing(f: Fixture, play: (s: Scene) => Promise<unknown>, except?: RegExp): Promise<Scene> {
  const canary = new Canary()
  const seen = new Channels()
  const room = memoryRoom()
  const scene = { canary, seen, log: room.log, run: { random: canary.random(systemRandom), channelOf: () => room } }
  for (const share of f.shares.values()) noteShare(canary, share)
  const unwatch = canary.watch()
  try {
    await capturingOutput(seen, () => play(scene))
  } finally {
    unwatch()
  }
  const opened = openPackets(room.log, [...f.identities.values()])
  judge(canary, opened, f.level)
  searchPackets(seen, 'packets', room.log)
  const leaks = seen.leaks(canary).filter((leak) => except?.test(leak) !== true)
  assert.deepEqual(leaks, [])

  // What was said to one party alone is not in any packet, unless the alarm shows it.
  const bodies = new Canary()
  const shown = opened.clear.some((e) => e.round.startsWith('alarm'))
  for (const e of opened.direct) if (!shown) bodies.note(`${e.protocol} ${e.round}`, e.body)
  const packets = new Channels()
  searchPackets(packets, 'packets', room.log)
  assert.deepEqual(packets.leaks(bodies), [])
  return scene
}

function look(seen: Channels, results: Results<unknown>): void {
  for (const r of results.values()) {
    if (r.status === 'fulfilled') seen.object('result', r.value)
    else seen.object('error', r.reason)
  }
}

function notePresignatures({ canary, log }: Scene, f: Fixture, made: ReadonlyMap<PartyId, Presignature>): void {
  const delta = deltaIn(openPackets(log, []), f.level)
  for (const p of made.values()) {
    for (const [name, value] of [
      ['k', p.kTilde.expose()],
      ['chi', p.chiTilde.expose()],
    ] as const) {
      canary.note(`${name} divided by delta`, value)
      canary.note(name, modQ(value * delta))
      assert.ok(canary.has(modQ(value * delta)))
    }
  }
}

describe('protocols that succeed show nothing', () => {
  for (const f of [two, three]) {
    const n = f.parties.length
    test(`key generation, ${n} parties`, async () => {
      const { canary } = await expectNothing(f, async ({ seen, run, canary }) => {
        const results = await runKeygen(f, run)
        for (const core of allValues(results).values()) canary.note('x', core.x.expose())
        look(seen, results)
      })
      // coefficients, masks, ephemeral keys, shares and sub-shares: all were looked for
      assert.ok(canary.size > 20, `${canary.size}`)
    })

    test(`presigning and signing, ${n} parties`, async () => {
      const { canary, seen } = await expectNothing(f, async (scene) => {
        const presigned = await runPresign(f, scene.run)
        const made = allValues(presigned)
        notePresignatures(scene, f, made)
        look(scene.seen, presigned)
        look(scene.seen, await runSign(f, made, DIGEST, scene.run))
        look(scene.seen, presigned)
      })
      assert.ok(canary.size > 100, `${canary.size}`)
      assert.ok(seen.characters > 20_000)
    })
  }

  test('auxiliary information', async () => {
    await expectNothing(two, async ({ seen, run }) => look(seen, await runAux(two, run)))
  })

  test('key shares, as text, as JSON and inspected', async () => {
    await expectNothing(two, async ({ seen }) => {
      for (const share of two.shares.values()) seen.object('key share', share)
    })
  })
})

describe('protocols that fail show nothing', () => {
  type Runner = (o: Run) => Promise<Results<unknown>>
  const cheater = 'p1'
  const table: readonly (readonly [name: string, f: Fixture, rounds: readonly AnyRound[], run: Runner])[] = [
    ['keygen', two, keygenRounds.rounds, (o) => runKeygen(two, o)],
    ['aux-info', two, two.aux.rounds, (o) => runAux(two, o)],
    [
      'presign',
      two,
      [two.presign.one, two.presign.oneProofs, two.presign.two, two.presign.twoProducts, two.presign.three],
      (o) => runPresign(two, o),
    ],
    ['sign', two, [signRound], (o) => runSign(two, dealPresignatures(two.parties, 5n, systemRandom), DIGEST, o)],
  ]

  async function failing(f: Fixture, run: Runner, cheat: Cheat, o: Run = {}): Promise<void> {
    const play = async (scene: Scene): Promise<void> => {
      const results = await run({ ...scene.run, ...o, cheats: { [cheater]: cheat } })
      assert.equal(results.get('p0')?.status, 'rejected', 'nothing failed')
      look(scene.seen, results)
    }
    await expectNothing(f, play, SUB_SHARE_AS_EVIDENCE)
  }

  for (const [name, f, rounds, run] of table) {
    for (const round of rounds) {
      test(`${name} ${round.name}: bytes that don't decode, a wrong first value, a wrong last one`, async () => {
        await failing(f, run, undecodable(round))
        await failing(f, run, nudging(round, 'first'))
        await failing(f, run, nudging(round, 'last'))
      })
    }
  }

  for (const [name, f, rounds, run] of table) {
    test(`${name}: a peer that falls silent, until the deadline`, async () => {
      await failing(f, run, silent(rounds.at(-1) as AnyRound), { deadlineMs: 1_500 })
    })
  }

  for (const what of ['delta', 'S'] as const) {
    test(`presigning with three: a wrong ${what}, and the alarm`, async () => {
      const wrong = altered(three.presign.three, (m) =>
        what === 'delta' ? { ...m, delta: modQ(m.delta + 1n) } : { ...m, S: m.S.double() },
      )
      await failing(three, (o) => runPresign(three, o), both(wrong))
    })
  }
})
