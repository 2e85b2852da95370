/** The command line of sign-service. */

import { AuditError, type AuditLog, openAuditLog } from '../config/audit/writer.ts'
import { CommandError } from '../config/failure.ts'
import { ConfigError, loadServiceConfig } from '../config/load.ts'
import { createLogger } from '../config/logger.ts'
import { addOption, type Host, namingFlags, runProgram } from '../config/program.ts'
import type { KeyPath, ServiceConfig } from '../config/schema.ts'
import { auditFile } from '../config/state-folder.ts'
import { openTokenFile } from '../config/token-file.ts'
import { VERSION } from '../config/version.ts'
import { currentCaller } from './api/caller.ts'
import { defineDoctor } from './doctor/command.ts'
import type { Keystore } from './keystore.ts'
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
  const isCheck = flags.checkConfig === true
  const keystore = await openShares(config, host, { owns: !isCheck })
  try {
    await serve(host, load, config, keystore, isCheck)
  } finally {
    await keystore.close()
  }
}

async function serve(
  host: Host,
  load: () => ServiceConfig,
  config: ServiceConfig,
  keystore: Keystore,
  isCheck: boolean,
): Promise<void> {
  if (isCheck) {
    await openTokenFile(config.gateway.token_file, () => undefined)
    await readPolicy(config)
    host.stdout.write(`sign-service: configuration and key shares are valid; accounts: ${keystore.shares.size}\n`)
    return
  }
  const read = (next: ServiceConfig): Promise<Keystore> => openShares(next, host, { owns: false })
  await runService({ host, load, config, keystore, read, start: startService })
}

export interface RunOptions {
  readonly host: Host
  load(): ServiceConfig
  readonly config: ServiceConfig
  readonly keystore: Keystore
  /** Looks at the shares without locking them. */
  read(config: ServiceConfig): Promise<Keystore>
  readonly start: (o: ServiceOptions) => Promise<RunningService>
}

/** Until the host's signal. */
export async function runService({ host, load, config, keystore, read, start }: RunOptions): Promise<void> {
  const { shares } = keystore
  const { level, format } = config.logging
  const logger = createLogger({ name: 'sign-service', level, format, destination: host.stdout, ...logOptions })
  const gatewayHeaders = await openTokenFile(config.gateway.token_file, (error) =>
    logger.warn({ error }, 'gateway: token'),
  )
  const audit = await openAudit(config)
  const policy = await openPolicy(config, { httpCaller: () => currentCaller.getStore()?.name })
  const service = await start({ config, keyShares: shares, logger, policy, gatewayHeaders, audit, keystore })
  await audit?.append('started', { version: VERSION, accounts: [...shares.keys()] })
  host.onReload?.(reloading({ load, config, service, policy, log: logger, audit, read }))
  await aborted(host.signal)
  await service.close()
  await policy.close()
  await audit?.append('stopped', {})
  await audit?.close()
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

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
