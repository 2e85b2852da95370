/** How fast a count has risen over the last minute, from what the gateway's timer noted. */

const WINDOW_MS = 60_000

export interface Rise {
  readonly perSecond: number
  /** The time this is the mean of: a minute, less after a start, more when the timer is slow. */
  readonly seconds: number
}

export class Rate {
  #samples: { readonly atMs: number; readonly count: number }[]

  constructor(nowMs: number) {
    this.#samples = [{ atMs: nowMs, count: 0 }]
  }

  note(nowMs: number, count: number): void {
    this.#samples.push({ atMs: nowMs, count })
    // the first stays until the second is a minute old itself, so that there always is one from before
    while ((this.#samples[1]?.atMs ?? nowMs) <= nowMs - WINDOW_MS) this.#samples.shift()
  }

  upTo(nowMs: number, count: number): Rise {
    const [first = { atMs: nowMs, count }] = this.#samples
    const seconds = (nowMs - first.atMs) / 1000
    return { perSecond: seconds > 0 ? (count - first.count) / seconds : 0, seconds }
  }
}
