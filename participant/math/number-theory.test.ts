import assert from 'node:assert/strict'
import { test } from 'node:test'
import { modulus } from './modulus.ts'
import { crt, isProbablePrime, jacobi, primesUpTo } from './number-theory.ts'
import { uniformBelow } from './sampling.ts'
import { seededRandom } from './testing.ts'

const P521 = 2n ** 521n - 1n
const P607 = 2n ** 607n - 1n
const random = seededRandom('number theory')

test('Jacobi modulo a prime is Euler’s criterion', () => {
  for (const p of [3n, 5n, 7n, 11n, 13n, 17n, 101n, P521, P607]) {
    const M = modulus(p)
    for (let i = 0n; i < 40n; i++) {
      const a = p < 200n ? i - 20n : uniformBelow(random, p)
      const euler = M.pow(a, (p - 1n) / 2n)
      assert.equal(jacobi(a, p), euler === p - 1n ? -1 : Number(euler))
    }
  }
})

test('Jacobi is multiplicative in both places, and 0 exactly for a common factor', () => {
  for (let i = 0; i < 30; i++) {
    const [a, b] = [uniformBelow(random, P521 * P607), uniformBelow(random, P521 * P607)]
    const product = jacobi(a, P521) * jacobi(a, P607)
    assert.equal(jacobi(a, P521 * P607), product)
    assert.equal(jacobi(a * b, P607), jacobi(a, P607) * jacobi(b, P607))
    assert.equal(jacobi(a << 100n, P521 * P607), product)
  }
  assert.equal(jacobi(P521 * 5n, P521 * P607), 0)
  assert.equal(jacobi(0n, P521), 0)
  assert.equal(jacobi(0n, 1n), 1)
  assert.equal(jacobi(7n, 1n), 1)
  assert.equal(jacobi(1n, 9n), 1)
})

test('Jacobi refuses even, zero and negative n', () => {
  for (const n of [0n, 2n, -3n, P521 + 1n]) assert.throws(() => jacobi(3n, n), RangeError)
})

test('primality agrees with the sieve of Eratosthenes', () => {
  const primes = new Set(primesUpTo(5000))
  assert.equal(primes.size, 669)
  for (let n = -5; n <= 5000; n++) assert.equal(isProbablePrime(BigInt(n), { random }), primes.has(n))
})

test('primes beyond the trial divisors', () => {
  for (const p of [4_000_037n, 2n ** 61n - 1n, 2n ** 89n - 1n, 2n ** 127n - 1n, P521, 2n ** 255n - 19n]) {
    assert.equal(isProbablePrime(p, { random }), true)
  }
  assert.equal(isProbablePrime(2003n * 2003n, { random }), false)
  assert.equal(isProbablePrime(P521 * P607, { random }), false)
  assert.equal(isProbablePrime(P521 ** 2n, { random }), false)
  assert.equal(isProbablePrime(-P521, { random }), false)
})

test('Carmichael numbers and strong pseudoprimes to many fixed bases are composite', () => {
  const composites = [
    561n,
    1105n,
    1729n,
    8911n,
    41041n,
    825_265n,
    // (6k + 1)(12k + 1)(18k + 1) without small factors
    ...[...carmichaels(3)],
    // strong pseudoprimes to the first 11, 12 and 13 primes
    3_825_123_056_546_413_051n,
    318_665_857_834_031_151_167_461n,
    3_317_044_064_679_887_385_961_981n,
  ]
  for (const n of composites) assert.equal(isProbablePrime(n, { random }), false)
})

test('the worst composites, which a quarter of all bases miss, are found by many rounds', () => {
  let missed = 0
  for (const n of worst(3)) {
    for (let i = 0; i < 60; i++) if (isProbablePrime(n, { rounds: 1, random })) missed += 1
    for (let i = 0; i < 20; i++) assert.equal(isProbablePrime(n, { random }), false)
  }
  // one round is fooled now and then: the test above can fail
  assert.ok(missed > 10, `${missed}`)
})

test('bases come from the randomness that is given', () => {
  const [n] = [...worst(1)]
  const verdict = (_: unknown, i: number): boolean =>
    isProbablePrime(n as bigint, { rounds: 1, random: seededRandom(`bases ${i}`) })
  const verdicts = Array.from({ length: 60 }, verdict)
  assert.deepEqual(Array.from({ length: 60 }, verdict), verdicts)
  assert.equal(new Set(verdicts).size, 2)
})

test('crt joins remainders', () => {
  assert.equal(crt(P521, P607)(5n, -3n) % P521, 5n)
  assert.equal(crt(P521, P607)(5n, -3n) % P607, P607 - 3n)
})

function* carmichaels(count: number): Generator<bigint> {
  for (let k = 2n ** 40n, found = 0; found < count; k++) {
    const factors = [6n * k + 1n, 12n * k + 1n, 18n * k + 1n] as const
    if (!factors.every((f) => isProbablePrime(f, { rounds: 4, random }))) continue
    found += 1
    yield factors[0] * factors[1] * factors[2]
  }
}

/** p·(2p − 1) with both prime and p ≡ 3 (mod 4): the share of strong liars is nearly one in four. */
function* worst(count: number): Generator<bigint> {
  for (let p = 2n ** 80n + 3n, found = 0; found < count; p += 4n) {
    if (!isProbablePrime(p, { rounds: 4, random }) || !isProbablePrime(2n * p - 1n, { rounds: 4, random })) continue
    found += 1
    yield p * (2n * p - 1n)
  }
}
