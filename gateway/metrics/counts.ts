/**
 * What the gateway counts, as plain numbers: a message costs a few additions here, and nothing is turned into text or
 * labels before somebody asks. The metrics port and the status page read from it.
 *
 * Nothing about a room or a caller is kept, only totals. What is counted by name (refusals, cut-offs) has its names from
 * our own tables, given at the start: each begins at zero, so that the first one is seen as a rise, and what is in no
 * table is 'other', so that nothing a client sends can become a name.
 */
import type { Lag, Meter, Reader } from '../hooks.ts'

/** Upper ends of the buckets for the time of a broadcast, in milliseconds. */
export const PUBLISH_BUCKETS_MS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000] as const

const CUT_OFFS = ['buffer_full', 'stalled'] as const
const OTHER = 'other'

export class Counts implements Meter {
  messages = 0
  messageBytes = 0
  deliveries = 0
  deliveredBytes = 0
  streamsOpened = 0
  streamsClosed = 0
  connectionsDropped = 0
  /** Broadcasts by time taken: one number a bucket, and a last one for those that took longer. */
  readonly publishTimes: number[] = new Array<number>(PUBLISH_BUCKETS_MS.length + 1).fill(0)
  publishMs = 0
  readonly refusals: Map<string, number>
  readonly cutOffs: Map<string, number> = zeroes(CUT_OFFS)
  readonly #readers = new Set<Reader>()

  /** With the codes of all refusals there are. */
  constructor(refusalCodes: readonly string[]) {
    this.refusals = zeroes(refusalCodes)
  }

  published(bytes: number, ms: number): void {
    this.messages += 1
    this.messageBytes += bytes
    this.publishMs += ms
    let bucket = 0
    for (const end of PUBLISH_BUCKETS_MS) {
      if (ms <= end) break
      bucket += 1
    }
    this.publishTimes[bucket] = (this.publishTimes[bucket] ?? 0) + 1
  }

  delivered(count: number, bytes: number): void {
    this.deliveries += count
    this.deliveredBytes += bytes
  }

  opened(reader: Reader): void {
    this.streamsOpened += 1
    this.#readers.add(reader)
  }

  closed(reader: Reader): void {
    this.streamsClosed += 1
    this.#readers.delete(reader)
  }

  cutOff(why: string): void {
    countByName(this.cutOffs, why.replaceAll(' ', '_'))
  }

  refused(code: string): void {
    countByName(this.refusals, code)
  }

  dropped(): void {
    this.connectionsDropped += 1
  }

  /** What waits for the slowest reader now, each figure over all streams. Looks at every stream. */
  lag(): Lag {
    let bytes = 0
    let messages = 0
    for (const reader of this.#readers) {
      const lag = reader.lag()
      if (lag.bytes > bytes) bytes = lag.bytes
      if (lag.messages > messages) messages = lag.messages
    }
    return { bytes, messages }
  }
}

function zeroes(names: readonly string[]): Map<string, number> {
  return new Map([...names, OTHER].map((name) => [name, 0]))
}

function countByName(counts: Map<string, number>, name: string): void {
  const counted = counts.has(name) ? name : OTHER
  counts.set(counted, (counts.get(counted) ?? 0) + 1)
}

/** The sum over all names. */
export function total(counts: ReadonlyMap<string, number>): number {
  let sum = 0
  for (const count of counts.values()) sum += count
  return sum
}
