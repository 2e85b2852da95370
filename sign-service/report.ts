/** What the service says of itself: to the log, and in files of evidence. Never what is signed, nor anything of a key. */
import type { Logger } from '../config/logger.ts'
import type { ServiceConfig } from '../config/schema.ts'
import { evidenceFolder, lockFolder } from '../config/state-folder.ts'
import { type Evidence, type GatewayOptions, type Locks, MpcError, type ServiceEvent } from '../participant/index.ts'
import { keepEvidence } from '../participant/signer/evidence-file.node.ts'
import { fileLocks } from '../participant/signer/locks.node.ts'

type RoomEvent = Parameters<NonNullable<GatewayOptions['trace']>>[0]

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

export function logEvent(logger: Logger, { at, ...fields }: ServiceEvent): void {
  logger[LEVELS[at]](fields, at)
}

/** What happens on the way to the gateway; room ids stay out of it. */
export function logRoom(logger: Logger, { room: _, ...event }: RoomEvent): void {
  const { at, ...fields } = event
  if (at === 'lost' || at === 'post failed' || at === 'gap') logger.warn(fields, `gateway: ${at}`)
  else logger.debug(fields, `gateway: ${at}`)
}

/** Locks in files; each one is an error in the log, since a person has to look at it. */
export function loggedLocks(config: ServiceConfig, logger: Logger, onLock: () => void): Locks {
  const folder = lockFolder(config)
  const locks = fileLocks(folder)
  return {
    find: (key) => locks.find(key),
    async add(lock) {
      onLock()
      logger.error({ ...lock, folder }, 'locked')
      try {
        await locks.add(lock)
      } catch (e) {
        logger.error({ error: messageOf(e) }, 'the lock ends with this process')
        throw e
      }
    },
  }
}

export async function writeEvidence(
  config: ServiceConfig,
  logger: Logger,
  evidence: readonly Evidence[],
): Promise<void> {
  try {
    for (const file of await keepEvidence(evidence, evidenceFolder(config))) logger.warn({ file }, 'evidence')
  } catch (e) {
    logger.error({ error: messageOf(e) }, 'evidence could not be written')
  }
}

/** Messages of our own errors hold nothing secret; those of others could. */
function messageOf(e: unknown): string {
  return e instanceof MpcError ? e.message : 'unknown'
}
