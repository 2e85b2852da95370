/** Stands in for engine.node.ts where there is no OpenSSL: exponentiation and primes are then BigInt's. */
import type { NativePrimes } from './engine.node.ts'
import type { Engine } from './engine.ts'

export type { NativePrimes }

export const nativeEngine: Engine | undefined = undefined
export const nativePrimes: NativePrimes | undefined = undefined
