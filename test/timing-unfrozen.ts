/**
 * Import this before anything else: noble freezes the prototype of its points when it loads, and a test that watches
 * which multiplication is used has to stand in it.
 */
const { freeze } = Object
Object.freeze = <T>(value: T): T => value
await import('@noble/curves/secp256k1.js')
Object.freeze = freeze

export {}
