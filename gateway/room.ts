/**
 * One room: a log of messages with ids 0, 1, 2, …, a counter that gives out 1, 2, 3, …, and those who listen.
 *
 * The log keeps every message while the room lives, but for those whose sender said how long they matter. When it is
 * full, publishing is refused: dropping the oldest message would leave a late participant waiting for something that is
 * gone, without anybody being told.
 * The epoch is drawn when the room is made, so that a client can see that ids start again.
 */
import type { Buffer } from 'node:buffer'
import { randomBytes } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import type { Clock } from './clock.ts'
import { messageFrame, resetFrame } from './frame.ts'
import type { Meter } from './hooks.ts'
import { KeyLog } from './idempotency.ts'
import { Log } from './log.ts'
import { type CutOff, type ReadPast, Subscriber } from './subscriber.ts'

export interface RoomOptions {
  readonly clock: Clock
  readonly meter: Meter
  /** What may wait in memory for one reader. */
  readonly maxBufferedBytes: number
  /** Drawn when absent. */
  readonly epoch?: string | undefined
  readonly isPrivate?: boolean
  /** For a room that is kept elsewhere too, and forgets here what its streams don't need. */
  readonly readPast?: ReadPast
  /** Called when a stream begins and when it has ended. */
  readonly onStreams: (change: 1 | -1) => void
}

/** Where a stream starts, and whether it has to be told that what it asked for is gone. */
export interface Start {
  readonly from: number
  readonly isReset: boolean
}

export class Room {
  readonly epoch: string
  readonly isPrivate: boolean
  readonly keys = new KeyLog()
  readonly subscribers = new Set<Subscriber>()
  readonly #options: RoomOptions
  readonly #log = new Log()
  readonly #madeAtMs: number
  #lastIndex = 0
  #usedAtMs: number
  #isGone = false

  constructor(options: RoomOptions) {
    this.#options = options
    this.epoch = options.epoch ?? randomBytes(16).toString('base64url')
    this.isPrivate = options.isPrivate ?? false
    this.#madeAtMs = options.clock.nowMs()
    this.#usedAtMs = this.#madeAtMs
  }

  get messages(): number {
    return this.#log.size
  }

  get firstId(): number | undefined {
    return this.#log.firstId
  }

  get lastId(): number | undefined {
    return this.#log.lastId
  }

  get nextId(): number {
    return this.#log.nextId
  }

  /** Bytes held: the log as it goes over the wire, and the keys of its broadcasts. */
  get bytes(): number {
    return this.#log.bytes + this.keys.bytes
  }

  get ageSeconds(): number {
    return Math.floor((this.#options.clock.nowMs() - this.#madeAtMs) / 1000)
  }

  /** Idle means: nobody listens, and nobody has asked for anything for `idleMs`. */
  isIdle(nowMs: number, idleMs: number): boolean {
    return this.subscribers.size === 0 && nowMs - this.#usedAtMs >= idleMs
  }

  /** Notes that somebody used the room. */
  touch(nowMs: number): void {
    this.#usedAtMs = nowMs
  }

  /** 1, 2, 3, …, never the same twice. */
  issueIndex(): number {
    this.#lastIndex += 1
    return this.#lastIndex
  }

  /** The event this body would become, as the next of the log. */
  frameFor(body: Buffer): Buffer {
    return messageFrame(this.#log.nextId, body)
  }

  /** Puts an event into the log and sends it to everybody who listens. Its id is the next, or one after it. */
  append(frame: Buffer, expiresAtMs?: number, id?: number): void {
    this.#log.append(frame, expiresAtMs, id)
    this.advance()
  }

  /** Every stream gets what it can have now. */
  advance(): void {
    for (const subscriber of this.subscribers) subscriber.advance()
  }

  /** Ids below this one have been given out, and what is not here of them has expired. */
  skipTo(nextId: number): void {
    this.#log.skipTo(nextId)
  }

  /** Whether there are streams, and every one has been sent every message. */
  get isHeard(): boolean {
    for (const { isLive } of this.subscribers) if (!isLive) return false
    return this.subscribers.size > 0
  }

  /** Lets go of the log. Streams read what they lack of it. */
  forget(): void {
    this.#log.forget()
  }

  /** Whether a stream from this id on begins with what has to be read. */
  lacks(id: number): boolean {
    return this.#log.lacks(id)
  }

  /**
   * Where a stream starts. A reader that was connected to another room of the same name must not wait for an id that
   * comes much later, or never: with another epoch, or an id that this room has not given out, it is sent to the
   * beginning and told so. Ids of messages whose time has passed are no reason: nobody was to have them any more.
   */
  startAfter(lastSeen: number | undefined, knownEpoch: string | undefined): Start {
    const isReset =
      (knownEpoch !== undefined && knownEpoch !== this.epoch) ||
      (lastSeen !== undefined && lastSeen >= this.#log.nextId)
    return { from: isReset || lastSeen === undefined ? 0 : lastSeen + 1, isReset }
  }

  /** Forgets what nobody needs any more; returns the bytes that this freed. */
  expire(nowMs: number): number {
    const before = this.bytes
    this.#log.expire(nowMs)
    this.keys.expire(nowMs)
    return before - this.bytes
  }

  /**
   * Adds a stream whose head has been written. History and live messages follow without gap: nothing awaits between. It
   * leaves by itself when its connection closes, for whatever reason.
   */
  subscribe(outgoing: ServerResponse, from: number, onCutOff: (why: CutOff) => void): Subscriber {
    const { clock, meter, maxBufferedBytes, readPast, onStreams } = this.#options
    const log = this.#log
    const subscriber = new Subscriber({ outgoing, log, from, maxBufferedBytes, readPast, meter, onCutOff })
    this.subscribers.add(subscriber)
    onStreams(1)
    meter.opened(subscriber)
    outgoing.once('close', () => {
      this.subscribers.delete(subscriber)
      subscriber.isGone()
      this.touch(clock.nowMs())
      onStreams(-1)
      meter.closed(subscriber)
    })
    if (this.#isGone) subscriber.end(resetFrame(null, 0))
    else subscriber.advance()
    return subscriber
  }

  /** Ends all streams with a reset: the room is forgotten. One that comes too late to know is ended as well. */
  endForGood(): void {
    this.#isGone = true
    for (const subscriber of this.subscribers) subscriber.end(resetFrame(null, 0))
  }
}
