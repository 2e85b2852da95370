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
  readonly #entries = new Map<string, Entry>()
  #bytes = 0
  #nextExpiryMs = Number.POSITIVE_INFINITY

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
  add(key: string, entry: Entry, limit: number): void {
    this.#entries.set(key, entry)
    this.#bytes += key.length + BYTES_PER_KEY
    this.#nextExpiryMs = Math.min(this.#nextExpiryMs, entry.expiresAtMs)
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= limit) break
      this.#drop(oldest)
    }
  }

  expire(nowMs: number): void {
    if (nowMs < this.#nextExpiryMs) return
    this.#nextExpiryMs = Number.POSITIVE_INFINITY
    for (const [key, { expiresAtMs }] of this.#entries) {
      if (expiresAtMs <= nowMs) this.#drop(key)
      else this.#nextExpiryMs = Math.min(this.#nextExpiryMs, expiresAtMs)
    }
  }

  #drop(key: string): void {
    this.#entries.delete(key)
    this.#bytes -= key.length + BYTES_PER_KEY
  }
}
