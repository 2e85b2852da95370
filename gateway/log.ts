/**
 * The messages of one room by id: 0, 1, 2, …. A message may have a time after which nobody needs it; then it leaves the
 * log and its id is never given out again. A message without one stays as long as the room.
 *
 * What has expired leaves a gap in the list until gaps are as many as messages, so that each message is moved a few times
 * at most, however many there are.
 *
 * A log that is a window on one kept elsewhere can let go of its messages, and tells which ids it then lacks.
 */
import type { Buffer } from 'node:buffer'
import { Expiries } from './expiries.ts'

const GONE = Symbol('expired')

interface Entry {
  readonly id: number
  frame: Buffer | typeof GONE
  readonly expiresAtMs: number
}

/** A message that is held. */
export interface Held {
  readonly id: number
  readonly frame: Buffer
}

export class Log {
  #entries: Entry[] = []
  readonly #expiries = new Expiries<Entry>()
  /** Entries before this one are gaps. */
  #first = 0
  #size = 0
  #nextId = 0
  #heldFrom = 0
  #bytes = 0

  /** The id that the next message gets. */
  get nextId(): number {
    return this.#nextId
  }

  /** Ids of the oldest and the newest message held. */
  get firstId(): number | undefined {
    return this.#entries[this.#first]?.id
  }

  get lastId(): number | undefined {
    return this.#entries.at(-1)?.id
  }

  /** Messages held. */
  get size(): number {
    return this.#size
  }

  /** Bytes held, as they go over the wire. */
  get bytes(): number {
    return this.#bytes
  }

  /** `id` is not below `nextId`; ids between have expired before they came here. */
  append(frame: Buffer, expiresAtMs = Number.POSITIVE_INFINITY, id = this.#nextId): void {
    const entry = { id, frame, expiresAtMs }
    this.#entries.push(entry)
    if (expiresAtMs !== Number.POSITIVE_INFINITY) this.#expiries.add(entry)
    this.#nextId = id + 1
    this.#size += 1
    this.#bytes += frame.length
  }

  /** Ids below this one have been given out, and what is not here of them has expired. */
  skipTo(nextId: number): void {
    this.#nextId = Math.max(this.#nextId, nextId)
  }

  /** Lets go of every message. Their ids are lacking from now on. */
  forget(): void {
    this.#entries = []
    this.#expiries.clear()
    this.#first = 0
    this.#size = 0
    this.#bytes = 0
    this.#heldFrom = this.#nextId
  }

  /** Whether a message with this id or a later one may be missing here that has not expired. */
  lacks(id: number): boolean {
    return id < this.#heldFrom
  }

  /** The first message with this id or a later one that is still held. */
  from(id: number): Held | undefined {
    const last = this.#entries.at(-1)
    if (last === undefined || last.id < id) return undefined
    if (last.id === id) return last as Held
    let low = this.#first
    let high = this.#entries.length - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#entries[middle] as Entry).id < id) low = middle + 1
      else high = middle
    }
    while (this.#entries[low]?.frame === GONE) low += 1
    return this.#entries[low] as Held
  }

  /** Drops what has expired; returns the bytes that this freed. */
  expire(nowMs: number): number {
    const before = this.#bytes
    for (let entry = this.#expiries.takeExpired(nowMs); entry; entry = this.#expiries.takeExpired(nowMs)) {
      this.#size -= 1
      this.#bytes -= (entry.frame as Buffer).length
      entry.frame = GONE
    }
    if (this.#bytes !== before) this.#closeGaps()
    return before - this.#bytes
  }

  /** Afterwards first and last are messages, and gaps between are at most as many as messages. */
  #closeGaps(): void {
    const entries = this.#entries
    while (entries.at(-1)?.frame === GONE) entries.pop()
    while (entries[this.#first]?.frame === GONE) this.#first += 1
    if (entries.length <= 2 * this.#size) return
    this.#entries = entries.filter(({ frame }) => frame !== GONE)
    this.#first = 0
  }
}
