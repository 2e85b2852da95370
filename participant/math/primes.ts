/**
 * Random primes for Paillier and ring-Pedersen moduli: Blum primes (p ≡ 3 mod 4) and safe primes ((p − 1)/2 prime).
 *
 * The two top bits are set, so that the product of two primes has exactly twice their bits. Who makes them: the given
 * maker, which has worker threads (zk/work.ts); otherwise OpenSSL on another thread where it is there; elsewhere, and
 * whenever the caller gives a source of randomness, a search in turns of the event loop (prime-search.ts).
 */

import { nativePrimes } from '#engine'
import { UsageError } from '../base/errors.ts'
import { type Random, systemRandom } from '../base/random.ts'
import { yieldToEventLoop } from '../base/turns.ts'
import { cancelled, hasForm, searchPrime } from './prime-search.ts'

export interface PrimeOptions {
  /** At least 64. */
  readonly bits: number
  /** Aborting rejects with TransportError at once; a prime that OpenSSL is busy with is finished and dropped. */
  readonly signal?: AbortSignal
  /** Called after candidates were tested: often by a search, only once per prime made by OpenSSL. */
  readonly onProgress?: (progress: { readonly candidates: number }) => void
  /** Draws from this alone, by the search, so that the result can be repeated. */
  readonly random?: Random
  /** Makes them elsewhere, unless there is `random`. */
  readonly maker?: PrimeMaker
}

/** Whoever makes primes in place of this thread; `Work` has one. */
export interface PrimeMaker {
  /** Safe, or Blum. `bits` is in range. TransportError at once when cancelled. */
  make(safe: boolean, options: Pick<PrimeOptions, 'bits' | 'signal' | 'onProgress'>): Promise<bigint>
}

const MIN_BITS = 64
/** Longest time in which the event loop gets no turn, but for a single test. */
const TURN_MS = 20

/** p with (p − 1)/2 prime. UsageError for too few bits; TransportError when cancelled. */
export function safePrime(options: PrimeOptions): Promise<bigint> {
  return make(options, true)
}

/** p ≡ 3 (mod 4). UsageError for too few bits; TransportError when cancelled. */
export function blumPrime(options: PrimeOptions): Promise<bigint> {
  return make(options, false)
}

async function make(options: PrimeOptions, safe: boolean): Promise<bigint> {
  const { bits, signal, random, onProgress, maker } = options
  if (!Number.isInteger(bits) || bits < MIN_BITS) throw new UsageError(`expected prime bits of at least ${MIN_BITS}`)
  if (signal?.aborted === true) throw cancelled()
  if (maker !== undefined && random === undefined) {
    const how = { ...(signal === undefined ? {} : { signal }), ...(onProgress === undefined ? {} : { onProgress }) }
    return maker.make(safe, { bits, ...how })
  }
  if (nativePrimes === undefined || random !== undefined) {
    return searchPrime({
      bits,
      safe,
      signal,
      onProgress,
      random: random ?? systemRandom,
      turn: yieldToEventLoop,
      turnMs: TURN_MS,
    })
  }
  for (let candidates = 1; ; candidates++) {
    const p = await unlessCancelled(nativePrimes.generate(bits, safe), signal)
    onProgress?.({ candidates })
    if (hasForm(p, bits)) return p
  }
}

function unlessCancelled<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(cancelled())
    signal.addEventListener('abort', stop, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}
