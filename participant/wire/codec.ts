/**
 * The canonical binary encoding: one byte string per value, on the wire, in every hash and in evidence.
 *
 *   u8, u16, u32     big-endian
 *   point            33 bytes, compressed; the identity and points off the curve are refused
 *   scalar           32 bytes big-endian, below q
 *   nat(bits)        ⌈bits/8⌉ bytes big-endian; whether it is a unit or in range is for the proof to check
 *   int(bits)        a sign byte (0 or 1), then ⌈(bits+1)/8⌉ bytes; negative zero is refused
 *   bytes, text      u32 length, then the bytes; text is well-formed UTF-8
 *   list             u32 count, then the items
 *
 * Decoding is total: it gives the value or throws DecodeError, and the bytes that it accepts re-encode to
 * themselves. Decoded byte strings own their memory.
 */

import { bigintToBytes, bytesToBigint, fromUtf8, utf8ToBytes } from '../base/bytes.ts'
import { DecodeError } from '../base/errors.ts'
import { Point, Q } from '../math/curve.ts'

export class Writer {
  #buffer = new Uint8Array(256)
  #length = 0

  raw(bytes: Uint8Array): void {
    const end = this.#length + bytes.length
    if (end > this.#buffer.length) {
      const grown = new Uint8Array(Math.max(end, 2 * this.#buffer.length))
      grown.set(this.#buffer.subarray(0, this.#length))
      this.#buffer.fill(0)
      this.#buffer = grown
    }
    this.#buffer.set(bytes, this.#length)
    this.#length = end
  }

  finish(): Uint8Array {
    return this.#buffer.slice(0, this.#length)
  }
}

export class Reader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** The next `n` bytes, copied. */
  raw(n: number): Uint8Array {
    if (n > this.remaining) throw new DecodeError('message ends too early')
    const out = new Uint8Array(n)
    out.set(this.#bytes.subarray(this.#at, this.#at + n))
    this.#at += n
    return out
  }

  get remaining(): number {
    return this.#bytes.length - this.#at
  }
}

export interface Codec<T> {
  write(w: Writer, value: T): void
  /** Throws DecodeError. */
  read(r: Reader): T
}

export function encode<T>(codec: Codec<T>, value: T): Uint8Array {
  const w = new Writer()
  codec.write(w, value)
  return w.finish()
}

/** Throws DecodeError, also when bytes are left over. */
export function decode<T>(codec: Codec<T>, bytes: Uint8Array): T {
  const r = new Reader(bytes)
  const value = codec.read(r)
  if (r.remaining !== 0) throw new DecodeError('message has trailing bytes')
  return value
}

function unsigned(length: 1 | 2 | 4): Codec<number> {
  const limit = 2 ** (8 * length)
  return {
    write(w, value) {
      if (!Number.isInteger(value) || value < 0 || value >= limit)
        throw new RangeError(`expected an unsigned ${8 * length}-bit integer`)
      const out = new Uint8Array(length)
      for (let i = length - 1, v = value; i >= 0; i--, v = Math.floor(v / 256)) out[i] = v % 256
      w.raw(out)
    },
    read: (r) => r.raw(length).reduce((a, b) => a * 256 + b, 0),
  }
}

export const u8 = unsigned(1)
export const u16 = unsigned(2)
export const u32 = unsigned(4)

/** Exactly `length` bytes. */
export function fixed(length: number): Codec<Uint8Array> {
  return {
    write(w, value) {
      if (value.length !== length) throw new RangeError(`expected ${length} bytes`)
      w.raw(value)
    },
    read: (r) => r.raw(length),
  }
}

/** At most `limit` bytes. */
export function bytes(limit: number): Codec<Uint8Array> {
  return {
    write(w, value) {
      if (value.length > limit) throw new RangeError(`expected at most ${limit} bytes`)
      u32.write(w, value.length)
      w.raw(value)
    },
    read(r) {
      const length = u32.read(r)
      if (length > limit) throw new DecodeError(`expected at most ${limit} bytes`)
      return r.raw(length)
    },
  }
}

/** UTF-8 of at most `limit` bytes. */
export function text(limit: number): Codec<string> {
  const inner = bytes(limit)
  return {
    write: (w, value) => {
      // a lone surrogate has no UTF-8 form: it would come back as another string
      if (!isWellFormed(value)) throw new RangeError('expected well-formed text')
      inner.write(w, utf8ToBytes(value))
    },
    read: (r) => fromUtf8(inner.read(r)),
  }
}

function isWellFormed(value: string): boolean {
  for (const c of value) {
    const code = c.codePointAt(0) as number
    if (code >= 0xd800 && code <= 0xdfff) return false
  }
  return true
}

export const bool: Codec<boolean> = {
  write: (w, value) => u8.write(w, value ? 1 : 0),
  read(r) {
    const v = u8.read(r)
    if (v > 1) throw new DecodeError('expected 0 or 1')
    return v === 1
  },
}

/** Unsigned integer below 2^bits rounded up to whole bytes. */
export function nat(bits: number): Codec<bigint> {
  const length = Math.ceil(bits / 8)
  return {
    write: (w, value) => w.raw(bigintToBytes(value, length)),
    read: (r) => bytesToBigint(r.raw(length)),
  }
}

/** Signed integer; the width leaves room for 2^bits itself. Ranges are for the proof to check. */
export function int(bits: number): Codec<bigint> {
  const magnitude = nat(bits + 1)
  return {
    write(w, value) {
      bool.write(w, value < 0n)
      magnitude.write(w, value < 0n ? -value : value)
    },
    read(r) {
      const negative = bool.read(r)
      const m = magnitude.read(r)
      if (negative && m === 0n) throw new DecodeError('expected zero without a sign')
      return negative ? -m : m
    },
  }
}

export const scalar: Codec<bigint> = {
  write(w, value) {
    if (value < 0n || value >= Q) throw new RangeError('expected a scalar below the curve order')
    w.raw(bigintToBytes(value, 32))
  },
  read(r) {
    const v = bytesToBigint(r.raw(32))
    if (v >= Q) throw new DecodeError('expected a scalar below the curve order')
    return v
  },
}

export const point: Codec<Point> = {
  write: (w, value) => w.raw(value.toBytes(true)),
  read(r) {
    const raw = r.raw(33)
    try {
      return Point.fromBytes(raw)
    } catch {
      throw new DecodeError('expected a compressed point on the curve')
    }
  },
}

/** Between `min` and `max` items. */
export function list<T>(item: Codec<T>, min: number, max: number): Codec<readonly T[]> {
  return {
    write(w, value) {
      if (value.length < min || value.length > max) throw new RangeError(`expected ${min} to ${max} items`)
      u32.write(w, value.length)
      for (const v of value) item.write(w, v)
    },
    read(r) {
      const n = u32.read(r)
      if (n < min || n > max) throw new DecodeError(`expected ${min} to ${max} items`)
      const out: T[] = []
      for (let i = 0; i < n; i++) out.push(item.read(r))
      return Object.freeze(out)
    },
  }
}

/** Fields in the order in which they are declared. */
export function struct<T extends object>(fields: { readonly [K in keyof T]: Codec<T[K]> }): Codec<Readonly<T>> {
  const keys = Object.keys(fields) as (keyof T)[]
  return {
    write(w, value) {
      for (const k of keys) fields[k].write(w, value[k])
    },
    read(r) {
      const out: Partial<T> = {}
      for (const k of keys) out[k] = fields[k].read(r)
      return Object.freeze(out) as Readonly<T>
    },
  }
}

/** Encodes something else than it is: `to` may throw DecodeError. */
export function mapped<T, U>(inner: Codec<U>, from: (value: T) => U, to: (raw: U) => T): Codec<T> {
  return {
    write: (w, value) => inner.write(w, from(value)),
    read: (r) => to(inner.read(r)),
  }
}
