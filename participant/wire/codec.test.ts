/** Every value comes back; every byte string is refused with DecodeError or re-encodes to itself. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { bigintToBytes, concatBytes, equalBytes, fromHex } from '../base/bytes.ts'
import { DecodeError } from '../base/errors.ts'
import { G, IDENTITY, mul, type Point, Q } from '../math/curve.ts'
import {
  bool,
  bytes,
  type Codec,
  decode,
  encode,
  fixed,
  int,
  list,
  mapped,
  nat,
  point,
  scalar,
  struct,
  text,
  u8,
  u16,
  u32,
} from './codec.ts'

interface Case<T> {
  readonly name: string
  readonly codec: Codec<T>
  readonly values: fc.Arbitrary<T>
  readonly equal?: (a: T, b: T) => boolean
}

const points = fc.bigInt({ min: 1n, max: 1n << 64n }).map((k) => mul(G, k))
const pair = struct<{ a: number; b: Uint8Array }>({ a: u8, b: bytes(5) })
const even = mapped<number, number>(
  u8,
  (v) => v / 2,
  (raw) => {
    if (raw > 100) throw new DecodeError('expected at most 100')
    return raw * 2
  },
)

function oneOf<T>(c: Case<T>): Case<unknown> {
  return c as unknown as Case<unknown>
}

const CASES: readonly Case<unknown>[] = [
  oneOf({ name: 'u8', codec: u8, values: fc.integer({ min: 0, max: 255 }) }),
  oneOf({ name: 'u16', codec: u16, values: fc.integer({ min: 0, max: 65_535 }) }),
  oneOf({ name: 'u32', codec: u32, values: fc.integer({ min: 0, max: 2 ** 32 - 1 }) }),
  oneOf({ name: 'fixed(3)', codec: fixed(3), values: fc.uint8Array({ minLength: 3, maxLength: 3 }) }),
  oneOf({ name: 'bytes(6)', codec: bytes(6), values: fc.uint8Array({ maxLength: 6 }) }),
  oneOf({ name: 'text(20)', codec: text(20), values: fc.string({ unit: 'grapheme', maxLength: 1 }) }),
  oneOf({ name: 'bool', codec: bool, values: fc.boolean() }),
  oneOf({ name: 'nat(13)', codec: nat(13), values: fc.bigInt({ min: 0n, max: 65_535n }) }),
  oneOf({ name: 'int(15)', codec: int(15), values: fc.bigInt({ min: -65_535n, max: 65_535n }) }),
  oneOf({ name: 'scalar', codec: scalar, values: fc.bigInt({ min: 0n, max: Q - 1n }) }),
  oneOf<Point>({ name: 'point', codec: point, values: points, equal: (a, b) => a.equals(b) }),
  oneOf({ name: 'list', codec: list(u16, 1, 3), values: fc.array(fc.nat(65_535), { minLength: 1, maxLength: 3 }) }),
  oneOf({
    name: 'struct',
    codec: pair,
    values: fc.record({ a: fc.nat(255), b: fc.uint8Array({ maxLength: 5 }) }, { noNullPrototype: true }),
  }),
  oneOf({ name: 'mapped', codec: even, values: fc.nat(100).map((v) => 2 * v) }),
]

/** Random bytes rarely get past a length; short ones with small numbers in front do. */
const someBytes = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 12 }).map((a) => Uint8Array.from(a)),
  fc.uint8Array({ minLength: 32, maxLength: 32 }),
  fc
    .tuple(fc.integer({ min: 0, max: 5 }), fc.uint8Array({ minLength: 32, maxLength: 32 }))
    .map(([f, x]) => concatBytes(Uint8Array.of(f), x)),
)

