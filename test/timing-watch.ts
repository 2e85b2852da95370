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

  const { prepare } = bigintEngine
  bigintEngine.prepare = (m) => {
    const { pow } = prepare(m)
    return {
      pow(base, exponent) {
        if (exponent >> BigInt(SHORT_BITS) !== 0n) w.bigint.add(exponent)
        return pow(base, exponent)
      },
    }
  }
  undo.push(() => void Object.assign(bigintEngine, { prepare }))

  const { multiply, multiplyUnsafe } = Point.prototype
  Point.prototype.multiply = function (this: Point, k: bigint) {
    w.constantTimePoints.add(modQ(k))
    return multiply.call(this, k)
  }
  Point.prototype.multiplyUnsafe = function (this: Point, k: bigint) {
    w.variableTimePoints.add(modQ(k))
    return multiplyUnsafe.call(this, k)
  }
  undo.push(() => void Object.assign(Point.prototype, { multiply, multiplyUnsafe }))
  return {
    ...w,
    stop() {
      for (const back of undo) back()
    },
  }
}
