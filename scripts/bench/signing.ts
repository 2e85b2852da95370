/** A signature from the start: what one `sign` takes without a presignature, by client, gateway and sign-service. */
import { type Row, WARM_UP } from './row.ts'
import { countTraffic, withScene } from './scene.ts'

/** The first signatures of a process prepare the moduli; the very first one has a row of its own. */
export const rows: readonly Row[] = [
  {
    name: 'cold presign + sign, one party',
    targets: { 'CPU ms': 350, 'wall ms': 600 },
    measure: (record, runs) =>
      withScene({}, async ({ client, cpuMs }) => {
        await client.ask('sign', { count: WARM_UP })
        for (let i = 0; i < runs; i++) {
          const before = await cpuMs()
          record('wall ms', ...(await client.ask<number[]>('sign', { count: 1 })))
          record('CPU ms', ((await cpuMs()) - before) / 2)
        }
      }),
  },
  {
    name: 'the first of client and service, one party',
    async measure(record, runs) {
      for (let i = 0; i < runs; i++) {
        await withScene({}, async ({ client, cpuMs }) => {
          const before = await cpuMs()
          record('wall ms', ...(await client.ask<number[]>('sign', { count: 1 })))
          record('CPU ms', ((await cpuMs()) - before) / 2)
        })
      }
    },
  },
  {
    name: 'traffic of a cold signature, all bodies',
    // what the two parties say to each other; each hears all of it from the gateway, its own words too, as the API has it
    targets: { 'KB posted': 50 },
    measure: (record, runs) =>
      withScene({ isCounted: true }, async (scene) => {
        await scene.client.ask('sign', { count: WARM_UP })
        for (let i = 0; i < runs; i++) await countTraffic(record, scene)
      }),
  },
]
