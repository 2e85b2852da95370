/**
 * The service: a participant that answers invitations, with a policy and a log. It opens no port; all it does goes out
 * to the gateway, which it reconnects to for ever.
 *
 * Logged are accounts, parties, codes and durations; never what is signed, nor anything of a key.
 */
import type { Logger } from '../config/logger.ts'
import type { ServiceConfig } from '../config/schema.ts'
import { evidenceFolder, lockFolder } from '../config/state-folder.ts'
import {
  connectGateway,
  createParticipant,
  type Evidence,
  type GatewayOptions,
  type KeyShare,
  type Locks,
  MpcError,
  type Participant,
  type ParticipantOptions,
  type ServiceEvent,
} from '../participant/index.ts'
import { keepEvidence } from '../participant/signer/evidence-file.node.ts'
import { fileLocks } from '../participant/signer/locks.node.ts'
import { createWorkerPool } from '../participant/zk/work-pool.node.ts'
import { policyOf } from './policy.ts'

export interface ServiceOptions {
  readonly config: ServiceConfig
  readonly keyShares: ReadonlyMap<string, KeyShare>
  readonly logger: Logger
}

export interface RunningService {
  /** Resolves when the service is subscribed to its inbox for the first time. */
  readonly ready: Promise<void>
  /** Signings that run now. */
  readonly sessions: number
  /** Takes no new signings, lets the running ones end for `graceMs`, abandons the rest. Can be called again. */
  close(graceMs?: number): Promise<void>
}

const CLOSE_GRACE_MS = 4_000

type RoomEvent = Parameters<NonNullable<GatewayOptions['trace']>>[0]

export function startService({ config, keyShares, logger }: ServiceOptions): RunningService {
  const { url } = config.gateway
  const gateway = connectGateway({ url, trace: (event) => logRoom(logger, event) })
  const { workers } = config.performance
  const work = createWorkerPool(workers === undefined ? {} : { size: workers })
  void work.ready.then(() => logger.debug({ workers: work.size }, 'worker threads'))
  const participant = createParticipant({
    work,
    keyShares,
    gateway,
    locks: loggedLocks(config, logger),
    ...poolOf(config),
  })
  const service = participant.serve({
    ...policyOf(config.policy),
    maxSessions: config.limits.max_sessions,
    maxSessionsPerPeer: config.limits.max_sessions_per_peer,
    failuresPerMinute: config.limits.failures_per_minute,
    sessionMs: 1000 * config.limits.session_seconds,
    onEvent: (event) => logEvent(logger, event),
    onEvidence: (evidence) => void writeEvidence(config, logger, evidence),
  })
  logger.info({ gateway: url }, 'starting')
  void service.ready.then(() => logger.info({ gateway: url, ...served(participant, config) }, 'serving'))

  const shutDown = async (graceMs: number): Promise<void> => {
    logger.info({ sessions: service.sessions }, 'closing')
    await service.stop({ graceMs })
    participant.close()
    await work.close()
    logger.info('closed')
  }
  let closing: Promise<void> | undefined
  return {
    ready: service.ready,
    get sessions() {
      return service.sessions
    },
    close(graceMs = CLOSE_GRACE_MS) {
      closing ??= shutDown(graceMs)
      return closing
    },
  }
}

/** This side never starts anything: it keeps its part of what peers prepare. */
function poolOf({ pool }: ServiceConfig): Pick<ParticipantOptions, 'pool'> {
  const { max, max_age_seconds } = pool
  return max === 0 ? {} : { pool: { low: 0, high: 0, max, maxAgeMs: 1000 * max_age_seconds, refill: false } }
}

/** Locks in files; each one is an error in the log, since a person has to look at it. */
function loggedLocks(config: ServiceConfig, logger: Logger): Locks {
  const folder = lockFolder(config)
  const locks = fileLocks(folder)
  return {
    find: (key) => locks.find(key),
    async add(lock) {
      logger.error({ ...lock, folder }, 'locked')
      try {
        await locks.add(lock)
      } catch (e) {
        logger.error({ error: e instanceof MpcError ? e.message : 'unknown' }, 'the lock ends with this process')
        throw e
      }
    },
  }
}

async function writeEvidence(config: ServiceConfig, logger: Logger, evidence: readonly Evidence[]): Promise<void> {
  try {
    for (const file of await keepEvidence(evidence, evidenceFolder(config))) logger.warn({ file }, 'evidence')
  } catch (e) {
    logger.error({ error: e instanceof MpcError ? e.message : 'unknown' }, 'evidence could not be written')
  }
}

/** Whom it serves, for the first line of the log. */
function served(participant: Participant, { policy }: ServiceConfig) {
  const accounts = participant.accounts().filter((a) => policy.accounts?.includes(a.account) ?? true)
  const [first] = participant.accounts()
  return { accounts: accounts.map((a) => a.account), party: first?.self, parties: first?.members }
}

const LEVELS: Readonly<Record<ServiceEvent['at'], 'debug' | 'info' | 'warn'>> = {
  listening: 'debug',
  invited: 'debug',
  reconnecting: 'warn',
  ignored: 'warn',
  failed: 'warn',
  refused: 'info',
  signed: 'info',
  presigned: 'debug',
}

function logEvent(logger: Logger, { at, ...fields }: ServiceEvent): void {
  logger[LEVELS[at]](fields, at)
}

/** What happens on the way to the gateway; room ids stay out of it. */
function logRoom(logger: Logger, { room: _, ...event }: RoomEvent): void {
  const { at, ...fields } = event
  if (at === 'lost' || at === 'post failed' || at === 'gap') logger.warn(fields, `gateway: ${at}`)
  else logger.debug(fields, `gateway: ${at}`)
}
