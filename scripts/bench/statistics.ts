/** Medians and percentiles of what was measured. */

export interface Summary {
  readonly n: number
  readonly median: number
  readonly min: number
  readonly max: number
  /** Absent below 100 values, which have none. */
  readonly p99?: number
}

const MIN_FOR_P99 = 100

/** RangeError without values. */
export function summaryOf(values: readonly number[]): Summary {
  const sorted = [...values].sort((a, b) => a - b)
  const n = sorted.length
  const [min, max] = [sorted[0], sorted[n - 1]]
  if (min === undefined || max === undefined) throw new RangeError('expected at least one value')
  const p99 = n < MIN_FOR_P99 ? {} : { p99: percentile(sorted, 99) }
  return { n, median: medianOf(sorted), min, max, ...p99 }
}

/** The smallest value that p percent of all do not exceed, 0 < p ≤ 100; the values in ascending order. */
export function percentile(sorted: readonly number[], p: number): number {
  const value = sorted[Math.ceil((p / 100) * sorted.length) - 1]
  if (value === undefined) throw new RangeError('expected values and a percentage above 0, up to 100')
  return value
}

/** The mean of the middle two when their number is even. */
function medianOf(sorted: readonly number[]): number {
  const at = (i: number): number => sorted[i] as number
  const n = sorted.length
  return n % 2 === 1 ? at((n - 1) / 2) : (at(n / 2 - 1) + at(n / 2)) / 2
}
