/** An interface on a free port with a real participant behind it, and clients that speak to it. For tests. */
import { after } from 'node:test'
import { loadServiceConfig } from '../../config/load.ts'
import { createLogger } from '../../config/logger.ts'
import type { KeyPath, ServiceConfig } from '../../config/schema.ts'
import { INSECURE_TEST } from '../../participant/base/level.ts'
import { connectExchange, type ExchangeOptions } from '../../participant/exchange/client.ts'
import { Hub } from '../../participant/exchange/hub.ts'
import type { KeyShare, ServeOptions } from '../../participant/index.ts'
import { dealTestShares } from '../../participant/key-share/testing.ts'
import { memoryLocks } from '../../participant/signer/locks.ts'
import { openParticipant, type Participant } from '../../participant/signer/participant.ts'
import { inProcess } from '../../participant/zk/work.ts'
import { inSession, logOptions } from '../log.ts'
import { logEvent } from '../report.ts'
import { currentCaller } from './caller.ts'
import { openApi } from './open.ts'
import type { ApiServer } from './server.ts'

export const dealt = dealTestShares({
  parties: ['client', 'service'],
  threshold: 2,
  accounts: ['main', 'other'],
  level: INSECURE_TEST,
})

export const sharesOf = (party: string): ReadonlyMap<string, KeyShare> => dealt.get(party) ?? new Map()

export interface TestApi extends ApiServer {
  readonly logs: readonly string[]
  readonly participant: Participant
  /** Accounts that were made through the interface. */
  readonly created: Map<string, KeyShare>
  client(options?: Partial<ExchangeOptions>): Participant
  post(path: string, body: unknown, headers?: Readonly<Record<string, string>>): Promise<Response>
}

const closing: (() => Promise<void> | void)[] = []
after(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

export async function testApi(
  settings: Partial<Record<KeyPath<ServiceConfig>, unknown>> = {},
  decide: ServeOptions['decide'] = () => undefined,
  mayAnswer: () => boolean = () => true,
): Promise<TestApi> {
  const flags = { 'server.port': 0, 'api.enabled': true, 'logging.level': 'debug', ...settings }
  const config = loadServiceConfig({ cwd: import.meta.dirname, env: {}, flags })
  const logs: string[] = []
  const destination = { write: (line: string) => void logs.push(line) }
  const logger = createLogger({ name: 'test', level: 'debug', format: 'json', destination, ...logOptions })
  const hub = new Hub()
  const keyShares = sharesOf('service')
  const created = new Map<string, KeyShare>()
  const pool = { low: 0, high: 0, max: 8, refill: false }
  const participant = openParticipant({ keyShares, gateway: hub.gateway, locks: memoryLocks(), pool })
  const service = participant.serve({
    decide: (request) => {
      const { accounts } = currentCaller.getStore() ?? {}
      return accounts === undefined || accounts.has(request.account)
        ? decide(request)
        : { code: 'ACCOUNT_NOT_ALLOWED', message: 'the token is not for that account' }
    },
    maxSessions: 16,
    sessionMs: 20_000,
    within: inSession,
    onEvent: (event) => logEvent(logger, event),
  })
  await service.ready
  const all = (): ReadonlyMap<string, KeyShare> => new Map([...keyShares, ...created])
  const api = await openApi({
    config,
    log: logger,
    version: '0.0.0',
    level: INSECURE_TEST,
    work: inProcess,
    hub,
    share: (account) => all().get(account),
    info: (account) => participant.accounts().find((a) => a.account === account),
    accounts: () => all().size,
    gatewayAnswers: async () => true,
    keep: (account) => ({
      store: async (shares) => void created.set(account, shares.get(account) as KeyShare),
      discard: async () => void created.delete(account),
    }),
    name: 'service',
    onRequest: () => undefined,
    onCreated: () => undefined,
    mayAnswer,
  })
  closing.push(async () => {
    participant.close()
    await service.stop()
    await api.close(500)
    hub.close()
  })
  return {
    ...api,
    logs,
    participant,
    created,
    client(options = {}) {
      const start = { account: 'main' }
      const gateway = connectExchange({ url: api.url, purpose: 'sign', start, ...options })
      const client = openParticipant({ keyShares: sharesOf('client'), gateway, pool: { ...pool } })
      closing.push(() => client.close())
      return client
    },
    post: (path, body, headers = {}) =>
      fetch(`${api.url}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
  }
}
