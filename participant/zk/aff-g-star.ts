/**
 * Π^aff-g*: a Paillier affine operation with small coefficients, for everybody. CGGMP24, Fig. 27.
 *
 * I know x ∈ ±2^ℓ, y ∈ ±2^ℓ', ρ, ρ_Y with
 *   D = x ⊙ C ⊕ enc₀(y; ρ),   Y = enc₁(y; ρ_Y),   X = x·G.
 *
 * A verified proof gives x ∈ ±2^(ℓ+ε+1), y ∈ ±2^(ℓ'+ε+1).
 *
 * The claim is that of Π^aff-g, but the proof uses nobody's ring-Pedersen parameters, so it convinces third parties as
 * well. In return each repetition has one bit of challenge, and there are m of them: soundness error 2^−m, and some
 * 340 KB at full size. Only the blame phase of presigning makes it; the verifier of the binding is ''.
 *
 * Letters as in Π^aff-g: N₀ is the modulus that C and D live under, N₁ the prover's; A, Bx, By do to the masks α, β
 * what D, X, Y do to x, y, once for each repetition.
 *
 * Differs from the paper: y enters D and Y with the same sign (PAPER.md, "aff-g sign"); X ≠ identity is part of the
 * claim.
 */
import { type Secret, secret } from '../base/secret.ts'
import { combine, G, mul, type Point } from '../math/curve.ts'
import { mod } from '../math/number-theory.ts'
import { symmetric, unit } from '../math/sampling.ts'
import type { PaillierKey } from '../paillier/paillier-key.ts'
import { int, list, nat, point, struct } from '../wire/codec.ts'
import { areUnits } from './membership.ts'
import { inRange, nonInteractive, type Sigma } from './sigma.ts'
import { anyPoint, integer, paillier, record } from './statement.ts'

