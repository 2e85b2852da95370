/**
 * Π^sch: knowledge of a discrete logarithm. CGGMP24, Fig. 22 (Schnorr).
 *
 * I know x with X = x·G.
 *
 * Differs from the paper: X ≠ identity is part of the claim.
 */
import type { Secret } from '../base/secret.ts'
import { secret } from '../base/secret.ts'
import { combine, G, modQ, mul, type Point, Q, randomNonZeroScalar } from '../math/curve.ts'
import { point, scalar, struct } from '../wire/codec.ts'
import { nonInteractive, type Sigma } from './sigma.ts'
import { anyPoint, record } from './statement.ts'

export interface Statement {
  readonly X: Point
}

export interface Witness {
  readonly x: Secret<bigint>
}

export interface Commitment {
  readonly A: Point
}

export interface Response {
  readonly z: bigint
}

type Kept = { readonly alpha: Secret<bigint> }

export type Check = 'group X' | 'eq X'

const commitment = struct<Commitment>({ A: point })
const response = struct<Response>({ z: scalar })
const statement = record<Statement>({ X: anyPoint })

const sigma: Sigma<Statement, Witness, Commitment, Kept, bigint, Response, Check> = {
  name: 'sch',
  statement: () => statement,
  commitment: () => commitment,
  response: () => response,
  challenge: (_level, _x, stream) => stream.below(Q),
  commit(_level, _x, _w, random) {
    const alpha = randomNonZeroScalar(random)
    return { commitment: { A: mul(G, alpha) }, kept: { alpha: secret(alpha) } }
  },
  respond: (_level, _x, w, kept, e) => ({ z: modQ(kept.alpha.expose() + e * w.x.expose()) }),
  check(_level, { X }, { A }, e, { z }) {
    if (X.is0()) return 'group X'
    // z·G = A + e·X
    if (!combine([[z, G]]).equals(A.add(combine([[e, X]])))) return 'eq X'
    return undefined
  },
}

export const sch = nonInteractive(sigma)
