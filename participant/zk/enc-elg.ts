/**
 * Π^enc-elg: a small Paillier plaintext, the same value in an ElGamal commitment. CGGMP24, Fig. 24.
 *
 * I know x ∈ ±2^ℓ, ρ, b with
 *   C = enc₀(x; ρ),   B1 = b·G,   B2 = b·A + x·G.
 *
 * A verified proof gives x ∈ ±2^(ℓ+ε).
 *
 * Letters: A is the prover's ElGamal key (Y_i in Fig. 8), B1 and B2 the two halves of a ciphertext under it (B and X
 * in Fig. 24). S commits to x under the verifier's parameters; T, D, (Z, Y) do to the mask α what S, C, (B1, B2) do
 * to x.
 *
 * Differs from the paper: A, B1, B2 ≠ identity is part of the claim; T, Y, Z don't travel (compact.ts).
 */
import { type Secret, secret } from '../base/secret.ts'
import { combine, G, modQ, mul, type Point, randomNonZeroScalar } from '../math/curve.ts'
import { mod } from '../math/number-theory.ts'
import { symmetric, symmetricTimes, unit } from '../math/sampling.ts'
import type { PaillierKey } from '../paillier/paillier-key.ts'
import type { RingPedersen } from '../paillier/ring-pedersen.ts'
import { int, nat, scalar, struct } from '../wire/codec.ts'
import { holds, type PairSigma, pair } from './pair.ts'
import { inRange } from './sigma.ts'
import { anyPoint, integer, paillier, pedersen, record } from './statement.ts'

export interface Statement {
  /** The prover's. */
  readonly N0: PaillierKey
  readonly C: bigint
  readonly A: Point
  readonly B1: Point
  readonly B2: Point
  /** The verifier's (N̂, s, t). */
  readonly setup: RingPedersen
}

export interface Witness {
  /** ±2^ℓ. */
  readonly x: Secret<bigint>
  /** Unit mod N₀. */
  readonly rho: Secret<bigint>
  /** Scalar. */
  readonly b: Secret<bigint>
}

/** What travels of the first message. */
export interface Sent {
  /** Mod N̂. */
  readonly S: bigint
  /** Mod N₀². */
  readonly D: bigint
}

export interface Commitment extends Sent {
  /** Mod N̂. */
  readonly T: bigint
  readonly Y: Point
  readonly Z: Point
}

export interface Response {
  readonly z1: bigint
  /** Mod N₀. */
  readonly z2: bigint
  readonly z3: bigint
  /** Scalar. */
  readonly w: bigint
}

type Kept = { readonly [K in 'alpha' | 'mu' | 'r' | 'beta' | 'gamma']: Secret<bigint> }

export type Check =
  | 'range z1'
  | 'group A'
  | 'group B1'
  | 'group B2'
  | 'group C'
  | 'group s, t'
  | 'group S'
  | 'group D'
  | 'group z2'
  | 'eq C'

const statement = record<Statement>({
  N0: paillier,
  C: integer,
  A: anyPoint,
  B1: anyPoint,
  B2: anyPoint,
  setup: pedersen,
})

const commitment = record<Commitment>({ S: integer, T: integer, D: integer, Y: anyPoint, Z: anyPoint })

const sigma: PairSigma<Statement, Witness, Commitment, Sent, Kept, Response, Check> = {
  name: 'enc-elg',
  statement: () => statement,
  commitment: () => commitment,
  sent: ({ modulusBits }) => struct<Sent>({ S: nat(modulusBits), D: nat(2 * modulusBits) }),
  response: ({ ell, epsilon, modulusBits }) =>
    struct<Response>({
      // one bit more than the range, so that the range is for the check to refuse
      z1: int(ell + epsilon + 1),
      z2: nat(modulusBits),
      z3: int(ell + epsilon + modulusBits),
      w: scalar,
    }),
  commit({ ell, epsilon }, { N0, A, setup }, { x }, random) {
    const alpha = symmetric(random, ell + epsilon)
    const mu = symmetricTimes(random, ell, setup.NHat)
    const r = unit(random, N0.N)
    const beta = randomNonZeroScalar(random)
    const gamma = symmetricTimes(random, ell + epsilon, setup.NHat)
    return {
      commitment: {
        S: setup.commit(x.expose(), mu),
        T: setup.commit(alpha, gamma),
        D: N0.encrypt(alpha, r),
        Y: mul(A, beta).add(mul(G, alpha)),
        Z: mul(G, beta),
      },
      kept: { alpha: secret(alpha), mu: secret(mu), r: secret(r), beta: secret(beta), gamma: secret(gamma) },
    }
  },
  respond: (_level, { N0 }, w, kept, e) => ({
    z1: kept.alpha.expose() - e * w.x.expose(),
    z2: mod(kept.r.expose() * N0.powModN(w.rho.expose(), -e), N0.N),
    z3: kept.gamma.expose() - e * kept.mu.expose(),
    w: modQ(kept.beta.expose() - e * w.b.expose()),
  }),
  part: ({ S, D }) => ({ S, D }),
  admit({ ell, epsilon }, { N0, C, A, B1, B2, setup }, { S, D }, { z1, z2 }) {
    if (!inRange(z1, ell + epsilon)) return 'range z1'
    if (A.is0()) return 'group A'
    if (B1.is0()) return 'group B1'
    if (B2.is0()) return 'group B2'
    if (!N0.isCiphertext(C)) return 'group C'
    if (!setup.isUnit(setup.s) || !setup.isUnit(setup.t)) return 'group s, t'
    if (!setup.isUnit(S)) return 'group S'
    if (!N0.isCiphertext(D)) return 'group D'
    if (!N0.isUnit(z2)) return 'group z2'
    return undefined
  },
  complete: (_level, { A, B1, B2, setup }, { S, D }, e, { z1, z3, w }) => ({
    S,
    // T = s^z1·t^z3·S^e: a unit, as s, t and S are
    T: setup.mul(setup.commit(z1, z3), setup.pow(S, e)),
    D,
    // Y = w·A + z1·G + e·B2
    Y: combine([
      [w, A],
      [z1, G],
      [e, B2],
    ]),
    // Z = w·G + e·B1
    Z: combine([
      [w, G],
      [e, B1],
    ]),
  }),
  // enc₀(z1; z2) ⊕ e ⊙ C = D
  equation: (_level, { N0, C }, { D }, e, { z1, z2 }) => ({ key: N0, z: z1, rho: z2, e, C, D }),
  check(level, x, sent, e, response) {
    if (!holds(sigma.equation(level, x, sent, e, response))) return 'eq C'
    return undefined
  },
}

export const encElg = pair(sigma)