export interface Statement {
  /** C and D live here. */
  readonly N0: PaillierKey
  /** The prover's: Y lives here. */
  readonly N1: PaillierKey
  readonly C: bigint
  readonly D: bigint
  readonly Y: bigint
  readonly X: Point
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

/** One item for each repetition in every list. */
export interface Commitment {
  /** Mod N₀². */
  readonly A: readonly bigint[]
  readonly Bx: readonly Point[]
  /** Mod N₁². */
  readonly By: readonly bigint[]
}

export interface Response {
  readonly z1: readonly bigint[]
  readonly z2: readonly bigint[]
  /** Mod N₀. */
  readonly w: readonly bigint[]
  /** Mod N₁. */
  readonly wY: readonly bigint[]
}

type Kept = { readonly [K in 'alpha' | 'beta' | 'r' | 'rY']: Secret<readonly bigint[]> }

/** One bit for each repetition. */
type Challenge = readonly (0 | 1)[]

export type Check =
  | 'length commitment'
  | 'length response'
  | 'range z1'
  | 'range z2'
  | 'group X'
  | 'group C'
  | 'group D'
  | 'group Y'
  | 'group A'
  | 'group By'
  | 'group w'
  | 'group wY'
  | 'eq X'
  | 'eq D'
  | 'eq Y'

const statement = record<Statement>({ N0: paillier, N1: paillier, C: integer, D: integer, Y: integer, X: anyPoint })

const sigma: Sigma<Statement, Witness, Commitment, Kept, Challenge, Response, Check> = {
  name: 'aff-g*',
  statement: () => statement,
  commitment({ modulusBits, repetitions: m }) {
    const ciphertexts = list(nat(2 * modulusBits), 0, 2 * m)
    return struct<Commitment>({ A: ciphertexts, Bx: list(point, 0, 2 * m), By: ciphertexts })
  },
  response({ ell, ellPrime, epsilon, modulusBits, repetitions: m }) {
    const elements = list(nat(modulusBits), 0, 2 * m)
    return struct<Response>({
      // one bit more than the range, so that the range is for the check to refuse
      z1: list(int(ell + epsilon + 1), 0, 2 * m),
      z2: list(int(ellPrime + epsilon + 1), 0, 2 * m),
      w: elements,
      wY: elements,
    })
  },
  challenge: ({ repetitions: m }, _x, stream) => Array.from({ length: m }, () => stream.bit()),
  commit({ ell, ellPrime, epsilon, repetitions: m }, { N0, N1, C }, _w, random) {
    const draw = (one: () => bigint): readonly bigint[] => Array.from({ length: m }, one)
    const alpha = draw(() => symmetric(random, ell + epsilon))
    const beta = draw(() => symmetric(random, ellPrime + epsilon))
    const r = draw(() => unit(random, N0.N))
    const rY = draw(() => unit(random, N1.N))
    return {
      commitment: {
        A: alpha.map((a, i) => N0.add(N0.pow(C, a), N0.encrypt(beta[i] as bigint, r[i] as bigint))),
        Bx: alpha.map((a) => mul(G, a)),
        By: beta.map((b, i) => N1.encrypt(b, rY[i] as bigint)),
      },
      kept: { alpha: secret(alpha), beta: secret(beta), r: secret(r), rY: secret(rY) },
    }
  },
  respond(_level, { N0, N1 }, { x, y, rho, rhoY }, { alpha, beta, r, rY }, e) {
    return {
      z1: alpha.expose().map((a, i) => (e[i] === 1 ? a + x.expose() : a)),
      z2: beta.expose().map((b, i) => (e[i] === 1 ? b + y.expose() : b)),
      w: r.expose().map((ri, i) => (e[i] === 1 ? mod(ri * rho.expose(), N0.N) : ri)),
      wY: rY.expose().map((ri, i) => (e[i] === 1 ? mod(ri * rhoY.expose(), N1.N) : ri)),
    }
  },
  check({ ell, ellPrime, epsilon, repetitions: m }, { N0, N1, C, D, Y, X }, { A, Bx, By }, e, { z1, z2, w, wY }) {
    if (A.length !== m || Bx.length !== m || By.length !== m) return 'length commitment'
    if (z1.length !== m || z2.length !== m || w.length !== m || wY.length !== m) return 'length response'
    if (!z1.every((z) => inRange(z, ell + epsilon))) return 'range z1'
    if (!z2.every((z) => inRange(z, ellPrime + epsilon))) return 'range z2'
    if (X.is0()) return 'group X'
    if (!N0.isCiphertext(C)) return 'group C'
    if (!N0.isCiphertext(D)) return 'group D'
    if (!N1.isCiphertext(Y)) return 'group Y'
    if (!areUnits({ isUnit: N0.isCiphertext }, N0.NN, A)) return 'group A'
    if (!areUnits({ isUnit: N1.isCiphertext }, N1.NN, By)) return 'group By'
    if (!areUnits(N0, N0.N, w)) return 'group w'
    if (!areUnits(N1, N1.N, wY)) return 'group wY'
    // z1·G = Bx + e·X for each repetition
    for (const [i, Bxi] of Bx.entries()) {
      if (!combine([[z1[i] as bigint, G]]).equals(e[i] === 1 ? Bxi.add(X) : Bxi)) return 'eq X'
    }
    // z1 ⊙ C ⊕ enc₀(z2; w) = A ⊕ e ⊙ D
    for (const [i, Ai] of A.entries()) {
      const left = N0.add(N0.pow(C, z1[i] as bigint), N0.encrypt(z2[i] as bigint, w[i] as bigint))
      if (left !== (e[i] === 1 ? N0.add(Ai, D) : Ai)) return 'eq D'
    }
    // enc₁(z2; wY) = By ⊕ e ⊙ Y
    for (const [i, Byi] of By.entries()) {
      if (N1.encrypt(z2[i] as bigint, wY[i] as bigint) !== (e[i] === 1 ? N1.add(Byi, Y) : Byi)) return 'eq Y'
    }
    return undefined
  },
}

export const affGStar = nonInteractive(sigma)
