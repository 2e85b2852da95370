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
 * Differs from the paper: A, B1, B2 ≠ identity is part of the claim.
 */
import { type Secret, secret } from '../base/secret.ts'
import { combine, G, modQ, mul, type Point, Q, randomNonZeroScalar } from '../math/curve.ts'
import { mod } from '../math/number-theory.ts'
import { symmetric, symmetricTimes, unit } from '../math/sampling.ts'
import type { PaillierKey } from '../paillier/paillier-key.ts'
import type { RingPedersen } from '../paillier/ring-pedersen.ts'
import { int, nat, point, scalar, struct } from '../wire/codec.ts'
import { inRange, nonInteractive, type Sigma, signedChallenge } from './sigma.ts'
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

export interface Commitment {
  /** Mod N̂. */
  readonly S: bigint
  readonly T: bigint
  /** Mod N₀². */
  readonly D: bigint
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
  | 'group T'
  | 'group D'
  | 'group z2'
  | 'eq B1'
  | 'eq B2'
  | 'eq S'
  | 'eq C'

const statement = record<Statement>({
  N0: paillier,
  C: integer,
  A: anyPoint,
  B1: anyPoint,
  B2: anyPoint,
  setup: pedersen,
})

const sigma: Sigma<Statement, Witness, Commitment, Kept, bigint, Response, Check> = {
  name: 'enc-elg',
  statement: () => statement,
  commitment: ({ modulusBits }) =>
    struct<Commitment>({ S: nat(modulusBits), T: nat(modulusBits), D: nat(2 * modulusBits), Y: point, Z: point }),
  response: ({ ell, epsilon, modulusBits }) =>
    struct<Response>({
      // one bit more than the range, so that the range is for the check to refuse
      z1: int(ell + epsilon + 1),
      z2: nat(modulusBits),
      z3: int(ell + epsilon + modulusBits),
      w: scalar,
    }),
  challenge: (_level, _x, stream) => signedChallenge(stream, Q),
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
    z1: kept.alpha.expose() + e * w.x.expose(),
    z2: mod(kept.r.expose() * N0.powModN(w.rho.expose(), e), N0.N),
    z3: kept.gamma.expose() + e * kept.mu.expose(),
    w: modQ(kept.beta.expose() + e * w.b.expose()),
  }),
  check({ ell, epsilon }, { N0, C, A, B1, B2, setup }, { S, T, D, Y, Z }, e, { z1, z2, z3, w }) {
    if (!inRange(z1, ell + epsilon)) return 'range z1'
    if (A.is0()) return 'group A'
    if (B1.is0()) return 'group B1'
    if (B2.is0()) return 'group B2'
    if (!N0.isCiphertext(C)) return 'group C'
    if (!setup.isUnit(setup.s) || !setup.isUnit(setup.t)) return 'group s, t'
    if (!setup.isUnit(S)) return 'group S'
    if (!setup.isUnit(T)) return 'group T'
    if (!N0.isCiphertext(D)) return 'group D'
    if (!N0.isUnit(z2)) return 'group z2'
    // w·G = Z + e·B1
    if (!combine([[w, G]]).equals(Z.add(combine([[e, B1]])))) return 'eq B1'
    // w·A + z1·G = Y + e·B2
    if (
      !combine([
        [w, A],
        [z1, G],
      ]).equals(Y.add(combine([[e, B2]])))
    )
      return 'eq B2'
    // s^z1·t^z3 = T·S^e
    if (setup.commit(z1, z3) !== setup.mul(T, setup.pow(S, e))) return 'eq S'
    // enc₀(z1; z2) = D ⊕ e ⊙ C
    if (N0.encrypt(z1, z2) !== N0.add(D, N0.pow(C, e))) return 'eq C'
    return undefined
  },
}

export const encElg = nonInteractive(sigma)
