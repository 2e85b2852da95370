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
 * claim.
 */
import { type Secret, secret } from '../base/secret.ts'
import { combine, G, mul, type Point, Q } from '../math/curve.ts'
import { mod } from '../math/number-theory.ts'
import { symmetric, symmetricTimes, unit } from '../math/sampling.ts'
import type { PaillierKey } from '../paillier/paillier-key.ts'
import type { RingPedersen } from '../paillier/ring-pedersen.ts'
import { int, nat, point, struct } from '../wire/codec.ts'
import { inRange, nonInteractive, type Sigma, signedChallenge } from './sigma.ts'
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

export interface Commitment {
  /** Mod N₀². */
  readonly A: bigint
  readonly Bx: Point
  /** Mod N₁². */
  readonly By: bigint
  /** Mod N̂. */
  readonly E: bigint
  readonly S: bigint
  readonly F: bigint
  readonly T: bigint
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
  | 'group A'
  | 'group By'
  | 'group s, t'
  | 'group E'
  | 'group S'
  | 'group F'
  | 'group T'
  | 'group w'
  | 'group wY'
  | 'eq X'
  | 'eq S'
  | 'eq T'
  | 'eq D'
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

const sigma: Sigma<Statement, Witness, Commitment, Kept, bigint, Response, Check> = {
  name: 'aff-g',
  statement: () => statement,
  commitment({ modulusBits }) {
    const element = nat(modulusBits)
    const ciphertext = nat(2 * modulusBits)
    return struct<Commitment>({
      A: ciphertext,
      Bx: point,
      By: ciphertext,
      E: element,
      S: element,
      F: element,
      T: element,
    })
  },
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
  challenge: (_level, _x, stream) => signedChallenge(stream, Q),
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
    z1: kept.alpha.expose() + e * w.x.expose(),
    z2: kept.beta.expose() + e * w.y.expose(),
    z3: kept.gamma.expose() + e * kept.m.expose(),
    z4: kept.delta.expose() + e * kept.mu.expose(),
    w: mod(kept.r.expose() * N0.powModN(w.rho.expose(), e), N0.N),
    wY: mod(kept.rY.expose() * N1.powModN(w.rhoY.expose(), e), N1.N),
  }),
  check({ ell, ellPrime, epsilon }, { N0, N1, C, D, Y, X, setup }, { A, Bx, By, E, S, F, T }, e, response) {
    const { z1, z2, z3, z4, w, wY } = response
    if (!inRange(z1, ell + epsilon)) return 'range z1'
    if (!inRange(z2, ellPrime + epsilon)) return 'range z2'
    if (X.is0()) return 'group X'
    if (!N0.isCiphertext(C)) return 'group C'
    if (!N0.isCiphertext(D)) return 'group D'
    if (!N1.isCiphertext(Y)) return 'group Y'
    if (!N0.isCiphertext(A)) return 'group A'
    if (!N1.isCiphertext(By)) return 'group By'
    if (!setup.isUnit(setup.s) || !setup.isUnit(setup.t)) return 'group s, t'
    if (!setup.isUnit(E)) return 'group E'
    if (!setup.isUnit(S)) return 'group S'
    if (!setup.isUnit(F)) return 'group F'
    if (!setup.isUnit(T)) return 'group T'
    if (!N0.isUnit(w)) return 'group w'
    if (!N1.isUnit(wY)) return 'group wY'
    // z1·G = Bx + e·X
    if (!combine([[z1, G]]).equals(Bx.add(combine([[e, X]])))) return 'eq X'
    // s^z1·t^z3 = E·S^e
    if (setup.commit(z1, z3) !== setup.mul(E, setup.pow(S, e))) return 'eq S'
    // s^z2·t^z4 = F·T^e
    if (setup.commit(z2, z4) !== setup.mul(F, setup.pow(T, e))) return 'eq T'
    // z1 ⊙ C ⊕ enc₀(z2; w) = A ⊕ e ⊙ D
    if (N0.add(N0.pow(C, z1), N0.encrypt(z2, w)) !== N0.add(A, N0.pow(D, e))) return 'eq D'
    // enc₁(z2; wY) = By ⊕ e ⊙ Y
    if (N1.encrypt(z2, wY) !== N1.add(By, N1.pow(Y, e))) return 'eq Y'
    return undefined
  },
}

export const affG = nonInteractive(sigma)
