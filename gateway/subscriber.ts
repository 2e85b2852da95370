/**
 * One event stream: the room's history from some id on, then every new message, each exactly once and in order.
 *
 * A subscriber is a position in the room's log. While it catches up it writes as fast as the connection drains, so a long
 * history costs no memory of its own. Once it has caught up it is live: each message is written as it comes, and a reader
 * that lets more than the limit pile up is cut off. Cut off, never skipped: it comes back with Last-Event-ID and misses
 * nothing. A reader that takes nothing at all for several keep-alive periods is cut off too, live or not.
 *
 * What the log lacks is read from where the room is kept, a part at a time, and only when the part before it has left. When
 * that can't be done, the stream waits: it is tried again when there is news of the room, and in each keep-alive period.
 */
import { Buffer } from 'node:buffer'
import type { ServerResponse } from 'node:http'
import { KEEP_ALIVE } from './frame.ts'
import type { Lag, Meter } from './hooks.ts'
import type { Log } from './log.ts'

const REPLAY_BATCH_BYTES = 65_536
const MAX_STALLED_PERIODS = 4
/** How long a reader may take for what is on its way when its stream has been ended. */
const END_GRACE_MS = 10_000

export type CutOff = 'buffer full' | 'stalled'

/** A part of the room's log. */
export interface Past {
  /** Its events, one behind the other, and how many they are. */
  readonly frames: Buffer
  readonly count: number
  /** It has all messages, from the one asked for, before this id. */
  readonly next: number
}

/** Reads the log from an id on. Undefined when that can't be done now; never rejects. */
export type ReadPast = (from: number) => Promise<Past | undefined>

export interface SubscriberOptions {
  readonly outgoing: ServerResponse
  readonly log: Log
  /** Id of the first event to send. */
  readonly from: number
  readonly maxBufferedBytes: number
  /** For what the log lacks. */
  readonly readPast?: ReadPast | undefined
  readonly meter: Meter
  /** Called when this side ends the stream because of the reader. */
  readonly onCutOff: (why: CutOff) => void
}

export class Subscriber {
  readonly #outgoing: ServerResponse
  readonly #log: Log
  readonly #maxBufferedBytes: number
  readonly #readPast: ReadPast | undefined
  readonly #meter: Meter
  readonly #onCutOff: (why: CutOff) => void
  #next: number
  #live = false
  #waitingForDrain = false
  #isReading = false
  #stalledPeriods = 0
  #ended = false

  constructor({ outgoing, log, from, maxBufferedBytes, readPast, meter, onCutOff }: SubscriberOptions) {
    this.#outgoing = outgoing
    this.#log = log
    this.#next = from
    this.#maxBufferedBytes = maxBufferedBytes
    this.#readPast = readPast
    this.#meter = meter
    this.#onCutOff = onCutOff
    outgoing.on('drain', () => {
      this.#waitingForDrain = false
      this.advance()
    })
  }

  /** Whether it has been sent everything, so that it needs the next message only. */
  get isLive(): boolean {
    return this.#live
  }

  /** Sends what the log has beyond this subscriber's position, as far as the connection allows. */
  advance(): void {
    if (this.#ended) return
    if (this.#live) this.#sendLive()
    else this.#replay()
  }

  #sendLive(): void {
    for (let event = this.#log.from(this.#next); event !== undefined; event = this.#log.from(this.#next)) {
      // Checked before writing, so that one message of any permitted size reaches a reader that keeps up.
      if (this.#outgoing.writableLength > this.#maxBufferedBytes) {
        this.#cutOff('buffer full')
        return
      }
      this.#outgoing.write(event.frame)
      this.#next = event.id + 1
      this.#meter.delivered(1, event.frame.length)
    }
  }

  #replay(): void {
    while (this.#log.lacks(this.#next) || this.#log.from(this.#next) !== undefined) {
      if (this.#waitingForDrain || this.#isReading) return
      if (this.#log.lacks(this.#next)) void this.#askForPast()
      else this.#waitingForDrain = !this.#outgoing.write(this.#nextBatch())
    }
    this.#live = true
  }

  async #askForPast(): Promise<void> {
    this.#isReading = true
    const past = await this.#readPast?.(this.#next)
    this.#isReading = false
    if (this.#ended || past === undefined) return
    this.#next = past.next
    if (past.count > 0) {
      this.#waitingForDrain = !this.#outgoing.write(past.frames)
      this.#meter.delivered(past.count, past.frames.length)
    }
    this.#replay()
  }

  #nextBatch(): Buffer {
    const frames: Buffer[] = []
    let bytes = 0
    while (bytes < REPLAY_BATCH_BYTES) {
      const event = this.#log.from(this.#next)
      if (event === undefined) break
      frames.push(event.frame)
      bytes += event.frame.length
      this.#next = event.id + 1
    }
    this.#meter.delivered(frames.length, bytes)
    return Buffer.concat(frames, bytes)
  }

  /** How far behind the reader is now: what the connection has not taken, and history that was not written yet. */
  lag(): Lag {
    return { bytes: this.#outgoing.writableLength, messages: Math.max(0, this.#log.nextId - this.#next) }
  }

  /** Called by the one timer of the gateway. A comment is only queued once the previous one has left the process. */
  keepAlive(): void {
    if (this.#ended) return
    if (!this.#live) this.#replay()
    if (this.#stalledPeriods === 0) {
      this.#stalledPeriods = 1
      this.#outgoing.write(KEEP_ALIVE, (error) => {
        if (!error) this.#stalledPeriods = 0
      })
    } else if (this.#stalledPeriods < MAX_STALLED_PERIODS) {
      this.#stalledPeriods += 1
    } else {
      this.#cutOff('stalled')
    }
  }

  /** Ends the stream cleanly after what is already on its way; the reader reconnects when `last` tells it to. */
  end(last: Buffer): void {
    if (this.#ended) return
    this.#ended = true
    const giveUp = setTimeout(() => this.#outgoing.destroy(), END_GRACE_MS)
    giveUp.unref()
    this.#outgoing.once('close', () => clearTimeout(giveUp))
    this.#outgoing.end(last)
  }

  /** Its connection has closed. */
  isGone(): void {
    this.#ended = true
  }

  #cutOff(why: CutOff): void {
    this.#ended = true
    this.#outgoing.destroy()
    this.#meter.cutOff(why)
    this.#onCutOff(why)
  }
}
