import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { INSECURE_TEST } from '../base/level.ts'
import { systemRandom } from '../base/random.ts'
import { secret } from '../base/secret.ts'
import { G, mul, Q } from '../math/curve.ts'
import { elog } from './elog.ts'
import { instances, testBinding } from './testing.ts'

const binding = testBinding(INSECURE_TEST, '', 'psi-prime')
const X = mul(G, 12_345n)

function prove(lambda: bigint, y: bigint, h: typeof G, Y = mul(h, y)) {
  const statement = { L: mul(G, lambda), M: mul(G, y).add(mul(X, lambda)), X, Y, h }
  const witness = { y: secret(y), lambda: secret(lambda) }
  return elog.verify(binding, statement, elog.prove(binding, statement, witness, systemRandom))
}

describe('Π^elog', () => {
  it('is complete at the ends of the scalars, for h = G and for another base', () => {
    for (const h of [G, mul(G, 77n)]) {
      for (const lambda of [1n, Q - 1n]) {
        for (const y of [1n, Q - 1n]) assert.equal(prove(lambda, y, h), undefined)
      }
    }
  })
  it('is complete at full size', () => {
    const { proof, binding: b, statement, witness } = instances('cggmp24-3072').elog
    assert.equal(proof.verify(b, statement, proof.prove(b, statement, witness, systemRandom)), undefined)
  })
  it('refuses y = 0 and λ = 0, which show themselves', () => {
    assert.equal(prove(5n, 0n, G), 'group Y')
    assert.equal(prove(0n, 5n, G), 'group L')
  })
  it('refuses another value under the other base', () => {
    assert.equal(prove(5n, 6n, mul(G, 77n), mul(G, 77n * 7n)), 'eq challenge')
  })
})
