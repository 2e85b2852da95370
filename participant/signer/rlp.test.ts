/** RLP against ethers, and every second way to write a value, which is refused. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeRlp as ethersDecode, encodeRlp as ethersEncode, hexlify } from 'ethers'
import fc from 'fast-check'
import { DecodeError } from '../base/errors.ts'
import { decodeRlp, encodeRlp, type RlpItem, rlpNumber } from './rlp.ts'

const { item: items } = fc.letrec<{ item: RlpItem }>((tie) => ({
  item: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    fc.uint8Array({ maxLength: 80 }),
    fc.uint8Array({ minLength: 1, maxLength: 1 }),
    fc.array(tie('item'), { maxLength: 5 }),
  ),
}))

type Hex = string | Hex[]
const hex = (item: RlpItem): Hex => (item instanceof Uint8Array ? hexlify(item) : item.map(hex))

test('encodes as ethers does, and decodes what it encoded', () => {
  fc.assert(
    fc.property(items, (item) => {
      const bytes = encodeRlp(item)
      assert.equal(hexlify(bytes), ethersEncode(hex(item) as never))
      assert.deepEqual(hex(decodeRlp(bytes)), hex(item))
    }),
  )
})

test('any bytes are refused, or are the one encoding of what ethers sees too', () => {
  const edges = fc.oneof(
    fc.uint8Array({ maxLength: 70 }),
    fc.array(fc.constantFrom(0, 1, 0x7f, 0x80, 0x81, 0xb8, 0xc0, 0xc1, 0xf8, 55, 56)).map((a) => Uint8Array.from(a)),
  )
  fc.assert(
    fc.property(edges, (bytes) => {
      let item: RlpItem
      try {
        item = decodeRlp(bytes)
      } catch (e) {
        return assert.ok(e instanceof DecodeError, `${e}`)
      }
      assert.deepEqual(encodeRlp(item), bytes, 'it re-encodes to itself')
      assert.deepEqual(ethersDecode(bytes), hex(item), 'ethers decodes it to the same')
    }),
    { numRuns: 2000 },
  )
})

test('long forms, at the limit of the short one and beyond two bytes of length', () => {
  for (const length of [0, 1, 55, 56, 255, 256, 65_535, 65_536]) {
    const item = new Uint8Array(length).fill(0x80)
    for (const value of [item, [item]]) {
      const bytes = encodeRlp(value)
      assert.equal(hexlify(bytes), ethersEncode(hex(value) as never), `${length}`)
      assert.deepEqual(decodeRlp(bytes), value, `${length}`)
    }
  }
  const many = Array.from({ length: 200_000 }, () => Uint8Array.of(1))
  assert.equal((decodeRlp(encodeRlp(many)) as readonly RlpItem[]).length, many.length, 'no stack overflows')
})

const REFUSED: readonly (readonly [string, readonly number[], RegExp])[] = [
  ['nothing', [], /ends too early/],
  ['a small byte with a length', [0x81, 0x7f], /shortest form$/],
  ['55 bytes in the long form', [0xb8, 55, ...new Uint8Array(55)], /shortest form of a length/],
  ['a list of 55 bytes in the long form', [0xf8, 55, ...new Uint8Array(55)], /shortest form of a length/],
  ['a length with a leading zero', [0xb9, 0, 56, ...new Uint8Array(56)], /leading zeros/],
  ['a length of a list with a leading zero', [0xf9, 0, 56, ...new Uint8Array(56)], /leading zeros/],
  ['a string that ends too early', [0x82, 1], /ends too early/],
  ['a length that ends too early', [0xb9, 1], /ends too early/],
  ['an item that leaves its list', [0xc1, 0x82, 1, 1], /ends too early/],
  ['a list that ends too early', [0xc2, 1], /ends too early/],
  ['a length of 2^64', [0xbf, 255, 255, 255, 255, 255, 255, 255, 255], /ends too early/],
  ['trailing bytes', [0x80, 0x80], /trailing/],
  ['trailing bytes after a list', [0xc0, 0], /trailing/],
  ['lists too deep', [0xc9, 0xc8, 0xc7, 0xc6, 0xc5, 0xc4, 0xc3, 0xc2, 0xc1, 0xc0], /deep/],
]

for (const [what, bytes, expected] of REFUSED) {
  test(`refused: ${what}`, () => {
    assert.throws(
      () => decodeRlp(Uint8Array.from(bytes)),
      (e) => e instanceof DecodeError && expected.test(e.message),
    )
  })
}

test('numbers have no leading zeros', () => {
  assert.deepEqual(rlpNumber(0n), Uint8Array.of())
  assert.deepEqual(rlpNumber(15n), Uint8Array.of(15))
  assert.deepEqual(rlpNumber(256n), Uint8Array.of(1, 0))
  assert.throws(() => rlpNumber(-1n), RangeError)
})
