import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CGGMP24_3072, INSECURE_TEST } from '../base/level.ts'
import { Q } from '../math/curve.ts'
import { encode } from '../wire/codec.ts'
import { BODY_LIMIT } from '../wire/envelope.ts'
import { affGStar } from './aff-g-star.ts'
import { affGStarInstance, instances, seededRandom, testParty } from './testing.ts'

const level = INSECURE_TEST
const [alice, bob] = [testParty(level, 0), testParty(level, 1)]
const END = 1n << BigInt(level.ell)
const END_PRIME = 1n << BigInt(level.ellPrime)

// fixed: with the 16 repetitions of this level, one false claim in 2^16 would pass
const random = seededRandom('aff-g-star')

function prove(x: bigint, y: bigint) {
  const i = affGStarInstance(level, alice, bob, x, y, random)
  return i.proof.verify(i.binding, i.verifierStatement, i.proof.prove(i.binding, i.statement, i.witness, random))
}

describe('Π^aff-g*', () => {
  it('is complete at the edges of both ranges', () => {
    for (const x of [1n, Q - 1n, END, -END]) assert.equal(prove(x, 5n), undefined)
    for (const y of [0n, -1n, Q, END_PRIME, -END_PRIME]) assert.equal(prove(5n, y), undefined)
  })
  it('refuses x = 0 modulo q: X would be the identity', () => {
    assert.equal(prove(0n, 5n), 'group X')
    assert.equal(prove(Q, 5n), 'group X')
  })
  it('is complete at full size, in one message', () => {
    const { proof, binding, statement, verifierStatement, witness } = instances('cggmp24-3072').affGStar
    const given = proof.prove(binding, statement, witness, random)
    assert.equal(given.response.z1.length, 128)
    assert.equal(proof.verify(binding, verifierStatement, given), undefined)
    assert.ok(encode(proof.codec(CGGMP24_3072), given).length < BODY_LIMIT)
  })
  it('holds for somebody who knows neither modulus', () => {
    const i = affGStarInstance(level, alice, bob, 5n, 6n, random)
    const given = i.proof.prove(i.binding, i.statement, i.witness, random)
    assert.equal(i.proof.verify(i.binding, { ...i.statement, N1: alice.key }, given), undefined)
  })
  it('takes one bit for each repetition', () => {
    const { proof, binding, statement } = affGStarInstance(level, alice, bob, 5n, 6n, random)
    for (const l of [level, CGGMP24_3072]) {
      const e = proof.challenge({ ...binding, level: l }, statement, { A: [], Bx: [], By: [] })
      assert.equal(e.length, l.repetitions)
      assert.deepEqual([...new Set(e)].sort(), [0, 1])
    }
  })
  it('refuses a masked y that differs between D and Y', () => {
    const i = affGStarInstance(level, alice, bob, 5n, 6n, random)
    const Y = alice.own.encrypt(-6n, i.witness.rhoY.expose())
    const given = i.proof.prove(i.binding, { ...i.statement, Y }, i.witness, random)
    assert.equal(i.proof.verify(i.binding, { ...i.verifierStatement, Y }, given), 'eq Y')
  })
  it('refuses a product with another factor than that of X', () => {
    const i = affGStarInstance(level, alice, bob, 5n, 6n, random)
    const D = bob.own.add(i.statement.D, i.statement.C)
    const given = i.proof.prove(i.binding, { ...i.statement, D }, i.witness, random)
    assert.equal(i.proof.verify(i.binding, { ...i.verifierStatement, D }, given), 'eq D')
  })
  it('refuses a response of 2^(ℓ+ε) too many, whichever repetition it is in', () => {
    const wide = 1n << BigInt(level.ell + level.epsilon + 1)
    const widePrime = 1n << BigInt(level.ellPrime + level.epsilon + 1)
    for (const x of [wide, -wide]) assert.equal(prove(x, 5n), 'range z1')
    for (const y of [widePrime, -widePrime]) assert.equal(prove(5n, y), 'range z2')
  })
  it('refuses a proof of which only one repetition was guessed', () => {
    const i = affGStarInstance(level, alice, bob, 5n, 6n, random)
    const { N0, N1, C } = i.statement
    // right for the bit 0, whatever D, Y and X are
    const commitment = {
      A: [N0.add(N0.pow(C, 7n), N0.encrypt(8n, 2n))],
      Bx: [i.statement.X],
      By: [N1.encrypt(8n, 3n)],
    }
    const response = { z1: [7n], z2: [8n], w: [2n], wY: [3n] }
    assert.equal(affGStar.verify(i.binding, i.verifierStatement, { commitment, response }), 'length commitment')
  })
})
