/**
 * Π^prm: ring-Pedersen parameters are well made. CGGMP24, Fig. 13.
 *
 * I know λ with s = t^λ mod N̂.
 *
 * m repetitions, one bit of challenge each; soundness error 2^−m. It is for everybody: the verifier of the binding
 * is ''. The verifier raises t to each z from one table, since t and all z are public.
 *
 * Differs from the paper: the size of N̂ and the degenerate bases (baseProblem) are checked here too, and z < N̂.
 */
import { type Secret, secret } from '../base/secret.ts'
import { type Comb, fixedBase } from '../math/fixed-base.ts'
import { mod } from '../math/number-theory.ts'
import { uniformBelow } from '../math/sampling.ts'
import { baseProblem, type RingPedersenSecret, ringPedersen } from '../paillier/ring-pedersen.ts'
import { list, nat, struct } from '../wire/codec.ts'
import { areUnits, hasSize } from './membership.ts'
import { nonInteractive, type Sigma } from './sigma.ts'
import { integer, record } from './statement.ts'

export interface Statement {
  readonly NHat: bigint
  readonly s: bigint
  readonly t: bigint
}

export interface Witness {
  /** The same parameters with λ and φ(N̂). */
  readonly setup: RingPedersenSecret
}

export interface Commitment {
  readonly A: readonly bigint[]
}

export interface Response {
  readonly z: readonly bigint[]
}

type Kept = { readonly a: Secret<readonly bigint[]> }

/** One bit for each repetition. */
type Challenge = readonly (0 | 1)[]

export type Check = 'size NHat' | 'length A' | 'length z' | 'base s, t' | 'range z' | 'group A' | 'eq s'

const statement = record<Statement>({ NHat: integer, s: integer, t: integer })

/** About the cheapest comb for so many powers of t, its table counted: half the time of OpenSSL's for 128. */
function combFor(repetitions: number): Pick<Comb, 'teeth' | 'strips'> {
  return { teeth: Math.max(4, Math.floor(Math.log2(8 * repetitions))), strips: 5 }
}

const sigma: Sigma<Statement, Witness, Commitment, Kept, Challenge, Response, Check> = {
  name: 'prm',
  statement: () => statement,
  commitment: (level) => struct<Commitment>({ A: list(nat(level.modulusBits), 0, 2 * level.repetitions) }),
  response: (level) => struct<Response>({ z: list(nat(level.modulusBits), 0, 2 * level.repetitions) }),
  challenge: (level, _x, stream) => Array.from({ length: level.repetitions }, () => stream.bit()),
  commit(level, _x, { setup }, random) {
    const phi = setup.phi.expose()
    const a = Array.from({ length: level.repetitions }, () => uniformBelow(random, phi))
    return { commitment: { A: a.map((ai) => setup.pow(setup.t, ai)) }, kept: { a: secret(a) } }
  },
  respond(_level, _x, { setup }, kept, e) {
    const phi = setup.phi.expose()
    const lambda = setup.lambda.expose()
    return { z: kept.a.expose().map((ai, i) => (e[i] === 1 ? mod(ai + lambda, phi) : ai)) }
  },
  check(level, { NHat, s, t }, { A }, e, { z }) {
    if (!hasSize(level, NHat)) return 'size NHat'
    if (A.length !== level.repetitions) return 'length A'
    if (z.length !== level.repetitions) return 'length z'
    if (baseProblem(NHat, s, t) !== undefined) return 'base s, t'
    if (z.some((zi) => zi < 0n || zi >= NHat)) return 'range z'
    const setup = ringPedersen(NHat, s, t)
    if (!areUnits(setup, NHat, A)) return 'group A'
    const powers = fixedBase(t, NHat, { bits: level.modulusBits, ...combFor(level.repetitions) })
    // t^z = A·s^e for each repetition
    for (const [i, zi] of z.entries()) {
      const Ai = A[i] as bigint
      if (powers.pow(zi) !== (e[i] === 1 ? setup.mul(Ai, s) : Ai)) return 'eq s'
    }
    return undefined
  },
}

export const prm = nonInteractive(sigma)
