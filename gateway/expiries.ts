/**
 * What expires, the soonest first: a binary heap, so that a room with thousands of messages that each have their time
 * costs the same for every one of them.
 */
export interface Expiring {
  readonly expiresAtMs: number
}

export class Expiries<T extends Expiring> {
  readonly #heap: T[] = []

  add(item: T): void {
    const heap = this.#heap
    let at = heap.length
    heap.push(item)
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = heap[parent] as T
      if (above.expiresAtMs <= item.expiresAtMs) break
      heap[at] = above
      at = parent
    }
    heap[at] = item
  }

  /** Takes out the one whose time came first, if its time has come. */
  takeExpired(nowMs: number): T | undefined {
    const [first] = this.#heap
    if (first === undefined || first.expiresAtMs > nowMs) return undefined
    const last = this.#heap.pop() as T
    if (this.#heap.length > 0) this.#sink(last)
    return first
  }

  /** Puts `item` in the place of the first. */
  #sink(item: T): void {
    const heap = this.#heap
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      const right = heap[child + 1]
      if (right !== undefined && right.expiresAtMs < (heap[child] as T).expiresAtMs) child += 1
      const below = heap[child] as T
      if (item.expiresAtMs <= below.expiresAtMs) break
      heap[at] = below
      at = child
    }
    heap[at] = item
  }
}
