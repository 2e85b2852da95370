/**
 * Tokens whose signature was good, so that it isn't computed again for each message of a session: that would take longer
 * than everything else a gateway does.
 *
 * They are kept by their hash, never longer than they live, and at most a minute, so that a key taken out of a key set
 * soon counts for nothing. What was refused isn't kept.
 */
import { hash } from 'node:crypto'

const KEEP_MS = 60_000
const MAX_KEPT = 10_000

interface Kept<T> {
  readonly value: T
  readonly untilMs: number
}

export class Verified<T extends { readonly expiresAtMs: number | undefined }> {
  readonly #kept = new Map<string, Kept<T>>()

  get(token: string, nowMs: number): T | undefined {
    const key = keyOf(token)
    const kept = this.#kept.get(key)
    if (kept === undefined || nowMs < kept.untilMs) return kept?.value
    this.#kept.delete(key)
    return undefined
  }

  add(token: string, value: T, nowMs: number): void {
    if (this.#kept.size >= MAX_KEPT) {
      // the oldest of the map is the one that was checked longest ago
      for (const key of this.#kept.keys()) {
        this.#kept.delete(key)
        break
      }
    }
    const untilMs = Math.min(value.expiresAtMs ?? Number.POSITIVE_INFINITY, nowMs + KEEP_MS)
    this.#kept.set(keyOf(token), { value, untilMs })
  }

  clear(): void {
    this.#kept.clear()
  }
}

function keyOf(token: string): string {
  return hash('sha256', token, 'base64')
}
