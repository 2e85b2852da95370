import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { INSECURE_TEST } from '../base/level.ts'
import { systemRandom } from '../base/random.ts'
import { secret } from '../base/secret.ts'
import { fac } from './fac.ts'
import { instances, testBinding, testParty } from './testing.ts'
import { MANY_FACTORS } from './testing-forgeries.ts'

const level = INSECURE_TEST
const bob = testParty(level, 1)
const binding = testBinding(level, 'bob', 'phi')

function prove(p: bigint, q: bigint, N0 = p * q) {
  const proof = fac.prove(binding, { N0, setup: bob.setup }, { p: secret(p), q: secret(q) }, systemRandom)
  return fac.verify(binding, { N0, setup: bob.ownSetup }, proof)
}

describe('Π^fac', () => {
  it('is complete', () => {
    const { p, q } = testParty(level, 0).own
    assert.equal(prove(p.expose(), q.expose()), undefined)
    assert.equal(prove(q.expose(), p.expose()), undefined)
    assert.equal(prove(-p.expose(), -q.expose()), undefined)
  })
  it('is complete at full size', () => {
    const { proof, binding: b, statement, verifierStatement, witness } = instances('cggmp24-3072').fac
    assert.equal(proof.verify(b, verifierStatement, proof.prove(b, statement, witness, systemRandom)), undefined)
  })
  it('refuses a small factor, whichever way round', () => {
    const small = MANY_FACTORS[0] as bigint
    const rest = MANY_FACTORS.slice(1).reduce((a, b) => a * b)
    assert.equal(prove(small, rest), 'range z2')
    assert.equal(prove(rest, small), 'range z1')
  })
  it('refuses the trivial factors', () => {
    const { N } = testParty(level, 0).own
    assert.equal(prove(1n, N), 'range z2')
    assert.equal(prove(N, 1n), 'range z1')
  })
  it('refuses factors of another number', () => {
    const { p, q } = testParty(level, 0).own
    assert.equal(prove(p.expose(), q.expose(), p.expose() * q.expose() + 2n), 'eq N')
    assert.equal(prove(p.expose(), -q.expose(), p.expose() * q.expose()), 'eq N')
  })
})
