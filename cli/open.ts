/** The client's configuration and key shares, and a participant made of them. */
import { CommandError } from '../config/failure.ts'
import { loadClientConfig } from '../config/load.ts'
import { createLogger } from '../config/logger.ts'
import { type Host, namingFlags } from '../config/program.ts'
import type { ClientConfig } from '../config/schema.ts'
import { lockFolder } from '../config/state-folder.ts'
import { openTokenFile } from '../config/token-file.ts'
import { type AccountInfo, connectGateway, createParticipant, type Participant } from '../participant/index.ts'
import { fileLocks } from '../participant/signer/locks.node.ts'
import { type KeystoreFlags, keystoreFlags, keystoreNames, openKeyShares } from './keystore.ts'

/** Flags of every command. */
export interface CommonFlags extends KeystoreFlags {
  readonly gateway?: string
  readonly keyShares?: string
  readonly config?: string
  readonly json?: boolean
  readonly logLevel?: string
  readonly logFormat?: string
}

export interface Client {
  readonly config: ClientConfig
  readonly participant: Participant
  /** Whether the gateway was ever reached. */
  wasConnected(): boolean
  /** Why the file with our token could not be read, if that was so. */
  tokenProblem(): string | undefined
}

/** Opens the key shares; connects nowhere yet. Throws CommandError, ConfigError, UsageError or DecodeError. */
export async function openClient(host: Host, flags: CommonFlags): Promise<Client> {
  const config = readConfig(host, flags)
  const { level, format } = config.logging
  const logger = createLogger({ name: 'wallet-mpc', level, format, destination: host.stderr })
  const keyShares = await openKeyShares(host, config, flags)
  let connected = false
  let tokenProblem: string | undefined
  const headers = await openTokenFile(config.gateway.token_file, (problem) => {
    tokenProblem = problem
  })
  const gateway = connectGateway({
    url: config.gateway.url,
    trace: ({ room: _, at, ...fields }) => {
      if (at === 'open') connected = true
      logger.debug(fields, `gateway: ${at}`)
    },
    ...(headers !== undefined && { headers }),
  })
  const participant = createParticipant({ keyShares, gateway, locks: fileLocks(lockFolder(config)) })
  return { config, participant, wasConnected: () => connected, tokenProblem: () => tokenProblem }
}

/** Throws CommandError or ConfigError. */
export function readConfig(host: Host, flags: CommonFlags): ClientConfig {
  const names = {
    'gateway.url': '--gateway',
    'mpc.key_share_file': '--key-shares',
    ...keystoreNames,
    'logging.level': '--log-level',
    'logging.format': '--log-format',
  }
  return namingFlags(names, () =>
    loadClientConfig({
      file: flags.config,
      env: host.env,
      flags: {
        'gateway.url': flags.gateway,
        'mpc.key_share_file': flags.keyShares,
        ...keystoreFlags(flags),
        'logging.level': flags.logLevel,
        'logging.format': flags.logFormat,
      },
    }),
  )
}

/** The account of that id. Throws CommandError that names those that are there. */
export function accountOf({ participant, config }: Client, id: string): AccountInfo {
  const all = participant.accounts()
  const found = all.find((a) => a.account === id)
  if (found !== undefined) return found
  throw new CommandError(
    `--account: ${config.keystore.folder ?? config.mpc.key_share_file} has no key share of that account`,
    `accounts there: ${all.map((a) => a.account).join(', ')}`,
  )
}
