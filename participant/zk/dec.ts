/**
 * Π^dec: what a sum of Paillier ciphertexts decrypts to, in the exponent. CGGMP24, Fig. 28.
 *
 * I know x ∈ ±2^ℓ, y ∈ ±2^(ℓ'+ε+6), ρ with
 *   x ⊙ K ⊕ D = enc₀(y; ρ),   X = x·G,   S = y·h.
 *
 * A verified proof gives x ∈ ±2^(ℓ+ε+1), y ∈ ±2^(ℓ'+2ε+7). At a production level this range is narrower than N₀, so y
 * is the one integer that x ⊙ K ⊕ D decrypts to. `insecure-test` has no room for that: there y is only known up to
 * multiples of N₀.
 *
 * Nobody's ring-Pedersen parameters are in it, so it convinces third parties. Each repetition has one bit of challenge,
 * and there are m of them: soundness error 2^−m. Only the blame phase of presigning makes it; the verifier of the
 * binding is ''.
 *
 * Letters: A, B, C do to the masks α, β what D, S, X do to x, y, once for each repetition. N₀ is the prover's. In
 * Fig. 9 h is G and S is δ_i·G; in section 4.3.1 h is Γ and S is S_i.
 *
 * Differs from the paper: the base h is part of the statement, the exponent of 1 + N is y, and the range of y is wider
 * by ε + 6 bits, which suffices for 32 parties (PAPER.md, "dec range"); X, h ≠ identity is part of the claim.
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
  /** The prover's. */
  readonly N0: PaillierKey
  readonly K: bigint
  readonly D: bigint
  readonly X: Point
  readonly S: Point
  readonly h: Point
}

export interface Witness {
  /** ±2^ℓ. */
  readonly x: Secret<bigint>
  /** ±2^(ℓ'+ε+6). */
  readonly y: Secret<bigint>
  /** Unit mod N₀. */
  readonly rho: Secret<bigint>
}

/** One item for each repetition in every list. */
export interface Commitment {
  /** Mod N₀². */
  readonly A: readonly bigint[]
  readonly B: readonly Point[]
  readonly C: readonly Point[]
}

export interface Response {
  readonly z: readonly bigint[]
  readonly w: readonly bigint[]
  /** Mod N₀. */
  readonly nu: readonly bigint[]
}

type Kept = { readonly [K in 'alpha' | 'beta' | 'r']: Secret<readonly bigint[]> }

/** One bit for each repetition. */
type Challenge = readonly (0 | 1)[]

export type Check =
  | 'length commitment'
  | 'length response'
  | 'range z'
  | 'range w'
  | 'group X'
  | 'group h'
  | 'group K'
  | 'group D'
  | 'group A'
  | 'group nu'
  | 'eq X'
  | 'eq S'
  | 'eq D'

/** Bits of y: a sum over at most 2^5 parties of terms in ±2^(ℓ'+ε), the products k·x and αs adding less than one bit. */
export function bitsOfY({ ellPrime, epsilon }: { readonly ellPrime: number; readonly epsilon: number }): number {
  return ellPrime + epsilon + 1 + 5
}

const statement = record<Statement>({ N0: paillier, K: integer, D: integer, X: anyPoint, S: anyPoint, h: anyPoint })

const sigma: Sigma<Statement, Witness, Commitment, Kept, Challenge, Response, Check> = {
  name: 'dec',
  statement: () => statement,
  commitment({ modulusBits, repetitions: m }) {
    const points = list(point, 0, 2 * m)
    return struct<Commitment>({ A: list(nat(2 * modulusBits), 0, 2 * m), B: points, C: points })
  },
  response: (level) =>
    struct<Response>({
      // one bit more than the range, so that the range is for the check to refuse
      z: list(int(level.ell + level.epsilon + 1), 0, 2 * level.repetitions),
      w: list(int(bitsOfY(level) + level.epsilon + 1), 0, 2 * level.repetitions),
      nu: list(nat(level.modulusBits), 0, 2 * level.repetitions),
    }),
  challenge: ({ repetitions: m }, _x, stream) => Array.from({ length: m }, () => stream.bit()),
  commit(level, { N0, K, h }, _w, random) {
    const draw = (one: () => bigint): readonly bigint[] => Array.from({ length: level.repetitions }, one)
    const alpha = draw(() => symmetric(random, level.ell + level.epsilon))
    const beta = draw(() => symmetric(random, bitsOfY(level) + level.epsilon))
    const r = draw(() => unit(random, N0.N))
    return {
      commitment: {
        A: alpha.map((a, i) => N0.add(N0.pow(K, -a), N0.encrypt(beta[i] as bigint, r[i] as bigint))),
        B: beta.map((b) => mul(h, b)),
        C: alpha.map((a) => mul(G, a)),
      },
      kept: { alpha: secret(alpha), beta: secret(beta), r: secret(r) },
    }
  },
  respond: (_level, { N0 }, { x, y, rho }, { alpha, beta, r }, e) => ({
    z: alpha.expose().map((a, i) => (e[i] === 1 ? a + x.expose() : a)),
    w: beta.expose().map((b, i) => (e[i] === 1 ? b + y.expose() : b)),
    nu: r.expose().map((ri, i) => (e[i] === 1 ? mod(ri * rho.expose(), N0.N) : ri)),
  }),
  check(level, { N0, K, D, X, S, h }, { A, B, C }, e, { z, w, nu }) {
    const { ell, epsilon, repetitions: m } = level
    if (A.length !== m || B.length !== m || C.length !== m) return 'length commitment'
    if (z.length !== m || w.length !== m || nu.length !== m) return 'length response'
    if (!z.every((zi) => inRange(zi, ell + epsilon))) return 'range z'
    if (!w.every((wi) => inRange(wi, bitsOfY(level) + epsilon))) return 'range w'
    if (X.is0()) return 'group X'
    if (h.is0()) return 'group h'
    if (!N0.isCiphertext(K)) return 'group K'
    if (!N0.isCiphertext(D)) return 'group D'
    if (!areUnits({ isUnit: N0.isCiphertext }, N0.NN, A)) return 'group A'
    if (!areUnits(N0, N0.N, nu)) return 'group nu'
    // z·G = C + e·X for each repetition
    for (const [i, Ci] of C.entries()) {
      if (!combine([[z[i] as bigint, G]]).equals(e[i] === 1 ? Ci.add(X) : Ci)) return 'eq X'
    }
    // w·h = B + e·S
    for (const [i, Bi] of B.entries()) {
      if (!combine([[w[i] as bigint, h]]).equals(e[i] === 1 ? Bi.add(S) : Bi)) return 'eq S'
    }
    // enc₀(w; ν) = A ⊕ e ⊙ D ⊕ z ⊙ K
    for (const [i, Ai] of A.entries()) {
      const masked = e[i] === 1 ? N0.add(Ai, D) : Ai
      const right = N0.add(masked, N0.pow(K, z[i] as bigint))
      if (N0.encrypt(w[i] as bigint, nu[i] as bigint) !== right) return 'eq D'
    }
    return undefined
  },
}

export const dec = nonInteractive(sigma)
