/** Checks on sizes and membership that several proofs share. All are total. */
import { bitLength } from '../base/bytes.ts'
import type { SecurityLevel } from '../base/level.ts'

/** Odd, positive, and of exactly the bit length of the level. Comes before any arithmetic modulo N. */
export function hasSize(level: SecurityLevel, N: bigint): boolean {
  return N > 0n && (N & 1n) === 1n && bitLength(N) === level.modulusBits
}

/**
 * Every value is in [1, m) and coprime to m. One gcd for all of them: a product is a unit exactly when each factor
 * is. True for an empty list; lengths are checked before.
 */
export function areUnits(ring: { isUnit(a: bigint): boolean }, m: bigint, values: readonly bigint[]): boolean {
  if (values.some((v) => v <= 0n || v >= m)) return false
  return values.length === 0 || ring.isUnit(values.reduce((product, v) => (product * v) % m, 1n))
}
