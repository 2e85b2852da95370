/**
 * The one hash of the protocol: tagged, length-prefixed, injective.
 *
 * A transcript is a list of (label, bytes) pairs. Each is hashed as u32 length of the label, the label, u32 length
 * of the bytes, the bytes; the domain goes first in the same way. Two different lists give two different inputs of
 * SHA-512, whatever the bytes are (attacks: α-shuffle, hash ambiguity).
 *
 * Output is a stream: SHA-512(seed, counter), with seed the hash of all input, so that a challenge can be as long
 * as it has to be.
 */
import { sha512 } from '@noble/hashes/sha2.js'
import { bitLength, bytesToBigint, utf8ToBytes } from '../base/bytes.ts'
import { type Codec, encode, u32 } from './codec.ts'

const DOMAIN = 'wallet-mpc/1'

export class Transcript {
  readonly #hash = sha512.create()

  constructor(domain: string) {
    this.bytes(DOMAIN, utf8ToBytes(domain))
  }

  bytes(label: string, value: Uint8Array): this {
    const name = utf8ToBytes(label)
    this.#hash.update(encode(u32, name.length)).update(name).update(encode(u32, value.length)).update(value)
    return this
  }

  text(label: string, value: string): this {
    return this.bytes(label, utf8ToBytes(value))
  }

  value<T>(label: string, codec: Codec<T>, value: T): this {
    return this.bytes(label, encode(codec, value))
  }

  /** Ends the transcript: 32 bytes. */
  digest(): Uint8Array {
    return this.stream().bytes(32)
  }

  /** Ends the transcript: as many bytes as are asked for. */
  stream(): Stream {
    return new Stream(this.#hash.digest())
  }
}

export class Stream {
  readonly #seed: Uint8Array
  #counter = 0
  #block = new Uint8Array(0)

  constructor(seed: Uint8Array) {
    this.#seed = seed
  }

  bytes(length: number): Uint8Array {
    const out = new Uint8Array(length)
    for (let at = 0; at < length; ) {
      if (this.#block.length === 0) {
        this.#block = sha512
          .create()
          .update(this.#seed)
          .update(encode(u32, this.#counter++))
          .digest()
      }
      const take = Math.min(length - at, this.#block.length)
      out.set(this.#block.subarray(0, take), at)
      this.#block = this.#block.subarray(take)
      at += take
    }
    return out
  }

  /** 0 ≤ value < m, from 128 bits more than m has: at most 2^-128 from uniform. */
  below(m: bigint): bigint {
    return bytesToBigint(this.bytes(Math.ceil((bitLength(m) + 128) / 8))) % m
  }

  bit(): 0 | 1 {
    return ((this.bytes(1)[0] as number) & 1) as 0 | 1
  }
}
