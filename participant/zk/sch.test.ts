import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { INSECURE_TEST } from '../base/level.ts'
import { systemRandom } from '../base/random.ts'
import { secret } from '../base/secret.ts'
import { G, mul, Q } from '../math/curve.ts'
import { sch } from './sch.ts'
import { instances, testBinding } from './testing.ts'

const binding = testBinding(INSECURE_TEST, '', 'psi')

describe('Π^sch', () => {
  it('is complete at the ends of the scalars', () => {
    for (const x of [1n, 2n, Q - 2n, Q - 1n]) {
      const statement = { X: mul(G, x) }
      assert.equal(
        sch.verify(binding, statement, sch.prove(binding, statement, { x: secret(x) }, systemRandom)),
        undefined,
      )
    }
  })
  it('is complete at full size', () => {
    const { proof, binding: b, statement, witness } = instances('cggmp24-3072').sch
    assert.equal(proof.verify(b, statement, proof.prove(b, statement, witness, systemRandom)), undefined)
  })
  it('finishes a first message that was made in an earlier round', () => {
    const x = { X: mul(G, 5n) }
    const made = sch.sigma.commit(INSECURE_TEST, x, { x: secret(5n) }, systemRandom)
    const later = { ...binding, slot: 'psi with the rid of round 2' }
    const proof = sch.finish(later, x, { x: secret(5n) }, made)
    assert.ok(proof.commitment.A.equals(made.commitment.A))
    assert.equal(sch.verify(later, x, proof), undefined)
    assert.equal(sch.verify(binding, x, proof), 'eq X')
  })
  it("refuses another party's proof that is sent as one's own", () => {
    const x = { X: mul(G, 5n) }
    const proof = sch.prove(binding, x, { x: secret(5n) }, systemRandom)
    assert.equal(sch.verify({ ...binding, prover: 'bob' }, x, proof), 'eq X')
  })
})
