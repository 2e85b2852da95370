/**
 * Products of many powers with short exponents, and what a modulus must not be divisible by for such a product to test
 * something. On BigInt and variable-time: for public values.
 */

/** All primes below 2^16. */
function smallPrimes(): readonly number[] {
  const isComposite = new Uint8Array(2 ** 16)
  const primes: number[] = []
  for (let n = 2; n < isComposite.length; n++) {
    if (isComposite[n] === 1) continue
    primes.push(n)
    for (let multiple = n * n; multiple < isComposite.length; multiple += n) isComposite[multiple] = 1
  }
  return primes
}

let product: bigint | undefined

/** The product of all primes below 2^16: a number of 94,000 bits. */
export function productOfSmallPrimes(): bigint {
  if (product !== undefined) return product
  let level: readonly bigint[] = smallPrimes().map(BigInt)
  while (level.length > 1) {
    level = level.flatMap((a, i) => (i % 2 === 1 ? [] : [a * (level[i + 1] ?? 1n)]))
  }
  product = level[0] as bigint
  return product
}

const DIGIT_BITS = 4
const DIGITS = 16 / DIGIT_BITS

/**
 * Π bases[i]^exponents[i] modulo m, for exponents in [0, 2^16): Pippenger's buckets, one digit of all exponents after the
 * other. Both lists have the same length.
 */
export function productOfPowers(bases: readonly bigint[], exponents: Uint16Array, m: bigint): bigint {
  let result = 1n
  for (let digit = DIGITS - 1; digit >= 0; digit--) {
    for (let bit = 0; bit < DIGIT_BITS; bit++) result = (result * result) % m
    const buckets: (bigint | undefined)[] = new Array(1 << DIGIT_BITS)
    for (const [i, base] of bases.entries()) {
      const value = ((exponents[i] as number) >> (digit * DIGIT_BITS)) & ((1 << DIGIT_BITS) - 1)
      const bucket = buckets[value]
      buckets[value] = bucket === undefined ? base : (bucket * base) % m
    }
    // Π bucket[v]^v: every bucket is in the running product v times
    let running = 1n
    let all = 1n
    for (let value = buckets.length - 1; value > 0; value--) {
      const bucket = buckets[value]
      if (bucket !== undefined) running = (running * bucket) % m
      all = (all * running) % m
    }
    result = (result * all) % m
  }
  return result
}
