/**
 * Soundness as a table: what a cheating prover or the network changes, and the check that refuses it. Every check of
 * every proof has a row; a row fails when its check is taken out.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { INSECURE_TEST, type SecurityLevel } from '../base/level.ts'
import type { Random } from '../base/random.ts'
import { G, IDENTITY } from '../math/curve.ts'
import { ringPedersen } from '../paillier/ring-pedersen.ts'
import { FAULT_CODES } from './codes.ts'
import { bitsOfY } from './dec.ts'
import type { Entry } from './mod.ts'
import type { Binding, Provable } from './sigma.ts'
import {
  affGInstance,
  encElgInstance,
  facInstance,
  type Instance,
  instances,
  modInstance,
  seededRandom,
  testParty,
} from './testing.ts'
import { bestEffort, forgePrime, nonResidue, SMALL_FACTOR, smallNonResidue } from './testing-forgeries.ts'

/** What plain and compact proofs have in common. C is the first message, T what travels of it. */
interface ThreeMoves<S, W, C, T, K, R, Ch> {
  readonly name: string
  readonly sigma: {
    commit(l: SecurityLevel, x: S, w: W, random: Random): { readonly commitment: C; readonly kept: K }
  }
  finish(b: Binding, x: S, w: W, made: { readonly commitment: C; readonly kept: K }): Given<T, R>
  verify(b: Binding, x: S, proof: Given<T, R>): Ch | undefined
}

interface Given<T, R> {
  readonly commitment: T
  /** In a compact proof. */
  readonly e?: bigint
  readonly response: R
}

interface Row<S, C, T, K, R, Ch> {
  readonly change: string
  readonly expect: Ch
  /** Who proves what to whom, as the verifier sees it. */
  readonly binding?: Partial<Binding>
  /** A false statement that the prover makes. */
  readonly claim?: Partial<S>
  /** What the verifier takes the statement to be, when the prover proved another. */
  readonly statement?: Partial<S>
  /** A first message that the prover changes before the challenge, and what it keeps. */
  readonly made?: Partial<C>
  readonly kept?: K
  /** Changes to a finished proof. */
  readonly commitment?: Partial<T>
  readonly response?: Partial<R>
  /** The challenge, where it travels. */
  readonly e?: bigint
  /** Makes a proof elsewhere. */
  readonly forged?: () => { readonly statement: S; readonly proof: Given<T, R> }
}

const level = INSECURE_TEST
const { ell, ellPrime, epsilon, modulusBits, repetitions: m } = level
const all = instances(level.name)
const [alice, bob, carol] = [testParty(level, 0), testParty(level, 1), testParty(level, 2)]
/** A factor of N̂ of the verifier, of N of the verifier, of N of the prover. */
const [fHat, f0, f1] = [bob.ownSetup.p.expose(), bob.own.p.expose(), alice.own.p.expose()]

function table<S extends object, W, C extends object, T extends object, K, R extends object, Ch extends string>(
  {
    proof,
    binding,
    statement,
    verifierStatement,
    witness,
  }: {
    readonly proof: ThreeMoves<S, W, C, T, K, R, Ch>
    readonly binding: Binding
    readonly statement: S
    readonly verifierStatement: S
    readonly witness: W
  },
  /** The first equation: what fails when the two sides have different challenges. */
  first: Ch,
  checks: Readonly<Record<Ch, unknown>>,
  rows: (honest: Given<T, R>, made: C) => readonly Row<S, C, T, K, R, Ch>[],
): void {
  const random = seededRandom(`soundness ${proof.name}`)
  const made = proof.sigma.commit(level, statement, witness, random)
  const honest = proof.finish(binding, statement, witness, made)
  const bindings: readonly Row<S, C, T, K, R, Ch>[] = [
    { change: 'session', expect: first, binding: { session: binding.session.map((v, i) => (i === 31 ? v ^ 1 : v)) } },
    { change: 'epoch', expect: first, binding: { epoch: binding.epoch + 1 } },
    { change: 'prover', expect: first, binding: { prover: 'carol' } },
    { change: 'verifier', expect: first, binding: { verifier: 'carol' } },
    { change: 'slot', expect: first, binding: { slot: `${binding.slot} ` } },
    { change: 'level', expect: first, binding: { level: { ...level, digest: new Uint8Array(32) } } },
  ]
  const given = [...bindings, ...rows(honest, made.commitment)]

  const attempt = (row: Row<S, C, T, K, R, Ch>): Given<T, R> => {
    let first = made
    let x = statement
    if (row.claim !== undefined) {
      x = { ...statement, ...row.claim }
      first = proof.sigma.commit(level, x, witness, seededRandom('claim'))
    }
    const own = { commitment: { ...first.commitment, ...row.made }, kept: row.kept ?? first.kept }
    const done = proof.finish(binding, x, witness, own)
    return {
      ...done,
      ...(row.e === undefined ? {} : { e: row.e }),
      commitment: { ...done.commitment, ...row.commitment },
      response: { ...done.response, ...row.response },
    }
  }

  describe(`Π^${proof.name} is sound`, () => {
    it('accepts what the rows change', () => {
      assert.equal(proof.verify(binding, verifierStatement, honest), undefined)
    })
    for (const row of given) {
      it(`${row.change}: ${row.expect}`, () => {
        const x = { ...verifierStatement, ...row.claim, ...row.statement }
        const given = row.forged?.() ?? { statement: x, proof: attempt(row) }
        assert.equal(proof.verify({ ...binding, ...row.binding }, given.statement, given.proof), row.expect)
      })
    }
    it('has a row for every check', () => {
      assert.deepEqual([...new Set(given.map((row) => row.expect))].sort(), Object.keys(checks).sort())
    })
  })
}

