/**
 * Which broadcasts of a room have been taken already: Idempotency-Key to the id that its message got.
 *
 * A client whose answer was lost posts again with the same key, and must neither be heard twice nor be told that it was
 * heard when it said something else: so the body's hash is kept beside the id. A key lives as long as its message, and
 * never less than `KEY_SECONDS`, because a message with a short TTL can be posted again after it has gone. There are at
 * most so many keys in a room; one more makes it forget the oldest.
 */
import type { Buffer } from 'node:buffer'
import { createHash } from 'node:crypto'
import { Expiries } from './expiries.ts'

export const KEY_SECONDS = 300

/** What a key costs beside its own characters: the hash of the body, the id, and a place in a map. */
const BYTES_PER_KEY = 200

const FORM = /^[\x21-\x7e]{1,128}$/

export interface Taken {
  readonly id: number
  readonly bodyHash: string
}

interface Entry extends Taken {
  readonly expiresAtMs: number
}

interface Kept extends Entry {
  readonly key: string
}

/** So few that have been dropped before their time are no reason to begin a list anew. */
const FEW = 64

export function isIdempotencyKey(text: string): boolean {
  return FORM.test(text)
}

/** SHA-256, one character a byte. */
export function bodyHash(body: Buffer): string {
  return createHash('sha256').update(body).digest().toString('latin1')
}

/** When the key of a message with this TTL may be forgotten. */
export function keyExpiryMs(nowMs: number, ttlSeconds: number | undefined): number {
  return ttlSeconds === undefined ? Number.POSITIVE_INFINITY : nowMs + 1000 * Math.max(ttlSeconds, KEY_SECONDS)
}

export class KeyLog {
  /** In the order in which they came. */
  readonly #entries = new Map<string, Kept>()
  #bytes = 0
  /** Those that end, and of those that were dropped before their time at most as many again. */
  #expiries = new Expiries<Kept>()
  #expiring = 0

  get bytes(): number {
    return this.#bytes
  }

  get size(): number {
    return this.#entries.size
  }

  /** What was taken under this key. Call `expire` before. */
  find(key: string): Taken | undefined {
    return this.#entries.get(key)
  }

  /** A key that is not there yet; `limit` is how many may be there then. */
  add(key: string, { id, bodyHash, expiresAtMs }: Entry, limit: number): void {
    const kept = { key, id, bodyHash, expiresAtMs }
    this.#entries.set(key, kept)
    this.#bytes += key.length + BYTES_PER_KEY
    this.#note(kept)
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= limit) break
      this.#drop(oldest)
    }
    if (this.#expiring > 2 * this.#entries.size + FEW) this.#beginAnew()
  }

  expire(nowMs: number): void {
    for (let kept = this.#expiries.takeExpired(nowMs); kept; kept = this.#expiries.takeExpired(nowMs)) {
      this.#expiring -= 1
      // it may have been dropped, and its key used again
      if (this.#entries.get(kept.key) === kept) this.#drop(kept.key)
    }
  }

  #note(kept: Kept): void {
    if (kept.expiresAtMs === Number.POSITIVE_INFINITY) return
    this.#expiries.add(kept)
    this.#expiring += 1
  }

  #beginAnew(): void {
    this.#expiries = new Expiries()
    this.#expiring = 0
    for (const kept of this.#entries.values()) this.#note(kept)
  }

  #drop(key: string): void {
    this.#entries.delete(key)
    this.#bytes -= key.length + BYTES_PER_KEY
  }
}
