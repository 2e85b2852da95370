/** The command line of sign-service. */
import { setMaxListeners } from 'node:events'
import { AuditError, type AuditLog, openAuditLog } from '../config/audit/writer.ts'
import { CommandError } from '../config/failure.ts'
import { ConfigError, loadServiceConfig } from '../config/load.ts'
import { createLogger, type Logger } from '../config/logger.ts'
import { addOption, type Host, namingFlags, runProgram } from '../config/program.ts'
import type { KeyPath, ServiceConfig } from '../config/schema.ts'
import { auditFile } from '../config/state-folder.ts'
import { openTokenFile } from '../config/token-file.ts'
import { VERSION } from '../config/version.ts'
import { currentCaller } from './api/caller.ts'
import { defineDoctor } from './doctor/command.ts'
import type { Keystore } from './keystore.ts'
import { openLeaseApi } from './lease/api.ts'
import { guardAudit, guardKeystore } from './lease/guard.ts'
import { LeaseError } from './lease/lease.ts'
import { type ServiceLease, takeLease } from './lease/take.ts'
import { logOptions } from './log.ts'
import { openPolicy, readPolicy } from './policy.ts'
import { reloading } from './reloading.ts'
import { type RunningService, type ServiceOptions, startService } from './service.ts'
import { openShares } from './shares.ts'

/** Which key each flag overrides. */
const FLAGS: Readonly<Partial<Record<KeyPath<ServiceConfig>, string>>> = {
  'gateway.url': '--gateway',
  'mpc.key_share_file': '--key-shares',
  'server.index': '--index',
  'mpc.threshold': '--threshold',
  'mpc.total_participants': '--parties',
  'logging.level': '--log-level',
  'logging.format': '--log-format',
}

const HEAD_MS = 600_000
/** For the end of what runs, when the lease is lost. */
const LOST_CLOSE_MS = 1_000
/** More than sessions there can be of it is what Node warns of, on standard error. */
const LISTENERS = 10_000

interface Flags {
  readonly gateway?: string
  readonly keyShares?: string
  readonly index?: string
  readonly threshold?: string
  readonly parties?: string
  readonly allowRawDigest?: boolean
  readonly logLevel?: string
  readonly logFormat?: string
  readonly checkConfig?: boolean
}

/** Runs until the host's signal; resolves with the exit code. */
export function runSignService(host: Host): Promise<number> {
  return runProgram('sign-service', host, (program) => {
    program
      .description('A participant that signs with others over the gateway, as far as its policy allows.')
      .argument('[config]', 'YAML file (default: config/sign-service.yaml if it is there)')
      .allowExcessArguments(false)
    addOption(program, '--gateway <url>', 'address of the gateway')
    addOption(program, '--key-shares <file>', 'key share file')
    addOption(program, '--index <i>', 'position in the roster that the key shares must have, from 0')
    addOption(program, '--threshold <t>', 'threshold that the key shares must have')
    addOption(program, '--parties <n>', 'number of parties that the key shares must have')
    program.option('--allow-raw-digest', 'sign digests that somebody else computed')
    addOption(program, '--log-level <level>', 'trace, debug, info, warn, error, fatal or silent')
    addOption(program, '--log-format <format>', 'json or pretty')
    program
      .option('--check-config', 'check configuration and key shares, and exit')
      .action((file: string | undefined, flags: Flags) => run(host, file, flags))
    defineDoctor(program, host)
  })
}

async function run(host: Host, file: string | undefined, flags: Flags): Promise<void> {
  const load = (): ServiceConfig =>
    namingFlags(FLAGS, () => loadServiceConfig({ file, env: host.env, flags: overrides(flags) }))
  const config = load()
  if (flags.keyShares !== undefined && (config.keystore.folder ?? config.keystore.type) !== 'file') {
    throw new CommandError('--key-shares: expected no keystore in the configuration that the shares are in')
  }
  const logger = openLogger(config, host)
  if (flags.checkConfig === true) return check(host, config, logger)
  const lease = await takeLease(config, host, logger)
  const keystore = await openShares(config, host, { owns: true }).catch(async (e: unknown) => {
    await lease?.release()
    throw e
  })
  try {
    const read = (next: ServiceConfig): Promise<Keystore> => openShares(next, host, { owns: false })
    await runService({ host, load, config, keystore, read, start: startService, lease })
  } finally {
    await keystore.close()
    // the last thing: whoever takes it opens what we had open
    await lease?.release()
  }
}

