/**
 * A true statement of each proof with its witness, for tests and for the benchmark. Both sides' objects are given,
 * since a party computes faster with its own keys: `statement` is as the prover holds it, `verifierStatement` as
 * the verifier does. The primes are public constants and every run gives the same values: not for use elsewhere.
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { utf8ToBytes } from '../base/bytes.ts'
import { InternalError } from '../base/errors.ts'
import { INSECURE_TEST, levelByName, type SecurityLevel } from '../base/level.ts'
import type { Random } from '../base/random.ts'
import { secret } from '../base/secret.ts'
import { G, mul, randomNonZeroScalar } from '../math/curve.ts'
import { symmetric, uniformBelow, unit } from '../math/sampling.ts'
import { type PaillierKey, type PaillierSecretKey, paillierKey, paillierSecretKey } from '../paillier/paillier-key.ts'
import {
  type RingPedersen,
  type RingPedersenSecret,
  ringPedersen,
  ringPedersenSecret,
} from '../paillier/ring-pedersen.ts'
import { testPrimes, testPrimesFull } from '../paillier/testing.ts'
import { Transcript } from '../wire/transcript.ts'
import { affG } from './aff-g.ts'
import { affGStar } from './aff-g-star.ts'
import { bitsOfY, dec } from './dec.ts'
import { elog } from './elog.ts'
import { encElg } from './enc-elg.ts'
import { fac } from './fac.ts'
import { mod } from './mod.ts'
import { prm } from './prm.ts'
import { sch } from './sch.ts'
import type { Binding, Provable } from './sigma.ts'

/** N is the proof's own type: plain or compact. */
export interface Instance<S, W, P, Ch extends string, N extends Provable<S, W, P, Ch> = Provable<S, W, P, Ch>> {
  readonly proof: N
  readonly binding: Binding
  readonly statement: S
  readonly verifierStatement: S
  readonly witness: W
}

/** The moduli of one party, as itself and as others hold them. */
export interface TestParty {
  readonly own: PaillierSecretKey
  readonly key: PaillierKey
  readonly ownSetup: RingPedersenSecret
  readonly setup: RingPedersen
}

/** The same bytes for the same seed. */
export function seededRandom(seed: string): Random {
  return new Transcript(`test randomness ${seed}`).stream()
}

/** Party 0 proves, party 1 verifies; there is a third for whoever is neither. */
export function testParty(level: SecurityLevel, index: number): TestParty {
  const { p, q, pHat, qHat } = level.name === INSECURE_TEST.name ? testPrimes(index) : testPrimesFull(index)
  const own = paillierSecretKey(p, q)
  const random = seededRandom(`ring-pedersen ${level.name} ${index}`)
  const NHat = pHat * qHat
  const t = unit(random, NHat) ** 2n % NHat
  const ownSetup = ringPedersenSecret(pHat, qHat, uniformBelow(random, ((pHat - 1n) * (qHat - 1n)) / 4n), t)
  return { own, key: paillierKey(own.N), ownSetup, setup: ringPedersen(NHat, ownSetup.s, ownSetup.t) }
}

export function testBinding(level: SecurityLevel, verifier: string, slot: string): Binding {
  return { session: sha256(utf8ToBytes('test session')), epoch: 3, level, prover: 'alice', verifier, slot }
}

/** Throws InternalError for a level that isn't known. */
export function instances(levelName: SecurityLevel['name']) {
  const level = levelByName(levelName)
  if (level === undefined) throw new InternalError('expected the name of a level')
  const [prover, verifier] = [testParty(level, 0), testParty(level, 1)]
  const random = seededRandom(`instances ${levelName}`)
  return {
    sch: schInstance(level, random),
    prm: prmInstance(level, prover),
    mod: modInstance(level, prover),
    fac: facInstance(level, prover, verifier),
    encElg: encElgInstance(level, prover, verifier, symmetric(random, level.ell), random),
    affG: affGInstance(
      level,
      prover,
      verifier,
      symmetric(random, level.ell),
      symmetric(random, level.ellPrime),
      random,
    ),
    elog: elogInstance(level, random),
    affGStar: affGStarInstance(
      level,
      prover,
      verifier,
      symmetric(random, level.ell),
      symmetric(random, level.ellPrime),
      random,
    ),
    dec: decInstance(level, prover, symmetric(random, level.ell), symmetric(random, bitsOfY(level)), random),
  }
}

export type Instances = ReturnType<typeof instances>

function instance<S, W, P, Ch extends string, N extends Provable<S, W, P, Ch>>(
  proof: N & Provable<S, W, P, Ch>,
  binding: Binding,
  witness: W,
  statement: S,
  verifierStatement: S = statement,
): Instance<S, W, P, Ch, N> {
  return { proof, binding, statement, verifierStatement, witness }
}

