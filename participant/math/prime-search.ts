/**
 * The search for one prime: Blum (p ≡ 3 mod 4) or safe ((p − 1)/2 prime), by a sieve.
 *
 * It starts at a random number of the right form, strikes out multiples of small primes in a window (for safe primes
 * those of (p − 1)/2 too), tests what is left in order, and starts afresh at the window's end. How a number is tested
 * is a parameter: an exponentiation in OpenSSL is several times faster than one in BigInt.
 */
import { bytesToBigint } from '../base/bytes.ts'
import { TransportError } from '../base/errors.ts'
import type { Random } from '../base/random.ts'
import { bigintEngine } from './engine-bigint.ts'
import { isProbablePrime, primesUpTo } from './number-theory.ts'

export interface PrimalityTests {
  /** Whether 2^(n−1) = 1 modulo n: one exponentiation. n is odd and above 2. */
  isFermatPrime(n: bigint): boolean
  /** Whatever n is, a composite passes with probability at most 4^−64. */
  isPrime(n: bigint, random: Random): boolean
}

export interface SearchOptions {
  /** At least 64. */
  readonly bits: number
  readonly safe: boolean
  readonly random: Random
  readonly tests?: PrimalityTests
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: { readonly candidates: number }) => void) | undefined
  /** Gives others a turn, about every `turnMs`. */
  readonly turn: () => Promise<void>
  readonly turnMs: number
}

export const bigintTests: PrimalityTests = {
  isFermatPrime: (n) => bigintEngine.prepare(n).pow(2n, n - 1n) === 1n,
  isPrime: (n, random) => isProbablePrime(n, { random }),
}

/** Small primes between two looks at the clock. */
const STRUCK_PER_LOOK = 2048

interface Sieve {
  /** Numbers looked at from one random start; small beside the gap that a start is chosen from. */
  readonly window: number
  /** Worth striking out while that is cheaper than testing what it saves. */
  readonly limit: number
  /** The residues of p modulo an odd small prime that rule p out. */
  readonly struck: readonly number[]
}

/** One in some hundred thousand is a safe prime, so that a wide window repays many small primes. */
function sieveFor(bits: number, safe: boolean): Sieve {
  return safe
    ? // r divides (p − 1)/2 exactly when p ≡ 1 (mod r), r odd
      { window: 1 << 18, limit: Math.min(bits * bits, 1 << 21), struck: [0, 1] }
    : { window: 1 << 16, limit: Math.min(32 * bits, 1 << 17), struck: [0] }
}

/** The form both kinds share: exact length, two top bits, ≡ 3 (mod 4); a safe prime has it as (p − 1)/2 is odd. */
export function hasForm(p: bigint, bits: number): boolean {
  return p >> BigInt(bits - 2) === 3n && p % 4n === 3n
}

export function cancelled(): TransportError {
  return new TransportError('cancelled')
}

/** TransportError when cancelled, at the next turn. */
export async function searchPrime(o: SearchOptions): Promise<bigint> {
  const { bits, safe, random, tests = bigintTests, signal, onProgress, turnMs } = o
  const { window, limit, struck } = sieveFor(bits, safe)
  const small = oddPrimesUpTo(limit)
  const composite = new Uint8Array(window)
  let candidates = 0
  let turnEnds = Date.now() + turnMs
  const turn = async (): Promise<void> => {
    onProgress?.({ candidates })
    await o.turn()
    if (signal?.aborted === true) throw cancelled()
    turnEnds = Date.now() + turnMs
  }
  /** One cheap test of each number before the full tests of either. */
  const isOfKind = async (p: bigint): Promise<boolean> => {
    const numbers = safe ? [(p - 1n) / 2n, p] : [p]
    if (!numbers.every((n) => tests.isFermatPrime(n))) return false
    for (const n of numbers) {
      await turn()
      if (!tests.isPrime(n, random)) return false
    }
    return true
  }
  for (;;) {
    const start = randomStart(random, bits)
    composite.fill(0)
    for (let i = 0; i < small.length; i += STRUCK_PER_LOOK) {
      strike(start, small.subarray(i, i + STRUCK_PER_LOOK), struck, composite)
      if (Date.now() >= turnEnds) await turn()
    }
    for (let i = 0; i < window; i++) {
      if (composite[i] === 1) continue
      if (Date.now() >= turnEnds) await turn()
      const p = start + 4n * BigInt(i)
      // past the last number of this length
      if (!hasForm(p, bits)) break
      candidates += 1
      if (await isOfKind(p)) {
        onProgress?.({ candidates })
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

/** Marks each i for which start + 4i has one of the residues modulo one of the primes. */
function strike(start: bigint, primes: Uint32Array, residues: readonly number[], composite: Uint8Array): void {
  for (const r of primes) {
    const first = Number(start % BigInt(r))
    for (const residue of residues) {
      // the least i with first + 4i ≡ residue (mod r)
      const i = (((residue - first + r) % r) * inverseOf4(r)) % r
      for (let at = i; at < composite.length; at += r) composite[at] = 1
    }
  }
}

/** 1/4 modulo an odd r. */
function inverseOf4(r: number): number {
  return r % 4 === 1 ? (3 * r + 1) / 4 : (r + 1) / 4
}

const tables = new Map<number, Uint32Array>()

/** Without 2; kept, since they take longer to find than to use. */
function oddPrimesUpTo(limit: number): Uint32Array {
  let primes = tables.get(limit)
  if (primes === undefined) {
    primes = Uint32Array.from(primesUpTo(limit)).subarray(1)
    tables.set(limit, primes)
  }
  return primes
}
