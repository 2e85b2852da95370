/** Decisions that follow from a seed alone. */
import { seededRandom } from '../../participant/math/testing.ts'

export interface Dice {
  /** Uniform in [0, 1). */
  fraction(): number
  chance(probability: number): boolean
  /** 0 … n − 1. */
  below(n: number): number
  pick<T>(items: readonly T[]): T | undefined
  bytes(length: number): Uint8Array
}

export function diceOf(seed: string): Dice {
  const random = seededRandom(seed)
  const fraction = (): number => random.bytes(4).reduce((a, b) => a * 256 + b, 0) / 2 ** 32
  const below = (n: number): number => Math.floor(fraction() * n)
  return {
    fraction,
    below,
    chance: (probability) => fraction() < probability,
    pick: (items) => items[below(items.length)],
    bytes: (length) => random.bytes(length),
  }
}
