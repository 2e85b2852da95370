/**
 * How long sign-service keeps its event loop from other requests while it makes a signature from the start, observed by a
 * timer of one millisecond. The 99th percentile is over the timer's ticks during one signature, of which a block of any
 * length is one: it is small when there are few blocks. The longest delay says what a request may meet.
 */
import { type Recorder, type Row, WARM_UP } from './row.ts'
import { withScene } from './scene.ts'

const measure = (env: Readonly<Record<string, string>>) => (record: Recorder, runs: number) =>
  withScene({ env }, async ({ client, service }) => {
    await client.ask('sign', { count: WARM_UP })
    for (let i = 0; i < runs; i++) {
      await service.ask('loop start')
      await client.ask('sign', { count: 1 })
      const { p99, max } = await service.ask<{ p99: number; max: number }>('loop stop')
      record('loop p99 ms', p99)
      record('loop max ms', max)
    }
  })

export const rows: readonly Row[] = [
  {
    name: 'cold signatures, worker threads',
    targets: { 'loop p99 ms': 30 },
    measure: measure({}),
  },
  {
    name: 'cold signatures, no worker threads',
    measure: measure({ SIGN_SERVICE_PERFORMANCE_WORKERS: '0' }),
  },
]
