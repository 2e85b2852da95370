/** Every check of every proof, the binding of challenges, and what the proofs share. */
import { type Mutant, mutants, type Row } from './mutant.ts'

const SOUNDNESS = 'participant/zk/soundness.test.ts'

function proof(name: string, file: string, rows: readonly Row[]): readonly Mutant[] {
  const only = `^Π\\^${name.replace('*', '\\*')} is sound`
  return mutants(`zk/${name}`, `participant/zk/${file}.ts`, [{ file: SOUNDNESS, only }], rows)
}

const SIGMA = 'participant/zk/sigma.test.ts'

/** Values of a first message that the challenge of a compact proof must be taken from. */
function hashedIn(name: string, rows: readonly Row[]): readonly Mutant[] {
  return mutants(`zk/${name}`, `participant/zk/${name}.ts`, [{ file: SIGMA, only: `^challenge of Π\\^${name}$` }], rows)
}

/** The check that all compact proofs share, seen by the rows of one of them. */
function challengeOf(name: string): readonly Mutant[] {
  const only = `^Π\\^${name} is sound`
  return mutants(
    `zk/${name}`,
    'participant/zk/compact.ts',
    [{ file: SOUNDNESS, only }],
    [
      [
        'eq challenge',
        "if (challenge(b, x, sigma.complete(b.level, x, commitment, e, response)) !== e) return 'eq challenge'",
      ],
    ],
  )
}

const BINDING = [
  { file: SOUNDNESS, only: '^Π\\^(sch|elog) is sound' },
  { file: SIGMA, only: '^(challenge of Π\\^(sch|elog)|signedChallenge)$' },
]

