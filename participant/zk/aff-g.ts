/**
 * Π^aff-g: a Paillier affine operation with small coefficients, the factor also on the curve. CGGMP24, Fig. 25.
 *
 * I know x ∈ ±2^ℓ, y ∈ ±2^ℓ', ρ, ρ_Y with
 *   D = x ⊙ C ⊕ enc₀(y; ρ),   Y = enc₁(y; ρ_Y),   X = x·G.
 *
 * A verified proof gives x ∈ ±2^(ℓ+ε), y ∈ ±2^(ℓ'+ε).
 *
 * Letters: S, T commit to x, y under the verifier's parameters; A, Bx, By, E, F do to the masks α, β what D, X, Y,
 * S, T do to x, y. In Fig. 8 y is −β, and Y is called F.
 *
 * Differs from the paper: y enters D and Y with the same sign (PAPER.md, "aff-g sign"); X ≠ identity is part of the
 * claim; A, Bx, E, F don't travel (compact.ts).
 */
import { type Secret, secret } from '../base/secret.ts'
import { combine, G, mul, type Point } from '../math/curve.ts'
import { mod } from '../math/number-theory.ts'
import { symmetric, symmetricTimes, unit } from '../math/sampling.ts'
import type { PaillierKey } from '../paillier/paillier-key.ts'
import type { RingPedersen } from '../paillier/ring-pedersen.ts'
import { int, nat, struct } from '../wire/codec.ts'
import { holds, type PairSigma, pair } from './pair.ts'
import { inRange } from './sigma.ts'
import { anyPoint, integer, paillier, pedersen, record } from './statement.ts'

export interface Statement {
  /** The verifier's: C and D live here. */
  readonly N0: PaillierKey
  /** The prover's: Y lives here. */
  readonly N1: PaillierKey
  readonly C: bigint
  readonly D: bigint
  readonly Y: bigint
  readonly X: Point
  /** The verifier's (N̂, s, t). */
  readonly setup: RingPedersen
}

export interface Witness {
  /** ±2^ℓ. */
  readonly x: Secret<bigint>
  /** ±2^ℓ'. */
  readonly y: Secret<bigint>
  /** Unit mod N₀. */
  readonly rho: Secret<bigint>
  /** Unit mod N₁. */
  readonly rhoY: Secret<bigint>
}

/** What travels of the first message. */
export interface Sent {
  /** Mod N₁². */
  readonly By: bigint
  /** Mod N̂. */
  readonly S: bigint
  readonly T: bigint
}

export interface Commitment extends Sent {
  /** Mod N₀². */
  readonly A: bigint
  readonly Bx: Point
  /** Mod N̂. */
  readonly E: bigint
  readonly F: bigint
}

export interface Response {
  readonly z1: bigint
  readonly z2: bigint
  readonly z3: bigint
  readonly z4: bigint
  /** Mod N₀. */
  readonly w: bigint
  /** Mod N₁. */
  readonly wY: bigint
}

type Kept = { readonly [K in 'alpha' | 'beta' | 'r' | 'rY' | 'gamma' | 'm' | 'delta' | 'mu']: Secret<bigint> }

export type Check =
  | 'range z1'
  | 'range z2'
  | 'group X'
  | 'group C'
  | 'group D'
  | 'group Y'
  | 'group By'
  | 'group s, t'
  | 'group S'
  | 'group T'
  | 'group w'
  | 'group wY'
  | 'eq Y'

const statement = record<Statement>({
  N0: paillier,
  N1: paillier,
  C: integer,
  D: integer,
  Y: integer,
  X: anyPoint,
  setup: pedersen,
})

const commitment = record<Commitment>({
  A: integer,
  Bx: anyPoint,
  By: integer,
  E: integer,
  S: integer,
  F: integer,
  T: integer,
})

