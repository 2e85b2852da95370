/** Two primes for a modulus. CGGMP24, Fig. 7, round 1. */

import { bitLength } from '../base/bytes.ts'
import type { PrimeOptions } from '../math/primes.ts'

/** How primes are made: cancelled by `signal`, reported by `onProgress`, repeatable with `random`. */
export type GenerateOptions = Omit<PrimeOptions, 'bits'>

/** Primes closer than this make N easy to factor by Fermat's method (FIPS 186-5, A.1.3 asks for the same). */
const MIN_DISTANCE_BELOW_TOP = 100

/** Two primes far apart, whose product has exactly `modulusBits` bits. `candidates` counts those of both. */
export async function twoPrimes(
  make: (options: PrimeOptions) => Promise<bigint>,
  modulusBits: number,
  options: GenerateOptions,
): Promise<readonly [bigint, bigint]> {
  const bits = modulusBits / 2
  let tested = [0, 0]
  const one = (which: 0 | 1): Promise<bigint> =>
    make({
      ...options,
      bits,
      onProgress({ candidates }) {
        tested = tested.map((n, i) => (i === which ? candidates : n))
        options.onProgress?.({ candidates: tested.reduce((a, b) => a + b, 0) })
      },
    })
  for (;;) {
    // one after the other when the randomness is to be repeatable
    const [p, q] =
      options.random === undefined ? await Promise.all([one(0), one(1)]) : ([await one(0), await one(1)] as const)
    if (bitLength(p - q) > bits - MIN_DISTANCE_BELOW_TOP) return [p, q]
  }
}
