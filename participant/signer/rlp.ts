/**
 * Ethereum's RLP, strictly: each value has one encoding, and nothing else is taken. Refused are a single byte below 0x80
 * with a length before it, a length of 56 and more in the short form and less in the long one, a length with a leading
 * zero, what ends too early, and trailing bytes. What decodes re-encodes to the same bytes.
 *
 * Lists are flat in memory and bounded in depth, since the bytes come from outside.
 */
import { bytesToBigint, concatBytes, joinBytes } from '../base/bytes.ts'
import { DecodeError } from '../base/errors.ts'

export type RlpItem = Uint8Array | readonly RlpItem[]

/** An access list is three lists deep inside its transaction; nothing here needs more. */
const DEPTH_LIMIT = 8

/** Throws DecodeError unless the bytes are exactly one item. */
export function decodeRlp(bytes: Uint8Array): RlpItem {
  const { item, end } = itemAt(bytes, 0, bytes.length, 0)
  if (end !== bytes.length) throw new DecodeError('rlp: expected no trailing bytes')
  return item
}

export function encodeRlp(item: RlpItem): Uint8Array {
  if (item instanceof Uint8Array) {
    const [first = 0x80] = item
    if (item.length === 1 && first < 0x80) return item.slice()
    return concatBytes(header(0x80, item.length), item)
  }
  const content = joinBytes(item.map(encodeRlp))
  return concatBytes(header(0xc0, content.length), content)
}

/** Big-endian without leading zeros; 0 is the empty string. */
export function rlpNumber(value: bigint): Uint8Array {
  if (value < 0n) throw new RangeError('expected an unsigned integer')
  const hex = value === 0n ? '' : value.toString(16)
  const digits = hex.length % 2 === 0 ? hex : `0${hex}`
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
}

function header(base: 0x80 | 0xc0, length: number): Uint8Array {
  if (length < 56) return Uint8Array.of(base + length)
  const bytes = rlpNumber(BigInt(length))
  return Uint8Array.of(base + 55 + bytes.length, ...bytes)
}

/** The item that begins at `at` and ends before `limit`. */
function itemAt(bytes: Uint8Array, at: number, limit: number, depth: number): { item: RlpItem; end: number } {
  if (depth > DEPTH_LIMIT) throw new DecodeError(`rlp: expected lists at most ${DEPTH_LIMIT} deep`)
  const first = at < limit ? (bytes[at] as number) : undefined
  if (first === undefined) throw new DecodeError('rlp: ends too early')
  if (first < 0x80) return { item: bytes.slice(at, at + 1), end: at + 1 }
  const isList = first >= 0xc0
  const { start, end } = span(bytes, at, limit, first - (isList ? 0xc0 : 0x80))
  if (!isList) {
    const item = bytes.slice(start, end)
    if (item.length === 1 && (item[0] as number) < 0x80) throw new DecodeError('rlp: expected the shortest form')
    return { item, end }
  }
  const items: RlpItem[] = []
  for (let next = start; next < end; ) {
    const inner = itemAt(bytes, next, end, depth + 1)
    items.push(inner.item)
    next = inner.end
  }
  return { item: items, end }
}

/** Where the content of an item is: `form` below 56 is its length, above that the length of its length. */
function span(bytes: Uint8Array, at: number, limit: number, form: number): { start: number; end: number } {
  const lengthBytes = form < 56 ? 0 : form - 55
  const start = at + 1 + lengthBytes
  if (start > limit) throw new DecodeError('rlp: ends too early')
  let length = form
  if (lengthBytes > 0) {
    if (bytes[at + 1] === 0) throw new DecodeError('rlp: expected a length without leading zeros')
    // at most 8 bytes: above 2^53 it is inexact, and far beyond the limit in any case
    length = Number(bytesToBigint(bytes.slice(at + 1, start)))
    if (length < 56) throw new DecodeError('rlp: expected the shortest form of a length')
  }
  if (length > limit - start) throw new DecodeError('rlp: ends too early')
  return { start, end: start + length }
}
