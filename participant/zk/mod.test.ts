import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { INSECURE_TEST } from '../base/level.ts'
import { systemRandom } from '../base/random.ts'
import { isProbablePrime, jacobi } from '../math/number-theory.ts'
import { mod } from './mod.ts'
import { instances, seededRandom, testBinding, testParty } from './testing.ts'
import {
  bestEffort,
  DEPENDENT_PRIMES,
  forgePrime,
  MANY_FACTORS,
  NO_BLUM_PRIME,
  SMALL_FACTOR,
  smallNonResidue,
  THREE_PRIMES,
} from './testing-forgeries.ts'

const level = INSECURE_TEST
const { own } = testParty(level, 0)
const binding = testBinding(level, '', 'psi')
const primes = [own.p.expose(), own.q.expose()]

describe('Π^mod', () => {
  it('is complete', () => {
    const { proof, statement, witness } = instances(level.name).mod
    for (let k = 0; k < 3; k++) {
      const given = proof.prove(binding, statement, witness, systemRandom)
      assert.equal(jacobi(given.commitment.w, own.N), -1)
      assert.equal(proof.verify(binding, statement, given), undefined)
    }
  })
  it('is complete at full size', () => {
    const { proof, binding: b, statement, witness } = instances('cggmp24-3072').mod
    const given = proof.prove(b, statement, witness, systemRandom)
    assert.equal(given.response.z.length, 8)
    assert.equal(proof.verify(b, statement, given), undefined)
  })
  it('uses all four twists', () => {
    const { entries } = mod.prove(binding, { N: own.N }, { key: own }, seededRandom('twists')).response
    assert.equal(new Set(entries.map(({ a, b }) => `${a} ${b}`)).size, 4)
  })
  it('draws m values below N, which depend on w', () => {
    const [one, two] = [2n, 3n].map((w) => mod.challenge(binding, { N: own.N }, { w }))
    assert.ok(one !== undefined && one.length === level.repetitions && one.every((y) => y >= 0n && y < own.N))
    assert.notDeepEqual(one, two)
  })

  it('accepts the best effort for two Blum primes: the forgeries below fail for their modulus alone', () => {
    const { statement, proof } = bestEffort(primes, binding, smallNonResidue(own.N))
    assert.equal(mod.verify(binding, statement, proof), undefined)
  })
  it('refuses many small factors', () => {
    const { statement, proof } = bestEffort(MANY_FACTORS, binding, smallNonResidue(product(MANY_FACTORS)))
    assert.equal(mod.verify(binding, statement, proof), 'eq x')
  })
  it('refuses three factors', () => {
    const { statement, proof } = bestEffort(THREE_PRIMES, binding, smallNonResidue(product(THREE_PRIMES)))
    assert.equal(mod.verify(binding, statement, proof), 'eq x')
  })
  it('refuses a prime that is 1 modulo 4', () => {
    const factors = [own.p.expose(), NO_BLUM_PRIME]
    const { statement, proof } = bestEffort(factors, binding, smallNonResidue(product(factors)))
    assert.equal(mod.verify(binding, statement, proof), 'eq x')
  })
  it('refuses w with a factor of N, all entries answered', () => {
    const w = MANY_FACTORS[0] as bigint
    const { statement, proof } = bestEffort(MANY_FACTORS, binding, w)
    assert.equal(mod.verify(binding, statement, proof), 'w')
  })
  it('refuses w = 0 with x = 0', () => {
    const forged = bestEffort(primes, binding, 0n)
    const entries = forged.proof.response.entries.map((e) => ({ ...e, x: 0n, b: true }))
    const proof = { ...forged.proof, response: { ...forged.proof.response, entries } }
    assert.equal(mod.verify(binding, forged.statement, proof), 'w')
  })
  it('refuses a prime N, for which every equation holds', () => {
    const { statement, proof } = forgePrime(binding)
    assert.ok(isProbablePrime(statement.N))
    assert.equal(mod.verify(binding, statement, proof), 'prime N')
  })
  it('refuses one repetition and none', () => {
    const honest = mod.prove(binding, { N: own.N }, { key: own }, systemRandom)
    for (const n of [0, 1, level.repetitions - 1]) {
      const proof = { ...honest, response: { ...honest.response, entries: honest.response.entries.slice(0, n) } }
      assert.equal(mod.verify(binding, { N: own.N }, proof), 'length entries')
    }
  })
  it('refuses a small factor, for which every equation holds', () => {
    assert.ok(
      SMALL_FACTOR.every((p) => isProbablePrime(p)),
      'primes',
    )
    const { statement, proof } = bestEffort(SMALL_FACTOR, binding, smallNonResidue(product(SMALL_FACTOR)))
    assert.equal(mod.verify(binding, statement, proof), 'small factor N')
  })
  it('refuses N with a common factor with φ(N): most values have no N-th root', () => {
    const factors = DEPENDENT_PRIMES
    assert.ok(
      factors.every((p) => isProbablePrime(p)),
      'primes',
    )
    const { statement, proof } = bestEffort(factors, binding, smallNonResidue(product(factors)))
    assert.equal(mod.verify(binding, statement, proof), 'eq z')
  })
  it('refuses a repeated prime', () => {
    // N = p²: gcd(N, φ(N)) = p, so values have no N-th root
    const p = primes[0] as bigint
    const N = p * p
    const honest = mod.prove(binding, { N: own.N }, { key: own }, systemRandom)
    assert.ok(['w', 'eq x'].includes(mod.verify(binding, { N }, honest) as string))
  })
})

function product(factors: readonly bigint[]): bigint {
  return factors.reduce((a, b) => a * b)
}
