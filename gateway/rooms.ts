/**
 * The store in memory: all rooms of one gateway, and their limits.
 *
 * Any request but those about a room itself makes the room it names. Finding and making are one synchronous step, so two
 * first subscribers can't land in two rooms. A room goes when it is idle for the configured time, not when its last
 * subscriber leaves: what is published between two subscribers is still there for the second. Time is a parameter.
 */
import type { Buffer } from 'node:buffer'
import type { GatewayConfig } from '../config/schema.ts'
import type { Clock } from './clock.ts'
import type { Eventual } from './eventual.ts'
import type { Meter } from './hooks.ts'
import { bodyHash, keyExpiryMs } from './idempotency.ts'
import { type Refusal, refusals } from './refusal.ts'
import { Room } from './room.ts'
import type { Found, Pass, Published, PublishOptions, RoomState, Store } from './store.ts'

const MIN_SWEEP_MS = 1_000

export interface MemoryStoreOptions {
  readonly limits: GatewayConfig['limits']
  readonly clock: Clock
  readonly meter: Meter
}

export class MemoryStore implements Store {
  readonly #rooms = new Map<string, Room>()
  readonly #limits: GatewayConfig['limits']
  readonly #clock: Clock
  readonly #meter: Meter
  #bytes = 0
  #subscribers = 0
  #sweptAtMs = Number.NEGATIVE_INFINITY

  constructor({ limits, clock, meter }: MemoryStoreOptions) {
    this.#limits = limits
    this.#clock = clock
    this.#meter = meter
  }

  get size(): number {
    return this.#rooms.size
  }

  get subscribers(): number {
    return this.#subscribers
  }

  get bytes(): number {
    return this.#bytes
  }

