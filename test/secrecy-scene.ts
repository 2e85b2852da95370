/**
 * One run of the canary in memory: what is recorded, what is looked at, and the table of runs that fail, for
 * secrecy.test.ts and its slow part.
 */
import assert from 'node:assert/strict'
import { type Random, systemRandom } from '../participant/base/random.ts'
import { modQ } from '../participant/math/curve.ts'
import type { PartyId } from '../participant/party/roster.ts'
import { memoryRoom } from '../participant/party/simulation.ts'
import { keygenRounds } from '../participant/protocols/keygen/rounds.ts'
import type { Presignature } from '../participant/protocols/material.ts'
import { one as signRound } from '../participant/protocols/sign/protocol.ts'
import {
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
} from '../participant/protocols/testing.ts'
import type { AnyRound } from './secrecy-cheats.ts'
import {
  capturingOutput,
  deltaIn,
  judge,
  noteShare,
  openPackets,
  recordedWork,
  searchPackets,
} from './secrecy-record.ts'
import { Canary, Channels } from './secrecy-search.ts'

export const two = fixture(2, 2)
export const three = fixture(3, 3)
export const DIGEST = new Uint8Array(32).fill(7)

/** Each message starts with its sender's view, which is no secret. */
const VIEW_BYTES = 32

export interface Scene {
  readonly canary: Canary
  readonly seen: Channels
  readonly run: Run & { readonly random: Random }
  readonly log: readonly Uint8Array[]
}

/** The evidence against a wrong sub-share is that sub-share, signed; the run is over, and its key was never made. */
const SUB_SHARE_AS_EVIDENCE = /^error, .*: sub-share \(/

/** Runs `play` under observation, then asserts that nothing got out but what `except` says. */
export async function expectNothing(f: Fixture, play: (s: Scene) => Promise<unknown>, except?: RegExp): Promise<Scene> {
  const canary = new Canary()
  const seen = new Channels()
  const room = memoryRoom()
  const scene = {
    canary,
    seen,
    log: room.log,
    run: { random: canary.random(systemRandom), work: recordedWork, channelOf: () => room },
  }
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

  // What was said to one party alone is not in any packet, unless the alarm shows it. A stop quotes what others said.
  const bodies = new Canary()
  const shown = opened.clear.some((e) => e.round.startsWith('alarm'))
  for (const e of opened.direct.filter((d) => !shown && d.protocol !== 'session'))
    bodies.note(`${e.protocol} ${e.round}`, e.body.slice(VIEW_BYTES))
  const packets = new Channels()
  searchPackets(packets, 'packets', room.log)
  assert.deepEqual(packets.leaks(bodies), [])
  return scene
}

export function look(seen: Channels, results: Results<unknown>): void {
  for (const r of results.values()) {
    if (r.status === 'fulfilled') seen.object('result', r.value)
    else seen.object('error', r.reason)
  }
}

export function notePresignatures({ canary, log }: Scene, f: Fixture, made: ReadonlyMap<PartyId, Presignature>): void {
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

export type Runner = (o: Run) => Promise<Results<unknown>>
export const cheater = 'p1'
export const table: readonly (readonly [name: string, f: Fixture, rounds: readonly AnyRound[], run: Runner])[] = [
  // the message of a fourth round is empty: there is nothing in it to make wrong
  ['keygen', two, keygenRounds.rounds.filter((r) => r.name !== '4'), (o) => runKeygen(two, o)],
  ['aux-info', two, two.aux.rounds.filter((r) => r !== two.aux.four), (o) => runAux(two, o)],
  [
    'presign',
    two,
    [two.presign.one, two.presign.oneProofs, two.presign.two, two.presign.twoProducts, two.presign.three],
    (o) => runPresign(two, o),
  ],
  ['sign', two, [signRound], (o) => runSign(two, dealPresignatures(two.parties, 5n, systemRandom), DIGEST, o)],
]

export async function failing(f: Fixture, run: Runner, cheat: Cheat, o: Run = {}): Promise<void> {
  const play = async (scene: Scene): Promise<void> => {
    const results = await run({ ...scene.run, ...o, cheats: { [cheater]: cheat } })
    assert.equal(results.get('p0')?.status, 'rejected', 'nothing failed')
    look(scene.seen, results)
  }
  await expectNothing(f, play, SUB_SHARE_AS_EVIDENCE)
}
