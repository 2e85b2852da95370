import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CGGMP24_3072, INSECURE_TEST, LEVELS } from '../base/level.ts'
import { secret } from '../base/secret.ts'
import { mul, Q } from '../math/curve.ts'
import { encode } from '../wire/codec.ts'
import { BODY_LIMIT } from '../wire/envelope.ts'
import { bitsOfY, dec } from './dec.ts'
import { decInstance, instances, seededRandom, testParty } from './testing.ts'

const level = INSECURE_TEST
const alice = testParty(level, 0)
const END = 1n << BigInt(level.ell)
const END_Y = 1n << BigInt(bitsOfY(level))

// fixed: with the 16 repetitions of this level, one false claim in 2^16 would pass
const random = seededRandom('dec')

function prove(x: bigint, y: bigint) {
  const i = decInstance(level, alice, x, y, random)
  return i.proof.verify(i.binding, i.verifierStatement, i.proof.prove(i.binding, i.statement, i.witness, random))
}

describe('Π^dec', () => {
  it('is complete at the edges of both ranges', () => {
    for (const x of [1n, Q - 1n, END, -END]) assert.equal(prove(x, 5n), undefined)
    for (const y of [0n, -1n, Q, END_Y, -END_Y]) assert.equal(prove(5n, y), undefined)
  })
  it('refuses x = 0 modulo q: X would be the identity', () => {
    assert.equal(prove(0n, 5n), 'group X')
  })
  it('refuses x and y beyond their ranges', () => {
    const wide = 1n << BigInt(level.ell + level.epsilon + 1)
    const wideY = 1n << BigInt(bitsOfY(level) + level.epsilon + 1)
    for (const x of [wide, -wide]) assert.equal(prove(x, 5n), 'range z')
    for (const y of [wideY, -wideY]) assert.equal(prove(5n, y), 'range w')
  })
  it('takes one bit for each repetition', () => {
    const { proof, binding, statement } = decInstance(level, alice, 5n, 6n, random)
    for (const l of [level, CGGMP24_3072]) {
      const e = proof.challenge({ ...binding, level: l }, statement, { A: [], B: [], C: [] })
      assert.equal(e.length, l.repetitions)
      assert.deepEqual([...new Set(e)].sort(), [0, 1])
    }
  })
  it('is complete at full size, in one message', () => {
    const { proof, binding, statement, verifierStatement, witness } = instances('cggmp24-3072').dec
    const given = proof.prove(binding, statement, witness, random)
    assert.equal(given.response.z.length, 128)
    assert.equal(proof.verify(binding, verifierStatement, given), undefined)
    assert.ok(encode(proof.codec(CGGMP24_3072), given).length < BODY_LIMIT)
  })
  it('leaves no room for y + N at a production level', () => {
    // two values of y that differ by a multiple of N₀ can't both be in the range of what a proof gives
    for (const l of LEVELS.filter((x) => x.production)) assert.ok(l.modulusBits >= bitsOfY(l) + l.epsilon + 3)
    const { proof, binding, statement, verifierStatement, witness } = instances('cggmp24-3072').dec
    const y = witness.y.expose() + statement.N0.N
    const S = mul(statement.h, y)
    const given = proof.prove(binding, { ...statement, S }, { ...witness, y: secret(y) }, random)
    assert.equal(proof.verify(binding, { ...verifierStatement, S }, given), 'range w')
  })
  it('refuses the right y under another base', () => {
    const i = decInstance(level, alice, 5n, 6n, random)
    const given = i.proof.prove(i.binding, i.statement, i.witness, random)
    const h = mul(i.statement.h, 2n)
    assert.equal(i.proof.verify(i.binding, { ...i.verifierStatement, h, S: mul(h, 6n) }, given), 'eq X')
  })
  it('refuses a proof of which only one repetition was guessed', () => {
    const i = decInstance(level, alice, 5n, 6n, random)
    const { N0, K, h, X } = i.statement
    const commitment = { A: [N0.add(N0.pow(K, -7n), N0.encrypt(8n, 2n))], B: [mul(h, 8n)], C: [X] }
    const response = { z: [7n], w: [8n], nu: [2n] }
    assert.equal(dec.verify(i.binding, i.verifierStatement, { commitment, response }), 'length commitment')
  })
})
