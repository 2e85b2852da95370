/**
 * The messages of one room by id: 0, 1, 2, …. A message may have a time after which nobody needs it; then it leaves the
 * log and its id is never given out again. A message without one stays as long as the room.
 */
import type { Buffer } from 'node:buffer'

interface Entry {
  readonly id: number
  readonly frame: Buffer
  readonly expiresAtMs: number
}

export class Log {
  #entries: Entry[] = []
  #nextId = 0
  #bytes = 0
  #nextExpiryMs = Number.POSITIVE_INFINITY

  /** The id that the next message gets. */
  get nextId(): number {
    return this.#nextId
  }

  /** Messages held. */
  get size(): number {
    return this.#entries.length
  }

  /** Bytes held, as they go over the wire. */
  get bytes(): number {
    return this.#bytes
  }

  append(frame: Buffer, expiresAtMs = Number.POSITIVE_INFINITY): void {
    this.#entries.push({ id: this.#nextId, frame, expiresAtMs })
    this.#nextId += 1
    this.#bytes += frame.length
    this.#nextExpiryMs = Math.min(this.#nextExpiryMs, expiresAtMs)
  }

  /** The first message with this id or a later one that is still held. */
  from(id: number): { readonly id: number; readonly frame: Buffer } | undefined {
    const last = this.#entries.at(-1)
    if (last === undefined || last.id < id) return undefined
    if (last.id === id) return last
    let low = 0
    let high = this.#entries.length - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#entries[middle] as Entry).id < id) low = middle + 1
      else high = middle
    }
    return this.#entries[low]
  }

  /** Drops what has expired; returns the bytes that this freed. */
  expire(nowMs: number): number {
    if (nowMs < this.#nextExpiryMs) return 0
    const before = this.#bytes
    this.#entries = this.#entries.filter((e) => e.expiresAtMs > nowMs)
    this.#bytes = this.#entries.reduce((sum, e) => sum + e.frame.length, 0)
    this.#nextExpiryMs = this.#entries.reduce((min, e) => Math.min(min, e.expiresAtMs), Number.POSITIVE_INFINITY)
    return before - this.#bytes
  }
}