for (const { name, codec, values, equal } of CASES) {
  test(`${name}: every value comes back`, () => {
    fc.assert(
      fc.property(values, (v) => {
        const back = decode(codec, encode(codec, v))
        if (equal !== undefined) assert.ok(equal(back, v), 'equal(back, v)')
        else assert.deepEqual(back, v)
      }),
    )
  })

  test(`${name}: whatever bytes decode, re-encode to themselves; a byte more or less is refused`, () => {
    fc.assert(
      fc.property(
        fc.oneof(
          someBytes,
          values.map((v) => encode(codec, v)),
        ),
        (raw) => {
          let value: unknown
          try {
            value = decode(codec, raw)
          } catch (e) {
            assert.ok(e instanceof DecodeError, `${name} threw ${e}`)
            return
          }
          assert.deepEqual(encode(codec, value), raw)
          assert.throws(() => decode(codec, concatBytes(raw, Uint8Array.of(0))), DecodeError)
          assert.throws(() => decode(codec, raw.subarray(0, -1)), DecodeError)
        },
      ),
      { numRuns: 300 },
    )
  })
}

const P = 2n ** 256n - 2n ** 32n - 977n
const x33 = (prefix: number, x: bigint): Uint8Array => concatBytes(Uint8Array.of(prefix), bigintToBytes(x, 32))
const [Gx, Gy] = [G.toAffine().x, G.toAffine().y]

const REFUSED: readonly (readonly [name: string, codec: Codec<unknown>, raw: Uint8Array, message: RegExp])[] = [
  ['the identity, as zeros', point as Codec<unknown>, new Uint8Array(33), /point/],
  ['the identity, as one zero byte', point as Codec<unknown>, new Uint8Array(1), /ends too early/],
  ['a point off the curve', point as Codec<unknown>, x33(2, 5n), /point/],
  ['x = p', point as Codec<unknown>, x33(2, P), /point/],
  ['x = p + 1, which is 1 on the curve', point as Codec<unknown>, x33(2, P + 1n), /point/],
  ['a prefix of 0', point as Codec<unknown>, x33(0, Gx), /point/],
  ['a prefix of 5', point as Codec<unknown>, x33(5, Gx), /point/],
  ['a compressed length with the uncompressed prefix', point as Codec<unknown>, x33(4, Gx), /point/],
  ['an uncompressed point', point as Codec<unknown>, concatBytes(x33(4, Gx), bigintToBytes(Gy, 32)), /point/],
  ['a hybrid point', point as Codec<unknown>, concatBytes(x33(6, Gx), bigintToBytes(Gy, 32)), /point/],
  ['a scalar of q', scalar as Codec<unknown>, bigintToBytes(Q, 32), /below the curve order/],
  ['a scalar of 2^256 − 1', scalar as Codec<unknown>, new Uint8Array(32).fill(255), /below the curve order/],
  ['negative zero', int(7) as Codec<unknown>, Uint8Array.of(1, 0), /without a sign/],
  ['a sign of 2', int(7) as Codec<unknown>, Uint8Array.of(2, 1), /0 or 1/],
  ['a boolean of 2', bool as Codec<unknown>, Uint8Array.of(2), /0 or 1/],
  ['trailing bytes', u8 as Codec<unknown>, Uint8Array.of(1, 0), /trailing/],
  ['too few bytes', u32 as Codec<unknown>, Uint8Array.of(1, 0, 0), /ends too early/],
  ['a length beyond the end', bytes(9) as Codec<unknown>, Uint8Array.of(0, 0, 0, 2, 1), /ends too early/],
  ['bytes above the limit', bytes(1) as Codec<unknown>, Uint8Array.of(0, 0, 0, 2, 1, 1), /at most 1 bytes/],
  ['a length of 2^32 − 1', bytes(9) as Codec<unknown>, Uint8Array.of(255, 255, 255, 255), /at most 9 bytes/],
  ['text above the limit', text(1) as Codec<unknown>, Uint8Array.of(0, 0, 0, 2, 65, 65), /at most 1 bytes/],
  ['malformed UTF-8', text(9) as Codec<unknown>, Uint8Array.of(0, 0, 0, 1, 0x80), /UTF-8/],
  ['an encoded surrogate', text(9) as Codec<unknown>, fromHex('00000003eda080'), /UTF-8/],
  ['too few items', list(u8, 1, 2) as Codec<unknown>, Uint8Array.of(0, 0, 0, 0), /1 to 2 items/],
  ['too many items', list(u8, 1, 2) as Codec<unknown>, Uint8Array.of(0, 0, 0, 3, 1, 1, 1), /1 to 2 items/],
  ['2^32 − 1 items', list(u8, 0, 2) as Codec<unknown>, Uint8Array.of(255, 255, 255, 255), /0 to 2 items/],
]

