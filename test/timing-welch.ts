/**
 * A statistical timing test in the manner of dudect (Reparaz, Balasch, Verbauwhede 2017): the same function with a fixed
 * and with random exponents of one length, interleaved at random, and Welch's t on the times.
 *
 * Against noise of other programs: time is the processor's and not the clock's, each sample is the smallest of a few
 * runs, the slower samples of each class are cut off, and the median over several batches counts, so that one disturbed
 * batch decides nothing.
 */

export interface TimingOptions {
  readonly batches: number
  /** Of each class in a batch. */
  readonly samples: number
  /** Runs of one sample; the fastest counts. */
  readonly runs: number
}

/** The share of each class's samples that counts; the slower ones are taken for interruptions. */
const KEPT = 0.6

export interface TimingResult {
  /** Median over the batches of |t|: at 4.5 and above dudect speaks of a leak. */
  readonly t: number
  /** Median over the batches of the difference of the means over their mean. */
  readonly relative: number
}

export function compareTiming(
  pow: (exponent: bigint) => unknown,
  fixed: bigint,
  randomExponent: () => bigint,
  o: TimingOptions,
): TimingResult {
  const results = Array.from({ length: o.batches }, () => batch(pow, fixed, randomExponent, o))
  return { t: median(results.map((r) => r.t)), relative: median(results.map((r) => r.relative)) }
}

function batch(pow: (e: bigint) => unknown, fixed: bigint, random: () => bigint, o: TimingOptions): TimingResult {
  const times: [number[], number[]] = [[], []]
  // made beforehand, so that both classes find the same state
  const plan = Array.from({ length: 2 * o.samples }, (_, i) => ({ kind: (i % 2) as 0 | 1, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ kind }) => ({ kind, exponent: kind === 0 ? BigInt(fixed.toString()) : random() }))
  for (const { kind, exponent } of plan) times[kind].push(fastest(() => pow(exponent), o.runs))
  const [a, b] = times.map((list) => moments(list.sort((x, y) => x - y).slice(0, Math.ceil(KEPT * list.length))))
  if (a === undefined || b === undefined) throw new Error('expected two classes')
  const spread = Math.sqrt(a.variance / a.count + b.variance / b.count)
  const difference = Math.abs(a.mean - b.mean)
  return { t: spread === 0 ? 0 : difference / spread, relative: difference / ((a.mean + b.mean) / 2) }
}

function fastest(run: () => unknown, runs: number): number {
  let best = Number.POSITIVE_INFINITY
  for (let i = 0; i < runs; i++) {
    const start = processorUs()
    run()
    best = Math.min(best, processorUs() - start)
  }
  return best
}

/** Time that this process has computed, in microseconds. */
function processorUs(): number {
  const { user, system } = process.cpuUsage()
  return user + system
}

function moments(values: readonly number[]) {
  const count = values.length
  const mean = values.reduce((s, v) => s + v, 0) / count
  return { count, mean, variance: values.reduce((s, v) => s + (v - mean) ** 2, 0) / (count - 1) }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] as number
}

/** The control: multiplies only where the exponent has a 1. */
export function squareAndMultiply(base: bigint, exponent: bigint, m: bigint): bigint {
  let result = 1n
  for (const bit of exponent.toString(2)) {
    result = (result * result) % m
    if (bit === '1') result = (result * base) % m
  }
  return result
}
