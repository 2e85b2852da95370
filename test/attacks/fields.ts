/**
 * The fields of an encoded message, and encodings that nobody may use for them: what a cheater that writes its own bytes
 * can send where an honest one sends a point or an integer.
 */
import assert from 'node:assert/strict'
import { bigintToBytes, concatBytes } from '../../participant/base/bytes.ts'
import { Point, Q } from '../../participant/math/curve.ts'
import { type Codec, encode, Reader } from '../../participant/wire/codec.ts'

export interface Field {
  /** Names and positions from the message down, `psi.commitment.S`. */
  readonly path: string
  /** `int` has a sign, `nat` and `scalar` have none; `count` is the length of a list. */
  readonly kind: 'point' | 'int' | 'nat' | 'scalar' | 'bool' | 'bytes' | 'count'
  /** Where its bytes begin in the encoding, and how many they are. */
  readonly at: number
  readonly length: number
}

/** Remembers what was read where. */
class Tracer extends Reader {
  readonly slices: { readonly at: number; readonly length: number }[] = []
  readonly #total: number

  constructor(encoded: Uint8Array) {
    super(encoded)
    this.#total = encoded.length
  }

  override raw(n: number): Uint8Array {
    this.slices.push({ at: this.#total - this.remaining, length: n })
    return super.raw(n)
  }
}

/** Where a codec stops reading these bytes: it refuses them there, or has its value. */
export function readUpTo(codec: Codec<unknown>, encoded: Uint8Array): number {
  const tracer = new Tracer(encoded)
  try {
    codec.read(tracer)
  } catch {
    // what it throws is for others to look at
  }
  const last = tracer.slices.at(-1)
  return last === undefined ? 0 : last.at + last.length
}

/** All fields in the order of the encoding, which is the order of the message's own properties. */
export function fieldsOf<M>(codec: Codec<M>, message: M): readonly Field[] {
  const tracer = new Tracer(encode(codec, message))
  const decoded = codec.read(tracer)
  const slices = [...tracer.slices]
  const fields: Field[] = []
  const next = () => slices.shift() ?? assert.fail('the message has more values than its encoding')
  const walk = (value: unknown, path: string): void => {
    if (Array.isArray(value)) {
      fields.push({ path: `${path}.length`, kind: 'count', ...next() })
      value.forEach((item, i) => void walk(item, `${path}.${i}`))
    } else if (value instanceof Point) {
      fields.push({ path, kind: 'point', ...next() })
    } else if (value instanceof Uint8Array) {
      const first = next()
      fields.push({ path, kind: 'bytes', ...(first.length === value.length ? first : next()) })
    } else if (typeof value === 'boolean') {
      fields.push({ path, kind: 'bool', ...next() })
    } else if (typeof value === 'bigint') {
      const { at, length } = next()
      // a sign byte comes alone; no nat of a message is as short as a scalar
      if (length === 1) fields.push({ path, kind: 'int', at, length: 1 + next().length })
      else fields.push({ path, kind: length === 32 ? 'scalar' : 'nat', at, length })
    } else {
      assert.ok(typeof value === 'object' && value !== null, `${path}: no value of a message`)
      for (const [name, item] of Object.entries(value)) walk(item, path === '' ? name : `${path}.${name}`)
    }
  }
  walk(decoded, '')
  assert.deepEqual(slices, [], 'the encoding has more values than the message')
  return fields
}

/** The encoding with other bytes in the place of a field. */
export function withField(
  encoded: Uint8Array,
  { at, length }: Field,
  bytes: (old: Uint8Array) => Uint8Array,
): Uint8Array {
  return concatBytes(encoded.slice(0, at), bytes(encoded.slice(at, at + length)), encoded.slice(at + length))
}

/** Other bytes for the same field. */
export type Form = readonly [what: string, bytes: (old: Uint8Array) => Uint8Array]

const full = (old: Uint8Array): Uint8Array => Point.fromBytes(old).toBytes(false)
const tagged = (tag: number, bytes: Uint8Array): Uint8Array => concatBytes(Uint8Array.of(tag), bytes.slice(1))
const parityOf = (old: Uint8Array): number => (old[0] as number) & 1

/** No compressed points on the curve. x = 5 has no y; x = 1 has one, and so would 1 + p if it were reduced. */
export const BAD_POINTS: readonly Form[] = [
  ['the identity, as zeros', (old) => new Uint8Array(old.length)],
  ['the identity, as one zero byte', () => Uint8Array.of(0)],
  ['an x that is not on the curve', () => tagged(2, bigintToBytes(5n, 33))],
  ['an x above p', () => tagged(2, bigintToBytes(Point.Fp.ORDER + 1n, 33))],
  ['the uncompressed form', full],
  ['the hybrid form', (old) => tagged(6 + parityOf(old), full(old))],
  ['the hybrid form, cut', (old) => tagged(6 + parityOf(old), old)],
]

const leadingZero: Form = ['a leading zero byte', (old) => concatBytes(Uint8Array.of(0), old)]
const tooShort: Form = ['a byte less', (old) => old.slice(1)]
const withSign: Form = ['a sign', (old) => concatBytes(Uint8Array.of(1), old)]

/** No canonical encodings of an integer of the kind. */
export const BAD_INTEGERS: Readonly<Record<'int' | 'nat' | 'scalar', readonly Form[]>> = {
  nat: [leadingZero, tooShort, withSign],
  scalar: [
    ['q', () => bigintToBytes(Q, 32)],
    ['2²⁵⁶ − 1', (old) => old.map(() => 0xff)],
    leadingZero,
    tooShort,
    withSign,
  ],
  int: [
    ['negative zero', (old) => old.map((_, i) => (i === 0 ? 1 : 0))],
    ['a sign of 2', (old) => old.map((v, i) => (i === 0 ? 2 : v))],
    ['a sign of 255', (old) => old.map((v, i) => (i === 0 ? 0xff : v))],
    leadingZero,
    tooShort,
  ],
}

export function isInteger(field: Field): field is Field & { readonly kind: keyof typeof BAD_INTEGERS } {
  return field.kind in BAD_INTEGERS
}
