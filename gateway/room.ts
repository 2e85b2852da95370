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
import { messageFrame } from './frame.ts'
import { Log } from './log.ts'
import { type CutOff, Subscriber } from './subscriber.ts'

export class Room {
  readonly epoch: string = randomBytes(16).toString('base64url')
  readonly subscribers = new Set<Subscriber>()
  readonly #log = new Log()
  #lastIndex = 0
  #usedAtMs: number

  constructor(nowMs: number) {
    this.#usedAtMs = nowMs
  }

  get messages(): number {
    return this.#log.size
  }

  /** Bytes held by the log, as they go over the wire. */
  get bytes(): number {
    return this.#log.bytes
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

  /** Puts an event made by `frameFor` into the log and sends it to everybody who listens. */
  append(frame: Buffer, expiresAtMs?: number): void {
    this.#log.append(frame, expiresAtMs)
    for (const subscriber of this.subscribers) subscriber.advance()
  }

  /**
   * Where a stream starts. Without an id, or with one this room has not given out, at the beginning: a reader that was
   * connected to another room of the same name must not wait for an id that comes much later, or never.
   */
  firstIdAfter(lastSeen: number | undefined): number {
    return lastSeen === undefined || lastSeen >= this.#log.nextId ? 0 : lastSeen + 1
  }

  /** Forgets the messages that nobody needs any more; returns the bytes that this freed. */
  expire(nowMs: number): number {
    return this.#log.expire(nowMs)
  }

  /** Adds a stream whose head has been written. History and live messages follow without gap: nothing awaits between. */
  subscribe(
    outgoing: ServerResponse,
    from: number,
    maxBufferedBytes: number,
    onCutOff: (why: CutOff) => void,
  ): Subscriber {
    const subscriber = new Subscriber({ outgoing, log: this.#log, from, maxBufferedBytes, onCutOff })
    this.subscribers.add(subscriber)
    subscriber.advance()
    return subscriber
  }
}
