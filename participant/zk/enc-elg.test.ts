import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { INSECURE_TEST } from '../base/level.ts'
import { systemRandom } from '../base/random.ts'
import { Q } from '../math/curve.ts'
import { encElgInstance, instances, testParty } from './testing.ts'

const level = INSECURE_TEST
const [alice, bob] = [testParty(level, 0), testParty(level, 1)]
const END = 1n << BigInt(level.ell)

function prove(x: bigint) {
  const { proof, binding, statement, verifierStatement, witness } = encElgInstance(level, alice, bob, x, systemRandom)
  return proof.verify(binding, verifierStatement, proof.prove(binding, statement, witness, systemRandom))
}

describe('Π^enc-elg', () => {
  it('is complete at the edges of the range', () => {
    for (const x of [0n, 1n, -1n, Q - 1n, Q, END, -END]) assert.equal(prove(x), undefined)
  })
  it('is complete at full size', () => {
    const { proof, binding, statement, verifierStatement, witness } = instances('cggmp24-3072').encElg
    const given = proof.prove(binding, statement, witness, systemRandom)
    assert.equal(proof.verify(binding, verifierStatement, given), undefined)
  })
  it('refuses a plaintext that differs from the committed value by a multiple of q or of N₀', () => {
    const i = encElgInstance(level, alice, bob, 5n, systemRandom)
    for (const [C, refused] of [
      [alice.own.encrypt(5n + Q, i.witness.rho.expose()), 'eq C'],
      [alice.own.encrypt(5n + alice.own.N, i.witness.rho.expose()), undefined],
    ] as const) {
      const given = i.proof.prove(i.binding, { ...i.statement, C }, i.witness, systemRandom)
      assert.equal(i.proof.verify(i.binding, { ...i.verifierStatement, C }, given), refused)
    }
  })
  it('refuses the same value under different randomness', () => {
    const i = encElgInstance(level, alice, bob, 5n, systemRandom)
    const C = alice.own.encrypt(5n, 2n)
    const given = i.proof.prove(i.binding, { ...i.statement, C }, i.witness, systemRandom)
    assert.equal(i.proof.verify(i.binding, { ...i.verifierStatement, C }, given), 'eq C')
  })
  it('refuses the proof of one slot in another', () => {
    const i = encElgInstance(level, alice, bob, 5n, systemRandom)
    const given = i.proof.prove({ ...i.binding, slot: 'psi1' }, i.statement, i.witness, systemRandom)
    assert.equal(i.proof.verify(i.binding, i.verifierStatement, given), 'eq challenge')
  })
})
