import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mod } from '../math/number-theory.ts'
import { symmetric, unit } from '../math/sampling.ts'
import { seededRandom } from '../math/testing.ts'
import { toPaillierBigint, toPaillierBigintSecret } from './paillier-bigint.ts'
import { paillierKey, paillierSecretKey } from './paillier-key.ts'
import { testPrimes, testPrimesFull } from './testing.ts'

for (const [name, { p, q }, runs] of [
  ['1824', testPrimes(1), 4],
  ['3072', testPrimesFull(0), 2],
] as const) {
  test(`agrees with paillier-bigint at ${name} bits`, () => {
    const random = seededRandom(name)
    const own = paillierSecretKey(p, q)
    const { N } = own
    const theirs = toPaillierBigint(paillierKey(N))
    const theirSecret = toPaillierBigintSecret(own).expose()
    assert.equal(theirs.bitLength, Number(name))
    for (let i = 0; i < runs; i++) {
      const [m1, m2, k] = [symmetric(random, 700), symmetric(random, 700), symmetric(random, 300)]
      const [rho1, rho2] = [unit(random, N), unit(random, N)]
      const [C, D] = [own.encrypt(m1, rho1), own.encrypt(m2, rho2)]
      // theirs takes plaintexts in [0, N)
      assert.equal(theirs.encrypt(mod(m1, N), rho1), C)
      assert.equal(theirs.addition(C, D), own.add(C, D))
      assert.equal(theirs.plaintextAddition(C, mod(m2, N)), own.add(C, own.encrypt(m2, 1n)))
      assert.equal(theirs.multiply(C, k), own.pow(C, k))
      for (const [E, m] of [
        [C, m1],
        [own.add(C, D), m1 + m2],
        [own.pow(C, k), k * m1],
      ] as const) {
        assert.equal(theirSecret.decrypt(E), mod(m, N))
        assert.equal(own.decrypt(E).expose(), m)
      }
      assert.equal(own.decrypt(theirs.encrypt(mod(m1, N))).expose(), m1)
      assert.equal(theirSecret.getRandomFactor(C), rho1)
    }
  })
}
