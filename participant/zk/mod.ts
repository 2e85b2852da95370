/**
 * Π^mod: a Paillier-Blum modulus. CGGMP24, Fig. 12.
 *
 * I know primes p ≡ q ≡ 3 mod 4 with N = p·q and gcd(N, φ(N)) = 1.
 *
 * Of m values y drawn by the challenge, each ±y or ±w·y has a fourth root x, so N has no more than two prime factors; and
 * the first m/16 have an N-th root z, so gcd(N, φ(N)) = 1. Soundness error 2^−m. It is for everybody: the verifier of the
 * binding is ''.
 *
 * Differs from the paper: N must have exactly the bits of the level. w shared with a factor of N, or with the wrong
 * Jacobi symbol, and a prime N are refused by name, before any equation. The paper has an N-th root of every y; here N has no
 * prime factor below 2^16, and so fewer will do (PAPER.md, "Roots of Π^mod").
 */
import type { SecurityLevel } from '../base/level.ts'
import { modulus } from '../math/modulus.ts'
import { inv, isProbablePrime, jacobi, mod as reduce } from '../math/number-theory.ts'
import { unit } from '../math/sampling.ts'
import { hasSmallFactor } from '../math/small-primes.ts'
import type { PaillierSecretKey } from '../paillier/paillier-key.ts'
import { bool, list, nat, struct } from '../wire/codec.ts'
import { areUnits, hasSize } from './membership.ts'
import { nonInteractive, type Sigma } from './sigma.ts'
import { integer, record } from './statement.ts'

export interface Statement {
  readonly N: bigint
}

export interface Witness {
  /** The key whose modulus is N. */
  readonly key: PaillierSecretKey
}

export interface Commitment {
  readonly w: bigint
}

/** x⁴ = (−1)^a·w^b·y. */
export interface Entry {
  readonly x: bigint
  readonly a: boolean
  readonly b: boolean
}

export interface Response {
  /** One for each y. */
  readonly entries: readonly Entry[]
  /** z^N = y, for the first values. */
  readonly z: readonly bigint[]
}

type Kept = { readonly w: bigint }

export type Check =
  | 'size N'
  | 'length entries'
  | 'length z'
  | 'w'
  | 'group x'
  | 'group z'
  | 'prime N'
  | 'eq x'
  | 'small factor N'
  | 'eq z'

const statement = record<Statement>({ N: integer })

function entry(level: SecurityLevel) {
  return struct<Entry>({ x: nat(level.modulusBits), a: bool, b: bool })
}

/** A y that has no N-th root is found by each with probability 1 − 2^−16. */
function rootsFor({ repetitions }: SecurityLevel): number {
  return Math.ceil(repetitions / 16)
}

/** (−1)^a·w^b·y, not reduced. */
function twisted(w: bigint, y: bigint, a: boolean, b: boolean): bigint {
  return (a ? -1n : 1n) * (b ? w : 1n) * y
}

const sigma: Sigma<Statement, Witness, Commitment, Kept, readonly bigint[], Response, Check> = {
  name: 'mod',
  statement: () => statement,
  commitment: (level) => struct<Commitment>({ w: nat(level.modulusBits) }),
  response: (level) =>
    struct<Response>({
      entries: list(entry(level), 0, 2 * level.repetitions),
      z: list(nat(level.modulusBits), 0, 2 * level.repetitions),
    }),
  challenge: (level, { N }, stream) =>
    // nothing can be drawn below a modulus of the wrong size; check refuses it first
    hasSize(level, N) ? Array.from({ length: level.repetitions }, () => stream.below(N)) : [],
  commit(_level, { N }, _w, random) {
    for (;;) {
      const w = unit(random, N)
      if (jacobi(w, N) === -1) return { commitment: { w }, kept: { w } }
    }
  },
  respond(level, { N }, { key }, { w }, y) {
    const [p, q, phi] = [key.p.expose(), key.q.expose(), key.phi.expose()]
    const root = inv(N, phi)
    // (φ+4)/8 takes a square to that root of it which is a square again; twice, to its fourth root
    const half = (phi + 4n) / 8n
    const fourth = reduce(half * half, phi)
    const wp = jacobi(w, p)
    return {
      entries: y.map((yi) => {
        // −1 is a square modulo neither prime, w modulo one of them: (a, b) is fixed by the two symbols of y
        const [yp, yq] = [jacobi(yi, p), jacobi(yi, q)]
        const b = yp !== yq
        const a = (b ? yp * wp : yp) === -1
        return { x: key.powModN(twisted(w, yi, a, b), fourth), a, b }
      }),
      z: y.slice(0, rootsFor(level)).map((yi) => key.powModN(yi, root)),
    }
  },
  check(level, { N }, { w }, y, { entries, z }) {
    if (!hasSize(level, N)) return 'size N'
    if (entries.length !== level.repetitions) return 'length entries'
    if (z.length !== rootsFor(level)) return 'length z'
    const ring = modulus(N)
    if (!ring.isUnit(w) || jacobi(w, N) !== -1) return 'w'
    const xs = entries.map(({ x }) => x)
    if (!areUnits(ring, N, xs)) return 'group x'
    if (!areUnits(ring, N, z)) return 'group z'
    if (isProbablePrime(N)) return 'prime N'
    for (const [i, { x, a, b }] of entries.entries()) {
      // x⁴ = (−1)^a·w^b·y
      const square = (x * x) % N
      if ((square * square) % N !== reduce(twisted(w, y[i] as bigint, a, b), N)) return 'eq x'
    }
    if (hasSmallFactor(N)) return 'small factor N'
    for (const [i, zi] of z.entries()) {
      // z^N = y
      if (ring.pow(zi, N) !== y[i]) return 'eq z'
    }
    return undefined
  },
}

export const mod = nonInteractive(sigma)
