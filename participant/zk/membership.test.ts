import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { INSECURE_TEST } from '../base/level.ts'
import { modulus } from '../math/modulus.ts'
import { areUnits, hasSize } from './membership.ts'

describe('hasSize', () => {
  const top = 1n << 1823n
  it('takes odd numbers of exactly the bits of the level', () => {
    for (const N of [top + 1n, 2n * top - 1n]) assert.ok(hasSize(INSECURE_TEST, N))
  })
  it('refuses all others', () => {
    for (const N of [0n, 1n, top, top - 1n, 2n * top + 1n, -top - 1n, 2n * top - 2n]) {
      assert.ok(!hasSize(INSECURE_TEST, N))
    }
  })
})

describe('areUnits', () => {
  const ring = modulus(35n)
  it('agrees with one gcd for each value', () => {
    for (let a = -36n; a <= 71n; a++) {
      assert.equal(areUnits(ring, 35n, [2n, a, 3n]), ring.isUnit(a), String(a))
    }
  })
  it('refuses two values that only together have all factors', () => {
    assert.ok(!areUnits(ring, 35n, [5n, 7n]))
    assert.ok(!areUnits(ring, 35n, [1n, 1n, 10n]))
  })
  it('refuses negative values, also when their product is positive', () => {
    assert.ok(!areUnits(ring, 35n, [-2n, 3n]))
    assert.ok(!areUnits(ring, 35n, [-2n, -3n]))
  })
  it('takes an empty list', () => {
    assert.ok(areUnits(ring, 35n, []))
  })
})