for (const [name, codec, raw, message] of REFUSED) {
  test(`refused: ${name}`, () => {
    assert.throws(
      () => decode(codec, raw),
      (e: unknown) => e instanceof DecodeError && message.test(e.message),
    )
  })
}

const UNWRITABLE: readonly (readonly [name: string, write: () => unknown])[] = [
  ['256 as u8', () => encode(u8, 256)],
  ['−1 as u16', () => encode(u16, -1)],
  ['a fraction as u32', () => encode(u32, 1.5)],
  ['2^32 as u32', () => encode(u32, 2 ** 32)],
  ['not a number', () => encode(u8, Number.NaN)],
  ['2 bytes as fixed(3)', () => encode(fixed(3), new Uint8Array(2))],
  ['4 bytes as bytes(3)', () => encode(bytes(3), new Uint8Array(4))],
  ['2 bytes of text as text(1)', () => encode(text(1), 'é')],
  ['a lone surrogate', () => encode(text(9), 'a\ud800')],
  ['a negative number as nat', () => encode(nat(8), -1n)],
  ['256 as nat(8)', () => encode(nat(8), 256n)],
  ['2^16 as int(15)', () => encode(int(15), 1n << 16n)],
  ['−2^16 as int(15)', () => encode(int(15), -(1n << 16n))],
  ['q as a scalar', () => encode(scalar, Q)],
  ['−1 as a scalar', () => encode(scalar, -1n)],
  ['the identity', () => encode(point, IDENTITY)],
  ['no items for a list of one or more', () => encode(list(u8, 1, 2), [])],
  ['three items for a list of two', () => encode(list(u8, 1, 2), [1, 2, 3])],
]

for (const [name, write] of UNWRITABLE) test(`not written: ${name}`, () => assert.throws(write))

test('signed integers have room for ±2^bits', () => {
  const codec = int(768)
  const bound = 1n << 768n
  for (const v of [0n, 1n, -1n, bound, -bound, bound - 1n]) assert.equal(decode(codec, encode(codec, v)), v)
  assert.equal(encode(codec, 0n).length, 1 + 97)
})

test('what was decoded owns its memory and is frozen', () => {
  const raw = encode(pair, { a: 1, b: Uint8Array.of(1, 2) })
  const value = decode(pair, raw)
  raw.fill(0xff)
  assert.deepEqual(value, { a: 1, b: Uint8Array.of(1, 2) })
  assert.ok(Object.isFrozen(value), 'Object.isFrozen(value)')
  assert.ok(Object.isFrozen(decode(list(u8, 0, 2), encode(list(u8, 0, 2), [1]))), 'the list is frozen')
  assert.equal(value.b.buffer.byteLength, 2)
})

test('long messages survive the growth of the buffer', () => {
  const long = Uint8Array.from({ length: 100_000 }, (_, i) => i * 31)
  const codec = list(bytes(200_000), 0, 3)
  const [first, second] = decode(codec, encode(codec, [long, long.slice(1)]))
  assert.ok(equalBytes(first as Uint8Array, long), 'equalBytes(first as Uint8Array, long)')
  assert.ok(equalBytes(second as Uint8Array, long.slice(1)), 'equalBytes(second as Uint8Array, long.slice(1))')
})
