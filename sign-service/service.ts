/**
 * The service: participants that answer invitations, with a policy, a record and a log. One answers in the gateway's rooms,
 * which it reconnects to for ever. Where the HTTP interface is turned on, a second one with the same shares, locks and
 * policy answers behind it; otherwise no port is opened.
 *
 * The shares can be exchanged while it runs: what is under way ends with the old ones.
 */
import type { AuditLog } from '../config/audit/writer.ts'
import { type MetricsServer, startMetricsServer } from '../config/edge/metrics-server.ts'
import { ConfigError } from '../config/load.ts'
import type { Logger } from '../config/logger.ts'
import type { ServiceConfig } from '../config/schema.ts'
import { VERSION } from '../config/version.ts'
import { Hub } from '../participant/exchange/hub.ts'
import {
  CGGMP24_3072,
  connectGateway,
  createParticipant,
  type Gateway,
  type GatewayOptions,
  type KeyShare,
  type Participant,
  type ParticipantOptions,
  type SecurityLevel,
} from '../participant/index.ts'
import type { Keep } from '../participant/signer/ceremony.ts'
import { createWorkerPool } from '../participant/zk/work-pool.node.ts'
import { currentCaller } from './api/caller.ts'
import { openApi } from './api/open.ts'
import type { ApiServer } from './api/server.ts'
import { audited, recordEnd } from './audited.ts'
import { gatewayCheck } from './gateway-check.ts'
import type { Changes } from './keystore-changes.ts'
import { guardFetch, guardGateway, type LeaseState } from './lease/guard.ts'
import { inSession, type Log, outsideRequests } from './log.ts'
import { createMetrics } from './metrics.ts'
import { type Policy, policyOf } from './policy.ts'
import { logEvent, loggedLocks, logRoom, writeEvidence } from './report.ts'
import { poolCounts, type Serving, startServing } from './serving.ts'

export interface ServiceOptions {
  readonly config: ServiceConfig
  readonly keyShares: ReadonlyMap<string, KeyShare>
  readonly logger: Logger
  /** From `openPolicy`; closed by whoever opened it. Without it, what the configuration says without a policy file. */
  readonly policy?: Policy
  /** Of every request to the gateway: our token. */
  readonly gatewayHeaders?: GatewayOptions['headers'] | undefined
  /** Closed by whoever opened it. */
  readonly audit?: AuditLog | undefined
  /** Keeps shares of new accounts; without it none are made. */
  readonly keystore?: Changes | undefined
  /** Nothing is said to anybody once it is over. */
  readonly lease?: LeaseState | undefined
}

export interface RunningService {
  /** Resolves when the service is subscribed to its inbox for the first time. */
  readonly ready: Promise<void>
  /** Signings that run now. */
  readonly sessions: number
  /** Addresses of the HTTP interface and of the metrics, when they are open. */
  readonly apiUrl: string | undefined
  readonly metricsUrl: string | undefined
  /** Serves these shares from now on, under this policy; what is under way ends as it began. */
  reload(o: { readonly keyShares: ReadonlyMap<string, KeyShare>; readonly policy?: Policy }): Promise<void>
  /** Counts that what was asked to be read again could not be. */
  notReloaded(): void
  /** Counts a renewal of the lease, or that there was none. */
  leaseRenewed(ok: boolean): void
  /** Takes no new signings, lets the running ones end for `graceMs`, abandons the rest. Can be called again. */
  close(graceMs?: number): Promise<void>
}

const CLOSE_GRACE_MS = 4_000

/** Which key shares it takes. */
export interface Ground {
  readonly level: SecurityLevel
  readonly participant: (o: ParticipantOptions) => Participant
}

const PRODUCTION: Ground = { level: CGGMP24_3072, participant: createParticipant }

/**
 * Rejects with Node's error when a port can't be opened, ConfigError for files of the interface that can't be used,
 * UsageError for key shares of a test level.
 */
export function startService(o: ServiceOptions): Promise<RunningService> {
  return openService(o, PRODUCTION)
}

