/** What has to hold for the moduli that a party makes for itself. */
import assert from 'node:assert/strict'
import { bitLength } from '../../participant/base/bytes.ts'
import type { SecurityLevel } from '../../participant/base/level.ts'
import { gcd, isProbablePrime, jacobi } from '../../participant/math/number-theory.ts'
import { generatePaillierKey } from '../../participant/paillier/paillier-key.ts'
import { baseProblem, generateRingPedersen } from '../../participant/paillier/ring-pedersen.ts'

/** Makes both moduli of a party, which takes seconds at full size. */
export async function expectGoodModuli(level: SecurityLevel): Promise<void> {
  const [paillier, pedersen] = await Promise.all([generatePaillierKey(level), generateRingPedersen(level)])
  const primes = [paillier.p, paillier.q, pedersen.p, pedersen.q].map((p) => p.expose())
  assert.equal(new Set(primes).size, 4, 'a prime is used twice')
  for (const p of primes) {
    assert.equal(bitLength(p), level.modulusBits / 2)
    assert.equal(p % 4n, 3n)
    assert.ok(isProbablePrime(p), 'not prime')
  }
  for (const { p, q, m } of [
    { p: paillier.p, q: paillier.q, m: paillier.N },
    { p: pedersen.p, q: pedersen.q, m: pedersen.NHat },
  ]) {
    assert.equal(p.expose() * q.expose(), m)
    assert.equal(bitLength(m), level.modulusBits)
    // Fermat's method needs more than 2^(bits/2 − 200) steps
    assert.ok(bitLength(p.expose() - q.expose()) > level.modulusBits / 2 - 100, 'the primes are close to each other')
  }
  assert.equal(gcd(paillier.N, paillier.phi.expose()), 1n)
  for (const p of [pedersen.p, pedersen.q]) assert.ok(isProbablePrime((p.expose() - 1n) / 2n), 'no safe prime')
  assert.equal(baseProblem(pedersen.NHat, pedersen.s, pedersen.t), undefined)
  for (const p of [pedersen.p, pedersen.q]) {
    assert.deepEqual([jacobi(pedersen.s, p.expose()), jacobi(pedersen.t, p.expose())], [1, 1], 's or t is no square')
  }
}