/** An array with one item replaced. */
function replaced<T>(items: readonly T[], at: number, item: T): readonly T[] {
  return items.map((old, i) => (i === at ? item : old))
}

table(all.sch, 'eq X', FAULT_CODES.sch, ({ commitment, response }) => [
  { change: 'claim X + G', expect: 'eq X', claim: { X: all.sch.statement.X.add(G) } },
  { change: 'identity X', expect: 'group X', claim: { X: IDENTITY } },
  { change: 'A made other', expect: 'eq X', made: { A: commitment.A.add(G) } },
  { change: 'A', expect: 'eq X', commitment: { A: commitment.A.add(G) } },
  { change: 'z', expect: 'eq X', response: { z: response.z ^ 1n } },
])

const { NHat, s, t } = all.prm.statement
const phiHat = alice.ownSetup.phi.expose()
table(all.prm, 'eq s', FAULT_CODES.prm, ({ commitment: { A }, response: { z } }) => [
  { change: 'even N̂', expect: 'size NHat', claim: { NHat: NHat + 1n } },
  { change: 'N̂ 0', expect: 'size NHat', statement: { NHat: 0n } },
  { change: 'N̂ negative', expect: 'size NHat', statement: { NHat: -NHat } },
  { change: 'N̂ of a bit less', expect: 'size NHat', statement: { NHat: (NHat >> 1n) | 1n } },
  { change: 'N̂ of 40 000 bits', expect: 'size NHat', statement: { NHat: (1n << 39_999n) | 1n } },
  { change: 'no A', expect: 'length A', commitment: { A: [] } },
  { change: 'one A', expect: 'length A', commitment: { A: A.slice(0, 1) } },
  { change: 'one A less', expect: 'length A', commitment: { A: A.slice(1) } },
  { change: 'one A more', expect: 'length A', commitment: { A: [...A, 1n] } },
  { change: 'no z', expect: 'length z', response: { z: [] } },
  { change: 'one z', expect: 'length z', response: { z: z.slice(0, 1) } },
  { change: 'one z less', expect: 'length z', response: { z: z.slice(1) } },
  { change: 'one z more', expect: 'length z', response: { z: [...z, 0n] } },
  { change: 's = t', expect: 'base s, t', claim: { s: t } },
  { change: 's 0', expect: 'base s, t', claim: { s: 0n } },
  { change: 's 1', expect: 'base s, t', claim: { s: 1n } },
  { change: 's = N̂ − 1', expect: 'base s, t', claim: { s: NHat - 1n } },
  { change: 's + N̂', expect: 'base s, t', claim: { s: s + NHat } },
  { change: 's with a factor of N̂', expect: 'base s, t', claim: { s: alice.ownSetup.p.expose() } },
  { change: 't 1', expect: 'base s, t', statement: { t: 1n } },
  { change: 't = N̂ − 1', expect: 'base s, t', statement: { t: NHat - 1n } },
  { change: 't with a factor of N̂', expect: 'base s, t', statement: { t: alice.ownSetup.q.expose() } },
  {
    change: 'z of another form, too large',
    expect: 'range z',
    response: { z: replaced(z, 0, at(z, 0) + 2n * phiHat) },
  },
  { change: 'z of another form, negative', expect: 'range z', response: { z: replaced(z, 0, at(z, 0) - 2n * phiHat) } },
  { change: 'z = N̂', expect: 'range z', response: { z: replaced(z, m - 1, NHat) } },
  { change: 'A 0', expect: 'group A', made: { A: replaced(A, 0, 0n) } },
  { change: 'A with a factor of N̂', expect: 'group A', made: { A: replaced(A, m - 1, alice.ownSetup.p.expose()) } },
  { change: 'A = N̂', expect: 'group A', made: { A: replaced(A, 3, NHat) } },
  { change: 's no power of t', expect: 'eq s', claim: { s: nonResidue(NHat, s) } },
  { change: 'other s', expect: 'eq s', statement: { s: (s * t) % NHat } },
  { change: 'other t', expect: 'eq s', statement: { t: (s * t) % NHat } },
  { change: 'first A', expect: 'eq s', made: { A: replaced(A, 0, (at(A, 0) * t) % NHat) } },
  { change: 'last A', expect: 'eq s', made: { A: replaced(A, m - 1, (at(A, m - 1) * t) % NHat) } },
  { change: 'first z', expect: 'eq s', response: { z: replaced(z, 0, at(z, 0) ^ 1n) } },
  { change: 'last z', expect: 'eq s', response: { z: replaced(z, m - 1, at(z, m - 1) ^ 1n) } },
])

