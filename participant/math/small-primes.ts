/** The product of all primes below 2^16: what a modulus without small factors has no common factor with. */
import { gcd } from './euclid.ts'

const LIMIT = 2 ** 16

let product: bigint | undefined

/** Whether some prime below 2^16 divides n ≠ 0. */
export function hasSmallFactor(n: bigint): boolean {
  product ??= multiply(primesBelow(LIMIT))
  return gcd(product % n, n) !== 1n
}

function primesBelow(limit: number): readonly bigint[] {
  const isComposite = new Uint8Array(limit)
  const primes: bigint[] = []
  for (let n = 2; n < limit; n++) {
    if (isComposite[n] === 1) continue
    primes.push(BigInt(n))
    for (let multiple = n * n; multiple < limit; multiple += n) isComposite[multiple] = 1
  }
  return primes
}

/** In pairs, so that most factors stay short. */
function multiply(factors: readonly bigint[]): bigint {
  let level = factors
  while (level.length > 1) level = level.flatMap((a, i) => (i % 2 === 1 ? [] : [a * (level[i + 1] ?? 1n)]))
  return level[0] ?? 1n
}