/** Changes nothing, and takes neither lock nor lease. */
async function check(host: Host, config: ServiceConfig, logger: Logger): Promise<void> {
  const { shares, close } = await openShares(config, host, { owns: false })
  await close()
  await openToken(config, logger)
  await readPolicy(config)
  if (config.lease.type === 'kubernetes') await openLeaseApi(config, host.env)
  host.stdout.write(`sign-service: configuration and key shares are valid; accounts: ${shares.size}\n`)
}

export interface RunOptions {
  readonly host: Host
  load(): ServiceConfig
  readonly config: ServiceConfig
  readonly keystore: Keystore
  /** Looks at the shares without locking them. */
  read(config: ServiceConfig): Promise<Keystore>
  readonly start: (o: ServiceOptions) => Promise<RunningService>
  readonly lease?: ServiceLease | undefined
}

/** Until the host's signal. Throws LeaseError when the lease is lost before. */
export async function runService({ host, load, config, keystore, read, start, lease }: RunOptions): Promise<void> {
  const { shares } = keystore
  // one signal ends all sessions, and each listens to it
  setMaxListeners(LISTENERS)
  const logger = openLogger(config, host)
  const gatewayHeaders = await openToken(config, logger)
  const log = await openAudit(config)
  const audit = log && lease ? guardAudit(lease, log) : log
  const policy = await openPolicy(config, { httpCaller: () => currentCaller.getStore()?.name })
  const service = await start({
    config,
    keyShares: shares,
    logger,
    policy,
    gatewayHeaders,
    audit,
    keystore: lease === undefined ? keystore : guardKeystore(lease, keystore),
    lease,
  })
  lease?.onRenewal((ok) => service.leaseRenewed(ok))
  await audit?.append('started', { version: VERSION, accounts: [...shares.keys()] })
  const heads = tellHead(audit, logger)
  host.onReload?.(reloading({ load, config, service, policy, log: logger, audit, read }))
  const why = await Promise.race([aborted(host.signal), ...(lease === undefined ? [] : [lease.lost])])
  if (why !== undefined) {
    // what runs can't be ended well: nothing may be said any more
    await Promise.race([service.close(0), pause(LOST_CLOSE_MS)])
    throw new LeaseError(`the lease was lost: ${why}; another service may have it now`)
  }
  await service.close()
  await policy.close()
  if (lease?.isHeld() === false) throw new LeaseError('the lease was lost while the service was closing')
  await audit?.append('stopped', {})
  heads.end()
  await audit?.close()
}

function openLogger(config: ServiceConfig, host: Host): Logger {
  const { level, format } = config.logging
  return createLogger({ name: 'sign-service', level, format, destination: host.stdout, ...logOptions })
}

/**
 * The head of the record, in the log now and then: logs are kept on another machine, and there the head tells a record
 * whose end was cut off, or that was written anew, from the one that was.
 */
function tellHead(audit: AuditLog | undefined, logger: Logger): { end(): void } {
  let told = 0
  const tell = (): void => {
    if (audit === undefined || audit.head.seq === told) return
    told = audit.head.seq
    logger.info({ head: `${audit.head.seq} ${audit.head.hash}` }, 'record')
  }
  tell()
  const timer = setInterval(tell, HEAD_MS).unref()
  return {
    end() {
      clearInterval(timer)
      tell()
    },
  }
}

function openToken(config: ServiceConfig, logger: Logger) {
  return openTokenFile(config.gateway.token_file, (error) => logger.warn({ error }, 'gateway: token'))
}

async function openAudit(config: ServiceConfig): Promise<AuditLog | undefined> {
  if (!config.audit.enabled) return undefined
  try {
    return await openAuditLog(auditFile(config))
  } catch (e) {
    if (!(e instanceof AuditError)) throw e
    throw new ConfigError(`audit.file: ${e.message}`)
  }
}

function overrides(flags: Flags): Partial<Record<KeyPath<ServiceConfig>, unknown>> {
  return {
    'gateway.url': flags.gateway,
    'mpc.key_share_file': flags.keyShares,
    'server.index': flags.index,
    'mpc.threshold': flags.threshold,
    'mpc.total_participants': flags.parties,
    'policy.allow_raw_digest': flags.allowRawDigest,
    'logging.level': flags.logLevel,
    'logging.format': flags.logFormat,
  }
}

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined)
    else signal.addEventListener('abort', () => resolve(undefined), { once: true })
  })
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref())
}