const N = all.mod.statement.N
const small = smallNonResidue(N)
table(all.mod, 'eq x', FAULT_CODES.mod, ({ response: { entries, z } }) => {
  const root = z[0] as bigint
  const entry = (at: number, change: (e: Entry) => Partial<Entry>) => ({
    entries: entries.map((e, i) => (i === at ? { ...e, ...change(e) } : e)),
  })
  return [
    { change: 'N even', expect: 'size N', statement: { N: N + 1n } },
    { change: 'N 0', expect: 'size N', statement: { N: 0n } },
    { change: 'N negative', expect: 'size N', statement: { N: -N } },
    { change: 'N of a bit less', expect: 'size N', statement: { N: (N >> 1n) | 1n } },
    { change: 'N of 40 000 bits', expect: 'size N', statement: { N: (1n << 39_999n) | 1n } },
    { change: 'no entries', expect: 'length entries', response: { entries: [] } },
    { change: 'one entry', expect: 'length entries', response: { entries: entries.slice(0, 1) } },
    { change: 'one entry less', expect: 'length entries', response: { entries: entries.slice(1) } },
    { change: 'one entry more', expect: 'length entries', response: { entries: [...entries, ...entries.slice(0, 1)] } },
    { change: 'w 0', expect: 'w', made: { w: 0n } },
    { change: 'w with a factor of N', expect: 'w', made: { w: alice.own.p.expose() } },
    { change: 'w a square', expect: 'w', made: { w: 4n } },
    { change: 'w of another form', expect: 'w', made: { w: small + N }, kept: { w: small } },
    { change: 'x 0', expect: 'group x', response: entry(0, () => ({ x: 0n })) },
    { change: 'x with a factor of N', expect: 'group x', response: entry(m - 1, () => ({ x: alice.own.q.expose() })) },
    { change: 'x of another form', expect: 'group x', response: entry(1, ({ x }) => ({ x: x + N })) },
    { change: 'x negative', expect: 'group x', response: entry(1, ({ x }) => ({ x: x - N })) },
    { change: 'no z', expect: 'length z', response: { z: [] } },
    { change: 'one z more', expect: 'length z', response: { z: [root, root] } },
    { change: 'z 0', expect: 'group z', response: { z: [0n] } },
    { change: 'z with a factor of N', expect: 'group z', response: { z: [alice.own.q.expose()] } },
    { change: 'z of another form', expect: 'group z', response: { z: [root + N] } },
    { change: 'N prime', expect: 'prime N', forged: () => forgePrime(all.mod.binding) },
    { change: 'another N', expect: 'eq x', claim: { N: modInstance(level, bob).statement.N } },
    { change: 'first x', expect: 'eq x', response: entry(0, ({ x }) => ({ x: (x * 2n) % N })) },
    { change: 'last x', expect: 'eq x', response: entry(m - 1, ({ x }) => ({ x: (x * 2n) % N })) },
    { change: 'a', expect: 'eq x', response: entry(2, ({ a }) => ({ a: !a })) },
    { change: 'b', expect: 'eq x', response: entry(2, ({ b }) => ({ b: !b })) },
    { change: 'w made other', expect: 'eq x', made: { w: small } },
    {
      change: 'a factor of 16 bits',
      expect: 'small factor N',
      forged: () => bestEffort(SMALL_FACTOR, all.mod.binding, smallNonResidue(SMALL_FACTOR[0] * SMALL_FACTOR[1])),
    },
    { change: 'z', expect: 'eq z', response: { z: [(root * 2n) % N] } },
    { change: 'z negated', expect: 'eq z', response: { z: [N - root] } },
  ]
})

const bobs = bob.setup
const swapped = ringPedersen(bobs.NHat, bobs.t, bobs.s)
const badS = ringPedersen(bobs.NHat, fHat, bobs.t)
const badT = ringPedersen(bobs.NHat, bobs.s, fHat)
const times = (a: bigint): bigint => (a * bobs.t) % bobs.NHat

const facEnd = 1n << BigInt(ell + epsilon + modulusBits / 2)
table(all.fac, 'eq P', FAULT_CODES.fac, ({ commitment, response }) => [
  { change: 'z1 above', expect: 'range z1', response: { z1: facEnd + 1n } },
  { change: 'z1 below', expect: 'range z1', response: { z1: -facEnd - 1n } },
  { change: 'z1 at the end', expect: 'eq P', response: { z1: facEnd } },
  { change: 'z1 at the other end', expect: 'eq P', response: { z1: -facEnd } },
  { change: 'z2 above', expect: 'range z2', response: { z2: facEnd + 1n } },
  { change: 'z2 below', expect: 'range z2', response: { z2: -facEnd - 1n } },
  { change: 'z2 at the end', expect: 'eq Q', response: { z2: facEnd } },
  { change: 'z2 at the other end', expect: 'eq Q', response: { z2: -facEnd } },
  { change: 's with a factor of N̂', expect: 'group s, t', statement: { setup: badS } },
  { change: 't with a factor of N̂', expect: 'group s, t', statement: { setup: badT } },
  ...nonUnits(fHat, bobs.NHat).flatMap(
    ([what, bad]) =>
      [
        { change: `P ${what}`, expect: 'group P', made: { P: bad } },
        { change: `Q ${what}`, expect: 'group Q', made: { Q: bad } },
        { change: `A ${what}`, expect: 'group A', made: { A: bad } },
        { change: `B ${what}`, expect: 'group B', made: { B: bad } },
        { change: `T ${what}`, expect: 'group T', made: { T: bad } },
      ] as const,
  ),
  { change: 'another N₀', expect: 'eq N', claim: { N0: bob.own.N } },
  { change: 'N₀ + 2', expect: 'eq N', claim: { N0: all.fac.statement.N0 + 2n } },
  { change: 'N₀ of the statement', expect: 'eq P', statement: { N0: bob.own.N } },
  { change: 'bases swapped', expect: 'eq P', statement: { setup: swapped } },
  { change: 'P made other', expect: 'eq P', made: { P: times(commitment.P) } },
  { change: 'A made other', expect: 'eq P', made: { A: times(commitment.A) } },
  { change: 'Q made other', expect: 'eq Q', made: { Q: times(commitment.Q) } },
  { change: 'B made other', expect: 'eq Q', made: { B: times(commitment.B) } },
  { change: 'T made other', expect: 'eq N', made: { T: times(commitment.T) } },
  { change: 'T', expect: 'eq P', commitment: { T: times(commitment.T) } },
  { change: 'z1', expect: 'eq P', response: { z1: response.z1 ^ 1n } },
  { change: 'z2', expect: 'eq Q', response: { z2: response.z2 ^ 1n } },
  { change: 'w1', expect: 'eq P', response: { w1: response.w1 ^ 1n } },
  { change: 'w2', expect: 'eq Q', response: { w2: response.w2 ^ 1n } },
  { change: 'v', expect: 'eq N', response: { v: response.v ^ 1n } },
])

