/**
 * Everything that happens to participants at once, on gateways that are already there: readers that drop their
 * connections politely or by a reset, that stall until they are cut off, that resume by header and by query; senders whose
 * connections break while they wait; and gateways that are killed, if somebody does that meanwhile. Room after room, until
 * there were so many deliveries; then whatever is missing is counted as lost.
 */
import { type Faults, noFaults, RoomCheck } from './checks.ts'
import { Poster } from './poster.ts'
import { Reader } from './reader.ts'

export interface SoakOptions {
  /** All of them can be asked for every room. */
  readonly ports: readonly number[]
  readonly deliveries: number
  /** At the same time. */
  readonly rooms: number
  readonly messagesPerRoom: number
  readonly seed: number
  /** Nothing new is begun after it. */
  readonly limitMs: number
  readonly headers?: string
  /** How long to wait for one answer, and for the last messages of a room. */
  readonly patienceMs?: number
  readonly onProgress?: (result: SoakResult) => void
}

export interface SoakResult extends Readonly<Faults> {
  readonly rooms: number
  readonly published: number
  readonly deliveries: number
  readonly lost: number
  /** Told by the gateway that what a reader asked for is gone; never true here. */
  readonly resets: number
  readonly failed: readonly string[]
  readonly dropped: number
  readonly stalled: number
  /** Streams that the gateway ended: it was killed, or the reader was too slow. */
  readonly ended: number
  readonly postedAgain: number
}

const [READERS, SENDERS] = [4, 2]
/** One in so many messages is followed by one of these. */
const DROP_ONE_IN = 200
const STALL_ONE_IN = 300
const BREAK_ONE_IN = 150
const QUERY_ONE_IN = 4
/** Rooms with large bodies, where readers stall for long enough to be cut off: one in so many. */
const LARGE_ONE_IN = 4
const SMALL_BYTES = [64, 1024] as const
const LARGE_BYTES = [4096, 49_152] as const
const SHORT_STALL_MS = [10, 200] as const
/** What the systems on both sides keep for a connection is megabytes, and has to be full before anything waits in the gateway. */
const LONG_STALL_MS = [2_000, 8_000] as const
const PAUSE_MS = [0, 60] as const
const PATIENCE_MS = 60_000
const PROGRESS_MS = 10_000

type Between = (range: readonly [number, number]) => number

export async function soak(o: SoakOptions): Promise<SoakResult> {
  const between = dice(o.seed)
  const oneIn = (n: number): boolean => between([1, n]) === 1
  const faults = noFaults()
  const sum = {
    rooms: 0,
    published: 0,
    deliveries: 0,
    lost: 0,
    resets: 0,
    dropped: 0,
    stalled: 0,
    ended: 0,
    postedAgain: 0,
  }
  const failed: string[] = []
  const result = (): SoakResult => ({ ...sum, ...faults, failed: [...failed] })
  const stopAt = Date.now() + o.limitMs
  const port = (): number => o.ports[between([0, o.ports.length - 1])] as number
  const patienceMs = o.patienceMs ?? PATIENCE_MS
  let ids = 0

  const oneRoom = async (): Promise<void> => {
    const roomId = `soak-${process.pid}-${o.seed}-${ids++}`
    const isLarge = oneIn(LARGE_ONE_IN)
    const bodyBytes = (): number => between(isLarge ? LARGE_BYTES : SMALL_BYTES)
    const room = new RoomCheck()
    const common = { port, roomId, ...(o.headers !== undefined && { headers: o.headers }) }
    const readers = Array.from({ length: READERS }, () => {
      const reader: Reader = new Reader({
        ...common,
        room,
        faults,
        pauseMs: () => between(PAUSE_MS),
        usesQuery: () => oneIn(QUERY_ONE_IN),
        onMessage() {
          sum.deliveries += 1
          if (oneIn(DROP_ONE_IN)) {
            sum.dropped += 1
            // Not from within the read that brought the message: what came with it counts as received.
            setImmediate(() => reader.drop(oneIn(2) ? 'close' : 'reset'))
          } else if (oneIn(STALL_ONE_IN)) {
            sum.stalled += 1
            reader.stall(between(isLarge ? LONG_STALL_MS : SHORT_STALL_MS))
          }
        },
      })
      return reader
    })
    const posters = Array.from(
      { length: SENDERS },
      (_, sender) => new Poster({ ...common, sender, bodyBytes, breaks: () => oneIn(BREAK_ONE_IN) }),
    )
    try {
      await Promise.all(
        posters.map(async (poster) => {
          for (let i = 0; i < o.messagesPerRoom / SENDERS; i++) {
            await poster.post(patienceMs)
            sum.published += 1
          }
        }),
      )
      const expected = SENDERS * Math.ceil(o.messagesPerRoom / SENDERS)
      const giveUpAt = Date.now() + patienceMs
      while (readers.some((r) => r.count < expected) && Date.now() < giveUpAt) await sleep(10)
      for (const reader of readers) sum.lost += Math.max(0, expected - reader.count)
    } catch (e) {
      failed.push((e as Error).message)
    } finally {
      sum.rooms += 1
      for (const reader of readers) {
        sum.resets += reader.resets
        sum.ended += reader.ended
        reader.close()
      }
      for (const poster of posters) {
        sum.postedAgain += poster.retries
        poster.close()
      }
    }
  }

  const progress = setInterval(() => o.onProgress?.(result()), PROGRESS_MS)
  const place = async (): Promise<void> => {
    while (sum.deliveries < o.deliveries && Date.now() < stopAt && failed.length === 0) await oneRoom()
  }
  await Promise.all(Array.from({ length: o.rooms }, place))
  clearInterval(progress)
  if (sum.deliveries < o.deliveries)
    failed.push(`${sum.deliveries} of ${o.deliveries} deliveries in ${o.limitMs / 1000} s`)
  return result()
}

export function isGood({ lost, doubled, outOfOrder, damaged, resets, failed }: SoakResult): boolean {
  return lost + doubled + outOfOrder + damaged + resets + failed.length === 0
}

/** Whole numbers from a to b, both included; the same ones for the same seed. */
function dice(seed: number): Between {
  let state = seed
  return ([from, to]) => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return from + Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * (to - from + 1))
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
