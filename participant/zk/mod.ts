/**
 * Π^mod: a Paillier-Blum modulus. CGGMP24, Fig. 12.
 *
 * I know primes p ≡ q ≡ 3 mod 4 with N = p·q and gcd(N, φ(N)) = 1.
 *
 * For each of m values y drawn by the challenge: y has an N-th root z, so gcd(N, φ(N)) = 1; and one of ±y, ±w·y has a
 * fourth root x, so N has no more than two prime factors. Soundness error 2^−m. It is for everybody: the
 * verifier of the binding is ''.
 *
 * Differs from the paper: N must have exactly the bits of the level. w shared with a factor of N, or with the wrong
 * Jacobi symbol, and a prime N are refused by name, before any equation. N has no prime factor below 2^16, and the roots z
 * are checked together (`haveRoots`; PAPER.md, "Roots of Π^mod").
 */
import type { SecurityLevel } from '../base/level.ts'
import { type Modulus, modulus } from '../math/modulus.ts'
import { productOfPowers, productOfSmallPrimes } from '../math/multi-power.ts'
import { gcd, inv, isProbablePrime, jacobi, mod as reduce } from '../math/number-theory.ts'
import { unit } from '../math/sampling.ts'
import type { PaillierSecretKey } from '../paillier/paillier-key.ts'
import { bool, list, nat, struct } from '../wire/codec.ts'
import { Transcript } from '../wire/transcript.ts'
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

/** z^N = y and x⁴ = (−1)^a·w^b·y. */
export interface Entry {
  readonly x: bigint
  readonly a: boolean
  readonly b: boolean
  readonly z: bigint
}

export interface Response {
  readonly entries: readonly Entry[]
}

type Kept = { readonly w: bigint }

export type Check =
  | 'size N'
  | 'length entries'
  | 'w'
  | 'group x'
  | 'group z'
  | 'prime N'
  | 'eq x'
  | 'small factor N'
  | 'eq z'

const statement = record<Statement>({ N: integer })

function entry(level: SecurityLevel) {
  return struct<Entry>({ x: nat(level.modulusBits), a: bool, b: bool, z: nat(level.modulusBits) })
}

/** (−1)^a·w^b·y, not reduced. */
function twisted(w: bigint, y: bigint, a: boolean, b: boolean): bigint {
  return (a ? -1n : 1n) * (b ? w : 1n) * y
}

const sigma: Sigma<Statement, Witness, Commitment, Kept, readonly bigint[], Response, Check> = {
  name: 'mod',
  statement: () => statement,
  commitment: (level) => struct<Commitment>({ w: nat(level.modulusBits) }),
  response: (level) => struct<Response>({ entries: list(entry(level), 0, 2 * level.repetitions) }),
  challenge: (level, { N }, stream) =>
    // nothing can be drawn below a modulus of the wrong size; check refuses it first
    hasSize(level, N) ? Array.from({ length: level.repetitions }, () => stream.below(N)) : [],
  commit(_level, { N }, _w, random) {
    for (;;) {
      const w = unit(random, N)
      if (jacobi(w, N) === -1) return { commitment: { w }, kept: { w } }
    }
  },
  respond(_level, { N }, { key }, { w }, y) {
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
        return { x: key.powModN(twisted(w, yi, a, b), fourth), a, b, z: key.powModN(yi, root) }
      }),
    }
  },
  check(level, { N }, { w }, y, { entries }) {
    if (!hasSize(level, N)) return 'size N'
    if (entries.length !== level.repetitions) return 'length entries'
    const ring = modulus(N)
    if (!ring.isUnit(w) || jacobi(w, N) !== -1) return 'w'
    const xs = entries.map(({ x }) => x)
    const zs = entries.map(({ z }) => z)
    if (!areUnits(ring, N, xs)) return 'group x'
    if (!areUnits(ring, N, zs)) return 'group z'
    if (isProbablePrime(N)) return 'prime N'
    for (const [i, { x, a, b }] of entries.entries()) {
      // x⁴ = (−1)^a·w^b·y
      const square = (x * x) % N
      if ((square * square) % N !== reduce(twisted(w, y[i] as bigint, a, b), N)) return 'eq x'
    }
    if (gcd(productOfSmallPrimes() % N, N) !== 1n) return 'small factor N'
    // z^N = y
    if (!haveRoots(level, ring, y, zs)) return 'eq z'
    return undefined
  },
}

const BATCHES = 8

/**
 * Whether every y has an N-th root modulo N, shown by roots z of random products: (Π z_i^ρ_i)^N = Π y_i^ρ_i for 8 lists
 * of weights ρ of 16 bits, drawn from a hash of all y and z. If one y is no N-th power, its class in the units modulo
 * N-th powers has an order whose prime factors divide N, so above 2^16: of all values of its weight at most one makes the
 * product an N-th power, and all 8 do with probability 2^−128. Eight full powers instead of 128.
 */
function haveRoots(level: SecurityLevel, ring: Modulus, ys: readonly bigint[], zs: readonly bigint[]): boolean {
  const N = ring.m
  const elements = list(nat(level.modulusBits), 0, 2 * level.repetitions)
  const stream = new Transcript('zk mod roots')
    .value('N', nat(level.modulusBits), N)
    .value('y', elements, ys)
    .value('z', elements, zs)
    .stream()
  for (let batch = 0; batch < BATCHES; batch++) {
    const weights = Uint16Array.from(ys, () => {
      const [high = 0, low = 0] = stream.bytes(2)
      return 256 * high + low
    })
    if (ring.pow(productOfPowers(zs, weights, N), N) !== productOfPowers(ys, weights, N)) return false
  }
  return true
}

export const mod = nonInteractive(sigma)
