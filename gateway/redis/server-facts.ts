/**
 * What the gateway has to know about the Redis process at the other end: whether it will do at all, and whether it has on
 * disk what it has answered.
 *
 * Durable means that a restart loses nothing: every write is on disk before its answer leaves (`appendonly yes`,
 * `appendfsync always`), and the process has not taken over from a master whose last writes it may never have got. A
 * server that doesn't tell, because CONFIG is forbidden, counts as not durable: then a restart begins new epochs, which
 * costs the readers a new start but never a message unnoticed.
 */
import type { Connection } from './connection.ts'

const MIN_MAJOR_VERSION = 7
const NO_REPLICATION_ID = '0'.repeat(40)

export interface ServerFacts {
  /** Drawn by every Redis process when it starts. */
  readonly runId: string
  readonly isDurable: boolean
  /** A node of a cluster: others may have a part of the slots. */
  readonly isCluster: boolean
}

/** Redis is there, but can't be used as it is. The message is for the operator and says what to change. */
export class UnfitServerError extends Error {
  override readonly name = 'UnfitServerError'
  /** True when it may become fit by itself, as one that still loads its data. */
  readonly isTemporary: boolean

  constructor(message: string, isTemporary = false) {
    super(message)
    this.isTemporary = isTemporary
  }
}

/** Throws UnfitServerError. */
export async function readFacts(connection: Connection): Promise<ServerFacts> {
  const info = parseInfo(await connection.ask('INFO'))
  const field = (name: string): string => info.get(name) ?? ''
  const version = field('redis_version')
  if (!(Number.parseInt(version, 10) >= MIN_MAJOR_VERSION)) {
    const shown = /^[\w.-]{1,32}$/.test(version) ? version : 'unknown'
    throw new UnfitServerError(`Redis ${MIN_MAJOR_VERSION}.0 or newer is needed, this is version ${shown}`)
  }
  // A script's `%d` is a C long, and times are longer than 32 bits.
  if (field('arch_bits') !== '64') throw new UnfitServerError('a 64-bit Redis is needed')
  if (field('loading') !== '0') throw new UnfitServerError('Redis is still loading its data', true)
  if (field('role') !== 'master') throw new UnfitServerError('this Redis is a replica; the master is needed')
  if (field('maxmemory_policy') !== 'noeviction') {
    throw new UnfitServerError('Redis must not evict keys: set maxmemory-policy to noeviction')
  }
  const isCluster = field('cluster_enabled') === '1'
  if (isCluster) await requireClusterUp(connection)
  const hasTakenOver = field('master_replid2') !== NO_REPLICATION_ID
  const isDurable = field('aof_enabled') === '1' && !hasTakenOver && (await readFsync(connection)) === 'always'
  return { runId: field('run_id'), isDurable, isCluster }
}

/** A node that has just come back, or misses the others, refuses everything for a while. */
async function requireClusterUp(connection: Connection): Promise<void> {
  const cluster = parseInfo(await connection.ask('CLUSTER', 'INFO'))
  if (cluster.get('cluster_state') !== 'ok')
    throw new UnfitServerError('this Redis says that its cluster is down', true)
}

async function readFsync(connection: Connection): Promise<string> {
  try {
    return parsePair(await connection.ask('CONFIG', 'GET', 'appendfsync'))
  } catch {
    return 'unknown'
  }
}

function parsePair(reply: string): string {
  return reply.split(',').at(-1) ?? ''
}

function parseInfo(text: string): ReadonlyMap<string, string> {
  const pairs = text.split('\r\n').flatMap((line) => {
    const colon = line.indexOf(':')
    return colon < 1 ? [] : [[line.slice(0, colon), line.slice(colon + 1)] as const]
  })
  return new Map(pairs)
}
