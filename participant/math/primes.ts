/**
 * Random primes for Paillier and ring-Pedersen moduli: Blum primes (p ≡ 3 mod 4) and safe primes ((p − 1)/2 prime).
 *
 * The two top bits are set, so that the product of two primes has exactly twice their bits. OpenSSL makes them on
 * another thread where it is there. Elsewhere, and whenever the caller gives a source of randomness, a sieve does:
 * it starts at a random odd number, strikes out multiples of small primes in a window (for safe primes those of
 * (p − 1)/2 too), tests what is left in order, and starts afresh at the window's end.
 */

import { nativePrimes } from '#engine'
import { bytesToBigint } from '../base/bytes.ts'
import { TransportError, UsageError } from '../base/errors.ts'
import { type Random, systemRandom } from '../base/random.ts'
import { modulus } from './modulus.ts'
import { isProbablePrime, primesUpTo } from './number-theory.ts'

export interface PrimeOptions {
  /** At least 64. */
  readonly bits: number
  /** Aborting rejects with TransportError at once; a prime that OpenSSL is busy with is finished and dropped. */
  readonly signal?: AbortSignal
  /** Called after candidates were tested: often by the sieve, only once per prime made by OpenSSL. */
  readonly onProgress?: (progress: { readonly candidates: number }) => void
  /** Draws from this alone, by the sieve, so that the result can be repeated. */
  readonly random?: Random
}

const MIN_BITS = 64
/** Numbers looked at from one random start; small beside the gap that a start is chosen from. */
const WINDOW = 1 << 16
/** Longest time in which the event loop gets no turn, but for a single test. */
const TURN_MS = 20

/** p with (p − 1)/2 prime. UsageError for too few bits; TransportError when cancelled. */
export function safePrime(options: PrimeOptions): Promise<bigint> {
  return make(options, SAFE)
}

/** p ≡ 3 (mod 4). UsageError for too few bits; TransportError when cancelled. */
export function blumPrime(options: PrimeOptions): Promise<bigint> {
  return make(options, BLUM)
}

interface Kind {
  readonly safe: boolean
  /** The residues of p modulo an odd small prime that rule p out. */
  readonly struck: readonly number[]
  readonly isPrime: (p: bigint, random: Random) => boolean
}

const BLUM: Kind = {
  safe: false,
  struck: [0],
  isPrime: (p, random) => isFermatPrime(p) && isProbablePrime(p, { random }),
}

const SAFE: Kind = {
  safe: true,
  // r divides (p − 1)/2 exactly when p ≡ 1 (mod r), r odd
  struck: [0, 1],
  isPrime(p, random) {
    const half = (p - 1n) / 2n
    // one cheap test of each before the full tests of either
    return (
      isFermatPrime(half) && isFermatPrime(p) && isProbablePrime(half, { random }) && isProbablePrime(p, { random })
    )
  },
}

function isFermatPrime(n: bigint): boolean {
  return modulus(n).pow(2n, n - 1n) === 1n
}

/** The form both kinds share: exact length, two top bits, ≡ 3 (mod 4); a safe prime has it as (p − 1)/2 is odd. */
function hasForm(p: bigint, bits: number): boolean {
  return p >> BigInt(bits - 2) === 3n && p % 4n === 3n
}

async function make(options: PrimeOptions, kind: Kind): Promise<bigint> {
  const { bits, signal, random } = options
  if (!Number.isInteger(bits) || bits < MIN_BITS) throw new UsageError(`expected prime bits of at least ${MIN_BITS}`)
  throwIfCancelled(signal)
  if (nativePrimes === undefined || random !== undefined) return sieve(options, kind, random ?? systemRandom)
  for (let candidates = 1; ; candidates++) {
    const p = await unlessCancelled(nativePrimes.generate(bits, kind.safe), signal)
    options.onProgress?.({ candidates })
    if (hasForm(p, bits)) return p
  }
}

async function sieve(options: PrimeOptions, kind: Kind, random: Random): Promise<bigint> {
  const { bits, signal } = options
  // worth striking out while it is cheaper than testing what it saves
  const smallPrimes = primesUpTo(Math.min(32 * bits, 2 * WINDOW)).slice(1)
  let candidates = 0
  let turnEnds = Date.now() + TURN_MS
  for (;;) {
    const start = randomStart(random, bits)
    const composite = strike(start, smallPrimes, kind)
    for (let i = 0; i < WINDOW; i++) {
      if (composite[i] === 1) continue
      if (Date.now() >= turnEnds) {
        options.onProgress?.({ candidates })
        await turn()
        throwIfCancelled(signal)
        turnEnds = Date.now() + TURN_MS
      }
      const p = start + 4n * BigInt(i)
      // past the last number of this length
      if (!hasForm(p, bits)) break
      candidates += 1
      if (kind.isPrime(p, random)) {
        options.onProgress?.({ candidates })
        return p
      }
    }
  }
}

/** A random number of the right form. */
function randomStart(random: Random, bits: number): bigint {
  const drawn = BigInt.asUintN(bits, bytesToBigint(random.bytes(Math.ceil(bits / 8))))
  return drawn | (3n << BigInt(bits - 2)) | 3n
}

/** Marks each i for which start + 4i can't be of the kind. */
function strike(start: bigint, smallPrimes: readonly number[], kind: Kind): Uint8Array {
  const composite = new Uint8Array(WINDOW)
  for (const r of smallPrimes) {
    const first = Number(start % BigInt(r))
    for (const residue of kind.struck) {
      // the least i with first + 4i ≡ residue (mod r)
      const i = (((residue - first + r) % r) * inverseOf4(r)) % r
      for (let at = i; at < WINDOW; at += r) composite[at] = 1
    }
  }
  return composite
}

/** 1/4 modulo an odd r. */
function inverseOf4(r: number): number {
  return r % 4 === 1 ? (3 * r + 1) / 4 : (r + 1) / 4
}

function throwIfCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw cancelled()
}

function cancelled(): TransportError {
  return new TransportError('cancelled')
}

function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0))
}

function unlessCancelled<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(cancelled())
    signal.addEventListener('abort', stop, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}