const end = 1n << BigInt(ell + epsilon)
const endPrime = 1n << BigInt(ellPrime + epsilon)

const encX = all.encElg.statement
const plusOne = (key: typeof alice.own, C: bigint): bigint => key.add(C, key.encrypt(1n, 1n))
table(all.encElg, 'eq challenge', FAULT_CODES['enc-elg'], ({ commitment, e = 0n, response }, made) => [
  { change: 'z1 above', expect: 'range z1', response: { z1: end + 1n } },
  { change: 'z1 below', expect: 'range z1', response: { z1: -end - 1n } },
  { change: 'z1 at the end', expect: 'eq challenge', response: { z1: end } },
  { change: 'z1 at the other end', expect: 'eq challenge', response: { z1: -end } },
  { change: 'identity A', expect: 'group A', claim: { A: IDENTITY } },
  { change: 'identity B1', expect: 'group B1', claim: { B1: IDENTITY } },
  { change: 'identity B2', expect: 'group B2', claim: { B2: IDENTITY } },
  { change: 'C 0', expect: 'group C', statement: { C: 0n } },
  { change: 'C with a factor of N₀', expect: 'group C', statement: { C: f1 } },
  { change: 'C of another form', expect: 'group C', claim: { C: encX.C + alice.own.NN } },
  { change: 'C negative', expect: 'group C', statement: { C: encX.C - alice.own.NN } },
  { change: 's with a factor of N̂', expect: 'group s, t', statement: { setup: badS } },
  { change: 't with a factor of N̂', expect: 'group s, t', statement: { setup: badT } },
  ...nonUnits(fHat, bobs.NHat).map(
    ([what, bad]) => ({ change: `S ${what}`, expect: 'group S', made: { S: bad } }) as const,
  ),
  ...nonUnits(f1, alice.own.NN).map(
    ([what, bad]) => ({ change: `D ${what}`, expect: 'group D', made: { D: bad } }) as const,
  ),
  ...nonUnits(f1, alice.own.N).map(
    ([what, bad]) => ({ change: `z2 ${what}`, expect: 'group z2', response: { z2: bad } }) as const,
  ),
  { change: 'z2 of another form', expect: 'group z2', response: { z2: response.z2 + alice.own.N } },
  { change: 'claim C ⊕ 1', expect: 'eq C', claim: { C: plusOne(alice.own, encX.C) } },
  { change: 'claim A + G', expect: 'eq challenge', claim: { A: encX.A.add(G) } },
  { change: 'claim B1 + G', expect: 'eq challenge', claim: { B1: encX.B1.add(G) } },
  { change: 'claim B2 + G', expect: 'eq challenge', claim: { B2: encX.B2.add(G) } },
  { change: 'C', expect: 'eq challenge', statement: { C: plusOne(alice.own, encX.C) } },
  { change: 'A', expect: 'eq challenge', statement: { A: encX.A.add(G) } },
  { change: 'B1', expect: 'eq challenge', statement: { B1: encX.B1.add(G) } },
  { change: 'B2', expect: 'eq challenge', statement: { B2: encX.B2.add(G) } },
  { change: 'bases swapped', expect: 'eq challenge', statement: { setup: swapped } },
  { change: 'S made other', expect: 'eq challenge', made: { S: times(commitment.S) } },
  { change: 'T made other', expect: 'eq challenge', made: { T: times(made.T) } },
  { change: 'D made other', expect: 'eq C', made: { D: plusOne(alice.own, commitment.D) } },
  { change: 'Y made other', expect: 'eq challenge', made: { Y: made.Y.add(G) } },
  { change: 'Z made other', expect: 'eq challenge', made: { Z: made.Z.add(G) } },
  { change: 'S', expect: 'eq challenge', commitment: { S: times(commitment.S) } },
  { change: 'D', expect: 'eq challenge', commitment: { D: plusOne(alice.own, commitment.D) } },
  { change: 'e', expect: 'eq challenge', e: e ^ 1n },
  { change: 'e = 0', expect: 'eq challenge', e: 0n },
  { change: 'z1', expect: 'eq challenge', response: { z1: response.z1 ^ 1n } },
  { change: 'z2', expect: 'eq C', response: { z2: (response.z2 * 2n) % alice.own.N } },
  { change: 'z3', expect: 'eq challenge', response: { z3: response.z3 ^ 1n } },
  { change: 'w', expect: 'eq challenge', response: { w: response.w ^ 1n } },
])

