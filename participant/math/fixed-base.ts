/**
 * Many powers of one base: the comb of Lim and Lee (CRYPTO '94), with its table made once.
 *
 * The exponent's bits are written in `teeth` rows of equal length; a column is then one product from the table, and the
 * columns are gone through with `strips` tables at a time, which saves squarings. A power of b bits takes b/teeth
 * multiplications and b/(teeth·strips) squarings, where a window takes 1.2·b. The table has strips·2^teeth elements and
 * costs b squarings more.
 *
 * On BigInt and variable-time: which entry is read depends on the exponent. For public exponents, and for the BigInt
 * engine, which hides none (SECURITY.md).
 */
import { bitLength } from '../base/bytes.ts'
import { inv, mod } from './euclid.ts'
import { notePower } from './power-count.ts'

export interface FixedBase {
  /** base^e for any integer e of at most `bits` bits, in [0, m); RangeError for a longer one, or for e < 0 and no unit. */
  pow(e: bigint): bigint
  /** The longest exponent. */
  readonly bits: number
}

export interface Comb {
  readonly bits: number
  /** Rows: doubles the table with each. */
  readonly teeth: number
  readonly strips: number
}

/** The table is made at the first power. RangeError unless m ≥ 2. */
export function fixedBase(base: bigint, m: bigint, { bits, teeth, strips }: Comb): FixedBase {
  if (m < 2n) throw new RangeError('expected a modulus of at least 2')
  const modulusBits = bitLength(m)
  // a row is strips times `width` columns
  const width = Math.ceil(bits / (teeth * strips))
  const row = width * strips
  let tables: readonly (readonly bigint[])[] | undefined
  return {
    bits,
    pow(e) {
      const magnitude = e < 0n ? -e : e
      if (bitLength(magnitude) > bits) throw new RangeError('expected a shorter exponent')
      notePower('table', modulusBits, e)
      tables ??= combTables(mod(base, m), m, teeth, strips, width)
      const digits = magnitude.toString(2).padStart(teeth * row, '0')
      let result = 1n % m
      for (let column = width - 1; column >= 0; column--) {
        if (column < width - 1) result = (result * result) % m
        for (const [s, table] of tables.entries()) {
          let entry = 0
          // most significant row first; in the text of the digits, the highest bit comes first too
          for (let r = teeth - 1; r >= 0; r--) {
            entry = 2 * entry + digits.charCodeAt(digits.length - 1 - (r * row + s * width + column)) - 48
          }
          if (entry > 0) result = (result * (table[entry] as bigint)) % m
        }
      }
      return e < 0n ? inv(result, m) : result
    },
  }
}

/** For strip s and a set of rows r as a bit mask: the product of base^(2^(r·row + s·width)). */
function combTables(
  base: bigint,
  m: bigint,
  teeth: number,
  strips: number,
  width: number,
): readonly (readonly bigint[])[] {
  const row = width * strips
  const tables: bigint[][] = Array.from({ length: strips }, () => [1n % m])
  let power = base
  for (let at = 0; at < teeth * row; at++) {
    if (at % width === 0) {
      const table = tables[(at % row) / width] as bigint[]
      // every product so far, without this row and then with it
      for (const product of [...table]) table.push((product * power) % m)
    }
    power = (power * power) % m
  }
  return tables
}
