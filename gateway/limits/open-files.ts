/**
 * Each stream is a file descriptor, and a process that has none left can't accept, log or read a key. The start says how
 * many this one may have, and warns when the configured connections would use them up.
 */
import { readFileSync } from 'node:fs'
import type { Logger } from '../../config/logger.ts'

/** For the log, the store, key files and the sockets of the metrics port. */
const SPARE = 100

/** How many descriptors the process may have; undefined where the system does not say it in this way. */
export function openFileLimit(file = '/proc/self/limits'): number | undefined {
  try {
    const soft = /^Max open files\s+(\d+|unlimited)\s/m.exec(readFileSync(file, 'utf8'))?.[1]
    if (soft === undefined) return undefined
    return soft === 'unlimited' ? Number.POSITIVE_INFINITY : Number(soft)
  } catch {
    return undefined
  }
}

export function logOpenFiles(connections: number, logger: Logger, limit = openFileLimit()): void {
  if (limit === undefined) return
  if (limit >= connections + SPARE) logger.info({ open_files: limit, connections }, 'open files')
  else
    logger.warn(
      { open_files: limit, connections },
      'fewer open files than limits.connections asks for; raise ulimit -n',
    )
}
