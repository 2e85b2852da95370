/** The lease of the service as its configuration wants it, with what happens to it in the log. */
import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import type { Host } from '../../config/program.ts'
import type { ServiceConfig } from '../../config/schema.ts'
import type { Log } from '../log.ts'
import { openLeaseApi } from './api.ts'
import { acquireLease, type HeldLease, type LeaseEvent } from './lease.ts'

export interface ServiceLease extends HeldLease {
  /** Called with each renewal, and each that failed. */
  onRenewal(listener: (ok: boolean) => void): void
}

const LEVELS: Readonly<Record<LeaseEvent['at'], 'debug' | 'info' | 'warn' | 'error'>> = {
  waiting: 'info',
  acquired: 'info',
  released: 'info',
  renewed: 'debug',
  'not renewed': 'warn',
  'no answer': 'warn',
  lost: 'error',
}

/** Undefined when none is wanted. Throws ConfigError for credentials that can't be used, LeaseError when it isn't ours in time. */
export async function takeLease(
  config: Pick<ServiceConfig, 'lease'>,
  host: Pick<Host, 'env' | 'signal'>,
  log: Log,
): Promise<ServiceLease | undefined> {
  const { lease } = config
  if (lease.type === 'none') return undefined
  let onRenewal: (ok: boolean) => void = () => undefined
  const api = await openLeaseApi(config, host.env)
  const held = await acquireLease({
    api,
    // a process that was started again has another one, and waits until the lease of the one before is over
    identity: `${hostname()}_${randomBytes(8).toString('hex')}`,
    durationMs: 1000 * lease.duration_seconds,
    deadlineMs: 1000 * lease.renew_deadline_seconds,
    renewMs: 1000 * lease.renew_seconds,
    waitMs: 1000 * lease.wait_seconds,
    signal: host.signal,
    onEvent: (event) => {
      const { at } = event
      const holder = 'holder' in event ? event.holder : undefined
      const reason = 'why' in event ? event.why : undefined
      log[LEVELS[at]]({ lease: `${api.namespace}/${api.name}`, holder, reason }, `lease: ${at}`)
      if (at === 'renewed' || at === 'not renewed') onRenewal(at === 'renewed')
    },
  })
  return {
    ...held,
    onRenewal: (listener) => {
      onRenewal = listener
    },
  }
}