const affX = all.affG.statement
table(all.affG, 'eq challenge', FAULT_CODES['aff-g'], ({ commitment, e = 0n, response }, made) => [
  { change: 'z1 above', expect: 'range z1', response: { z1: end + 1n } },
  { change: 'z1 below', expect: 'range z1', response: { z1: -end - 1n } },
  { change: 'z1 at the end', expect: 'eq challenge', response: { z1: end } },
  { change: 'z1 at the other end', expect: 'eq challenge', response: { z1: -end } },
  { change: 'z2 above', expect: 'range z2', response: { z2: endPrime + 1n } },
  { change: 'z2 below', expect: 'range z2', response: { z2: -endPrime - 1n } },
  { change: 'z2 at the end', expect: 'eq challenge', response: { z2: endPrime } },
  { change: 'z2 at the other end', expect: 'eq challenge', response: { z2: -endPrime } },
  { change: 'identity X', expect: 'group X', claim: { X: IDENTITY } },
  { change: 'C 0', expect: 'group C', statement: { C: 0n } },
  { change: 'C with a factor of N₀', expect: 'group C', statement: { C: f0 } },
  { change: 'C of another form', expect: 'group C', claim: { C: affX.C + bob.own.NN } },
  { change: 'D 0', expect: 'group D', statement: { D: 0n } },
  { change: 'D with a factor of N₀', expect: 'group D', statement: { D: f0 } },
  { change: 'D of another form', expect: 'group D', claim: { D: affX.D + bob.own.NN } },
  { change: 'Y 0', expect: 'group Y', statement: { Y: 0n } },
  { change: 'Y with a factor of N₁', expect: 'group Y', statement: { Y: f1 } },
  { change: 'Y of another form', expect: 'group Y', claim: { Y: affX.Y + alice.own.NN } },
  { change: 's with a factor of N̂', expect: 'group s, t', statement: { setup: badS } },
  { change: 't with a factor of N̂', expect: 'group s, t', statement: { setup: badT } },
  ...nonUnits(fHat, bobs.NHat).flatMap(
    ([what, bad]) =>
      [
        { change: `S ${what}`, expect: 'group S', made: { S: bad } },
        { change: `T ${what}`, expect: 'group T', made: { T: bad } },
      ] as const,
  ),
  ...nonUnits(f1, alice.own.NN).map(
    ([what, bad]) => ({ change: `By ${what}`, expect: 'group By', made: { By: bad } }) as const,
  ),
  ...nonUnits(f0, bob.own.N).map(
    ([what, bad]) => ({ change: `w ${what}`, expect: 'group w', response: { w: bad } }) as const,
  ),
  ...nonUnits(f1, alice.own.N).map(
    ([what, bad]) => ({ change: `wY ${what}`, expect: 'group wY', response: { wY: bad } }) as const,
  ),
  { change: 'w of another form', expect: 'group w', response: { w: response.w + bob.own.N } },
  { change: 'wY of another form', expect: 'group wY', response: { wY: response.wY + alice.own.N } },
  { change: 'claim C ⊕ 1', expect: 'eq challenge', claim: { C: plusOne(bob.own, affX.C) } },
  { change: 'claim D ⊕ 1', expect: 'eq challenge', claim: { D: plusOne(bob.own, affX.D) } },
  { change: 'claim Y ⊕ 1', expect: 'eq Y', claim: { Y: plusOne(alice.own, affX.Y) } },
  { change: 'claim X + G', expect: 'eq challenge', claim: { X: affX.X.add(G) } },
  { change: 'C', expect: 'eq challenge', statement: { C: plusOne(bob.own, affX.C) } },
  { change: 'D', expect: 'eq challenge', statement: { D: plusOne(bob.own, affX.D) } },
  { change: 'Y', expect: 'eq challenge', statement: { Y: plusOne(alice.own, affX.Y) } },
  { change: 'X', expect: 'eq challenge', statement: { X: affX.X.add(G) } },
  { change: 'bases swapped', expect: 'eq challenge', statement: { setup: swapped } },
  { change: 'A made other', expect: 'eq challenge', made: { A: plusOne(bob.own, made.A) } },
  { change: 'Bx made other', expect: 'eq challenge', made: { Bx: made.Bx.add(G) } },
  { change: 'By made other', expect: 'eq Y', made: { By: plusOne(alice.own, commitment.By) } },
  { change: 'E made other', expect: 'eq challenge', made: { E: times(made.E) } },
  { change: 'S made other', expect: 'eq challenge', made: { S: times(commitment.S) } },
  { change: 'F made other', expect: 'eq challenge', made: { F: times(made.F) } },
  { change: 'T made other', expect: 'eq challenge', made: { T: times(commitment.T) } },
  { change: 'By', expect: 'eq challenge', commitment: { By: plusOne(alice.own, commitment.By) } },
  { change: 'S', expect: 'eq challenge', commitment: { S: times(commitment.S) } },
  { change: 'T', expect: 'eq challenge', commitment: { T: times(commitment.T) } },
  { change: 'e', expect: 'eq challenge', e: e ^ 1n },
  { change: 'e = 0', expect: 'eq challenge', e: 0n },
  { change: 'z1', expect: 'eq challenge', response: { z1: response.z1 ^ 1n } },
  { change: 'z2', expect: 'eq challenge', response: { z2: response.z2 ^ 1n } },
  { change: 'z3', expect: 'eq challenge', response: { z3: response.z3 ^ 1n } },
  { change: 'z4', expect: 'eq challenge', response: { z4: response.z4 ^ 1n } },
  { change: 'w', expect: 'eq challenge', response: { w: (response.w * 2n) % bob.own.N } },
  { change: 'wY', expect: 'eq Y', response: { wY: (response.wY * 2n) % alice.own.N } },
])

