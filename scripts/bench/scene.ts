/**
 * What is in use when somebody signs, each a process: a gateway, sign-service as it is, and a client. The key shares are
 * made from stored primes.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CGGMP24_3072 } from '../../participant/base/level.ts'
import { formatKeyShares } from '../../participant/key-share/format.ts'
import { dealTestShares } from '../../participant/key-share/testing.ts'
import { freePort, startProgram } from '../processes.ts'
import { type Counting, countingProxy } from './counting-proxy.ts'
import { type Measured, startMeasured } from './measured.ts'
import type { Recorder } from './row.ts'

export interface Scene {
  readonly client: Measured
  readonly service: Measured
  /** Of both parties together, in ms. */
  cpuMs(): Promise<number>
  /** What has gone through the gateway's HTTP bodies. */
  readonly traffic: Counting | undefined
}

export interface SceneOptions {
  /** All bodies of requests and answers pass a proxy that counts them. */
  readonly isCounted?: boolean
  /** Further configuration of the service. */
  readonly env?: Readonly<Record<string, string>>
  /** The service has this core to itself, as far as the other processes of the bench go. */
  readonly serviceCore?: number
}

const FAR = 100_000

/** Records what one signature sends through the gateway. */
export async function countTraffic(record: Recorder, { client, traffic }: Scene): Promise<void> {
  const before = traffic?.counts() ?? { posted: 0, streamed: 0 }
  await client.ask('sign', { count: 1 })
  const after = traffic?.counts() ?? before
  const [posted, streamed] = [(after.posted - before.posted) / 1000, (after.streamed - before.streamed) / 1000]
  record('KB', posted + streamed)
  record('KB posted', posted)
  record('KB streamed', streamed)
}

/** Starts them, and ends them when `use` is done. */
export async function withScene(o: SceneOptions, use: (scene: Scene) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'wallet-mpc-bench-'))
  const started: { stop(): Promise<void> }[] = []
  const begin = async <T extends { stop(): Promise<void> }>(thing: Promise<T>): Promise<T> => {
    const running = await thing
    started.unshift(running)
    return running
  }
  try {
    const dealt = dealTestShares({
      parties: ['client', 'service'],
      threshold: 2,
      accounts: ['bench'],
      level: CGGMP24_3072,
    })
    const fileOf = async (party: string): Promise<string> => {
      const file = join(folder, `${party}.json`)
      await writeFile(file, formatKeyShares(dealt.get(party) ?? new Map()), { mode: 0o600 })
      return file
    }
    const port = await freePort()
    const argv = ['gateway/main.ts', '--port', String(port), '--log-level', 'warn']
    await begin(startProgram(argv, { readyUrl: `http://127.0.0.1:${port}/health` }))
    const traffic = o.isCounted === true ? await begin(countingProxy(port)) : undefined
    const url = `http://127.0.0.1:${traffic?.port ?? port}`
    const env = {
      SIGN_SERVICE_GATEWAY_URL: url,
      SIGN_SERVICE_KEY_SHARE_FILE: await fileOf('service'),
      SIGN_SERVICE_POOL_MAX: String(FAR),
      ...o.env,
    }
    const { serviceCore } = o
    const [core, other] = serviceCore === undefined ? [{}, {}] : [{ core: serviceCore }, { core: 1 - serviceCore }]
    const service = await begin(startMeasured(['sign-service/main.ts'], { env, readyText: '"serving"', ...core }))
    const clientArgs = ['scripts/bench/client.ts', url, await fileOf('client')]
    const client = await begin(startMeasured(clientArgs, { readyText: 'listening', ...other }))
    const cpuMs = async (): Promise<number> => (await client.cpuMs()) + (await service.cpuMs())
    await use({ client, service, cpuMs, traffic })
  } finally {
    for (const running of started) await running.stop()
    await rm(folder, { recursive: true, force: true })
  }
}
