/**
 * The canary: every protocol runs, good and failing in each round, with recorded randomness, and everything that comes
 * out is searched for every draw and every secret: the room's packets, standard output and error, the errors and what the
 * protocols return, as text, JSON and inspected to the bottom. Programs and gateways: secrecy-gateway.test.ts and
 * secrecy-processes.test.ts; more ways to fail: secrecy.slow.test.ts.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { allValues } from '../participant/party/testing.ts'
import { runAux, runKeygen, runPresign, runSign, undecodable } from '../participant/protocols/testing.ts'
import { type AnyRound, nudging, silent } from './secrecy-cheats.ts'
import { DIGEST, expectNothing, failing, look, notePresignatures, table, three, two } from './secrecy-scene.ts'

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
  for (const [name, f, rounds, run] of table) {
    for (const round of rounds) {
      test(`${name} ${round.name}: a wrong last value`, () => failing(f, run, nudging(round, 'last')))
    }
    test(`${name}: bytes that don't decode`, () => failing(f, run, undecodable(rounds.at(-1) as AnyRound)))
    test(`${name}: a peer that falls silent, until the deadline`, () =>
      failing(f, run, silent(rounds.at(-1) as AnyRound), { deadlineMs: 1_500 }))
  }
})
