/**
 * The metrics of a service in Prometheus' form: how long signatures take, what went wrong and what was refused, how full
 * the pool is. Labels are codes, kinds and routes from our own tables; never an account, a party, a caller or a key. The
 * list with what each means is docs/sign-service-operations.md.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { PoolCounts, ServiceEvent } from '../participant/index.ts'

export const PREFIX = 'sign_service_'

export interface MetricsSources {
  readonly version: string
  /** Whether somebody can read them; only then is the process itself watched, which takes a timer every 10 ms. */
  readonly isServed: boolean
  readonly accounts: () => number
  readonly sessions: () => number
  /** Of all participants together; undefined without a pool. */
  readonly pool: () => PoolCounts | undefined
  /** Of the HTTP interface. */
  readonly apiSessions: () => number
  /** Whether the lease is held; undefined without one. */
  readonly lease?: (() => boolean) | undefined
}

export interface Metrics {
  readonly registry: Registry
  event(event: ServiceEvent): void
  request(route: string, status: number, ms: number, code: string | undefined): void
  /** A new account, made or not. */
  created(ms: number, code: string | undefined): void
  keystore(operation: 'open' | 'add' | 'remove' | 'reload', ok: boolean): void
  locked(): void
  leaseRenewed(ok: boolean): void
  /** Nothing is left in the process that Node would wait for. */
  close(): void
}

/** A warm signature takes milliseconds, a cold one half a second, a new account seconds. */
const SECONDS = [0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
/** Codes come from our tables; whatever else should appear is counted together. */
const CODE = /^[A-Z][A-Z0-9_]{0,40}$/

export function createMetrics(o: MetricsSources): Metrics {
  const registry = new Registry()
  const registers = [registry]
  const histogram = (name: string, help: string, labelNames: string[] = []) =>
    new Histogram({ name: PREFIX + name, help, labelNames, buckets: SECONDS, registers })
  const counter = (name: string, help: string, labelNames: string[] = []) =>
    new Counter({ name: PREFIX + name, help, labelNames, registers })
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name: PREFIX + name,
      help,
      registers,
      collect() {
        this.set(read())
      },
    })

  const durations = {
    sign: histogram('sign_seconds', 'Time of a signature from its invitation to its end here', ['way']),
    presign: histogram('presign_seconds', 'Time of a presignature'),
    dkg: histogram('dkg_seconds', 'Time of the key generation of a new account'),
    http: histogram('http_request_seconds', 'Time of a request to the HTTP interface', ['route']),
  }
  const failures = counter('errors_total', 'Signings, presignings and key generations that failed, by code', [
    'operation',
    'code',
  ])
  const refusals = counter('refusals_total', 'Requests that were refused, by reason', ['reason'])
  const requests = counter('http_requests_total', 'Requests to the HTTP interface', ['route', 'status'])
  const requestErrors = counter('http_errors_total', 'Requests to the HTTP interface that were refused, by code', [
    'code',
  ])
  const keystoreOps = counter('keystore_operations_total', 'Operations on the key share store', ['operation', 'result'])
  const locks = counter('locks_total', 'Accounts that were locked after a signature failed')
  const { lease } = o
  const renewals =
    lease && counter('lease_renewals_total', 'Renewals of the lease of the cluster, and those that failed', ['result'])
  // from the start, so that the first failure is an increase
  for (const result of ['ok', 'failed']) renewals?.inc({ result }, 0)
  if (lease !== undefined) gauge('lease_held', 'Whether the lease of the cluster is held', () => (lease() ? 1 : 0))
  gauge('accounts_loaded', 'Accounts that are served', o.accounts)
  gauge('sessions', 'Signings and presignings that run', o.sessions)
  gauge('http_sessions', 'Sessions of the HTTP interface', o.apiSessions)
  gauge('pool_size', 'Presignatures that are kept', () => o.pool()?.size ?? 0)
  const pooled = (name: string, help: string, read: (p: PoolCounts) => number) =>
    new Counter({
      name: PREFIX + name,
      help,
      registers,
      collect() {
        const counts = o.pool()
        this.reset()
        this.inc(counts === undefined ? 0 : read(counts))
      },
    })
  pooled('pool_made_total', 'Presignatures that were put into the pool', (p) => p.made)
  pooled('pool_used_total', 'Presignatures that were taken out of the pool for a signature', (p) => p.used)
  pooled('pool_expired_total', 'Presignatures that were dropped because they were too old', (p) => p.expired)
  new Gauge({ name: `${PREFIX}build_info`, help: 'Version', labelNames: ['version'], registers }).set(
    { version: o.version },
    1,
  )
  if (o.isServed) collectDefaultMetrics({ register: registry, prefix: PREFIX })

  const known = (code: string | undefined): string => (code !== undefined && CODE.test(code) ? code : 'OTHER')
  return {
    registry,
    event(event) {
      if (!('kind' in event)) return
      const seconds = (event.ms ?? 0) / 1000
      const isPresigning = event.kind === 'presign'
      if (event.at === 'signed') durations.sign.observe({ way: event.kind === 'sign' ? 'cold' : 'warm' }, seconds)
      if (event.at === 'presigned') durations.presign.observe(seconds)
      if (event.at === 'failed') failures.inc({ operation: isPresigning ? 'presign' : 'sign', code: known(event.code) })
      if (event.at === 'refused' || event.at === 'ignored') refusals.inc({ reason: known(event.code) })
    },
    request(route, status, ms, code) {
      durations.http.observe({ route }, ms / 1000)
      requests.inc({ route, status: String(status) })
      if (code !== undefined) requestErrors.inc({ code: known(code) })
    },
    created(ms, code) {
      if (code === undefined) durations.dkg.observe(ms / 1000)
      else failures.inc({ operation: 'dkg', code: known(code) })
    },
    keystore(operation, ok) {
      keystoreOps.inc({ operation, result: ok ? 'ok' : 'failed' })
    },
    locked: () => locks.inc(),
    leaseRenewed: (ok) => renewals?.inc({ result: ok ? 'ok' : 'failed' }),
    close: () => registry.clear(),
  }
}
