/**
 * Π^fac: a modulus without small factors. CGGMP24, Fig. 26.
 *
 * I know p, q with N₀ = p·q and both in ±2^(ℓ+ε)·2^(n/2), where n is the bit length of N₀; so neither is below
 * 2^(n/2 − ℓ − ε − 2).
 *
 *   P = s^p·t^μ     Q = s^q·t^ν       commitments to the factors, under the verifier's parameters
 *   A = s^α·t^x     B = s^β·t^y       to their masks
 *   T = Q^α·t^r                       shows that P and Q multiply to s^N₀
 *
 * Differs from the paper: √N₀ is 2^(n/2) in all ranges, which is at most √2 more.
 */
import type { SecurityLevel } from '../base/level.ts'
import { type Secret, secret } from '../base/secret.ts'
import { Q as ORDER } from '../math/curve.ts'
import { symmetric, symmetricTimes } from '../math/sampling.ts'
import type { RingPedersen } from '../paillier/ring-pedersen.ts'
import { int, nat, struct } from '../wire/codec.ts'
import { inRange, nonInteractive, type Sigma, signedChallenge } from './sigma.ts'
import { integer, pedersen, record } from './statement.ts'

export interface Statement {
  /** The prover's Paillier modulus. */
  readonly N0: bigint
  /** The verifier's (N̂, s, t). */
  readonly setup: RingPedersen
}

export interface Witness {
  readonly p: Secret<bigint>
  readonly q: Secret<bigint>
}

/** All mod N̂. */
export interface Commitment {
  readonly P: bigint
  readonly Q: bigint
  readonly A: bigint
  readonly B: bigint
  readonly T: bigint
}

export interface Response {
  readonly z1: bigint
  readonly z2: bigint
  readonly w1: bigint
  readonly w2: bigint
  readonly v: bigint
}

type Kept = { readonly [K in 'alpha' | 'beta' | 'mu' | 'nu' | 'r' | 'x' | 'y']: Secret<bigint> }

export type Check =
  | 'range z1'
  | 'range z2'
  | 'group s, t'
  | 'group P'
  | 'group Q'
  | 'group A'
  | 'group B'
  | 'group T'
  | 'eq P'
  | 'eq Q'
  | 'eq N'

const statement = record<Statement>({ N0: integer, setup: pedersen })

/** Bits of the masks α, β and of the responses z1, z2. */
function factorBits(level: SecurityLevel): number {
  return level.ell + level.epsilon + level.modulusBits / 2
}

const sigma: Sigma<Statement, Witness, Commitment, Kept, bigint, Response, Check> = {
  name: 'fac',
  statement: () => statement,
  commitment({ modulusBits }) {
    const element = nat(modulusBits)
    return struct<Commitment>({ P: element, Q: element, A: element, B: element, T: element })
  },
  response(level) {
    const { ell, epsilon, modulusBits } = level
    // one bit more than the range, so that the range is for the check to refuse
    const z = int(factorBits(level) + 1)
    const w = int(ell + epsilon + modulusBits)
    return struct<Response>({ z1: z, z2: z, w1: w, w2: w, v: int(ell + epsilon + 2 * modulusBits) })
  },
  challenge: (_level, _x, stream) => signedChallenge(stream, ORDER),
  commit(level, { N0, setup }, { p, q }, random) {
    const { ell, epsilon } = level
    const { NHat, t } = setup
    const alpha = symmetric(random, factorBits(level))
    const beta = symmetric(random, factorBits(level))
    const mu = symmetricTimes(random, ell, NHat)
    const nu = symmetricTimes(random, ell, NHat)
    const r = symmetricTimes(random, ell + epsilon, N0 * NHat)
    const x = symmetricTimes(random, ell + epsilon, NHat)
    const y = symmetricTimes(random, ell + epsilon, NHat)
    const Q = setup.commit(q.expose(), nu)
    return {
      commitment: {
        P: setup.commit(p.expose(), mu),
        Q,
        A: setup.commit(alpha, x),
        B: setup.commit(beta, y),
        T: setup.mul(setup.pow(Q, alpha), setup.pow(t, r)),
      },
      kept: {
        alpha: secret(alpha),
        beta: secret(beta),
        mu: secret(mu),
        nu: secret(nu),
        r: secret(r),
        x: secret(x),
        y: secret(y),
      },
    }
  },
  respond(_level, _x, w, kept, e) {
    const [p, q, mu, nu] = [w.p.expose(), w.q.expose(), kept.mu.expose(), kept.nu.expose()]
    return {
      z1: kept.alpha.expose() + e * p,
      z2: kept.beta.expose() + e * q,
      w1: kept.x.expose() + e * mu,
      w2: kept.y.expose() + e * nu,
      v: kept.r.expose() - e * nu * p,
    }
  },
  check(level, { N0, setup }, { P, Q, A, B, T }, e, { z1, z2, w1, w2, v }) {
    if (!inRange(z1, factorBits(level))) return 'range z1'
    if (!inRange(z2, factorBits(level))) return 'range z2'
    if (!setup.isUnit(setup.s) || !setup.isUnit(setup.t)) return 'group s, t'
    if (!setup.isUnit(P)) return 'group P'
    if (!setup.isUnit(Q)) return 'group Q'
    if (!setup.isUnit(A)) return 'group A'
    if (!setup.isUnit(B)) return 'group B'
    if (!setup.isUnit(T)) return 'group T'
    // s^z1·t^w1 = A·P^e
    if (setup.commit(z1, w1) !== setup.mul(A, setup.pow(P, e))) return 'eq P'
    // s^z2·t^w2 = B·Q^e
    if (setup.commit(z2, w2) !== setup.mul(B, setup.pow(Q, e))) return 'eq Q'
    // Q^z1·t^v = T·(s^N₀)^e, with s brought to the left
    if (setup.mul(setup.pow(Q, z1), setup.commit(-e * N0, v)) !== T) return 'eq N'
    return undefined
  },
}

export const fac = nonInteractive(sigma)
