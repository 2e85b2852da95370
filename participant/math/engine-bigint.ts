/**
 * Modular exponentiation on BigInt alone: left to right with a sliding window over odd powers.
 *
 * Runs everywhere. Not constant-time: neither BigInt arithmetic nor the window hides the exponent from someone who
 * can measure this process closely (SECURITY.md).
 */
import type { Engine } from './engine.ts'

export const bigintEngine: Engine = {
  name: 'bigint',
  prepare: (m) => ({ pow: (base, exponent) => slidingWindowPow(base, exponent, m) }),
}

/** The window that needs the fewest multiplications for an exponent of so many bits. */
function windowFor(bits: number): number {
  if (bits <= 8) return 1
  if (bits <= 24) return 2
  if (bits <= 80) return 3
  if (bits <= 240) return 4
  if (bits <= 672) return 5
  return 6
}

function slidingWindowPow(base: bigint, exponent: bigint, m: bigint): bigint {
  if (exponent === 0n) return 1n % m
  const bits = exponent.toString(2)
  const window = windowFor(bits.length)
  const odd = oddPowers(base, 2 ** (window - 1), m)
  let result: bigint | undefined
  let at = 0
  while (at < bits.length) {
    if (bits[at] === '0') {
      if (result !== undefined) result = (result * result) % m
      at += 1
      continue
    }
    // the longest run of at most `window` bits that begins and ends with a 1
    const end = bits.lastIndexOf('1', Math.min(at + window, bits.length) - 1) + 1
    const power = odd[(Number.parseInt(bits.slice(at, end), 2) - 1) / 2] as bigint
    if (result === undefined) {
      result = power
    } else {
      for (let i = at; i < end; i++) result = (result * result) % m
      result = (result * power) % m
    }
    at = end
  }
  return result as bigint
}

/** base, base³, base⁵, …: `count` of them. */
function oddPowers(base: bigint, count: number, m: bigint): readonly bigint[] {
  const powers = [base % m]
  const square = (base * base) % m
  for (let i = 1; i < count; i++) powers.push(((powers[i - 1] as bigint) * square) % m)
  return powers
}
