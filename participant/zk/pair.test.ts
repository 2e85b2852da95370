/** Two proofs of one prover, checked together: what one check alone would find is found, and named the same. */
import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { InternalError } from '../base/errors.ts'
import { INSECURE_TEST } from '../base/level.ts'
import { type Random, systemRandom } from '../base/random.ts'
import { G } from '../math/curve.ts'
import { paillierKey } from '../paillier/paillier-key.ts'
import { bothHold, type Encryption, holds } from './pair.ts'
import { affGInstance, encElgInstance, seededRandom, testParty } from './testing.ts'
import { inProcess, type Work } from './work.ts'
import { createWorkerPool } from './work-pool.node.ts'

const level = INSECURE_TEST
const [alice, bob] = [testParty(level, 0), testParty(level, 1)]
const random = seededRandom('pairs')
const { N, NN } = alice.key

const pool = createWorkerPool({ size: 1 })
after(() => pool.close())
const works: readonly (readonly [name: string, work: Work])[] = [
  ['this thread', inProcess],
  ['a worker', pool],
]

/** Gives these bytes, whatever is drawn, and counts. */
function fixedRandom(last: number): Random & { readonly lengths: number[] } {
  const lengths: number[] = []
  return {
    lengths,
    bytes(length) {
      lengths.push(length)
      return Uint8Array.from({ length }, (_, i) => (i === length - 1 ? last : 0))
    },
  }
}

const encElgs = [5n, 7n].map((x) => encElgInstance(level, alice, bob, x, random))
const affGs = [5n, 7n].map((x) => affGInstance(level, alice, bob, x, 11n * x, random))

/** The proof of an instance, with its D times `error`, as the prover hashes it. */
function encElgWith(i: 0 | 1, error = 1n, slot = `psi${i}`) {
  const { proof, binding, statement, verifierStatement: x, witness } = encElgs[i] as (typeof encElgs)[0]
  const b = { ...binding, slot }
  const { commitment, kept } = proof.sigma.commit(level, statement, witness, random)
  const changed = { ...commitment, D: (commitment.D * error) % NN }
  return { b, x, given: proof.finish(b, statement, witness, { commitment: changed, kept }) }
}

function affGWith(i: 0 | 1, error = 1n) {
  const { proof, binding, statement, verifierStatement: x, witness } = affGs[i] as (typeof affGs)[0]
  const b = { ...binding, slot: i === 0 ? 'psi' : 'psi-hat' }
  const { commitment, kept } = proof.sigma.commit(level, statement, witness, random)
  const changed = { ...commitment, By: (commitment.By * error) % NN }
  return { b, x, given: proof.finish(b, statement, witness, { commitment: changed, kept }) }
}

const { proof: encElg } = encElgs[0] as (typeof encElgs)[0]
const { proof: affG } = affGs[0] as (typeof affGs)[0]
/** (1 + N)^m. */
const power = (m: bigint): bigint => alice.key.encrypt(m, 1n)
const [right, right1] = [encElgWith(0), encElgWith(1)]
const [product, product1] = [affGWith(0), affGWith(1)]
type OfEncElg = typeof right
const inResponse = (c: OfEncElg, change: Partial<OfEncElg['given']['response']>): OfEncElg => ({
  ...c,
  given: { ...c.given, response: { ...c.given.response, ...change } },
})

