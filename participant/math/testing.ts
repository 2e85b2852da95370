/** For tests: randomness that repeats. Never for a real secret. */
import { sha256 } from '@noble/hashes/sha2.js'
import { concatBytes, utf8ToBytes } from '../base/bytes.ts'
import type { Random } from '../base/random.ts'

/** The same bytes for the same seed: SHA-256 of the seed and a counter, block after block. */
export function seededRandom(seed: string): Random {
  const prefix = utf8ToBytes(`wallet-mpc test randomness ${seed.length} ${seed} `)
  let counter = 0
  let left = new Uint8Array(0)
  return {
    bytes(length) {
      while (left.length < length) {
        left = concatBytes(left, sha256(concatBytes(prefix, utf8ToBytes(String(counter)))))
        counter += 1
      }
      const out = left.slice(0, length)
      left = left.slice(length)
      return out
    },
  }
}
