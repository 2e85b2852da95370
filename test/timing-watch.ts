/**
 * Sees every exponentiation and every point multiplication of a run where it ends up: in OpenSSL, in BigInt, in noble's
 * constant-time multiplication or in its variable-time one. For tests in Node; nothing in the library knows of it.
 */
import './timing-unfrozen.ts'
import { DiffieHellman } from 'node:crypto'
import { modQ, Point } from '../participant/math/curve.ts'
import { bigintEngine } from '../participant/math/engine.ts'

export interface Watched {
  /** Exponents that OpenSSL was given. */
  readonly openssl: Set<bigint>
  /** Exponents that BigInt raised something to, those of 16 bits and less left out. */
  readonly bigint: Set<bigint>
  readonly constantTimePoints: Set<bigint>
  readonly variableTimePoints: Set<bigint>
  /** Keys made after `watchArithmetic` and before this are watched. */
  stop(): void
}

/** The engine leaves shorter exponents to BigInt; no secret is that short but with a chance of 2^-240. */
export const SHORT_BITS = 16

export function watchArithmetic(): Watched {
  const w = {
    openssl: new Set<bigint>(),
    bigint: new Set<bigint>(),
    constantTimePoints: new Set<bigint>(),
    variableTimePoints: new Set<bigint>(),
  }
  const undo: (() => void)[] = []

  const { setPrivateKey } = DiffieHellman.prototype
  DiffieHellman.prototype.setPrivateKey = function (this: DiffieHellman, key: Uint8Array) {
    w.openssl.add(BigInt(`0x${Buffer.from(key).toString('hex')}`))
    return Reflect.apply(setPrivateKey, this, [key])
  } as typeof setPrivateKey
  undo.push(() => void Object.assign(DiffieHellman.prototype, { setPrivateKey }))

  const { prepare, prepareSquare, preparePrime } = bigintEngine
  const watched =
    (make: typeof prepare): typeof prepare =>
    (m) => {
      const { pow } = make(m)
      return {
        pow(base, exponent) {
          if (exponent >> BigInt(SHORT_BITS) !== 0n) w.bigint.add(exponent)
          return pow(base, exponent)
        },
      }
    }
  const replaced = { prepare, prepareSquare, preparePrime }
  Object.assign(bigintEngine, {
    prepare: watched(prepare),
    prepareSquare: watched(prepareSquare),
    preparePrime: watched(preparePrime),
  })
  undo.push(() => void Object.assign(bigintEngine, replaced))

  const { multiply, multiplyUnsafe, mulAddUnsafe } = Point.prototype
  Point.prototype.multiply = function (this: Point, k: bigint) {
    w.constantTimePoints.add(modQ(k))
    return multiply.call(this, k)
  }
  Point.prototype.multiplyUnsafe = function (this: Point, k: bigint) {
    w.variableTimePoints.add(modQ(k))
    return multiplyUnsafe.call(this, k)
  }
  Point.prototype.mulAddUnsafe = function (this: Point, k: bigint, P: Point, l: bigint) {
    for (const scalar of [k, l]) w.variableTimePoints.add(modQ(scalar))
    return mulAddUnsafe.call(this, k, P, l)
  }
  undo.push(() => void Object.assign(Point.prototype, { multiply, multiplyUnsafe, mulAddUnsafe }))
  return {
    ...w,
    stop() {
      for (const back of undo) back()
    },
  }
}
