/** kill -9 at every message of a signing, just before and just after the gateway took it, for each of the three programs. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Ended, type Point, Stage, VICTIMS } from './crash-signing.ts'

/** Each with its own gateway, service and shares. */
const STAGES = 2

test('client, service or gateway killed at every message: the next signing works, no nonce twice', async (t) => {
  const stages = await Promise.all(Array.from({ length: STAGES }, () => Stage.open()))
  try {
    const [first] = stages
    const messages = (await first?.sign()) ?? 0
    assert.ok(messages >= 10, `a signing has ${messages} messages`)
    const queue: Point[] = VICTIMS.flatMap((victim) =>
      Array.from({ length: messages }, (_, i) => i + 1).flatMap((message) =>
        (['before', 'after'] as const).map((when) => ({ victim, message, when })),
      ),
    )
    const ends = new Map<string, number>()
    const failures: string[] = []
    const lane = async (stage: Stage): Promise<void> => {
      for (let point = queue.shift(); point !== undefined; point = queue.shift()) {
        const { victim, message, when } = point
        try {
          const ended: Ended = await stage.crash(point)
          ends.set(`${victim} ${ended}`, (ends.get(`${victim} ${ended}`) ?? 0) + 1)
        } catch (error) {
          failures.push(`${victim} killed ${when} message ${message}: ${(error as Error).message}`)
        }
      }
    }
    await Promise.all(stages.map(lane))
    assert.deepEqual(failures, [])
    const nonces = stages.map((stage) => stage.checkNonces())
    t.diagnostic(`${messages} messages; ${[...ends].map(([how, n]) => `${how} ${n}`).join(', ')}; nonces ${nonces}`)
  } finally {
    await Promise.all(stages.map((stage) => stage.close()))
  }
})