const sigma: PairSigma<Statement, Witness, Commitment, Sent, Kept, Response, Check> = {
  name: 'aff-g',
  statement: () => statement,
  commitment: () => commitment,
  sent: ({ modulusBits }) => struct<Sent>({ By: nat(2 * modulusBits), S: nat(modulusBits), T: nat(modulusBits) }),
  response: ({ ell, ellPrime, epsilon, modulusBits }) =>
    struct<Response>({
      // one bit more than the range, so that the range is for the check to refuse
      z1: int(ell + epsilon + 1),
      z2: int(ellPrime + epsilon + 1),
      z3: int(ell + epsilon + modulusBits),
      z4: int(ell + epsilon + modulusBits),
      w: nat(modulusBits),
      wY: nat(modulusBits),
    }),
  commit({ ell, ellPrime, epsilon }, { N0, N1, C, setup }, { x, y }, random) {
    const { NHat } = setup
    const alpha = symmetric(random, ell + epsilon)
    const beta = symmetric(random, ellPrime + epsilon)
    const r = unit(random, N0.N)
    const rY = unit(random, N1.N)
    const gamma = symmetricTimes(random, ell + epsilon, NHat)
    const m = symmetricTimes(random, ell, NHat)
    const delta = symmetricTimes(random, ell + epsilon, NHat)
    const mu = symmetricTimes(random, ell, NHat)
    return {
      commitment: {
        A: N0.add(N0.pow(C, alpha), N0.encrypt(beta, r)),
        Bx: mul(G, alpha),
        By: N1.encrypt(beta, rY),
        E: setup.commit(alpha, gamma),
        S: setup.commit(x.expose(), m),
        F: setup.commit(beta, delta),
        T: setup.commit(y.expose(), mu),
      },
      kept: {
        alpha: secret(alpha),
        beta: secret(beta),
        r: secret(r),
        rY: secret(rY),
        gamma: secret(gamma),
        m: secret(m),
        delta: secret(delta),
        mu: secret(mu),
      },
    }
  },
  respond: (_level, { N0, N1 }, w, kept, e) => ({
    z1: kept.alpha.expose() - e * w.x.expose(),
    z2: kept.beta.expose() - e * w.y.expose(),
    z3: kept.gamma.expose() - e * kept.m.expose(),
    z4: kept.delta.expose() - e * kept.mu.expose(),
    w: mod(kept.r.expose() * N0.powModN(w.rho.expose(), -e), N0.N),
    wY: mod(kept.rY.expose() * N1.powModN(w.rhoY.expose(), -e), N1.N),
  }),
  part: ({ By, S, T }) => ({ By, S, T }),
  admit({ ell, ellPrime, epsilon }, { N0, N1, C, D, Y, X, setup }, { By, S, T }, { z1, z2, w, wY }) {
    if (!inRange(z1, ell + epsilon)) return 'range z1'
    if (!inRange(z2, ellPrime + epsilon)) return 'range z2'
    if (X.is0()) return 'group X'
    if (!N0.isCiphertext(C)) return 'group C'
    if (!N0.isCiphertext(D)) return 'group D'
    if (!N1.isCiphertext(Y)) return 'group Y'
    if (!N1.isCiphertext(By)) return 'group By'
    if (!setup.isUnit(setup.s) || !setup.isUnit(setup.t)) return 'group s, t'
    if (!setup.isUnit(S)) return 'group S'
    if (!setup.isUnit(T)) return 'group T'
    if (!N0.isUnit(w)) return 'group w'
    if (!N1.isUnit(wY)) return 'group wY'
    return undefined
  },
  complete: (_level, { N0, C, D, X, setup }, { By, S, T }, e, { z1, z2, z3, z4, w }) => ({
    // A = z1 ⊙ C ⊕ enc₀(z2; w) ⊕ e ⊙ D: a unit, as C, w and D are
    A: N0.add(N0.add(N0.pow(C, z1), N0.encrypt(z2, w)), N0.pow(D, e)),
    // Bx = z1·G + e·X
    Bx: combine([
      [z1, G],
      [e, X],
    ]),
    By,
    // E = s^z1·t^z3·S^e: a unit, as s, t and S are
    E: setup.mul(setup.commit(z1, z3), setup.pow(S, e)),
    S,
    // F = s^z2·t^z4·T^e: a unit, as s, t and T are
    F: setup.mul(setup.commit(z2, z4), setup.pow(T, e)),
    T,
  }),
  // enc₁(z2; wY) ⊕ e ⊙ Y = By
  equation: (_level, { N1, Y }, { By }, e, { z2, wY }) => ({ key: N1, z: z2, rho: wY, e, C: Y, D: By }),
  check(level, x, sent, e, response) {
    if (!holds(sigma.equation(level, x, sent, e, response))) return 'eq Y'
    return undefined
  },
}

export const affG = pair(sigma)
