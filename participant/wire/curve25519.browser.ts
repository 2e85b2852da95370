/** Stands in for curve25519.node.ts where there is no node:crypto: noble computes then. */
import type { Curve25519 } from './curve25519.ts'

export const nativeCurve25519: Curve25519 | undefined = undefined