/** Without the refusal of test levels, for tests; programs use `startService`. */
export async function openService(
  { config, logger, gatewayHeaders, audit, lease, ...o }: ServiceOptions,
  ground: Ground,
): Promise<RunningService> {
  const { url } = config.gateway
  let policy = audited(o.policy ?? policyWithoutFile(config), audit)
  let keyShares = o.keyShares
  const log: Log = logger
  const trace: GatewayOptions['trace'] = (event) => logRoom(log, event)
  const gateway = connectGateway({
    url,
    trace,
    ...(gatewayHeaders !== undefined && { headers: gatewayHeaders }),
    ...(lease !== undefined && { fetch: guardFetch(lease) }),
  })
  const { workers } = config.performance
  const work = createWorkerPool(workers === undefined ? {} : { size: workers })
  void work.ready.then(() => log.debug({ workers: work.size }, 'worker threads'))
  const hub = config.api.enabled ? new Hub() : undefined
  const metrics = createMetrics({
    version: VERSION,
    isServed: config.metrics.enabled,
    accounts: () => servings.reduce((sum, s) => sum + (s.isApi ? 0 : s.participant.accounts().length), 0),
    sessions: () => servings.reduce((sum, s) => sum + s.service.sessions, 0),
    pool: () => poolCounts(servings),
    apiSessions: () => hub?.rooms ?? 0,
    lease: lease && (() => lease.isHeld()),
  })
  const locks = loggedLocks(config, log, () => metrics.locked())
  let servings: readonly Serving[] = []

  /** Participants with these shares, in the rooms of the gateway and behind the interface. */
  const serve = (shares: ReadonlyMap<string, KeyShare>): readonly Serving[] =>
    (hub === undefined ? [gateway] : [gateway, inProcess(hub, lease)]).map((over, i) => {
      const isApi = i > 0
      const elsewhere = (account: string) => (isApi ? notForCaller(account) : undefined)
      return startServing({
        participant: { work, keyShares: shares, gateway: over, locks },
        open: ground.participant,
        isApi,
        pool: config.pool,
        serve: {
          decide: (request) => elsewhere(request.account) ?? policy.decide(request),
          decidePresign: (request) => elsewhere(request.account) ?? policy.decidePresign(request),
          maxSessions: config.limits.max_sessions,
          maxSessionsPerPeer: config.limits.max_sessions_per_peer,
          failuresPerMinute: config.limits.failures_per_minute,
          sessionMs: 1000 * config.limits.session_seconds,
          onEvent: (event) => {
            logEvent(log, event)
            metrics.event(event)
            recordEnd(audit, log, event)
          },
          onEvidence: (evidence) => void writeEvidence(config, log, evidence),
          within: inSession,
        },
      })
    })

  servings = serve(keyShares)
  metrics.keystore('open', true)
  const main = servings[0] as Serving
  log.info({ gateway: url }, 'starting')
  void main.service.ready.then(() => log.info({ gateway: url, ...served(main.participant, config) }, 'serving'))
  const answers = gatewayCheck(gateway)

  const keep = (account: string): Keep => ({
    async store(shares) {
      await counted(metrics.keystore, 'add', () => o.keystore?.add(shares))
      keyShares = new Map([...keyShares, ...shares])
      // what it hears in the gateway's rooms is nobody's request, and not of the caller that asked for the account
      servings = [...servings, ...outsideRequests(() => currentCaller.exit(() => serve(shares)))]
      await audit?.append('account created', { account, caller: currentCaller.getStore()?.name })
    },
    async discard() {
      await counted(metrics.keystore, 'remove', () => o.keystore?.remove([account]))
      const [gone, rest] = split(servings, (s) => s.participant.accounts().some((a) => a.account === account))
      servings = rest
      keyShares = new Map([...keyShares].filter(([id]) => id !== account))
      await Promise.all(gone.map((s) => s.stop(0)))
    },
  })

  /** Were exchanged, and may still have sessions. */
  const retired = new Set<Serving>()
  let api: ApiServer | undefined
  let metricsServer: MetricsServer | undefined
  const closeAll = async (graceMs: number): Promise<void> => {
    const closingApi = api?.close(graceMs)
    await Promise.all([...servings, ...retired].map((s) => s.stop(graceMs)))
    await closingApi
    hub?.close()
    answers.close()
    await work.close()
    await metricsServer?.close()
    metrics.close()
  }
  try {
    if (hub !== undefined) {
      api = await openApi({
        config,
        log,
        version: VERSION,
        level: ground.level,
        name: main.participant.accounts()[0]?.self ?? 'service',
        work,
        hub,
        share: (account) => (isServed(config, account) ? keyShares.get(account) : undefined),
        info: (account) =>
          isServed(config, account)
            ? servings.flatMap((s) => s.participant.accounts()).find((a) => a.account === account)
            : undefined,
        accounts: () => keyShares.size,
        gatewayAnswers: () => answers.ask(),
        keep: o.keystore === undefined ? undefined : keep,
        onRequest: (route, status, ms, code) => metrics.request(route, status, ms, code),
        onCreated: (ms, code) => metrics.created(ms, code),
        mayAnswer: () => lease?.isHeld() ?? true,
      })
      log.info({ url: api.url }, 'http interface')
    }
    if (config.metrics.enabled) {
      const { host, port } = config.metrics
      metricsServer = await startMetricsServer({
        host,
        port,
        registry: metrics.registry,
        logger,
        ready: async () => {
          const isReady = keyShares.size > 0 && (await answers.ask())
          return { status: isReady ? 200 : 503, body: { status: isReady ? 'ready' : 'not ready' } }
        },
      })
      log.info({ url: metricsServer.url }, 'metrics')
    }
  } catch (e) {
    await closeAll(0)
    throw e
  }

  const shutDown = async (graceMs: number): Promise<void> => {
    log.info({ sessions: servings.reduce((sum, s) => sum + s.service.sessions, 0) }, 'closing')
    await closeAll(graceMs)
    log.info('closed')
  }
  let closing: Promise<void> | undefined
  return {
    ready: main.service.ready,
    get sessions() {
      return servings.reduce((sum, s) => sum + s.service.sessions, 0)
    },
    get apiUrl() {
      return api?.url
    },
    get metricsUrl() {
      return metricsServer?.url
    },
    async reload(next) {
      const before = servings
      if (next.policy !== undefined) policy = audited(next.policy, audit)
      keyShares = next.keyShares
      // the old ones stop listening first: two that answer one invitation would be two parties of one name
      for (const s of before) {
        retired.add(s)
        void s.stop(1000 * config.limits.session_seconds).then(() => retired.delete(s))
      }
      servings = serve(keyShares)
      for (const s of before) s.handOver(servings)
      metrics.keystore('reload', true)
      await Promise.all(servings.map((s) => s.service.ready))
      log.info({ accounts: keyShares.size }, 'reloaded')
    },
    notReloaded: () => metrics.keystore('reload', false),
    leaseRenewed: (ok) => metrics.leaseRenewed(ok),
    close(graceMs = CLOSE_GRACE_MS) {
      closing ??= shutDown(graceMs)
      return closing
    },
  }
}

