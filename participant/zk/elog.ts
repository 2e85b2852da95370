/**
 * Π^elog: an ElGamal commitment and a power of another base hold the same value. CGGMP24, Fig. 23.
 *
 * I know λ, y with
 *   L = λ·G,   M = y·G + λ·X,   Y = y·h.
 *
 * Letters: X is the prover's ElGamal key, (L, M) an ElGamal ciphertext of y·G under it, h the other base. A, N, B do
 * to the masks α, m what L, M, Y do to λ, y.
 *
 * Differs from the paper: none of L, M, X, Y, h is the identity; this is part of the claim. The first message doesn't
 * travel (compact.ts).
 */
import { type Secret, secret } from '../base/secret.ts'
import { combine, G, modQ, mul, type Point, randomNonZeroScalar } from '../math/curve.ts'
import { scalar, struct } from '../wire/codec.ts'
import { type CompactSigma, compact } from './compact.ts'
import { anyPoint, record } from './statement.ts'

export interface Statement {
  readonly L: Point
  readonly M: Point
  readonly X: Point
  readonly Y: Point
  readonly h: Point
}

export interface Witness {
  readonly y: Secret<bigint>
  readonly lambda: Secret<bigint>
}

/** Nothing of the first message travels. */
export type Sent = Readonly<Record<never, never>>

export interface Commitment {
  readonly A: Point
  readonly N: Point
  readonly B: Point
}

export interface Response {
  readonly z: bigint
  readonly u: bigint
}

type Kept = { readonly alpha: Secret<bigint>; readonly m: Secret<bigint> }

export type Check = 'group L' | 'group M' | 'group X' | 'group Y' | 'group h'

const statement = record<Statement>({ L: anyPoint, M: anyPoint, X: anyPoint, Y: anyPoint, h: anyPoint })
const commitment = record<Commitment>({ A: anyPoint, N: anyPoint, B: anyPoint })
const sent = struct<Sent>({})
const response = struct<Response>({ z: scalar, u: scalar })

const sigma: CompactSigma<Statement, Witness, Commitment, Sent, Kept, Response, Check> = {
  name: 'elog',
  statement: () => statement,
  commitment: () => commitment,
  sent: () => sent,
  response: () => response,
  commit(_level, { X, h }, _w, random) {
    const alpha = randomNonZeroScalar(random)
    const m = randomNonZeroScalar(random)
    return {
      commitment: { A: mul(G, alpha), N: mul(G, m).add(mul(X, alpha)), B: mul(h, m) },
      kept: { alpha: secret(alpha), m: secret(m) },
    }
  },
  respond: (_level, _x, w, kept, e) => ({
    z: modQ(kept.alpha.expose() - e * w.lambda.expose()),
    u: modQ(kept.m.expose() - e * w.y.expose()),
  }),
  part: () => ({}),
  admit(_level, { L, M, X, Y, h }) {
    if (L.is0()) return 'group L'
    if (M.is0()) return 'group M'
    if (X.is0()) return 'group X'
    if (Y.is0()) return 'group Y'
    if (h.is0()) return 'group h'
    return undefined
  },
  complete: (_level, { L, M, X, Y, h }, _sent, e, { z, u }) => ({
    // A = z·G + e·L
    A: combine([
      [z, G],
      [e, L],
    ]),
    // N = u·G + z·X + e·M
    N: combine([
      [u, G],
      [z, X],
      [e, M],
    ]),
    // B = u·h + e·Y
    B: combine([
      [u, h],
      [e, Y],
    ]),
  }),
  check: () => undefined,
}

export const elog = compact(sigma)
