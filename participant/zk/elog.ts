/**
 * Π^elog: an ElGamal commitment and a power of another base hold the same value. CGGMP24, Fig. 23.
 *
 * I know λ, y with
 *   L = λ·G,   M = y·G + λ·X,   Y = y·h.
 *
 * Letters: X is the prover's ElGamal key, (L, M) an ElGamal ciphertext of y·G under it, h the other base. A, N, B do
 * to the masks α, m what L, M, Y do to λ, y.
 *
 * Differs from the paper: none of L, M, X, Y, h is the identity; this is part of the claim.
 */
import { type Secret, secret } from '../base/secret.ts'
import { combine, G, modQ, mul, type Point, Q, randomNonZeroScalar } from '../math/curve.ts'
import { point, scalar, struct } from '../wire/codec.ts'
import { nonInteractive, type Sigma } from './sigma.ts'
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

export type Check = 'group L' | 'group M' | 'group X' | 'group Y' | 'group h' | 'eq L' | 'eq M' | 'eq Y'

const statement = record<Statement>({ L: anyPoint, M: anyPoint, X: anyPoint, Y: anyPoint, h: anyPoint })
const commitment = struct<Commitment>({ A: point, N: point, B: point })
const response = struct<Response>({ z: scalar, u: scalar })

const sigma: Sigma<Statement, Witness, Commitment, Kept, bigint, Response, Check> = {
  name: 'elog',
  statement: () => statement,
  commitment: () => commitment,
  response: () => response,
  challenge: (_level, _x, stream) => stream.below(Q),
  commit(_level, { X, h }, _w, random) {
    const alpha = randomNonZeroScalar(random)
    const m = randomNonZeroScalar(random)
    return {
      commitment: { A: mul(G, alpha), N: mul(G, m).add(mul(X, alpha)), B: mul(h, m) },
      kept: { alpha: secret(alpha), m: secret(m) },
    }
  },
  respond: (_level, _x, w, kept, e) => ({
    z: modQ(kept.alpha.expose() + e * w.lambda.expose()),
    u: modQ(kept.m.expose() + e * w.y.expose()),
  }),
  check(_level, { L, M, X, Y, h }, { A, N, B }, e, { z, u }) {
    if (L.is0()) return 'group L'
    if (M.is0()) return 'group M'
    if (X.is0()) return 'group X'
    if (Y.is0()) return 'group Y'
    if (h.is0()) return 'group h'
    // z·G = A + e·L
    if (!combine([[z, G]]).equals(A.add(combine([[e, L]])))) return 'eq L'
    // u·G + z·X = N + e·M
    if (
      !combine([
        [u, G],
        [z, X],
      ]).equals(N.add(combine([[e, M]])))
    )
      return 'eq M'
    // u·h = B + e·Y
    if (!combine([[u, h]]).equals(B.add(combine([[e, Y]])))) return 'eq Y'
    return undefined
  },
}

export const elog = nonInteractive(sigma)
