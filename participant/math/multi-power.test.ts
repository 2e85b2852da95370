import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemRandom } from '../base/random.ts'
import { modulus } from './modulus.ts'
import { productOfPowers, productOfSmallPrimes } from './multi-power.ts'
import { isProbablePrime } from './number-theory.ts'
import { unit } from './sampling.ts'

const m = (1n << 512n) - 569n
const ring = modulus(m)

function oneByOne(bases: readonly bigint[], exponents: Uint16Array): bigint {
  return bases.reduce((product, base, i) => ring.mul(product, ring.pow(base, BigInt(exponents[i] as number))), 1n)
}

test('the product of powers is that of the powers one by one', () => {
  for (const count of [0, 1, 2, 17, 128]) {
    const bases = Array.from({ length: count }, () => unit(systemRandom, m))
    const exponents = new Uint16Array(systemRandom.bytes(2 * count).slice().buffer)
    assert.equal(productOfPowers(bases, exponents, m), oneByOne(bases, exponents))
  }
})

test('exponents at the ends of their range', () => {
  const bases = [3n, 5n, 7n, 11n]
  for (const exponents of [
    [0, 0, 0, 0],
    [1, 0, 65535, 1],
    [65535, 65535, 65535, 65535],
    [16, 256, 4096, 15],
  ]) {
    const e = Uint16Array.from(exponents)
    assert.equal(productOfPowers(bases, e, m), oneByOne(bases, e))
  }
})

test('the product of small primes has each prime below 2^16 once, and nothing else', () => {
  let rest = productOfSmallPrimes()
  for (let n = 2n; n < 1n << 16n; n++) {
    const divides = rest % n === 0n
    assert.equal(divides, isProbablePrime(n), `${n}`)
    if (divides) rest /= n
  }
  assert.equal(rest, 1n)
})