/** The checks of each proof are named as in zk/codes.ts; list.test.ts sees that none is left out. */
export const proofs: readonly Mutant[] = [
  ...proof('sch', 'sch', [
    ['group X', "if (X.is0()) return 'group X'"],
    ['eq X', "if (!combine([[z, G]]).equals(A.add(combine([[e, X]])))) return 'eq X'"],
  ]),
  ...proof('prm', 'prm', [
    ['size NHat', "if (!hasSize(level, NHat)) return 'size NHat'"],
    ['length A', "if (A.length !== level.repetitions) return 'length A'"],
    ['length z', "if (z.length !== level.repetitions) return 'length z'"],
    ['base s, t', "if (baseProblem(NHat, s, t) !== undefined) return 'base s, t'"],
    ['range z', "if (z.some((zi) => zi < 0n || zi >= NHat)) return 'range z'"],
    ['group A', "if (!areUnits(setup, NHat, A)) return 'group A'"],
    ['eq s', "if (powers.pow(zi) !== (e[i] === 1 ? setup.mul(Ai, s) : Ai)) return 'eq s'"],
    ['range z (below)', 'zi < 0n || ', ''],
    ['range z (above)', ' || zi >= NHat', ''],
  ]),
  ...proof('mod', 'mod', [
    ['size N', "if (!hasSize(level, N)) return 'size N'"],
    ['length entries', "if (entries.length !== level.repetitions) return 'length entries'"],
    ['length z', "if (z.length !== rootsFor(level)) return 'length z'"],
    ['w', "if (!ring.isUnit(w) || jacobi(w, N) !== -1) return 'w'"],
    ['group x', "if (!areUnits(ring, N, xs)) return 'group x'"],
    ['group z', "if (!areUnits(ring, N, z)) return 'group z'"],
    ['prime N', "if (isProbablePrime(N)) return 'prime N'"],
    ['eq x', "if ((square * square) % N !== reduce(twisted(w, y[i] as bigint, a, b), N)) return 'eq x'"],
    ['small factor N', "if (hasSmallFactor(N)) return 'small factor N'"],
    ['eq z', "if (ring.pow(zi, N) !== y[i]) return 'eq z'"],
    ['w (unit)', '!ring.isUnit(w) || ', ''],
    ['w (symbol)', ' || jacobi(w, N) !== -1', ''],
  ]),
  ...proof('fac', 'fac', [
    ['range z1', "if (!inRange(z1, factorBits(level))) return 'range z1'"],
    ['range z2', "if (!inRange(z2, factorBits(level))) return 'range z2'"],
    ['group s, t', "if (!setup.isUnit(setup.s) || !setup.isUnit(setup.t)) return 'group s, t'"],
    ['group P', "if (!setup.isUnit(P)) return 'group P'"],
    ['group Q', "if (!setup.isUnit(Q)) return 'group Q'"],
    ['group A', "if (!setup.isUnit(A)) return 'group A'"],
    ['group B', "if (!setup.isUnit(B)) return 'group B'"],
    ['group T', "if (!setup.isUnit(T)) return 'group T'"],
    ['eq P', "if (setup.commit(z1, w1) !== setup.mul(A, setup.pow(P, e))) return 'eq P'"],
    ['eq Q', "if (setup.commit(z2, w2) !== setup.mul(B, setup.pow(Q, e))) return 'eq Q'"],
    ['eq N', "if (setup.mul(setup.pow(Q, z1), setup.commit(-e * N0, v)) !== T) return 'eq N'"],
    ['group s, t (s)', '!setup.isUnit(setup.s) || !setup.isUnit(setup.t)', '!setup.isUnit(setup.t)'],
    ['group s, t (t)', '!setup.isUnit(setup.s) || !setup.isUnit(setup.t)', '!setup.isUnit(setup.s)'],
  ]),
  ...proof('enc-elg', 'enc-elg', [
    ['range z1', "if (!inRange(z1, ell + epsilon)) return 'range z1'"],
    ['group A', "if (A.is0()) return 'group A'"],
    ['group B1', "if (B1.is0()) return 'group B1'"],
    ['group B2', "if (B2.is0()) return 'group B2'"],
    ['group C', "if (!N0.isCiphertext(C)) return 'group C'"],
    ['group s, t', "if (!setup.isUnit(setup.s) || !setup.isUnit(setup.t)) return 'group s, t'"],
    ['group S', "if (!setup.isUnit(S)) return 'group S'"],
    ['group D', "if (!N0.isCiphertext(D)) return 'group D'"],
    ['group z2', "if (!N0.isUnit(z2)) return 'group z2'"],
    ['eq C', "if (!holds(sigma.equation(level, x, sent, e, response))) return 'eq C'"],
    ['group s, t (s)', '!setup.isUnit(setup.s) || !setup.isUnit(setup.t)', '!setup.isUnit(setup.t)'],
    ['group s, t (t)', '!setup.isUnit(setup.s) || !setup.isUnit(setup.t)', '!setup.isUnit(setup.s)'],
  ]),
  ...hashedIn('enc-elg', [
    ['S is hashed', '({ S: integer, T: integer,', '({ T: integer,'],
    ['T is hashed', '({ S: integer, T: integer,', '({ S: integer,'],
    ['D is hashed', ' D: integer, Y: anyPoint,', ' Y: anyPoint,'],
    ['Y is hashed', ' D: integer, Y: anyPoint,', ' D: integer,'],
    ['Z is hashed', 'Y: anyPoint, Z: anyPoint }', 'Y: anyPoint }'],
  ]),
  ...challengeOf('enc-elg'),
  ...proof('aff-g', 'aff-g', [
    ['range z1', "if (!inRange(z1, ell + epsilon)) return 'range z1'"],
    ['range z2', "if (!inRange(z2, ellPrime + epsilon)) return 'range z2'"],
    ['group X', "if (X.is0()) return 'group X'"],
    ['group C', "if (!N0.isCiphertext(C)) return 'group C'"],
    ['group D', "if (!N0.isCiphertext(D)) return 'group D'"],
    ['group Y', "if (!N1.isCiphertext(Y)) return 'group Y'"],
    ['group By', "if (!N1.isCiphertext(By)) return 'group By'"],
    ['group s, t', "if (!setup.isUnit(setup.s) || !setup.isUnit(setup.t)) return 'group s, t'"],
    ['group S', "if (!setup.isUnit(S)) return 'group S'"],
    ['group T', "if (!setup.isUnit(T)) return 'group T'"],
    ['group w', "if (!N0.isUnit(w)) return 'group w'"],
    ['group wY', "if (!N1.isUnit(wY)) return 'group wY'"],
    ['eq Y', "if (!holds(sigma.equation(level, x, sent, e, response))) return 'eq Y'"],
    ['group s, t (s)', '!setup.isUnit(setup.s) || !setup.isUnit(setup.t)', '!setup.isUnit(setup.t)'],
    ['group s, t (t)', '!setup.isUnit(setup.s) || !setup.isUnit(setup.t)', '!setup.isUnit(setup.s)'],
  ]),
  ...hashedIn('aff-g', [
    ['A is hashed', '  A: integer,\n  Bx: anyPoint,', '  Bx: anyPoint,'],
    ['Bx is hashed', '  Bx: anyPoint,\n', ''],
    ['By is hashed', '  By: integer,\n  E: integer,', '  E: integer,'],
    ['E is hashed', '  E: integer,\n', ''],
    ['S is hashed', '  S: integer,\n  F: integer,', '  F: integer,'],
    ['F is hashed', '  F: integer,\n', ''],
    ['T is hashed', '  T: integer,\n})', '})'],
  ]),
  ...challengeOf('aff-g'),
  ...proof('elog', 'elog', [
    ['group L', "if (L.is0()) return 'group L'"],
    ['group M', "if (M.is0()) return 'group M'"],
    ['group X', "if (X.is0()) return 'group X'"],
    ['group Y', "if (Y.is0()) return 'group Y'"],
    ['group h', "if (h.is0()) return 'group h'"],
  ]),
  ...hashedIn('elog', [
    ['A is hashed', '{ A: anyPoint, N: anyPoint,', '{ N: anyPoint,'],
    ['N is hashed', '{ A: anyPoint, N: anyPoint,', '{ A: anyPoint,'],
    ['B is hashed', ' B: anyPoint })', ' })'],
  ]),
  ...challengeOf('elog'),
  ...proof('aff-g*', 'aff-g-star', [
    ['length commitment', "if (A.length !== m || Bx.length !== m || By.length !== m) return 'length commitment'"],
    [
      'length response',
      "if (z1.length !== m || z2.length !== m || w.length !== m || wY.length !== m) return 'length response'",
    ],
    ['range z1', "if (!z1.every((z) => inRange(z, ell + epsilon))) return 'range z1'"],
    ['range z2', "if (!z2.every((z) => inRange(z, ellPrime + epsilon))) return 'range z2'"],
    ['group X', "if (X.is0()) return 'group X'"],
    ['group C', "if (!N0.isCiphertext(C)) return 'group C'"],
    ['group D', "if (!N0.isCiphertext(D)) return 'group D'"],
    ['group Y', "if (!N1.isCiphertext(Y)) return 'group Y'"],
    ['group A', "if (!areUnits({ isUnit: N0.isCiphertext }, N0.NN, A)) return 'group A'"],
    ['group By', "if (!areUnits({ isUnit: N1.isCiphertext }, N1.NN, By)) return 'group By'"],
    ['group w', "if (!areUnits(N0, N0.N, w)) return 'group w'"],
    ['group wY', "if (!areUnits(N1, N1.N, wY)) return 'group wY'"],
    ['eq X', "if (!combine([[z1[i] as bigint, G]]).equals(e[i] === 1 ? Bxi.add(X) : Bxi)) return 'eq X'"],
    ['eq D', "if (left !== (e[i] === 1 ? N0.add(Ai, D) : Ai)) return 'eq D'"],
    ['eq Y', "if (N1.encrypt(z2[i] as bigint, wY[i] as bigint) !== (e[i] === 1 ? N1.add(Byi, Y) : Byi)) return 'eq Y'"],
    ['length commitment (A)', 'A.length !== m', 'false'],
    ['length commitment (Bx)', 'Bx.length !== m', 'false'],
    ['length commitment (By)', 'By.length !== m', 'false'],
    ['length response (z1)', '(z1.length !== m', '(false'],
    ['length response (z2)', ' z2.length !== m', ' false'],
    ['length response (w)', ' w.length !== m', ' false'],
    ['length response (wY)', ' wY.length !== m', ' false'],
  ]),
  ...proof('dec', 'dec', [
    ['length commitment', "if (A.length !== m || B.length !== m || C.length !== m) return 'length commitment'"],
    ['length response', "if (z.length !== m || w.length !== m || nu.length !== m) return 'length response'"],
    ['range z', "if (!z.every((zi) => inRange(zi, ell + epsilon))) return 'range z'"],
    ['range w', "if (!w.every((wi) => inRange(wi, bitsOfY(level) + epsilon))) return 'range w'"],
    ['group X', "if (X.is0()) return 'group X'"],
    ['group h', "if (h.is0()) return 'group h'"],
    ['group K', "if (!N0.isCiphertext(K)) return 'group K'"],
    ['group D', "if (!N0.isCiphertext(D)) return 'group D'"],
    ['group A', "if (!areUnits({ isUnit: N0.isCiphertext }, N0.NN, A)) return 'group A'"],
    ['group nu', "if (!areUnits(N0, N0.N, nu)) return 'group nu'"],
    ['eq X', "if (!combine([[z[i] as bigint, G]]).equals(e[i] === 1 ? Ci.add(X) : Ci)) return 'eq X'"],
    ['eq S', "if (!combine([[w[i] as bigint, h]]).equals(e[i] === 1 ? Bi.add(S) : Bi)) return 'eq S'"],
    ['eq D', "if (N0.encrypt(w[i] as bigint, nu[i] as bigint) !== right) return 'eq D'"],
    ['length commitment (A)', 'A.length !== m', 'false'],
    ['length commitment (B)', 'B.length !== m', 'false'],
    ['length commitment (C)', 'C.length !== m', 'false'],
    ['length response (z)', '(z.length !== m', '(false'],
    ['length response (w)', ' w.length !== m', ' false'],
    ['length response (nu)', ' nu.length !== m', ' false'],
  ]),
].flat()

