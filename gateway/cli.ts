/**
 * The command line of sign-gateway. Exit codes: 0 after a clean shutdown, 1 when it can't listen, 2 for a wrong flag or
 * configuration; in the last two cases with one line on standard error.
 */
import { Command, CommanderError } from 'commander'
import { MetricsPortError } from '../config/edge/metrics-server.ts'
import { ConfigError, loadGatewayConfig } from '../config/load.ts'
import { createLogger } from '../config/logger.ts'
import type { GatewayConfig } from '../config/schema.ts'
import { checkFiles } from './check-files.ts'
import { StoreStartError } from './redis/link-errors.ts'
import { type RunningGateway, startGateway } from './server.ts'

export interface CliOptions {
  /** Arguments without the program's name. */
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  readonly stdout: { write(text: string): unknown }
  readonly stderr: { write(text: string): unknown }
  /** Resolves when the gateway is to shut down. Asked for once it listens. */
  readonly stopRequested: () => Promise<unknown>
  /** Calls back each time the files of tokens, keys and certificates are to be read again. */
  readonly onReloadRequested?: (reload: () => void) => void
}

interface Flags {
  readonly host?: string
  readonly port?: string
  readonly logLevel?: string
  readonly logFormat?: string
  readonly checkConfig?: boolean
}

type Parsed = { readonly exitCode: number } | { readonly file: string | undefined; readonly flags: Flags }

const FAILURES: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the address is already in use',
  EACCES: 'no permission to listen on this address',
  EADDRNOTAVAIL: 'this machine does not have the address',
  ENOTFOUND: 'the host name is unknown',
}

/** Runs until it is told to stop; resolves with the exit code. */
export async function runGateway(options: CliOptions): Promise<number> {
  const parsed = parse(options)
  if ('exitCode' in parsed) return parsed.exitCode
  let config: GatewayConfig
  try {
    config = loadConfig(parsed.file, parsed.flags, options.env)
    if (parsed.flags.checkConfig) await checkFiles(config)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    options.stderr.write(`sign-gateway: ${error.message}\n`)
    return error.exitCode
  }
  if (parsed.flags.checkConfig) {
    options.stdout.write('sign-gateway: the configuration is valid\n')
    return 0
  }
  const { level, format } = config.logging
  const logger = createLogger({ name: 'sign-gateway', level, format, destination: options.stdout })
  let gateway: RunningGateway
  try {
    gateway = await startGateway({ config, logger })
  } catch (error) {
    if (error instanceof ConfigError) {
      options.stderr.write(`sign-gateway: ${error.message}\n`)
      return error.exitCode
    }
    if (error instanceof StoreStartError) {
      options.stderr.write(`sign-gateway: ${error.message}\n`)
      return 1
    }
    const isMetrics = error instanceof MetricsPortError
    const { host, port } = isMetrics ? config.metrics : config.server
    const why = failure(isMetrics ? error.cause : error)
    options.stderr.write(
      `sign-gateway: can't listen on ${host} port ${port}${isMetrics ? ' for metrics' : ''}: ${why}\n`,
    )
    return 1
  }
  options.onReloadRequested?.(() => void gateway.reload())
  await options.stopRequested()
  await gateway.close()
  return 0
}

function parse({ argv, stdout, stderr }: CliOptions): Parsed {
  const command = new Command('sign-gateway')
    .description('The message broker between participants. It sees sealed, signed envelopes only.')
    .argument('[config]', 'YAML file (default: config/sign-gateway.yaml if it is there)')
    .option('--host <host>', 'address to listen on')
    .option('--port <port>', 'port to listen on; 0 takes a free one')
    .option('--log-level <level>', 'trace, debug, info, warn, error, fatal or silent')
    .option('--log-format <format>', 'json or pretty')
    .option('--check-config', 'check the configuration and the files that it names, and exit')
    .addHelpText(
      'after',
      '\nExit codes: 0 stopped cleanly, 1 could not listen or use the store, 2 wrong flag or configuration.',
    )
    .exitOverride()
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => stderr.write(text.replace(/^error: /, 'sign-gateway: ')),
    })
  try {
    command.parse([...argv], { from: 'user' })
  } catch (error) {
    if (error instanceof CommanderError) return { exitCode: error.exitCode === 0 ? 0 : 2 }
    throw error
  }
  return { file: command.args[0], flags: command.opts<Flags>() }
}

function loadConfig(file: string | undefined, flags: Flags, env: CliOptions['env']): GatewayConfig {
  return loadGatewayConfig({
    file,
    env,
    flags: {
      'server.host': flags.host,
      'server.port': flags.port,
      'logging.level': flags.logLevel,
      'logging.format': flags.logFormat,
    },
  })
}

function failure(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException
  return FAILURES[code ?? ''] ?? code ?? 'unknown error'
}
