/** Choices that follow from a seed, and the changes that are made to valid inputs with them. */
import { sha256 } from '@noble/hashes/sha2.js'
import { utf8ToBytes } from '../../participant/base/bytes.ts'
import type { Random } from '../../participant/base/random.ts'
import type { Target } from './target.ts'

export interface Dice {
  /** 0 … n − 1. */
  below(n: number): number
  bytes(n: number): Uint8Array
  pick<T>(items: readonly T[]): T
}

/** Bytes are SHA-256(seed, counter): the same for the same seed on every machine. */
export function dice(seed: string): Dice {
  const name = sha256(utf8ToBytes(seed))
  let counter = 0
  let block = new Uint8Array(0)
  const byte = (): number => {
    if (block.length === 0) block = sha256(Uint8Array.of(...name, ...new Uint8Array(Uint32Array.of(counter++).buffer)))
    const [first = 0] = block
    block = block.subarray(1)
    return first
  }
  const self: Dice = {
    below: (n) => (((byte() << 24) | (byte() << 16) | (byte() << 8) | byte()) >>> 0) % Math.max(1, n),
    bytes: (n) => Uint8Array.from({ length: n }, byte),
    pick: (items) => items[self.below(items.length)] as (typeof items)[number],
  }
  return self
}

/** For valid inputs that are the same every time. */
export function diceRandom(seed: string): Random {
  const d = dice(seed)
  return { bytes: (n) => d.bytes(n) }
}

type Change = (raw: Uint8Array, d: Dice, other: Uint8Array) => Uint8Array

const join = (...parts: readonly Uint8Array[]): Uint8Array => Uint8Array.from(parts.flatMap((p) => [...p]))

/** The input with `b` written over it at `at`. */
function over(raw: Uint8Array, at: number, b: Uint8Array): Uint8Array {
  const out = raw.slice()
  out.set(b.subarray(0, Math.max(0, out.length - at)), Math.min(at, out.length))
  return out
}

const LENGTHS = [0, 1, 2, 31, 32, 33, 255, 256, 65_535, 65_536, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 2, 2 ** 32 - 1]

const CHANGES: readonly Change[] = [
  // a bit or a few
  (raw, d) => {
    const out = raw.slice()
    for (let i = d.below(8); i >= 0; i--) {
      const at = d.below(out.length)
      if (at < out.length) out[at] = (out[at] as number) ^ (1 << d.below(8))
    }
    return out
  },
  // a byte that means something
  (raw, d) => over(raw, d.below(raw.length), Uint8Array.of(d.pick([0, 1, 2, 3, 4, 10, 13, 32, 34, 47, 127, 128, 255]))),
  // cut
  (raw, d) => raw.slice(0, d.below(raw.length)),
  (raw) => raw.slice(0, -1),
  (raw, d) => raw.slice(d.below(raw.length)),
  // longer
  (raw, d) => join(raw, d.bytes(1 + d.below(40))),
  (raw) => join(raw, Uint8Array.of(0)),
  // a piece out, a piece twice
  (raw, d) => {
    const [at, n] = [d.below(raw.length), 1 + d.below(64)]
    return join(raw.subarray(0, at), raw.subarray(at + n))
  },
  (raw, d) => {
    const [at, n] = [d.below(raw.length), 1 + d.below(64)]
    return join(raw.subarray(0, at + n), raw.subarray(at))
  },
  // the beginning of one with the end of another
  (raw, d, other) => join(raw.subarray(0, d.below(raw.length)), other.subarray(d.below(other.length))),
  (raw, d, other) => {
    const at = d.below(Math.min(raw.length, other.length))
    return join(raw.subarray(0, at), other.subarray(at))
  },
  // a length or a count
  (raw, d) => {
    const value = d.pick([...LENGTHS, raw.length, raw.length - 4, raw.length + 1])
    const field = Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value)
    // most of them are near the beginning
    return over(raw, d.below(2) === 0 ? d.below(raw.length) : d.below(Math.min(raw.length, 160)), field)
  },
  (raw, d) => {
    const at = d.below(raw.length)
    return over(raw, at, Uint8Array.of(((raw[at] ?? 0) + d.pick([1, 255])) & 255))
  },
  // zeros and ones
  (raw, d) => over(raw, d.below(raw.length), new Uint8Array(1 + d.below(64)).fill(d.pick([0, 255]))),
]

/** The index-th case of a target: it follows from seed, name and index alone. */
export function caseOf(target: Target, seeds: readonly Uint8Array[], seed: string, index: number): Uint8Array {
  const d = dice(`${seed} ${target.name} ${index}`)
  // the valid ones first: if they are refused, nothing that follows means anything
  const valid = seeds[index]
  if (valid !== undefined) return valid
  if (d.below(16) === 0) return d.bytes(d.below(d.pick([4, 40, 400])))
  let raw = d.pick(seeds)
  for (let i = d.pick([1, 1, 1, 2, 3]); i > 0; i--) {
    const useForm = target.change !== undefined && d.below(2) === 0
    raw = useForm ? (target.change?.(raw, d) ?? raw) : d.pick(CHANGES)(raw, d, d.pick(seeds))
  }
  return raw
}
