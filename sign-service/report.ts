/** What the service says of itself: to the log, and in files of evidence. Never what is signed, nor anything of a key. */
import type { ServiceConfig } from '../config/schema.ts'
import { evidenceFolder, lockFolder } from '../config/state-folder.ts'
import { type Evidence, type GatewayOptions, type Locks, MpcError, type ServiceEvent } from '../participant/index.ts'
import { keepEvidence } from '../participant/signer/evidence-file.node.ts'
import { fileLocks } from '../participant/signer/locks.node.ts'
import type { Log } from './log.ts'

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

export function logEvent(log: Log, { at, ...fields }: ServiceEvent): void {
  log[LEVELS[at]](fields, at)
}

/** What happens on the way to the gateway; room ids stay out of it. */
export function logRoom(log: Log, { room: _, ...event }: RoomEvent): void {
  const { at, ...fields } = event
  if (at === 'lost' || at === 'post failed' || at === 'gap') log.warn(fields, `gateway: ${at}`)
  else log.debug(fields, `gateway: ${at}`)
}

/** Locks in files; each one is an error in the log, since a person has to look at it. */
export function loggedLocks(config: ServiceConfig, log: Log, onLock: () => void): Locks {
  const folder = lockFolder(config)
  const locks = fileLocks(folder)
  return {
    find: (key) => locks.find(key),
    async add(lock) {
      onLock()
      const { self: party, session: lockSession, ...rest } = lock
      log.error({ ...rest, party, lockSession, folder }, 'locked')
      try {
        await locks.add(lock)
      } catch (e) {
        log.error({ error: messageOf(e) }, 'the lock ends with this process')
        throw e
      }
    },
  }
}

export async function writeEvidence(config: ServiceConfig, log: Log, evidence: readonly Evidence[]): Promise<void> {
  try {
    for (const file of await keepEvidence(evidence, evidenceFolder(config))) log.warn({ file }, 'evidence')
  } catch (e) {
    log.error({ error: messageOf(e) }, 'evidence could not be written')
  }
}

/** Messages of our own errors hold nothing secret; those of others could. */
function messageOf(e: unknown): string {
  return e instanceof MpcError ? e.message : 'unknown'
}
