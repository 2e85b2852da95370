/**
 * Tells whoever measures which exponentiations are made. Off unless somebody listens, and then of sizes only: no base,
 * exponent or result.
 */
import { bitLength } from '../base/bytes.ts'

export interface PowerSize {
  /** Which code computes it; `table` is a fixed base with precomputed powers. */
  readonly by: 'openssl' | 'bigint' | 'table'
  readonly modulusBits: number
  readonly exponentBits: number
}

let listener: ((size: PowerSize) => void) | undefined

/** One listener for the process; undefined ends it. */
export function listenToPowers(to: ((size: PowerSize) => void) | undefined): void {
  listener = to
}

export function notePower(by: PowerSize['by'], modulusBits: number, exponent: bigint): void {
  listener?.({ by, modulusBits, exponentBits: bitLength(exponent) })
}
