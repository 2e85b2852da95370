/**
 * A token bucket for each caller: `burst` requests at once, `perSecond` in the long run.
 *
 * Memory is bounded by a cap on callers, and nobody gets tokens out of that bound. A bucket that has filled up again says
 * nothing that a new one would not, so it is dropped without loss; with the defaults that is two seconds after the last
 * request. Only when more callers than the cap come within that time does one that is not full have to go: the one unused
 * for the longest time, and the newcomer takes over its level. So pushing one's own empty bucket out with other names
 * earns no more than waiting would: those who come back get the level of another, never a full bucket.
 */
const SWEPT_PER_REQUEST = 2

interface Bucket {
  tokens: number
  atMs: number
}

export interface BucketOptions {
  readonly perSecond: number
  readonly burst: number
  readonly maxCallers: number
}

export class Buckets {
  /** In order of last use: the first has been unused for the longest time. */
  readonly #buckets = new Map<string, Bucket>()
  readonly #perMs: number
  readonly #burst: number
  readonly #maxCallers: number
  /** Who came last; nobody has to be put behind them. */
  #last: string | undefined

  constructor({ perSecond, burst, maxCallers }: BucketOptions) {
    this.#perMs = perSecond / 1000
    this.#burst = burst
    this.#maxCallers = maxCallers
  }

  /** Callers that are remembered. */
  get size(): number {
    return this.#buckets.size
  }

  /** Takes one token. 0 when there was one, otherwise the milliseconds until there will be. */
  take(caller: string, nowMs: number): number {
    const bucket = this.#bucketOf(caller, nowMs)
    if (bucket.tokens < 1) return (1 - bucket.tokens) / this.#perMs
    bucket.tokens -= 1
    return 0
  }

  /** Gives back a token that was taken for what turned out to cost nothing. */
  giveBack(caller: string): void {
    const bucket = this.#buckets.get(caller)
    if (bucket !== undefined) bucket.tokens = Math.min(this.#burst, bucket.tokens + 1)
  }

  #bucketOf(caller: string, nowMs: number): Bucket {
    const known = this.#buckets.get(caller)
    if (known !== undefined) {
      known.tokens = this.#levelAt(known, nowMs)
      known.atMs = nowMs
      if (caller !== this.#last) {
        this.#buckets.delete(caller)
        this.#buckets.set(caller, known)
        this.#last = caller
      }
      return known
    }
    this.#dropFull(nowMs)
    const tokens = this.#buckets.size < this.#maxCallers ? this.#burst : this.#dropOldest(nowMs)
    const bucket = { tokens, atMs: nowMs }
    this.#buckets.set(caller, bucket)
    this.#last = caller
    return bucket
  }

  #levelAt(bucket: Bucket, nowMs: number): number {
    return Math.min(this.#burst, bucket.tokens + (nowMs - bucket.atMs) * this.#perMs)
  }

  /** A few of those that have filled up: more than come in, so that none stays for long while there is traffic. */
  #dropFull(nowMs: number): void {
    let left = SWEPT_PER_REQUEST
    for (const [caller, bucket] of this.#buckets) {
      if (left-- === 0 || this.#levelAt(bucket, nowMs) < this.#burst) return
      this.#buckets.delete(caller)
    }
  }

  #dropOldest(nowMs: number): number {
    for (const [caller, bucket] of this.#buckets) {
      this.#buckets.delete(caller)
      return this.#levelAt(bucket, nowMs)
    }
    return this.#burst
  }
}