export function schInstance(level: SecurityLevel, random: Random) {
  const x = randomNonZeroScalar(random)
  return instance(sch, testBinding(level, '', 'psi'), { x: secret(x) }, { X: mul(G, x) })
}

export function prmInstance(level: SecurityLevel, { ownSetup }: TestParty) {
  const { NHat, s, t } = ownSetup
  return instance(prm, testBinding(level, '', 'psi-hat'), { setup: ownSetup }, { NHat, s, t })
}

export function modInstance(level: SecurityLevel, { own }: TestParty) {
  return instance(mod, testBinding(level, '', 'psi'), { key: own }, { N: own.N })
}

export function facInstance(level: SecurityLevel, { own }: TestParty, verifier: TestParty) {
  return instance(
    fac,
    testBinding(level, 'bob', 'phi'),
    { p: own.p, q: own.q },
    { N0: own.N, setup: verifier.setup },
    { N0: own.N, setup: verifier.ownSetup },
  )
}

/** `x` may be outside of its range: then the statement is false. */
export function encElgInstance(
  level: SecurityLevel,
  prover: TestParty,
  verifier: TestParty,
  x: bigint,
  random: Random,
) {
  const rho = unit(random, prover.own.N)
  const b = randomNonZeroScalar(random)
  const A = mul(G, randomNonZeroScalar(random))
  const common = { C: prover.own.encrypt(x, rho), A, B1: mul(G, b), B2: mul(A, b).add(mul(G, x)) }
  return instance(
    encElg,
    testBinding(level, 'bob', 'psi0'),
    { x: secret(x), rho: secret(rho), b: secret(b) },
    { ...common, N0: prover.own, setup: verifier.setup },
    { ...common, N0: prover.key, setup: verifier.ownSetup },
  )
}

/** `x` and `y` may be outside of their ranges: then the statement is false. */
export function affGInstance(
  level: SecurityLevel,
  prover: TestParty,
  verifier: TestParty,
  x: bigint,
  y: bigint,
  random: Random,
) {
  const rho = unit(random, verifier.own.N)
  const rhoY = unit(random, prover.own.N)
  const C = verifier.own.encrypt(randomNonZeroScalar(random), unit(random, verifier.own.N))
  const D = verifier.own.add(verifier.own.pow(C, x), verifier.own.encrypt(y, rho))
  const common = { C, D, Y: prover.own.encrypt(y, rhoY), X: mul(G, x) }
  return instance(
    affG,
    testBinding(level, 'bob', 'psi'),
    { x: secret(x), y: secret(y), rho: secret(rho), rhoY: secret(rhoY) },
    { ...common, N0: verifier.key, N1: prover.own, setup: verifier.setup },
    { ...common, N0: verifier.own, N1: prover.key, setup: verifier.ownSetup },
  )
}

/** `x` and `y` may be outside of their ranges: then the statement is false. */
export function affGStarInstance(
  level: SecurityLevel,
  prover: TestParty,
  other: TestParty,
  x: bigint,
  y: bigint,
  random: Random,
) {
  const { witness, statement } = affGInstance(level, prover, other, x, y, random)
  const { C, D, Y, X } = statement
  return instance(
    affGStar,
    testBinding(level, '', 'psi-star'),
    witness,
    { N0: other.key, N1: prover.own, C, D, Y, X },
    { N0: other.own, N1: prover.key, C, D, Y, X },
  )
}

/** `x` and `y` may be outside of their ranges: then the statement is false. */
export function decInstance(level: SecurityLevel, { own, key }: TestParty, x: bigint, y: bigint, random: Random) {
  const rho = unit(random, own.N)
  const K = own.encrypt(randomNonZeroScalar(random), unit(random, own.N))
  const h = mul(G, randomNonZeroScalar(random))
  const common = { K, D: own.add(own.encrypt(y, rho), own.pow(K, -x)), X: mul(G, x), S: mul(h, y), h }
  return instance(
    dec,
    testBinding(level, '', 'psi-dec'),
    { x: secret(x), y: secret(y), rho: secret(rho) },
    { ...common, N0: own },
    { ...common, N0: key },
  )
}

export function elogInstance(level: SecurityLevel, random: Random) {
  const [lambda, y] = [randomNonZeroScalar(random), randomNonZeroScalar(random)]
  const X = mul(G, randomNonZeroScalar(random))
  const h = mul(G, randomNonZeroScalar(random))
  return instance(
    elog,
    testBinding(level, '', 'psi-prime'),
    { y: secret(y), lambda: secret(lambda) },
    { L: mul(G, lambda), M: mul(G, y).add(mul(X, lambda)), X, Y: mul(h, y), h },
  )
}