const elogX = all.elog.statement
table(all.elog, 'eq challenge', FAULT_CODES.elog, ({ e = 0n, response }, made) => [
  { change: 'identity L', expect: 'group L', claim: { L: IDENTITY } },
  { change: 'identity M', expect: 'group M', claim: { M: IDENTITY } },
  { change: 'identity X', expect: 'group X', claim: { X: IDENTITY } },
  { change: 'identity Y', expect: 'group Y', claim: { Y: IDENTITY } },
  { change: 'identity h', expect: 'group h', statement: { h: IDENTITY } },
  { change: 'claim L + G', expect: 'eq challenge', claim: { L: elogX.L.add(G) } },
  { change: 'claim M + G', expect: 'eq challenge', claim: { M: elogX.M.add(G) } },
  { change: 'claim X + G', expect: 'eq challenge', claim: { X: elogX.X.add(G) } },
  { change: 'claim Y + G', expect: 'eq challenge', claim: { Y: elogX.Y.add(G) } },
  { change: 'claim h + G', expect: 'eq challenge', claim: { h: elogX.h.add(G) } },
  { change: 'M', expect: 'eq challenge', statement: { M: elogX.M.add(G) } },
  { change: 'h', expect: 'eq challenge', statement: { h: elogX.h.add(G) } },
  { change: 'A made other', expect: 'eq challenge', made: { A: made.A.add(G) } },
  { change: 'N made other', expect: 'eq challenge', made: { N: made.N.add(G) } },
  { change: 'B made other', expect: 'eq challenge', made: { B: made.B.add(G) } },
  { change: 'e', expect: 'eq challenge', e: e ^ 1n },
  { change: 'e = 0', expect: 'eq challenge', e: 0n },
  { change: 'z', expect: 'eq challenge', response: { z: response.z ^ 1n } },
  { change: 'u', expect: 'eq challenge', response: { u: response.u ^ 1n } },
])

const starX = all.affGStar.statement
table(all.affGStar, 'eq X', FAULT_CODES['aff-g*'], ({ commitment: { A, Bx, By }, response: { z1, z2, w, wY } }) => {
  const less = { A: A.slice(1), Bx: Bx.slice(1), By: By.slice(1) }
  const more = { A: [...A, at(A, 0)], Bx: [...Bx, at(Bx, 0)], By: [...By, at(By, 0)] }
  return [
    { change: 'no first messages', expect: 'length commitment', commitment: { A: [], Bx: [], By: [] } },
    { change: 'one first message', expect: 'length commitment', commitment: { A: A.slice(0, 1) } },
    { change: 'one repetition less', expect: 'length commitment', commitment: less },
    { change: 'one repetition more', expect: 'length commitment', commitment: more },
    { change: 'one A less', expect: 'length commitment', commitment: { A: less.A } },
    { change: 'one Bx less', expect: 'length commitment', commitment: { Bx: less.Bx } },
    { change: 'one By less', expect: 'length commitment', commitment: { By: less.By } },
    { change: 'no responses', expect: 'length response', response: { z1: [], z2: [], w: [], wY: [] } },
    { change: 'one z1', expect: 'length response', response: { z1: z1.slice(0, 1) } },
    { change: 'one z2 less', expect: 'length response', response: { z2: z2.slice(1) } },
    { change: 'one w more', expect: 'length response', response: { w: [...w, 1n] } },
    { change: 'one wY less', expect: 'length response', response: { wY: wY.slice(1) } },
    { change: 'first z1 above', expect: 'range z1', response: { z1: replaced(z1, 0, end + 1n) } },
    { change: 'last z1 below', expect: 'range z1', response: { z1: replaced(z1, m - 1, -end - 1n) } },
    { change: 'z1 at the end', expect: 'eq X', response: { z1: replaced(z1, 0, end) } },
    { change: 'z1 at the other end', expect: 'eq X', response: { z1: replaced(z1, 0, -end) } },
    { change: 'first z2 above', expect: 'range z2', response: { z2: replaced(z2, 0, endPrime + 1n) } },
    { change: 'last z2 below', expect: 'range z2', response: { z2: replaced(z2, m - 1, -endPrime - 1n) } },
    { change: 'z2 at the end', expect: 'eq D', response: { z2: replaced(z2, 0, endPrime) } },
    { change: 'z2 at the other end', expect: 'eq D', response: { z2: replaced(z2, 0, -endPrime) } },
    { change: 'identity X', expect: 'group X', claim: { X: IDENTITY } },
    { change: 'C 0', expect: 'group C', statement: { C: 0n } },
    { change: 'C with a factor of N₀', expect: 'group C', statement: { C: f0 } },
    { change: 'C of another form', expect: 'group C', claim: { C: starX.C + bob.own.NN } },
    { change: 'D 0', expect: 'group D', statement: { D: 0n } },
    { change: 'D with a factor of N₀', expect: 'group D', statement: { D: f0 } },
    { change: 'D of another form', expect: 'group D', claim: { D: starX.D + bob.own.NN } },
    { change: 'Y 0', expect: 'group Y', statement: { Y: 0n } },
    { change: 'Y with a factor of N₁', expect: 'group Y', statement: { Y: f1 } },
    { change: 'Y of another form', expect: 'group Y', claim: { Y: starX.Y + alice.own.NN } },
    ...nonUnits(f0, bob.own.NN).flatMap(
      ([what, bad]) =>
        [
          { change: `first A ${what}`, expect: 'group A', made: { A: replaced(A, 0, bad) } },
          { change: `last A ${what}`, expect: 'group A', made: { A: replaced(A, m - 1, bad) } },
        ] as const,
    ),
    ...nonUnits(f1, alice.own.NN).map(
      ([what, bad]) => ({ change: `By ${what}`, expect: 'group By', made: { By: replaced(By, m - 1, bad) } }) as const,
    ),
    ...nonUnits(f0, bob.own.N).map(
      ([what, bad]) => ({ change: `w ${what}`, expect: 'group w', response: { w: replaced(w, m - 1, bad) } }) as const,
    ),
    ...nonUnits(f1, alice.own.N).map(
      ([what, bad]) => ({ change: `wY ${what}`, expect: 'group wY', response: { wY: replaced(wY, 0, bad) } }) as const,
    ),
    { change: 'claim X + G', expect: 'eq X', claim: { X: starX.X.add(G) } },
    { change: 'claim C ⊕ 1', expect: 'eq D', claim: { C: plusOne(bob.own, starX.C) } },
    { change: 'claim D ⊕ 1', expect: 'eq D', claim: { D: plusOne(bob.own, starX.D) } },
    { change: 'claim Y ⊕ 1', expect: 'eq Y', claim: { Y: plusOne(alice.own, starX.Y) } },
    { change: 'C', expect: 'eq X', statement: { C: plusOne(bob.own, starX.C) } },
    { change: 'D', expect: 'eq X', statement: { D: plusOne(bob.own, starX.D) } },
    { change: 'Y', expect: 'eq X', statement: { Y: plusOne(alice.own, starX.Y) } },
    { change: 'X', expect: 'eq X', statement: { X: starX.X.add(G) } },
    { change: 'first Bx made other', expect: 'eq X', made: { Bx: replaced(Bx, 0, at(Bx, 0).add(G)) } },
    { change: 'last Bx made other', expect: 'eq X', made: { Bx: replaced(Bx, m - 1, at(Bx, m - 1).add(G)) } },
    { change: 'first A made other', expect: 'eq D', made: { A: replaced(A, 0, plusOne(bob.own, at(A, 0))) } },
    { change: 'last A made other', expect: 'eq D', made: { A: replaced(A, m - 1, plusOne(bob.own, at(A, m - 1))) } },
    { change: 'first By made other', expect: 'eq Y', made: { By: replaced(By, 0, plusOne(alice.own, at(By, 0))) } },
    {
      change: 'last By made other',
      expect: 'eq Y',
      made: { By: replaced(By, m - 1, plusOne(alice.own, at(By, m - 1))) },
    },
    { change: 'z1', expect: 'eq X', response: { z1: replaced(z1, m - 1, at(z1, m - 1) ^ 1n) } },
    { change: 'z2', expect: 'eq D', response: { z2: replaced(z2, m - 1, at(z2, m - 1) ^ 1n) } },
    { change: 'w', expect: 'eq D', response: { w: replaced(w, m - 1, (at(w, m - 1) * 2n) % bob.own.N) } },
    { change: 'wY', expect: 'eq Y', response: { wY: replaced(wY, m - 1, (at(wY, m - 1) * 2n) % alice.own.N) } },
  ]
})