  async create(id: string): Promise<Found<{ readonly epoch: string }>> {
    if (this.#find(id) !== undefined) return refused(refusals.roomExists())
    const made = this.#make(id, true)
    return made.ok ? found({ epoch: made.value.epoch }) : made
  }

  publish(id: string, body: Buffer, options: PublishOptions): Eventual<Found<Published>> {
    const { ttlSeconds, idempotencyKey, pass } = options
    const nowMs = this.#clock.nowMs()
    const opened = this.#open(id, pass, nowMs)
    if (!opened.ok) return opened
    const room = opened.value
    const { epoch } = room
    this.#bytes -= room.expire(nowMs)
    const hash = idempotencyKey === undefined ? '' : bodyHash(body)
    const taken = idempotencyKey === undefined ? undefined : room.keys.find(idempotencyKey)
    if (taken !== undefined) {
      if (taken.bodyHash !== hash) return refused(refusals.idempotencyKeyReused())
      return found({ id: taken.id, epoch, isRepeat: true })
    }
    if (room.messages >= this.#limits.room_messages) return refused(refusals.roomFull())
    const frame = room.frameFor(body)
    if (room.bytes + frame.length > this.#limits.room_bytes) return refused(refusals.roomFull())
    if (this.#bytes + frame.length > this.#limits.total_bytes) this.#sweepForRoom(nowMs)
    if (this.#bytes + frame.length > this.#limits.total_bytes) return refused(refusals.gatewayFull())

    const messageId = room.nextId
    const bytesBefore = room.bytes
    if (idempotencyKey !== undefined) {
      const entry = { id: messageId, bodyHash: hash, expiresAtMs: keyExpiryMs(nowMs, ttlSeconds) }
      room.keys.add(idempotencyKey, entry, this.#limits.room_keys)
    }
    room.append(frame, ttlSeconds === undefined ? undefined : Math.ceil(nowMs) + 1000 * ttlSeconds)
    this.#bytes += room.bytes - bytesBefore
    return found({ id: messageId, epoch, isRepeat: false })
  }

  async issueIndex(id: string, pass?: Pass): Promise<Found<number>> {
    const room = this.#open(id, pass)
    return room.ok ? found(room.value.issueIndex()) : room
  }

  async follow(id: string, pass?: Pass): Promise<Found<Room>> {
    return this.#open(id, pass)
  }

  async state(id: string, pass?: Pass): Promise<Found<RoomState | undefined>> {
    const room = this.#find(id)
    if (room === undefined) return found(undefined)
    const refusal = passProblem(room, pass)
    if (refusal !== undefined) return refused(refusal)
    this.#bytes -= room.expire(this.#clock.nowMs())
    const { epoch, isPrivate, subscribers, firstId, lastId, nextId, messages, bytes, ageSeconds } = room
    return found({
      epoch,
      isPrivate,
      subscribers: subscribers.size,
      firstId,
      lastId,
      nextId,
      messages,
      bytes,
      ageSeconds,
    })
  }

  async remove(id: string, pass?: Pass): Promise<Found<boolean>> {
    const room = this.#find(id)
    if (room === undefined) return found(false)
    if (pass !== '*' && pass !== room.epoch) return refused(refusals.notTheOwner())
    this.#forget(id, room)
    return found(true)
  }

  /** Memory takes messages as long as the process runs. */
  async check(): Promise<void> {}

  keepAlive(): void {
    for (const room of this.#rooms.values()) {
      for (const subscriber of room.subscribers) subscriber.keepAlive()
    }
  }

  /** Forgets idle rooms and what they hold, and messages whose time has passed. */
  sweep(): void {
    const nowMs = this.#clock.nowMs()
    this.#sweptAtMs = nowMs
    for (const [id, room] of this.#rooms) {
      if (this.#isOver(room, nowMs)) this.#forget(id, room)
      else this.#bytes -= room.expire(nowMs)
    }
  }

  endAll(lastFrame: () => Buffer): void {
    for (const room of this.#rooms.values()) {
      for (const subscriber of room.subscribers) subscriber.end(lastFrame())
    }
  }

  async close(): Promise<void> {}

  /** The room of this id, made if it isn't there. */
  #open(id: string, pass: Pass, nowMs = this.#clock.nowMs()): Found<Room> {
    const room = this.#find(id, nowMs)
    // A pass is for one room, and never makes or enters another of the same name.
    if (room === undefined)
      return pass === undefined || pass === '*' ? this.#make(id, false) : refused(refusals.roomGone())
    const refusal = passProblem(room, pass)
    if (refusal !== undefined) return refused(refusal)
    room.touch(nowMs)
    return found(room)
  }

  /** The room of this id, unless its time is over and it is only still here because nobody has swept. */
  #find(id: string, nowMs = this.#clock.nowMs()): Room | undefined {
    const room = this.#rooms.get(id)
    if (room === undefined || !this.#isOver(room, nowMs)) return room
    this.#forget(id, room)
    return undefined
  }

  #make(id: string, isPrivate: boolean): Found<Room> {
    if (this.#rooms.size >= this.#limits.rooms) this.#sweepForRoom(this.#clock.nowMs())
    if (this.#rooms.size >= this.#limits.rooms) return refused(refusals.tooManyRooms())
    const room = new Room({
      clock: this.#clock,
      meter: this.#meter,
      maxBufferedBytes: this.#limits.subscriber_buffer_bytes,
      isPrivate,
      onStreams: (change) => {
        this.#subscribers += change
      },
    })
    this.#rooms.set(id, room)
    return found(room)
  }

  /**
   * A full gateway makes place when it is asked for more, but not for each that asks: looking at all rooms takes as long
   * as thousands of messages.
   */
  #sweepForRoom(nowMs: number): void {
    if (nowMs - this.#sweptAtMs >= MIN_SWEEP_MS) this.sweep()
  }

  /** Idle for too long, or, where rooms have a greatest age, that old. */
  #isOver(room: Room, nowMs: number): boolean {
    const { room_idle_seconds, room_seconds } = this.#limits
    return room.isIdle(nowMs, room_idle_seconds * 1000) || (room_seconds > 0 && room.ageSeconds >= room_seconds)
  }

  #forget(id: string, room: Room): void {
    this.#rooms.delete(id)
    this.#bytes -= room.bytes
    room.endForGood()
  }
}

/** Why this pass doesn't open the room. */
export function passProblem({ isPrivate, epoch }: Room, pass: Pass): Refusal | undefined {
  if (pass === '*' || pass === epoch) return undefined
  if (pass !== undefined) return refusals.roomGone()
  return isPrivate ? refusals.privateRoom() : undefined
}

function found<T>(value: T): Found<T> {
  return { ok: true, value }
}

function refused(refusal: Refusal): { readonly ok: false; readonly refusal: Refusal } {
  return { ok: false, refusal }
}
