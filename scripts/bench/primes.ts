/** What auxiliary information starts with: two Blum and two safe primes of 1536 bits. */
import { CGGMP24_3072 } from '../../participant/base/level.ts'
import { blumPrime, safePrime } from '../../participant/math/primes.ts'
import { type Recorder, type Row, timed } from './row.ts'

type Maker = NonNullable<Parameters<typeof blumPrime>[0]['maker']>

async function fourPrimes(record: Recorder, runs: number, maker?: Maker): Promise<void> {
  const options = { bits: CGGMP24_3072.modulusBits / 2, ...(maker === undefined ? {} : { maker }) }
  for (let i = 0; i < runs; i++) {
    await timed(record, () =>
      Promise.all([blumPrime(options), blumPrime(options), safePrime(options), safePrime(options)]),
    )
  }
}

export const rows: readonly Row[] = [
  {
    name: 'two Blum and two safe primes, worker threads',
    targets: { 'wall ms': 10_000 },
    async measure(record, runs) {
      const { createWorkerPool } = await import('../../participant/zk/work-pool.node.ts')
      const pool = createWorkerPool()
      await pool.ready
      await fourPrimes(record, runs, pool.primes)
      await pool.close()
    },
  },
  { name: 'the same without worker threads', measure: (record, runs) => fourPrimes(record, runs) },
]