const decX = all.dec.statement
const endY = 1n << BigInt(bitsOfY(level) + epsilon)
table(all.dec, 'eq X', FAULT_CODES.dec, ({ commitment: { A, B, C }, response: { z, w, nu } }) => [
  { change: 'no first messages', expect: 'length commitment', commitment: { A: [], B: [], C: [] } },
  { change: 'one A', expect: 'length commitment', commitment: { A: A.slice(0, 1) } },
  { change: 'one B less', expect: 'length commitment', commitment: { B: B.slice(1) } },
  { change: 'one C more', expect: 'length commitment', commitment: { C: [...C, at(C, 0)] } },
  { change: 'no responses', expect: 'length response', response: { z: [], w: [], nu: [] } },
  { change: 'one z', expect: 'length response', response: { z: z.slice(0, 1) } },
  { change: 'one w less', expect: 'length response', response: { w: w.slice(1) } },
  { change: 'one nu more', expect: 'length response', response: { nu: [...nu, 1n] } },
  { change: 'first z above', expect: 'range z', response: { z: replaced(z, 0, end + 1n) } },
  { change: 'last z below', expect: 'range z', response: { z: replaced(z, m - 1, -end - 1n) } },
  { change: 'z at the end', expect: 'eq X', response: { z: replaced(z, 0, end) } },
  { change: 'z at the other end', expect: 'eq X', response: { z: replaced(z, 0, -end) } },
  { change: 'first w above', expect: 'range w', response: { w: replaced(w, 0, endY + 1n) } },
  { change: 'last w below', expect: 'range w', response: { w: replaced(w, m - 1, -endY - 1n) } },
  { change: 'w at the end', expect: 'eq S', response: { w: replaced(w, 0, endY) } },
  { change: 'w at the other end', expect: 'eq S', response: { w: replaced(w, 0, -endY) } },
  { change: 'identity X', expect: 'group X', claim: { X: IDENTITY } },
  { change: 'identity h', expect: 'group h', statement: { h: IDENTITY } },
  { change: 'identity S', expect: 'eq S', claim: { S: IDENTITY } },
  { change: 'K 0', expect: 'group K', statement: { K: 0n } },
  { change: 'K with a factor of N₀', expect: 'group K', statement: { K: f1 } },
  { change: 'K of another form', expect: 'group K', claim: { K: decX.K + alice.own.NN } },
  { change: 'D 0', expect: 'group D', statement: { D: 0n } },
  { change: 'D with a factor of N₀', expect: 'group D', statement: { D: f1 } },
  { change: 'D of another form', expect: 'group D', claim: { D: decX.D + alice.own.NN } },
  ...nonUnits(f1, alice.own.NN).map(
    ([what, bad]) => ({ change: `A ${what}`, expect: 'group A', made: { A: replaced(A, m - 1, bad) } }) as const,
  ),
  ...nonUnits(f1, alice.own.N).map(
    ([what, bad]) => ({ change: `nu ${what}`, expect: 'group nu', response: { nu: replaced(nu, 0, bad) } }) as const,
  ),
  { change: 'claim X + G', expect: 'eq X', claim: { X: decX.X.add(G) } },
  { change: 'claim S + h: a wrong δ', expect: 'eq S', claim: { S: decX.S.add(decX.h) } },
  { change: 'claim h + G', expect: 'eq S', claim: { h: decX.h.add(G) } },
  { change: 'claim K ⊕ 1', expect: 'eq D', claim: { K: plusOne(alice.own, decX.K) } },
  { change: 'claim D ⊕ 1', expect: 'eq D', claim: { D: plusOne(alice.own, decX.D) } },
  { change: 'K', expect: 'eq X', statement: { K: plusOne(alice.own, decX.K) } },
  { change: 'D', expect: 'eq X', statement: { D: plusOne(alice.own, decX.D) } },
  { change: 'X', expect: 'eq X', statement: { X: decX.X.add(G) } },
  { change: 'S', expect: 'eq X', statement: { S: decX.S.add(G) } },
  { change: 'h', expect: 'eq X', statement: { h: decX.h.add(G) } },
  { change: 'first C made other', expect: 'eq X', made: { C: replaced(C, 0, at(C, 0).add(G)) } },
  { change: 'last C made other', expect: 'eq X', made: { C: replaced(C, m - 1, at(C, m - 1).add(G)) } },
  { change: 'first B made other', expect: 'eq S', made: { B: replaced(B, 0, at(B, 0).add(G)) } },
  { change: 'last B made other', expect: 'eq S', made: { B: replaced(B, m - 1, at(B, m - 1).add(G)) } },
  { change: 'first A made other', expect: 'eq D', made: { A: replaced(A, 0, plusOne(alice.own, at(A, 0))) } },
  { change: 'last A made other', expect: 'eq D', made: { A: replaced(A, m - 1, plusOne(alice.own, at(A, m - 1))) } },
  { change: 'z', expect: 'eq X', response: { z: replaced(z, m - 1, at(z, m - 1) ^ 1n) } },
  { change: 'w', expect: 'eq S', response: { w: replaced(w, m - 1, at(w, m - 1) ^ 1n) } },
  { change: 'nu', expect: 'eq D', response: { nu: replaced(nu, m - 1, (at(nu, m - 1) * 2n) % alice.own.N) } },
])