export const sigma: readonly Mutant[] = [
  ...mutants(
    'zk/mod roots',
    'participant/zk/mod.ts',
    [{ file: 'participant/zk/mod.test.ts', only: '^Π\\^mod' }],
    [['number of roots', 'Math.ceil(repetitions / 16)', '1']],
  ),
  ...mutants(
    'math/small-primes',
    'participant/math/small-primes.ts',
    ['participant/math/small-primes.test.ts'],
    [
      ['limit', '2 ** 16', '65521'],
      ['odd one out', '(level[i + 1] ?? 1n)', '1n'],
    ],
  ),
  ...mutants('zk/challenge', 'participant/zk/sigma.ts', BINDING, [
    ['level', ".bytes('level', b.level.digest)", ''],
    ['session', ".bytes('session', b.session)", ''],
    ['epoch', ".text('epoch', String(b.epoch))", ''],
    ['prover', ".text('prover', b.prover)", ''],
    ['verifier', ".text('verifier', b.verifier)", ''],
    ['slot', ".text('slot', b.slot)", ''],
    ['statement', ".bytes('statement', encode(of.statement(b.level) as Codec<S>, x))", ''],
    ['commitment', ".bytes('commitment', encode(of.commitment(b.level) as Codec<C>, commitment))", ''],
    ['name of the proof', '{of.name}`)', "{''}`)"],
    ['both signs', 'return e > q / 2n ? e - q : e', 'return e'],
  ]),
  ...mutants(
    'zk/pair',
    'participant/zk/pair.ts',
    ['participant/zk/pair.test.ts'],
    [
      ['the equation of both', ' && bothHold(equationOf(one), equationOf(two), weight)', ''],
      ['checks before it, of the first', 'begins(one) && ', ''],
      ['checks before it, of the second', ' && begins(two)', ''],
      ['the first is named', 'if (first !== undefined) return [0, first]'],
      ['the second is named', 'return second === undefined ? undefined : [1, second]', 'return undefined'],
      ['one prover', 'if (two.key.N !== key.N) throw'],
      ['the weight is random', 'bytesToBigint(random.bytes(16))', '1n'],
      ['the weight has 128 bits', 'random.bytes(16)', 'random.bytes(15)'],
      ['the weight of D', 'key.pow(two.D, weight)', 'two.D'],
      ['the weight of ρ', 'key.powModN(two.rho, weight)', 'two.rho'],
      ['the weight of C', 'weight * two.e)', 'two.e)'],
      ['the weight of z', 'one.z + weight * two.z', 'one.z + two.z'],
    ],
  ),
  ...mutants(
    'zk/job',
    'participant/zk/job.ts',
    [{ file: 'participant/zk/pair.test.ts', only: 'in a worker' }],
    [['the weight', '.verifyTwo(one, two, integer.read(r))', '.verifyTwo(one, two, 1n)']],
  ),
  ...mutants(
    'party/judge',
    'participant/party/judge.ts',
    [{ file: 'test/evidence.test.ts', only: 'ψ1 with another z2' }],
    [['evidence is checked one by one', 'if (judge.random === undefined)', 'if (judge.work === undefined)']],
  ),
  ...mutants(
    'zk/range',
    'participant/zk/sigma.ts',
    [{ file: SIGMA, only: '^inRange$' }],
    [
      ['below', 'return z >= -bound && z <= bound', 'return z <= bound'],
      ['above', 'return z >= -bound && z <= bound', 'return z >= -bound'],
    ],
  ),
  ...mutants(
    'zk/membership',
    'participant/zk/membership.ts',
    ['participant/zk/membership.test.ts'],
    [
      ['positive', 'N > 0n && ', ''],
      ['odd', '(N & 1n) === 1n && ', ''],
      ['size', ' && bitLength(N) === level.modulusBits', ''],
      // that zero is no unit, the gcd says too
      ['range of units', 'if (values.some((v) => v <= 0n || v >= m)) return false'],
      ['units below m', 'v <= 0n || v >= m', 'v <= 0n'],
      ['gcd', 'return values.length === 0 || ', 'return true || '],
    ],
  ),
]
