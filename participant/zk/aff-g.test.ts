import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { INSECURE_TEST } from '../base/level.ts'
import { systemRandom } from '../base/random.ts'
import { modQ, Q } from '../math/curve.ts'
import { affGInstance, instances, testParty } from './testing.ts'

const level = INSECURE_TEST
const [alice, bob] = [testParty(level, 0), testParty(level, 1)]
const END = 1n << BigInt(level.ell)
const END_PRIME = 1n << BigInt(level.ellPrime)

function prove(x: bigint, y: bigint) {
  const i = affGInstance(level, alice, bob, x, y, systemRandom)
  return i.proof.verify(i.binding, i.verifierStatement, i.proof.prove(i.binding, i.statement, i.witness, systemRandom))
}

describe('Π^aff-g', () => {
  it('is complete at the edges of both ranges', () => {
    for (const x of [1n, -1n, Q - 1n, END, -END]) assert.equal(prove(x, 5n), undefined)
    for (const y of [0n, 1n, -1n, Q, END_PRIME, -END_PRIME]) assert.equal(prove(5n, y), undefined)
    assert.equal(prove(-END, -END_PRIME), undefined)
  })
  it('refuses x = 0 modulo q: X would be the identity', () => {
    assert.equal(prove(0n, 5n), 'group X')
    assert.equal(prove(Q, 5n), 'group X')
  })
  it('is complete at full size', () => {
    const { proof, binding, statement, verifierStatement, witness } = instances('cggmp24-3072').affG
    const given = proof.prove(binding, statement, witness, systemRandom)
    assert.equal(proof.verify(binding, verifierStatement, given), undefined)
  })
  it('has the sign of multiplication: with y = −β, D decrypts to x·c − β and Y to −β', () => {
    const [x, beta] = [END - 7n, END_PRIME - 9n]
    const { statement } = affGInstance(level, alice, bob, x, -beta, systemRandom)
    const c = bob.own.decrypt(statement.C).expose()
    assert.equal(bob.own.decrypt(statement.D).expose(), x * c - beta)
    assert.equal(alice.own.decrypt(statement.Y).expose(), -beta)
    assert.equal(modQ(x * c), modQ(bob.own.decrypt(statement.D).expose() + beta))
  })
  it('refuses the same y with opposite signs in D and Y', () => {
    const i = affGInstance(level, alice, bob, 5n, 6n, systemRandom)
    const Y = alice.own.encrypt(-6n, i.witness.rhoY.expose())
    const given = i.proof.prove(i.binding, { ...i.statement, Y }, i.witness, systemRandom)
    assert.equal(i.proof.verify(i.binding, { ...i.verifierStatement, Y }, given), 'eq Y')
  })
  it('refuses the proof of one slot in another', () => {
    const i = affGInstance(level, alice, bob, 5n, 6n, systemRandom)
    const given = i.proof.prove({ ...i.binding, slot: 'psi-hat' }, i.statement, i.witness, systemRandom)
    assert.equal(i.proof.verify(i.binding, i.verifierStatement, given), 'eq challenge')
  })
})