describe('witnesses out of range', () => {
  const random = seededRandom('out of range')
  const prove = <S, W, P, Ch extends string>(i: Instance<S, W, P, Ch, Provable<S, W, P, Ch>>): Ch | undefined =>
    i.proof.verify(i.binding, i.verifierStatement, i.proof.prove(i.binding, i.statement, i.witness, random))
  const wide = 1n << BigInt(ell + epsilon + 1)
  const widePrime = 1n << BigInt(ellPrime + epsilon + 1)

  it('k of 2^(ℓ+ε+1) in Π^enc-elg', () => {
    assert.equal(prove(encElgInstance(level, alice, bob, wide, random)), 'range z1')
    assert.equal(prove(encElgInstance(level, alice, bob, -wide, random)), 'range z1')
  })
  it('x of 2^(ℓ+ε+1) in Π^aff-g', () => {
    assert.equal(prove(affGInstance(level, alice, bob, wide, 5n, random)), 'range z1')
  })
  it("β of 2^(ℓ'+ε+1) in Π^aff-g", () => {
    assert.equal(prove(affGInstance(level, alice, bob, 5n, widePrime, random)), 'range z2')
    assert.equal(prove(affGInstance(level, alice, bob, 5n, -widePrime, random)), 'range z2')
  })
})

describe('a proof for one recipient', () => {
  const random = seededRandom('recipient')
  it('does not hold under the parameters of another', () => {
    const { proof, binding, statement, witness } = all.encElg
    const given = proof.prove(binding, statement, witness, random)
    const x = { ...statement, setup: ringPedersen(bobs.NHat, carol.setup.s % bobs.NHat, bobs.t) }
    assert.equal(proof.verify(binding, x, given), 'eq challenge')
  })
  it('Π^fac made for another verifier', () => {
    const { proof, binding, statement, witness } = facInstance(level, alice, bob)
    const given = proof.prove({ ...binding, verifier: 'carol' }, statement, witness, random)
    assert.equal(proof.verify(binding, statement, given), 'eq P')
  })
})

function at<T>(items: readonly T[], i: number): T {
  const item = items[i]
  assert.ok(item !== undefined)
  return item
}

/** What is no unit modulo m, with one of its factors. */
function nonUnits(factor: bigint, m: bigint): readonly (readonly [string, bigint])[] {
  return [
    ['0', 0n],
    ['with a factor of the modulus', factor],
    ['equal to the modulus', m],
  ]
}
