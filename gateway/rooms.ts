/**
 * All rooms of a gateway, and their limits.
 *
 * Any request makes the room it names. Finding and making are one synchronous step, so two first subscribers can't land
 * in two rooms. A room goes when it is idle for the configured time, not when its last subscriber leaves: what is
 * published between two subscribers is still there for the second. Time is a parameter.
 */
import type { Buffer } from 'node:buffer'
import type { ServerResponse } from 'node:http'
import type { GatewayConfig } from '../config/schema.ts'
import { type Refusal, refusals } from './refusal.ts'
import { Room } from './room.ts'
import type { CutOff } from './subscriber.ts'

export interface Clock {
  /** Milliseconds that never go backwards. */
  nowMs(): number
}

export type Found<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly refusal: Refusal }

export class Rooms {
  readonly #rooms = new Map<string, Room>()
  readonly #limits: GatewayConfig['limits']
  readonly #clock: Clock
  #bytes = 0
  #subscribers = 0

  constructor(limits: GatewayConfig['limits'], clock: Clock) {
    this.#limits = limits
    this.#clock = clock
  }

  get size(): number {
    return this.#rooms.size
  }

  get subscribers(): number {
    return this.#subscribers
  }

  /** Bytes of history over all rooms. */
  get bytes(): number {
    return this.#bytes
  }

  /** The room of this id, made if it isn't there. */
  open(id: string): Found<Room> {
    const nowMs = this.#clock.nowMs()
    const existing = this.#rooms.get(id)
    if (existing !== undefined && !this.#isIdle(existing, nowMs)) {
      existing.touch(nowMs)
      return { ok: true, value: existing }
    }
    if (existing !== undefined) this.#remove(id, existing)
    if (this.#rooms.size >= this.#limits.rooms) this.sweep()
    if (this.#rooms.size >= this.#limits.rooms) return { ok: false, refusal: refusals.tooManyRooms() }
    const room = new Room(nowMs)
    this.#rooms.set(id, room)
    return { ok: true, value: room }
  }

  /**
   * Puts a message into the room's log. When this says ok, every present subscriber gets it, and every later one that
   * comes within `ttlSeconds`, or while the room lives.
   */
  publish(id: string, body: Buffer, ttlSeconds?: number): Found<Room> {
    const opened = this.open(id)
    if (!opened.ok) return opened
    const room = opened.value
    const nowMs = this.#clock.nowMs()
    this.#bytes -= room.expire(nowMs)
    if (room.messages >= this.#limits.room_messages) return { ok: false, refusal: refusals.roomFull() }
    const frame = room.frameFor(body)
    if (room.bytes + frame.length > this.#limits.room_bytes) return { ok: false, refusal: refusals.roomFull() }
    if (this.#bytes + frame.length > this.#limits.total_bytes) this.sweep()
    if (this.#bytes + frame.length > this.#limits.total_bytes) return { ok: false, refusal: refusals.gatewayFull() }
    this.#bytes += frame.length
    room.append(frame, ttlSeconds === undefined ? undefined : nowMs + 1000 * ttlSeconds)
    return opened
  }

  /** Whether one more may listen. */
  admit(id: string): Found<Room> {
    const opened = this.open(id)
    if (!opened.ok || opened.value.subscribers.size < this.#limits.subscribers_per_room) return opened
    return { ok: false, refusal: refusals.tooManySubscribers() }
  }

  /** Starts an admitted stream. It is taken off the room when its connection closes, for whatever reason. */
  subscribe(room: Room, outgoing: ServerResponse, from: number, onCutOff: (why: CutOff) => void): void {
    this.#subscribers += 1
    const subscriber = room.subscribe(outgoing, from, this.#limits.subscriber_buffer_bytes, onCutOff)
    outgoing.once('close', () => {
      room.subscribers.delete(subscriber)
      room.touch(this.#clock.nowMs())
      this.#subscribers -= 1
    })
  }

  /** Forgets idle rooms and what they hold, and messages whose time has passed. */
  sweep(): void {
    const nowMs = this.#clock.nowMs()
    for (const [id, room] of this.#rooms) {
      if (this.#isIdle(room, nowMs)) this.#remove(id, room)
      else this.#bytes -= room.expire(nowMs)
    }
  }

  /** A comment to every stream. */
  keepAlive(): void {
    for (const room of this.#rooms.values()) {
      for (const subscriber of room.subscribers) subscriber.keepAlive()
    }
  }

  /** Ends every stream; `lastFrame` is called for each. */
  endAll(lastFrame: () => Buffer): void {
    for (const room of this.#rooms.values()) {
      for (const subscriber of room.subscribers) subscriber.end(lastFrame())
    }
  }

  #isIdle(room: Room, nowMs: number): boolean {
    return room.isIdle(nowMs, this.#limits.room_idle_seconds * 1000)
  }

  #remove(id: string, room: Room): void {
    this.#rooms.delete(id)
    this.#bytes -= room.bytes
  }
}
