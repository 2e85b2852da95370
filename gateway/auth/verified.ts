/**
 * Tokens whose signature was good, so that it isn't computed again for each message of a session: that would take longer
 * than everything else a gateway does.
 *
 * They are kept by the hash of token and address. What a token allows counts never longer than it lives, and at most a
 * minute, so that a key taken out of a key set soon counts for nothing. That it was good at this address is remembered
 * beyond: such a token is checked again without being counted as a guess (denials.ts), so that nobody else at that address
 * can keep its bearer out. What was refused isn't kept.
 */
import { hash } from 'node:crypto'

const KEEP_MS = 60_000
const MAX_KEPT = 10_000

interface Kept<T> {
  readonly value: T
  untilMs: number
}

export class Verified<T extends { readonly expiresAtMs: number | undefined }> {
  readonly #kept = new Map<string, Kept<T>>()

  /** What it allows, if that was found out a short time ago. */
  get(token: string, address: string, nowMs: number): T | undefined {
    const kept = this.#kept.get(keyOf(token, address))
    return kept !== undefined && nowMs < kept.untilMs ? kept.value : undefined
  }

  /** Whether it was good at this address when it was last checked. */
  wasGood(token: string, address: string): boolean {
    return this.#kept.has(keyOf(token, address))
  }

  add(token: string, address: string, value: T, nowMs: number): void {
    const own = keyOf(token, address)
    this.#kept.delete(own)
    if (this.#kept.size >= MAX_KEPT) {
      // the oldest of the map is the one that was checked longest ago
      for (const key of this.#kept.keys()) {
        this.#kept.delete(key)
        break
      }
    }
    const untilMs = Math.min(value.expiresAtMs ?? Number.POSITIVE_INFINITY, nowMs + KEEP_MS)
    this.#kept.set(own, { value, untilMs })
  }

  /** It was checked again, and is no good any more. */
  drop(token: string, address: string): void {
    this.#kept.delete(keyOf(token, address))
  }

  /** Each is to be checked again. */
  expireAll(): void {
    for (const kept of this.#kept.values()) kept.untilMs = Number.NEGATIVE_INFINITY
  }
}

/** No token has a space. */
function keyOf(token: string, address: string): string {
  return hash('sha256', `${token} ${address}`, 'base64')
}
