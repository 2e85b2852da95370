/** What is known about a gateway that runs, for its status page, its probes and its metrics. */
import type { Server } from 'node:net'
import type { Counts } from './metrics/counts.ts'
import { Rate } from './metrics/rate.ts'
import { ReadinessCheck, type ReadinessOptions } from './readiness.ts'

export interface Watch {
  readonly counts: Counts
  /** Of messages; noted by the gateway's timer. */
  readonly rate: Rate
  readonly readiness: ReadinessCheck
  readonly startedAtMs: number
  /** Connections open on the main port. */
  readonly connections: () => Promise<number>
}

export function createWatch(options: ReadinessOptions & Pick<Watch, 'counts' | 'connections'>): Watch {
  const { counts, connections, clock } = options
  const startedAtMs = clock.nowMs()
  return { counts, connections, startedAtMs, rate: new Rate(startedAtMs), readiness: new ReadinessCheck(options) }
}

/** 0 when the server has none, or has been closed. */
export function openConnections(server: Pick<Server, 'getConnections'>): Promise<number> {
  return new Promise((resolve) => server.getConnections((error, count) => resolve(error ? 0 : count)))
}
