/** Signatures from presignatures that are there already: envelope, policy, partial signature, checks, everything. */
import { availableParallelism } from 'node:os'
import { canPin } from './measured.ts'
import type { Row } from './row.ts'
import { countTraffic, type Scene, withScene } from './scene.ts'

/** For each run, so that ten runs have a 99th percentile. */
const SIGNATURES_PER_RUN = 20
const PER_SECOND = 20
const AT_ONCE = 16
/** Not counted: the compiler needs some. */
const FIRST = 20

/** Presignatures for `count` signatures that count, after those that don't. */
async function prepared({ client }: Scene, count: number): Promise<void> {
  await client.ask('prepare', { count: FIRST + count })
  await client.ask('sign', { count: FIRST })
}

export const rows: readonly Row[] = [
  {
    name: `warm sign at ${PER_SECOND} a second, both parties together`,
    targets: { 'CPU ms': 8, 'wall ms': 15 },
    measure: (record, runs) =>
      withScene({}, async (scene) => {
        await prepared(scene, SIGNATURES_PER_RUN * runs)
        for (let i = 0; i < runs; i++) {
          const before = await scene.cpuMs()
          const took = await scene.client.ask<number[]>('steady', { count: SIGNATURES_PER_RUN, n: PER_SECOND })
          record('wall ms', ...took)
          record('CPU ms', ((await scene.cpuMs()) - before) / SIGNATURES_PER_RUN)
        }
      }),
  },
  {
    name: `warm signatures, one sign-service${canSeparate() ? ' on one core, client and gateway on the other' : ''}`,
    targets: { 'per second': 150 },
    measure: (record, runs) =>
      withScene(canSeparate() ? { serviceCore: 0 } : {}, async (scene) => {
        await prepared(scene, SIGNATURES_PER_RUN * runs)
        for (let i = 0; i < runs; i++) {
          const before = await scene.service.cpuMs()
          record('per second', await scene.client.ask<number>('burst', { count: SIGNATURES_PER_RUN, n: AT_ONCE }))
          // of the service alone: what it could do when nobody else is slower
          record('CPU ms', ((await scene.service.cpuMs()) - before) / SIGNATURES_PER_RUN)
        }
      }),
  },
  {
    name: 'traffic of a warm signature, all bodies',
    targets: { KB: 2 },
    measure: (record, runs) =>
      withScene({ isCounted: true }, async (scene) => {
        await scene.client.ask('prepare', { count: runs + 1 })
        await scene.client.ask('sign', { count: 1 })
        for (let i = 0; i < runs; i++) await countTraffic(record, scene)
      }),
  },
]

function canSeparate(): boolean {
  return canPin() && availableParallelism() >= 2
}