for (const [where, work] of works) {
  describe(`two proofs in ${where}`, () => {
    const two = (one: OfEncElg, other: OfEncElg, r: Random = systemRandom) => work.verifyTwo(encElg, one, other, r)

    test('honest ones hold', async () => {
      assert.equal(await two(right, right1), undefined)
      assert.equal(await two(right1, right), undefined)
      assert.equal(await work.verifyTwo(affG, product, product1, systemRandom), undefined)
    })
    test('each wrong one is named, with the check that fails', async () => {
      assert.deepEqual(await two(encElgWith(0, power(1n)), right1), [0, 'eq C'])
      assert.deepEqual(await two(right, encElgWith(1, power(1n))), [1, 'eq C'])
      assert.deepEqual(await work.verifyTwo(affG, affGWith(0, power(1n)), product1, systemRandom), [0, 'eq Y'])
      assert.deepEqual(await work.verifyTwo(affG, product, affGWith(1, power(1n)), systemRandom), [1, 'eq Y'])
    })
    test('what comes before the equation is named too', async () => {
      const { z1, z3 } = right.given.response
      const wide = 1n << BigInt(level.ell + level.epsilon + 1)
      assert.deepEqual(await two(inResponse(right, { z1: wide }), right1), [0, 'range z1'])
      assert.deepEqual(await two(right, inResponse(right1, { z1: -wide })), [1, 'range z1'])
      assert.deepEqual(await two(inResponse(right, { z3: z3 + 1n }), right1), [0, 'eq challenge'])
      assert.deepEqual(await two(right, inResponse(right1, { z1 })), [1, 'eq challenge'])
      const other = { ...right1, x: { ...right1.x, B2: right1.x.B2.add(G) } }
      assert.deepEqual(await two(right, other), [1, 'eq challenge'])
    })
    test('of two wrong ones the first is named, as if each were checked alone', async () => {
      const [wrong, wrong1] = [encElgWith(0, power(2n)), encElgWith(1, power(3n))]
      assert.deepEqual(await two(wrong, wrong1), [0, 'eq C'])
      assert.deepEqual(await two(wrong, inResponse(right1, { z3: 5n })), [0, 'eq C'])
    })
    test('errors that cancel are found, unless the weight was foreseen', async () => {
      const [wrong, wrong1] = [encElgWith(0, power(1n)), encElgWith(1, power(-1n))]
      // the control: with the weight that they are made for, nothing is seen
      assert.equal(await two(wrong, wrong1, fixedRandom(1)), undefined)
      assert.deepEqual(await two(wrong, wrong1, fixedRandom(2)), [0, 'eq C'])
      assert.equal(await two(encElgWith(0, power(2n)), wrong1, fixedRandom(2)), undefined)
      for (let i = 0; i < 3; i++) assert.deepEqual(await two(wrong, wrong1), [0, 'eq C'])
      const products = [affGWith(0, power(1n)), affGWith(1, power(-1n))] as const
      assert.equal(await work.verifyTwo(affG, ...products, fixedRandom(1)), undefined)
      assert.deepEqual(await work.verifyTwo(affG, ...products, systemRandom), [0, 'eq Y'])
    })
    test('the weight is 128 bits of what is given, and nothing else is drawn', async () => {
      const r = fixedRandom(3)
      await two(right, right1, r)
      assert.deepEqual(r.lengths, [16])
    })
  })
}

describe('an equation', () => {
  const equationOf = ({ x, given }: OfEncElg): Encryption =>
    encElg.sigma.equation(level, x, given.commitment, given.e, given.response)
  const [one, two] = [equationOf(right), equationOf(right1)]

  test('holds for the right values alone, and two hold together with any weight', () => {
    assert.ok(holds(one) && holds(two))
    for (const a of [0n, 1n, 2n, (1n << 128n) - 1n]) assert.ok(bothHold(one, two, a), `weight ${a}`)
    for (const change of [
      { z: one.z + 1n },
      { rho: (one.rho * 2n) % N },
      { e: one.e ^ 1n },
      { C: (one.C * power(1n)) % NN },
      { D: (one.D * power(1n)) % NN },
    ]) {
      assert.equal(holds({ ...one, ...change }), false)
      assert.equal(bothHold({ ...one, ...change }, two, 5n), false)
    }
    for (const change of [
      { z: two.z + 1n },
      { rho: (two.rho * 2n) % N },
      { e: two.e ^ 1n },
      { C: (two.C * power(1n)) % NN },
      { D: (two.D * power(1n)) % NN },
    ]) {
      assert.equal(bothHold(one, { ...two, ...change }, 5n), false)
    }
  })
  test('that is wrong by an N-th residue may pass together, and is right for another ρ', () => {
    // −1 is one, and has order 2: every even weight hides it
    const negated = { ...two, D: NN - two.D }
    assert.equal(holds(negated), false)
    assert.ok(bothHold(one, negated, 4n))
    assert.equal(bothHold(one, negated, 5n), false)
    assert.ok(holds({ ...negated, rho: N - two.rho }))
  })
  test('under another key is no second one', () => {
    assert.throws(() => bothHold(one, { ...two, key: bob.key }, 3n), InternalError)
    assert.ok(bothHold(one, { ...two, key: paillierKey(N) }, 3n), 'the same key in another object')
  })
})
