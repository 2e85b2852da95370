import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CGGMP24_3072, INSECURE_TEST } from '../base/level.ts'
import { systemRandom } from '../base/random.ts'
import { prm } from './prm.ts'
import { instances, seededRandom, testBinding, testParty } from './testing.ts'
import { nonResidue } from './testing-forgeries.ts'

const level = INSECURE_TEST
const { ownSetup } = testParty(level, 0)
const { NHat, s, t } = ownSetup
const binding = testBinding(level, '', 'psi-hat')
const m = level.repetitions

describe('Π^prm', () => {
  it('is complete', () => {
    const { proof, statement, witness } = instances(level.name).prm
    assert.equal(proof.verify(binding, statement, proof.prove(binding, statement, witness, systemRandom)), undefined)
  })
  it('is complete at full size', () => {
    const { proof, binding: b, statement, witness } = instances('cggmp24-3072').prm
    assert.equal(proof.verify(b, statement, proof.prove(b, statement, witness, systemRandom)), undefined)
  })
  it('takes one bit for each repetition', () => {
    for (const l of [level, CGGMP24_3072]) {
      const e = prm.challenge({ ...binding, level: l }, { NHat, s, t }, { A: [1n] })
      assert.equal(e.length, l.repetitions)
      assert.deepEqual([...new Set(e)].sort(), [0, 1])
    }
  })
  it('refuses the guessed bit of a single repetition, and empty vectors', () => {
    const statement = { NHat, s: nonResidue(NHat, s), t }
    // A = t^z is right for the bit 0, which the prover finds by trying
    const commitment = { A: [ownSetup.pow(t, 5n)] }
    assert.equal(prm.verify(binding, statement, { commitment, response: { z: [5n] } }), 'length A')
    assert.equal(prm.verify(binding, statement, { commitment: { A: [] }, response: { z: [] } }), 'length A')
  })
  it('refuses s outside of the powers of t', () => {
    const statement = { NHat, s: nonResidue(NHat, s), t }
    assert.equal(
      prm.verify(binding, statement, prm.prove(binding, statement, { setup: ownSetup }, seededRandom('shoe'))),
      'eq s',
    )
  })
  it('refuses answers to challenges that are no bits', () => {
    // s = −t^λ is no power of t, but s² is one of t²: even challenges could be answered, bits can't
    const statement = { NHat, s: NHat - s, t }
    const random = seededRandom('split')
    const lambda = ownSetup.lambda.expose()
    const { commitment, kept } = prm.sigma.commit(level, statement, { setup: ownSetup }, random)
    const a = kept.a.expose()
    const e = prm.challenge(binding, statement, commitment)
    const z = a.map((ai, i) => (ai + 2n * BigInt(e[i] as number) * lambda) % ownSetup.phi.expose())
    assert.equal(prm.verify(binding, statement, { commitment, response: { z } }), 'eq s')
  })
  it('refuses when any one of the repetitions fails', () => {
    const honest = prm.prove(binding, { NHat, s, t }, { setup: ownSetup }, seededRandom('each'))
    for (let k = 0; k < m; k++) {
      const z = honest.response.z.map((zi, i) => (i === k ? zi ^ 1n : zi))
      assert.equal(prm.verify(binding, { NHat, s, t }, { ...honest, response: { z } }), 'eq s')
    }
  })
})
