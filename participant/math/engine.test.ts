import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import fc from 'fast-check'
import { nativeEngine } from './engine.node.ts'
import { bigintEngine, engine } from './engine.ts'
import { uniformBelow } from './sampling.ts'
import { seededRandom } from './testing.ts'

/** Bit by bit from the right: as plain as it gets, and unlike either engine. */
function slowPow(base: bigint, exponent: bigint, m: bigint): bigint {
  let [result, square] = [1n % m, base % m]
  for (let e = exponent; e > 0n; e >>= 1n) {
    if (e % 2n === 1n) result = (result * square) % m
    square = (square * square) % m
  }
  return result
}

const { WALLET_MPC_ENGINE } = process.env
const engines = [bigintEngine, ...(nativeEngine === undefined ? [] : [nativeEngine])]
const P521 = 2n ** 521n - 1n
const P607 = 2n ** 607n - 1n

test('OpenSSL is found in this Node', { skip: WALLET_MPC_ENGINE === 'bigint' && 'OpenSSL is turned off' }, () => {
  assert.equal(engine.name, 'openssl')
})

test('random operands: every engine computes the power', () => {
  const random = seededRandom('engine')
  for (const bits of [2, 3, 8, 64, 511, 512, 513, 900, 1824]) {
    for (const low of [0n, 1n]) {
      const m = (((2n ** BigInt(bits - 1) + uniformBelow(random, 2n ** BigInt(bits - 1))) >> 1n) << 1n) | low
      if (m < 2n) continue
      const prepared = engines.map((e) => e.prepare(m))
      for (const exponentBits of [1, 9, 16, 17, 30, 100, 300, 700, bits, 2 * bits + 5]) {
        const base = uniformBelow(random, m)
        const exponent = uniformBelow(random, 2n ** BigInt(exponentBits))
        for (const p of prepared) assert.equal(p.pow(base, exponent), slowPow(base, exponent, m))
      }
    }
  }
})

test('edge operands: 0, 1, 2, m − 2, m − 1 and short, round and long exponents', () => {
  const moduli = [2n, 3n, 4n, 15n, P521, P521 + 1n, P521 * P607, P521 ** 2n, 2n ** 600n, 3n ** 400n]
  for (const m of moduli) {
    const prepared = engines.map((e) => e.prepare(m))
    const exponents = [0n, 1n, 2n, 3n, 65_535n, 65_536n, 65_537n, 2n ** 520n, m - 1n, m, m + 1n, 2n ** 2000n - 1n]
    for (const base of new Set([0n, 1n, 2n % m, 3n % m, m - 2n, m - 1n])) {
      for (const exponent of exponents) {
        for (const p of prepared) assert.equal(p.pow(base, exponent), slowPow(base, exponent, m))
      }
    }
  }
})

test('results that OpenSSL refuses: 1, m − 1, 0', () => {
  for (const e of engines) {
    const prime = e.prepare(P521)
    assert.equal(prime.pow(3n, P521 - 1n), 1n)
    // 3 is no square modulo a Mersenne prime, 2 is one
    assert.equal(prime.pow(3n, (P521 - 1n) / 2n), P521 - 1n)
    assert.equal(prime.pow(2n, (P521 - 1n) / 2n), 1n)
    assert.equal(e.prepare(P521 ** 2n).pow(P521, 2n ** 30n), 0n)
    assert.equal(e.prepare(P521 * P607).pow(P521, 0n), 1n)
  }
})

test('modulo a square: what its root gives is what the square gives', () => {
  const random = seededRandom('square')
  for (const root of [2n, 3n, 15n, 2n ** 64n, P521, P521 * P607, 3n ** 400n]) {
    const m = root ** 2n
    const bases = [
      0n,
      1n,
      root - 1n,
      root % m,
      root + 1n,
      m - root,
      m - 1n,
      uniformBelow(random, m),
      uniformBelow(random, m),
    ]
    for (const e of engines) {
      const prepared = e.prepareSquare(root)
      for (const base of bases) {
        for (const exponent of [0n, 1n, 2n, 3n, 65_537n, root, root - 1n, m, uniformBelow(random, 2n ** 900n)]) {
          assert.equal(prepared.pow(base, exponent), slowPow(base, exponent, m))
        }
      }
    }
  }
})

test('modulo a prime: the first powers and the later ones are the same', () => {
  const random = seededRandom('prime')
  for (const m of [3n, 65_537n, P521, P607, 2n ** 1279n - 1n]) {
    for (const e of engines) {
      const prepared = e.preparePrime(m)
      for (let i = 0; i < 40; i++) {
        const [base, exponent] = [uniformBelow(random, m), uniformBelow(random, 2n ** 400n)]
        assert.equal(prepared.pow(base, exponent), slowPow(base, exponent, m))
      }
      {
        const again = e.preparePrime(m)
        // 1, m − 1 and bases at the ends, among the first powers
        for (const base of [0n, 1n, 2n, m - 1n, m - 2n]) {
          for (const exponent of [m - 1n, (m - 1n) / 2n, m, 2n ** 200n]) {
            assert.equal(again.pow(base % m, exponent), slowPow(base % m, exponent, m))
          }
        }
      }
    }
  }
})

test('moduli beyond OpenSSL’s limit', () => {
  const m = 2n ** 10_001n + 1n
  for (const e of engines) assert.equal(e.prepare(m).pow(3n, 2n ** 70n + 1n), slowPow(3n, 2n ** 70n + 1n, m))
})

test('bases with leading zero bytes, exponents of every bit length up to 200', () => {
  fc.assert(
    fc.property(
      fc.bigInt(0n, 2n ** 64n),
      fc.integer({ min: 0, max: 200 }),
      fc.bigInt(0n, 2n ** 200n),
      (base, bits, e) => {
        const m = P521 * P607
        const exponent = BigInt.asUintN(bits, e)
        for (const x of engines) assert.equal(x.prepare(m).pow(base, exponent), slowPow(base, exponent, m))
      },
    ),
    { numRuns: 60 },
  )
})

test('one prepared modulus serves many calls, in any order', () => {
  for (const e of engines) {
    const prepared = e.prepare(P521 * P607)
    const once = prepared.pow(5n, 2n ** 100n + 3n)
    prepared.pow(7n, 2n ** 300n)
    prepared.pow(1n, 2n ** 300n)
    assert.equal(prepared.pow(5n, 2n ** 100n + 3n), once)
  }
})

test('BigInt is chosen by environment and in browsers', () => {
  const ask = (conditions: readonly string[], environment: Record<string, string>): string =>
    execFileSync(
      process.execPath,
      [
        ...conditions,
        '--import',
        'tsx',
        '--input-type=module',
        '-e',
        "import { engine } from './engine.ts'; process.stdout.write(engine.name)",
      ],
      { cwd: import.meta.dirname, env: { ...process.env, ...environment }, encoding: 'utf8' },
    )
  assert.equal(ask([], { WALLET_MPC_ENGINE: 'bigint' }), 'bigint')
  assert.equal(ask(['--conditions=browser'], { WALLET_MPC_ENGINE: '' }), 'bigint')
})
