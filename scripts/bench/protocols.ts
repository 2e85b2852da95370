/** The protocols alone: two party processes through a gateway process, and key generation of five in one process. */
import { CGGMP24_3072 } from '../../participant/base/level.ts'
import { systemRandom } from '../../participant/base/random.ts'
import { createIdentity, makeRoster } from '../../participant/party/roster.ts'
import { allValues, runAll } from '../../participant/party/testing.ts'
import { keygen } from '../../participant/protocols/keygen/protocol.ts'
import { keygenRounds } from '../../participant/protocols/keygen/rounds.ts'
import { freePort, startProgram } from '../processes.ts'
import { type Recorder, type Row, timed, type Unit } from './row.ts'

/** Both parties' figures are put together: all are of one party. */
async function twoParties(record: Recorder, runs: number, operation: string, env: NodeJS.ProcessEnv = {}) {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const argv = ['gateway/main.ts', '--port', String(port), '--log-level', 'warn']
  const gateway = await startProgram(argv, { readyUrl: `${url}/health` })
  try {
    const room = `bench-${process.pid}-${Date.now()}`
    const start = (name: string) =>
      startProgram(['scripts/bench/party.ts', url, room, name, operation, String(runs)], {
        env: { ...process.env, ...env },
      })
    for (const party of await Promise.all([start('client'), start('service')])) {
      for (const line of (await party.output()).split('\n').filter((l) => l.startsWith('{'))) {
        for (const [unit, value] of Object.entries(JSON.parse(line))) record(unit as Unit, value as number)
      }
      const code = await party.exited
      if (code !== 0) throw new Error(`a party ended with code ${code}: ${party.errors()}`)
    }
  } finally {
    await gateway.stop()
  }
}

async function keygenOfFive(record: Recorder, runs: number): Promise<void> {
  const identities = ['a', 'b', 'c', 'd', 'e'].map((id) => createIdentity(id, systemRandom))
  const common = {
    identities: new Map(identities.map((i) => [i.id, i])),
    roster: makeRoster(identities),
    level: CGGMP24_3072,
    protocols: [keygenRounds],
  }
  const run = async (): Promise<void> => {
    allValues(await runAll(common, (party) => keygen({ threshold: 3 }, party('keygen'))))
  }
  for (let i = 0; i < 3; i++) await run()
  for (let i = 0; i < runs; i++) await timed(record, run)
}

export const rows: readonly Row[] = [
  { name: 'DKG, n = 5, t = 3, all five together', targets: { 'CPU ms': 120 }, measure: keygenOfFive },
  { name: 'DKG, n = t = 2, one party', measure: (record, runs) => twoParties(record, runs, 'keygen') },
  {
    name: 'aux info without primes, one party',
    targets: { 'CPU ms': 1500 },
    measure: (record, runs) => twoParties(record, runs, 'aux'),
  },
  { name: 'presign, one party', measure: (record, runs) => twoParties(record, runs, 'presign') },
  {
    name: 'presign in the BigInt engine, one party',
    targets: { 'CPU ms': 1600 },
    measure: (record, runs) => twoParties(record, runs, 'presign', { WALLET_MPC_ENGINE: 'bigint' }),
  },
  { name: 'sign with a presignature, one party', measure: (record, runs) => twoParties(record, runs, 'sign') },
]
