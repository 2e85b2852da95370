/**
 * One participant that serves, with its presignatures, and its end: no new invitations, then the sessions that run, then the
 * participant.
 */
import type { ServiceConfig } from '../config/schema.ts'
import {
  formatKeyShares,
  type KeyShare,
  type Participant,
  type ParticipantOptions,
  type PoolCounts,
  type ServeOptions,
  type Service,
} from '../participant/index.ts'
import { PresignaturePool } from '../participant/signer/pool.ts'

export interface Serving {
  readonly participant: Participant
  readonly service: Service
  /** Behind the HTTP interface, and not in the gateway's rooms. */
  readonly isApi: boolean
  readonly keyShares: ReadonlyMap<string, KeyShare>
  readonly presignatures: PresignaturePool | undefined
  /** Gives what it has of accounts whose shares are the same to those that take its place. */
  handOver(next: readonly Serving[]): void
  stop(graceMs: number): Promise<void>
}

export interface ServingOptions {
  readonly participant: Omit<ParticipantOptions, 'pool'>
  readonly open: (o: ParticipantOptions) => Participant
  readonly isApi: boolean
  readonly pool: ServiceConfig['pool']
  readonly serve: ServeOptions
}

export function startServing(o: ServingOptions): Serving {
  const { max, max_age_seconds } = o.pool
  const maxAgeMs = 1000 * max_age_seconds
  const store = max === 0 ? undefined : new PresignaturePool({ max, maxAgeMs })
  // this side never starts anything: it keeps its part of what peers prepare
  const pool = store && { low: 0, high: 0, max, maxAgeMs, refill: false, store }
  const participant = o.open({ ...o.participant, ...(pool && { pool }) })
  const service = participant.serve(o.serve)
  const { isApi } = o
  const { keyShares } = o.participant
  return {
    participant,
    service,
    isApi,
    keyShares,
    presignatures: store,
    handOver(next) {
      const heir = next.find((s) => s.isApi === isApi)
      if (heir?.presignatures === undefined) return
      store?.moveTo(heir.presignatures, (account) => isSame(keyShares.get(account), heir.keyShares.get(account)))
    },
    async stop(graceMs) {
      await service.stop({ graceMs })
      participant.close()
    },
  }
}

/** Of all together; undefined without a pool. */
export function poolCounts(servings: readonly Serving[]): PoolCounts | undefined {
  const all = servings.flatMap((s) => s.participant.pool() ?? [])
  if (all.length === 0) return undefined
  const sum = (read: (c: PoolCounts) => number): number => all.reduce((total, c) => total + read(c), 0)
  return {
    size: sum((c) => c.size),
    made: sum((c) => c.made),
    used: sum((c) => c.used),
    expired: sum((c) => c.expired),
  }
}

function isSame(before: KeyShare | undefined, after: KeyShare | undefined): boolean {
  if (before === undefined || after === undefined) return false
  return textOf(before) === textOf(after)
}

/** Everything that a key share is. */
function textOf(share: KeyShare): string {
  return formatKeyShares(new Map([[share.account, share]]))
}
