/**
 * Where rooms live: in this process (rooms.ts), or in a Redis that several gateways share (redis/). Both keep the same
 * promises: what was published with ok is seen by every present and later listener, once and in order; an index is never
 * given out twice.
 */

import type { Buffer } from 'node:buffer'
import type { Eventual } from './eventual.ts'
import type { Refusal } from './refusal.ts'
import type { Room } from './room.ts'

export type Found<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly refusal: Refusal }

/**
 * What the caller may show for a private room: the epoch that its room token was minted for, or '*' for an operator's
 * right to every room. Open rooms ask for nothing; but who shows an epoch is let into that room only, and makes none:
 * `room_gone` when there is another of the same name, or none. Without a pass, `private_room`.
 */
export type Pass = string | undefined

export interface PublishOptions {
  readonly ttlSeconds?: number | undefined
  /** The same key in the same room publishes once; the answer is that of the first time (idempotency.ts). */
  readonly idempotencyKey?: string | undefined
  readonly pass?: Pass
}

export interface Published {
  readonly id: number
  readonly epoch: string
  /** The key was known: nothing new was published. */
  readonly isRepeat: boolean
}

export interface RoomState {
  readonly epoch: string
  readonly isPrivate: boolean
  /** Over all gateways of the store, as far as it knows. */
  readonly subscribers: number
  /** Ids of the first and the last message held; undefined in an empty log. */
  readonly firstId: number | undefined
  readonly lastId: number | undefined
  /** Id that the next message gets. */
  readonly nextId: number
  readonly messages: number
  readonly bytes: number
  readonly ageSeconds: number
}

export interface Store {
  /** Makes a private room, that only passes with its epoch open. `room_exists` when there is one of this id. */
  create(id: string): Promise<Found<{ readonly epoch: string }>>
  publish(id: string, body: Buffer, options: PublishOptions): Eventual<Found<Published>>
  issueIndex(id: string, pass?: Pass): Promise<Found<number>>
  /**
   * The room with its whole log in this process, ready for one more stream of it; kept so while it has streams. How many
   * a room may have is the caller's to check. `lastSeen` is the last id that the reader has, maybe from another gateway:
   * the log is here up to it, if the store has given it out.
   */
  follow(id: string, pass?: Pass, lastSeen?: number): Promise<Found<Room>>
  /** Undefined when there is no such room. Makes none, and is no use that keeps it. */
  state(id: string, pass?: Pass): Promise<Found<RoomState | undefined>>
  /**
   * Forgets the room and ends its streams. False when there was none. `not_the_owner` unless the pass is the room's epoch
   * or '*', open rooms included.
   */
  remove(id: string, pass?: Pass): Promise<Found<boolean>>
  /** Rejects when messages could not be taken now. */
  check(): Promise<void>
  /** Rooms, streams and bytes of history in this process. */
  readonly size: number
  readonly subscribers: number
  readonly bytes: number
  /** Called by the gateway's one timer. */
  keepAlive(): void
  sweep(): void
  /** Ends every stream of this process; `lastFrame` is called for each. */
  endAll(lastFrame: () => Buffer): void
  close(): Promise<void>
}
