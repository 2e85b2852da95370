/**
 * What a participant remembers of how signings with its peers went, so that nobody can try again and again.
 *
 * - A final signature that does not verify although every proof and partial signature held locks the account with
 *   those peers until an operator clears it (CVE-2023-33242, attacks.md row 42). The host keeps the locks.
 * - A peer that made a signing abort by what it provably sent is refused for a while after a few times. Silence and
 *   lost messages don't count: the network does that.
 */
import type { PartyId } from '../party/roster.ts'

/** An account that must not be used with a peer. */
export interface Lock {
  readonly account: string
  readonly peer: PartyId
}

/** Where locks outlive the process. `add` resolves when the lock is durable. */
export interface LockStore {
  has(lock: Lock): boolean
  add(lock: Lock): Promise<void>
}

/** Locks that last as long as the process. */
export function memoryLocks(): LockStore {
  const locks = new Set<string>()
  const key = ({ account, peer }: Lock): string => JSON.stringify([account, peer])
  return {
    has: (lock) => locks.has(key(lock)),
    add: async (lock) => void locks.add(key(lock)),
  }
}

/** So many aborts within the window, and the peer is refused until the oldest of them is out of it. */
export const ABORT_LIMIT = 5
export const ABORT_WINDOW_MS = 600_000

export interface AbortCounter {
  /** A peer was at fault, on proof. */
  record(peer: PartyId): void
  isOverLimit(peer: PartyId): boolean
}

export function abortCounter(now: () => number = Date.now): AbortCounter {
  const times = new Map<PartyId, number[]>()
  const recent = (peer: PartyId): number[] => {
    const kept = (times.get(peer) ?? []).filter((t) => t > now() - ABORT_WINDOW_MS)
    times.set(peer, kept)
    return kept
  }
  return {
    record: (peer) => {
      const kept = recent(peer)
      kept.push(now())
      // more than the limit says nothing new, and memory stays bounded
      if (kept.length > ABORT_LIMIT) kept.shift()
    },
    isOverLimit: (peer) => recent(peer).length >= ABORT_LIMIT,
  }
}
