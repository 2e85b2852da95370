/**
 * Where randomness comes from. It is always a parameter, so that tests can record it or repeat it; production
 * code passes `systemRandom`, which is the platform's cryptographic generator.
 */
import { chacha20 } from '@noble/ciphers/chacha.js'

export interface Random {
  /** `length` fresh uniform bytes. */
  bytes(length: number): Uint8Array
}

export const systemRandom: Random = {
  bytes(length) {
    const out = new Uint8Array(length)
    // getRandomValues fills at most 65 536 bytes a call
    for (let i = 0; i < length; i += 65_536) crypto.getRandomValues(out.subarray(i, Math.min(length, i + 65_536)))
    return out
  },
}

export const SEED_BYTES = 32

const NONCE = new Uint8Array(12)
const CHACHA_BLOCK_BYTES = 64
const CHUNK_BYTES = 16 * CHACHA_BLOCK_BYTES

/**
 * As many bytes as are asked for out of a seed of 32, the same ones for the same seed wherever it is expanded: the
 * keystream of ChaCha20 (RFC 8439) with the seed as key, nonce 0, from block 0. A seed is for one purpose, once. What
 * was given out is overwritten here, and the seed is copied, so that the caller can overwrite its own. RangeError for
 * another length, and after 256 GB.
 */
export function expandSeed(seed: Uint8Array): Random {
  if (seed.length !== SEED_BYTES) throw new RangeError(`expected a seed of ${SEED_BYTES} bytes`)
  const key = seed.slice()
  const chunk = new Uint8Array(CHUNK_BYTES)
  let at = CHUNK_BYTES
  let counter = 0
  return {
    bytes(length) {
      const out = new Uint8Array(length)
      for (let filled = 0; filled < length; ) {
        if (at === CHUNK_BYTES) {
          // all zeros by now, so that this gives the keystream itself
          chacha20(key, NONCE, chunk, chunk, counter)
          counter += CHUNK_BYTES / CHACHA_BLOCK_BYTES
          at = 0
        }
        const take = Math.min(length - filled, CHUNK_BYTES - at)
        out.set(chunk.subarray(at, at + take), filled)
        chunk.fill(0, at, at + take)
        at += take
        filled += take
      }
      return out
    },
  }
}
