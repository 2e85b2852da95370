/** The primes that somebody wants of a pool, in the order in which they were asked for. */
import { cancelled } from '../math/prime-search.ts'
import type { PrimeMaker } from '../math/primes.ts'
import { inProcess } from './work.ts'

export interface Want {
  readonly safe: boolean
  readonly bits: number
  /** Candidates of each search for it. */
  readonly tested: Map<number, number>
  readonly onProgress: ((progress: { readonly candidates: number }) => void) | undefined
  /** Ends it with a prime or an error. */
  readonly settle: (prime: bigint | Error) => void
  /** Ends it with a prime that this thread makes. */
  readonly local: () => void
}

/** Stands in the list until it is settled; `changed` is called when it was put there, and when it was cancelled. */
export function wantPrime(
  wants: Want[],
  safe: boolean,
  o: Parameters<PrimeMaker['make']>[1],
  changed: () => void,
): Promise<bigint> {
  const { bits, signal, onProgress } = o
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      want.settle(cancelled())
      changed()
    }
    const leave = (): void => {
      signal?.removeEventListener('abort', stop)
      const at = wants.indexOf(want)
      if (at >= 0) wants.splice(at, 1)
    }
    const want: Want = {
      safe,
      bits,
      tested: new Map(),
      onProgress,
      settle(prime) {
        leave()
        if (prime instanceof Error) reject(prime)
        else resolve(prime)
      },
      local() {
        leave()
        inProcess.primes.make(safe, o).then(resolve, reject)
      },
    }
    signal?.addEventListener('abort', stop)
    wants.push(want)
    if (signal?.aborted === true) stop()
    else changed()
  })
}

/** Adds up what all searches have tested. */
export function countTested(want: Want, search: number, candidates: number): void {
  want.tested.set(search, candidates)
  want.onProgress?.({ candidates: [...want.tested.values()].reduce((a, b) => a + b, 0) })
}
