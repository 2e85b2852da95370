/** The whole service in this process, with key shares of the level for tests, beside a real gateway. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { loadServiceConfig } from '../config/load.ts'
import { createLogger } from '../config/logger.ts'
import type { KeyPath, ServiceConfig } from '../config/schema.ts'
import { testGateway } from '../gateway/testing/client.ts'
import { INSECURE_TEST } from '../participant/base/level.ts'
import { connectExchange } from '../participant/exchange/client.ts'
import { connectGateway, type Gateway } from '../participant/index.ts'
import { dealTestShares } from '../participant/key-share/testing.ts'
import { openParticipant, type Participant } from '../participant/signer/participant.ts'
import { logOptions } from '../sign-service/log.ts'
import { openService, type RunningService, type ServiceOptions } from '../sign-service/service.ts'

export const GROUND = { level: INSECURE_TEST, participant: openParticipant }

export const deal = () =>
  dealTestShares({ parties: ['client', 'service'], threshold: 2, accounts: ['main', 'other'], level: INSECURE_TEST })

export interface LogLine extends Readonly<Record<string, unknown>> {
  readonly msg: string
  readonly requestId?: string
  readonly session?: string
}

export interface ServiceScene {
  readonly service: RunningService
  readonly dealt: ReturnType<typeof deal>
  readonly folder: string
  lines(): readonly LogLine[]
  /** Over the gateway, or over the interface for the account `main`. */
  client(over: 'rooms' | 'http'): Participant
}

const closing: (() => unknown)[] = []
after(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

export async function serviceScene(
  settings: Partial<Record<KeyPath<ServiceConfig>, unknown>> = {},
  more: Partial<ServiceOptions> = {},
): Promise<ServiceScene> {
  const folder = mkdtempSync(join(tmpdir(), 'service-scene-'))
  closing.push(() => rmSync(folder, { recursive: true }))
  const { url } = await testGateway()
  const flags = {
    'gateway.url': url,
    'server.port': 0,
    'api.enabled': true,
    'mpc.state_folder': folder,
    'performance.workers': 0,
    'logging.level': 'debug',
    ...settings,
  }
  const config = loadServiceConfig({ cwd: import.meta.dirname, env: {}, flags })
  const lines: string[] = []
  const destination = { write: (line: string) => void lines.push(line) }
  const logger = createLogger({ name: 'test', level: 'debug', format: 'json', destination, ...logOptions })
  const dealt = deal()
  const keyShares = dealt.get('service') ?? new Map()
  const service = await openService({ config, keyShares, logger, ...more }, GROUND)
  closing.push(() => service.close(0))
  await service.ready
  return {
    service,
    dealt,
    folder,
    lines: () => lines.map((line) => JSON.parse(line) as LogLine),
    client(over) {
      const start = { account: 'main' }
      const gateway: Gateway =
        over === 'rooms'
          ? connectGateway({ url })
          : connectExchange({ url: service.apiUrl ?? '', purpose: 'sign', start })
      const pool = { low: 0, high: 0, max: 16, refill: false }
      const client = openParticipant({ keyShares: dealt.get('client') ?? new Map(), gateway, pool })
      closing.push(() => client.close())
      return client
    },
  }
}

export const payload = (text: string) => ({ kind: 'eip191', message: new TextEncoder().encode(text) }) as const
