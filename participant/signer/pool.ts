/**
 * Presignatures that wait for a request. Each is for one account, one set of signers and one owner, the only party that
 * may spend it by asking; all signers hold their part under the same id. In memory only, bounded in number and age, and
 * gone from here before anything made from it leaves (attacks.md, rows 43 to 46).
 */
import { bytesToHex } from '../base/bytes.ts'
import type { PartyId } from '../party/roster.ts'
import type { Presignature } from '../protocols/material.ts'
import type { SessionContext } from '../protocols/session-context.ts'

/** Our part of one presignature, with what it takes to judge its use later. */
export interface Presigned {
  /** The id of the session that made it, 32 bytes. */
  readonly id: Uint8Array
  readonly owner: PartyId
  readonly presignature: Presignature
  /** Of the session that made it. */
  readonly context: SessionContext
  /** What everybody had been told when it was made: a signature made from it goes out under this view. */
  readonly view: Uint8Array
  /** That session's broadcasts, each signed by its sender. */
  readonly record: readonly Uint8Array[]
}

/** What presignatures are interchangeable in. */
export interface PoolKey {
  readonly account: string
  readonly signers: readonly PartyId[]
  readonly owner: PartyId
}

export interface PoolLimits {
  /** Of one key. */
  readonly max: number
  /** After that nobody uses it any more; owners stop a tenth earlier, so that both sides agree. */
  readonly maxAgeMs: number
  /** In ms, for tests. */
  readonly now?: () => number
}

export interface PoolCounts {
  readonly size: number
  readonly made: number
  readonly used: number
  readonly expired: number
}

interface Entry {
  readonly presigned: Presigned
  readonly at: number
}

export class PresignaturePool {
  readonly #limits: PoolLimits
  readonly #now: () => number
  /** By key, in the order in which they were made; by id. */
  readonly #keys = new Map<string, Map<string, Entry>>()
  /** How many are being made, by key. */
  readonly #expected = new Map<string, number>()
  #made = 0
  #used = 0
  #expired = 0

  constructor(limits: PoolLimits) {
    this.#limits = limits
    this.#now = limits.now ?? (() => performance.now())
  }

  /** Presignatures that could still be used. */
  size(key: PoolKey): number {
    return this.#fresh(key).size
  }

  /** Whether one more has a place, beside those that are being made. */
  hasPlace(key: PoolKey): boolean {
    return this.size(key) + (this.#expected.get(poolName(key)) ?? 0) < this.#limits.max
  }

  /** One is being made, until the value is called. */
  expect(key: PoolKey): () => void {
    const name = poolName(key)
    const add = (change: 1 | -1): void => {
      const count = (this.#expected.get(name) ?? 0) + change
      if (count === 0) this.#expected.delete(name)
      else this.#expected.set(name, count)
    }
    add(1)
    return () => add(-1)
  }

  /** False when there is no place: then it is not kept. */
  put(presigned: Presigned): boolean {
    const { context, owner } = presigned
    const key = { account: context.account, signers: context.signers, owner }
    if (this.size(key) >= this.#limits.max) return false
    const name = poolName(key)
    const entries = this.#keys.get(name) ?? new Map<string, Entry>()
    this.#keys.set(name, entries)
    entries.set(bytesToHex(presigned.id), { presigned, at: this.#now() })
    this.#made++
    return true
  }

  /** The owner's: the oldest that its peers still have. It is gone from the pool whatever becomes of it. */
  takeOldest(key: PoolKey): Presigned | undefined {
    const limit = 0.9 * this.#limits.maxAgeMs
    for (const [id, { presigned, at }] of this.#fresh(key)) {
      this.#remove(key, id)
      if (this.#now() - at < limit) {
        this.#used++
        return presigned
      }
      this.#expired++
    }
    return undefined
  }

  /** The others': the one that the owner named. It is gone from the pool whatever becomes of it. */
  take(key: PoolKey, id: Uint8Array): Presigned | undefined {
    const name = bytesToHex(id)
    const found = this.#fresh(key).get(name)
    if (found === undefined) return undefined
    this.#remove(key, name)
    this.#used++
    return found.presigned
  }

  counts(): PoolCounts {
    const size = [...this.#keys.values()].reduce((sum, entries) => sum + entries.size, 0)
    return { size, made: this.#made, used: this.#used, expired: this.#expired }
  }

  /** What was made for these accounts, with its age, is there from now on and not here; so are the counts. */
  moveTo(next: PresignaturePool, isMoved: (account: string) => boolean): void {
    for (const [name, entries] of this.#keys) {
      const [account = ''] = JSON.parse(name) as string[]
      if (isMoved(account) && !next.#keys.has(name)) next.#keys.set(name, entries)
    }
    this.#keys.clear()
    next.#made += this.#made
    next.#used += this.#used
    next.#expired += this.#expired
    this.#made = this.#used = this.#expired = 0
  }

  clear(): void {
    this.#keys.clear()
  }

  #fresh(key: PoolKey): ReadonlyMap<string, Entry> {
    const entries = this.#keys.get(poolName(key)) ?? new Map<string, Entry>()
    for (const [id, { at }] of entries) {
      if (this.#now() - at < this.#limits.maxAgeMs) break
      this.#remove(key, id)
      this.#expired++
    }
    return entries
  }

  #remove(key: PoolKey, id: string): void {
    const entries = this.#keys.get(poolName(key))
    entries?.delete(id)
    if (entries?.size === 0) this.#keys.delete(poolName(key))
  }
}

/** Tells every two keys apart. */
export function poolName({ account, signers, owner }: PoolKey): string {
  return JSON.stringify([account, owner, ...signers])
}
