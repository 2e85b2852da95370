/**
 * SIGHUP: a record that was moved away is gone on with in a new file. And the configuration file, the policy and the key shares are read again. Shares and policy are exchanged, while what
 * is under way ends as it began. Everything else of the configuration needs a restart; what has changed of it is told. When
 * something can't be read, nothing is exchanged.
 */
import type { AuditLog } from '../config/audit/writer.ts'
import type { ServiceConfig } from '../config/schema.ts'
import type { Keystore } from './keystore.ts'
import type { Log } from './log.ts'
import type { OpenPolicy } from './policy.ts'
import type { RunningService } from './service.ts'

export interface ReloadOptions {
  load(): ServiceConfig
  /** With which the service was started. */
  readonly config: ServiceConfig
  readonly service: RunningService
  readonly policy: OpenPolicy
  readonly log: Log
  readonly audit: AuditLog | undefined
  /** Looks at the shares without locking them. */
  read(config: ServiceConfig): Promise<Keystore>
}

/** Sections that are read anew. */
const RELOADED: ReadonlySet<string> = new Set(['policy'])

export function reloading(o: ReloadOptions): () => void {
  let running = Promise.resolve()
  // one after the other, however often somebody asks
  return () => {
    running = running.then(() => reload(o))
  }
}

async function reload({ load, config, service, policy, log, audit, read }: ReloadOptions): Promise<void> {
  try {
    await audit?.reopen()
    const next = load()
    const { shares, close } = await read({ ...config, policy: next.policy })
    await close()
    const rules = await policy.reread(next)
    const restart = changedKeys(config, next)
    if (restart.length > 0) log.warn({ keys: restart }, 'changed in the configuration; needs a restart')
    await service.reload({ keyShares: shares, policy: rules })
    await audit?.append('reloaded', { accounts: [...shares.keys()] })
  } catch (e) {
    service.notReloaded()
    // our own errors name a file and what was expected
    log.error({ error: e instanceof Error && 'code' in e ? e.message : 'unknown' }, 'not reloaded; goes on as before')
  }
}

function changedKeys(before: ServiceConfig, after: ServiceConfig): readonly string[] {
  const keys: string[] = []
  for (const section of Object.keys(after) as (keyof ServiceConfig)[]) {
    if (RELOADED.has(section)) continue
    const [old, now] = [before[section], after[section]] as readonly Readonly<Record<string, unknown>>[]
    for (const key of new Set([...Object.keys(old ?? {}), ...Object.keys(now ?? {})])) {
      if (JSON.stringify(old?.[key]) !== JSON.stringify(now?.[key])) keys.push(`${section}.${key}`)
    }
  }
  return keys
}
