/**
 * Uniform integers from random bytes, without bias: values outside the range are drawn again.
 *
 * How many draws it took tells nothing about the value that is kept. No draw is ever reduced modulo anything.
 */
import { bitLength, bytesToBigint } from '../base/bytes.ts'
import type { Random } from '../base/random.ts'
import { gcd } from './euclid.ts'

/** Uniform in [0, m); m ≥ 1, else RangeError. */
export function uniformBelow(random: Random, m: bigint): bigint {
  if (m < 1n) throw new RangeError('expected a positive bound')
  const bits = bitLength(m - 1n)
  const length = Math.ceil(bits / 8)
  for (;;) {
    const candidate = BigInt.asUintN(bits, bytesToBigint(random.bytes(length)))
    if (candidate < m) return candidate
  }
}

/** Uniform in [−2^bits, 2^bits], both ends included. */
export function symmetric(random: Random, bits: number): bigint {
  return symmetricTimes(random, bits, 1n)
}

/** Uniform in [−2^bits·N, 2^bits·N], both ends included; N ≥ 1. */
export function symmetricTimes(random: Random, bits: number, N: bigint): bigint {
  const end = N << BigInt(bits)
  return uniformBelow(random, 2n * end + 1n) - end
}

/** Uniform among the units modulo N: 0 < r < N with gcd(r, N) = 1; N ≥ 2. */
export function unit(random: Random, N: bigint): bigint {
  for (;;) {
    const r = uniformBelow(random, N)
    if (r !== 0n && gcd(r, N) === 1n) return r
  }
}