function inProcess(hub: Hub, lease: LeaseState | undefined): Gateway {
  return lease === undefined ? hub.gateway : guardGateway(lease, hub.gateway)
}

/** Throws ConfigError where a policy file was to be read. */
function policyWithoutFile({ policy }: ServiceConfig): Policy {
  // signing without the rules that somebody wrote would be the worst of all answers
  if (policy.file !== undefined) throw new ConfigError('policy.file: expected to be opened before the service starts')
  return policyOf(policy)
}

/** Whether the caller of the interface, if there is one, was let in for other accounts only. */
function notForCaller(account: string) {
  const accounts = currentCaller.getStore()?.accounts
  return accounts === undefined || accounts.has(account)
    ? undefined
    : { code: 'ACCOUNT_NOT_ALLOWED', message: 'the token is not for that account' }
}

function isServed({ policy }: ServiceConfig, account: string): boolean {
  return policy.accounts?.includes(account) ?? true
}

async function counted(
  count: (operation: 'add' | 'remove', ok: boolean) => void,
  operation: 'add' | 'remove',
  run: () => Promise<void> | undefined,
): Promise<void> {
  try {
    await run()
    count(operation, true)
  } catch (e) {
    count(operation, false)
    throw e
  }
}

function split<T>(items: readonly T[], isFirst: (item: T) => boolean): readonly [readonly T[], readonly T[]] {
  return [items.filter(isFirst), items.filter((item) => !isFirst(item))]
}

/** Whom it serves, for the first line of the log. */
function served(participant: Participant, { policy }: ServiceConfig) {
  const accounts = participant.accounts().filter((a) => policy.accounts?.includes(a.account) ?? true)
  const [first] = participant.accounts()
  return { accounts: accounts.map((a) => a.account), party: first?.self, parties: first?.members }
}
