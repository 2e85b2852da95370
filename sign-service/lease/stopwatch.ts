/**
 * Time that has passed, by clocks that nobody sets. There are two of them: one stands still while the machine sleeps, the
 * other goes on. A holder believes the one that shows more, who waits believes the one that shows less.
 */
import { uptime } from 'node:os'

export interface Stopwatch {
  /** At least this much has passed. */
  leastMs(): number
  /** At most this much has passed. */
  mostMs(): number
}

export interface Clocks {
  /** Milliseconds of each, from a start of its own. */
  readonly awakeMs: () => number
  readonly bootMs: () => number
}

export const SYSTEM_CLOCKS: Clocks = { awakeMs: () => performance.now(), bootMs: () => 1000 * uptime() }

export function startStopwatch({ awakeMs, bootMs }: Clocks): Stopwatch {
  const [awake, boot] = [awakeMs(), bootMs()]
  return {
    leastMs: () => Math.min(awakeMs() - awake, bootMs() - boot),
    mostMs: () => Math.max(awakeMs() - awake, bootMs() - boot),
  }
}
