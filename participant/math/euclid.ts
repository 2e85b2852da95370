/**
 * Euclid's algorithm on big integers: gcd, Bézout coefficients, inverse.
 *
 * Lehmer's form of it (Knuth, volume 2, algorithm 4.5.2 L): quotients are found on the leading 50 bits, which a
 * JavaScript number holds exactly, and applied to the long integers some twenty at a time. It is several times
 * faster than one long division per quotient. Variable time.
 */
import { bitLength } from '../base/bytes.ts'

/** Bits of a leading part; a sum of two such parts is below 2^53. */
const LEADING_BITS = 50

/** Canonical residue in [0, m) of any integer; m ≥ 1. */
export function mod(a: bigint, m: bigint): bigint {
  const r = a % m
  return r < 0n ? r + m : r
}

/** (u, v) ↦ (A·u + B·v, C·u + D·v): several division steps at once. */
type Steps = readonly [A: number, B: number, C: number, D: number]

/** The division steps that the leading parts of two integers fix, whatever follows them; undefined if none. */
function certainSteps(leading0: number, leading1: number): Steps | undefined {
  let x = leading0
  let y = leading1
  let [A, B, C, D] = [1, 0, 0, 1]
  while (y + C !== 0 && y + D !== 0) {
    const q = Math.floor((x + A) / (y + C))
    if (q !== Math.floor((x + B) / (y + D))) break
    ;[A, C] = [C, A - q * C]
    ;[B, D] = [D, B - q * D]
    ;[x, y] = [y, x - q * y]
  }
  return B === 0 ? undefined : [A, B, C, D]
}

/**
 * For u ≥ v ≥ 0: g = gcd(u, v) and, when wanted, c with g ≡ c·v (mod u); c is 0 otherwise.
 * Follows two remainders r0 ≥ r1 and the factors c0, c1 by which they are multiples of v modulo u.
 */
function lehmer(u: bigint, v: bigint, wanted: boolean): { readonly g: bigint; readonly c: bigint } {
  let [r0, r1] = [u, v]
  let [c0, c1] = [0n, wanted ? 1n : 0n]
  let shift = Math.max(0, bitLength(u) - LEADING_BITS)
  while (r1 !== 0n) {
    let leading = Number(r0 >> BigInt(shift))
    const short = LEADING_BITS - Math.floor(Math.log2(leading + 1)) - 1
    if (short > 0 && shift > 0) {
      shift = Math.max(0, shift - short)
      leading = Number(r0 >> BigInt(shift))
    }
    const steps = certainSteps(leading, Number(r1 >> BigInt(shift)))
    if (steps === undefined) {
      const q = r0 / r1
      ;[r0, r1] = [r1, r0 - q * r1]
      if (wanted) [c0, c1] = [c1, c0 - q * c1]
    } else {
      const [A, B, C, D] = [BigInt(steps[0]), BigInt(steps[1]), BigInt(steps[2]), BigInt(steps[3])]
      ;[r0, r1] = [A * r0 + B * r1, C * r0 + D * r1]
      if (wanted) [c0, c1] = [A * c0 + B * c1, C * c0 + D * c1]
    }
  }
  return { g: r0, c: c0 }
}

/** The greatest common divisor of any two integers, never negative; gcd(0, 0) = 0. */
export function gcd(a: bigint, b: bigint): bigint {
  const x = a < 0n ? -a : a
  const y = b < 0n ? -b : b
  return x >= y ? lehmer(x, y, false).g : lehmer(y, x, false).g
}

/** g = gcd(a, b) ≥ 0 and some x, y with a·x + b·y = g. */
export function egcd(a: bigint, b: bigint): { readonly g: bigint; readonly x: bigint; readonly y: bigint } {
  if (a === 0n) return b < 0n ? { g: -b, x: 0n, y: -1n } : { g: b, x: 0n, y: 1n }
  const m = a < 0n ? -a : a
  const { g, c } = lehmer(m, mod(b, m), true)
  // g − c·b is a multiple of a by what lehmer returns
  return { g, x: (g - c * b) / a, y: c }
}

/** The inverse of a modulo m, in [0, m); any integer a, m ≥ 2. RangeError when there is none. */
export function inv(a: bigint, m: bigint): bigint {
  const { g, c } = lehmer(m, mod(a, m), true)
  if (g !== 1n) throw new RangeError('expected a unit: no inverse for this modulus')
  return mod(c, m)
}
