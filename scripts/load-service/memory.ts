/** Memory of each process over its life, and whether it is flat: after a warm-up, its end is no higher than its beginning. */
import { rssKib } from '../bench-gateway/process-figures.ts'

export interface Sample {
  readonly atMs: number
  readonly kib: number
}

export interface Life {
  readonly name: string
  readonly pid: number
  readonly samples: Sample[]
}

export interface Flatness {
  readonly name: string
  readonly afterWarmUpKib: number
  readonly atEndKib: number
  /** Share by which it has grown. */
  readonly growth: number
  readonly isFlat: boolean
  /** Undefined when it lived long enough to say. */
  readonly tooShort?: true
}

export const ALLOWED_GROWTH = 0.1
const SAMPLE_MS = 5_000
const WINDOW_MS = 60_000
/** Fewer say nothing. */
const LEAST = 3

export class Memory {
  readonly #lives: Life[] = []
  readonly #start = performance.now()
  readonly #timer = setInterval(() => this.#look(), SAMPLE_MS)

  /** From now on; until it ends. */
  watch(name: string, pid: number): void {
    this.#lives.push({ name, pid, samples: [] })
  }

  stop(): readonly Life[] {
    clearInterval(this.#timer)
    return this.#lives
  }

  #look(): void {
    for (const life of this.#lives) {
      const kib = rssKib(life.pid)
      if (kib > 0) life.samples.push({ atMs: performance.now() - this.#start, kib })
    }
  }
}

/**
 * The median of the minute after the first one, against that of the last minute. A life of less than three minutes is cut
 * into thirds instead.
 */
export function flatness({ name, samples }: Life): Flatness {
  const [first, last] = [samples[0]?.atMs ?? 0, samples.at(-1)?.atMs ?? 0]
  const window = Math.min(WINDOW_MS, (last - first) / 3)
  const within = (from: number, to: number): readonly number[] =>
    samples.filter(({ atMs }) => atMs >= from && atMs <= to).map(({ kib }) => kib)
  const begin = within(first + window, first + 2 * window)
  const end = within(last - window, last)
  if (begin.length < LEAST || end.length < LEAST) {
    return { name, afterWarmUpKib: 0, atEndKib: 0, growth: 0, isFlat: true, tooShort: true }
  }
  const [afterWarmUpKib, atEndKib] = [median(begin), median(end)]
  const growth = atEndKib / afterWarmUpKib - 1
  return { name, afterWarmUpKib, atEndKib, growth, isFlat: growth <= ALLOWED_GROWTH }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? 0
}
