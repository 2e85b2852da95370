/**
 * What statements are made of, as it enters the challenge. A statement is hashed and never decoded, so these encode
 * every value, also one that no check would let pass: the identity, zero, a number of any size. `check` can then
 * name what is wrong with it. Each encoding is injective and tells where it ends.
 */
import { bigintToBytes, bitLength } from '../base/bytes.ts'
import type { Point } from '../math/curve.ts'
import type { PaillierKey } from '../paillier/paillier-key.ts'
import type { RingPedersen } from '../paillier/ring-pedersen.ts'
import { bool, point, u32 } from '../wire/codec.ts'
import type { Encoder } from './sigma.ts'

/** Every field of T, in the order in which they are declared here. */
export function record<T extends object>(fields: { readonly [K in keyof T]: Encoder<T[K]> }): Encoder<T> {
  const keys = Object.keys(fields) as (keyof T)[]
  return {
    write(w, value) {
      for (const k of keys) fields[k].write(w, value[k])
    },
  }
}

/** A sign byte, u32 length of the magnitude, the magnitude without leading zeros. */
export const integer: Encoder<bigint> = {
  write(w, value) {
    const length = Math.ceil(bitLength(value) / 8)
    bool.write(w, value < 0n)
    u32.write(w, length)
    if (length > 0) w.raw(bigintToBytes(value < 0n ? -value : value, length))
  },
}

/** 33 bytes: compressed, or zeros for the identity. */
export const anyPoint: Encoder<Point> = {
  write: (w, P) => (P.is0() ? w.raw(new Uint8Array(33)) : point.write(w, P)),
}

/** A Paillier key is its modulus, whoever holds it. */
export const paillier: Encoder<PaillierKey> = {
  write: (w, key) => integer.write(w, key.N),
}

export const pedersen: Encoder<RingPedersen> = record<Pick<RingPedersen, 'NHat' | 's' | 't'>>({
  NHat: integer,
  s: integer,
  t: integer,
})
