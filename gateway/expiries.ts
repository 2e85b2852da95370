/**
 * What expires, the soonest first. What comes in the order of its time, as messages with one TTL do, waits in a queue;
 * the rest in a binary heap. So a room with thousands of messages that each have their time costs the same for every one
 * of them, and almost nothing where the times are as they usually are.
 */
export interface Expiring {
  readonly expiresAtMs: number
}

/** The queue moves up when so much before its first is empty, and half of it. */
const MIN_EMPTY = 64

export class Expiries<T extends Expiring> {
  #queue: (T | undefined)[] = []
  /** Where the first of the queue is; before it is nothing. */
  #first = 0
  readonly #heap: T[] = []

  add(item: T): void {
    const last = this.#queue.at(-1)
    if (last === undefined || last.expiresAtMs <= item.expiresAtMs) this.#queue.push(item)
    else this.#rise(item)
  }

  clear(): void {
    this.#queue = []
    this.#first = 0
    this.#heap.length = 0
  }

  /** Takes out the one whose time came first, if its time has come. */
  takeExpired(nowMs: number): T | undefined {
    const queued = this.#queue[this.#first]
    const [heaped] = this.#heap
    if (heaped !== undefined && heaped.expiresAtMs < (queued?.expiresAtMs ?? Number.POSITIVE_INFINITY)) {
      if (heaped.expiresAtMs > nowMs) return undefined
      const last = this.#heap.pop() as T
      if (this.#heap.length > 0) this.#sink(last)
      return heaped
    }
    if (queued === undefined || queued.expiresAtMs > nowMs) return undefined
    this.#queue[this.#first] = undefined
    this.#first += 1
    if (this.#first >= MIN_EMPTY && 2 * this.#first >= this.#queue.length) {
      this.#queue = this.#queue.slice(this.#first)
      this.#first = 0
    }
    return queued
  }

  #rise(item: T): void {
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
