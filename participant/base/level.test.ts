import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytesToHex } from './bytes.ts'
import { UsageError } from './errors.ts'
import { CGGMP24_3072, INSECURE_TEST, LEVELS, level, levelByName, requireProduction } from './level.ts'

type Sizes = readonly [modulusBits: number, ell: number, ellPrime: number, epsilon: number, repetitions: number]

const GOOD: Sizes = [3072, 256, 1280, 512, 128]

/** Each breaks one inequality and keeps all others. The last of a level, ½ log N ≥ 2ℓ + ε, follows from those. */
const BROKEN: readonly (readonly [why: string, production: boolean, sizes: Sizes])[] = [
  ['modulus bits are a multiple of 16', true, [3080, 256, 1280, 512, 128]],
  ['ℓ ≥ κ', true, [3072, 255, 1280, 512, 128]],
  ['ε ≥ ℓ + κ', true, [3072, 256, 1280, 511, 128]],
  ["ℓ' ≥ 3ℓ + ε", true, [3072, 256, 1279, 512, 128]],
  ["log N ≥ ℓ' + ε + 21", false, [1808, 256, 1280, 512, 16]],
  ["log N ≥ ℓ' + 2ε + 9", true, [2304, 256, 1280, 512, 128]],
]

for (const [why, production, sizes] of BROKEN) {
  test(`a level is refused unless ${why}`, () => {
    assert.throws(
      () => level('cggmp24-3072', production, sizes),
      (e: unknown) => e instanceof UsageError && e.message.includes(why),
    )
  })
}

test('the two levels hold all inequalities, at the sizes of appendix C.1', () => {
  assert.deepEqual(level('cggmp24-3072', true, GOOD), CGGMP24_3072)
  const { modulusBits, ell, ellPrime, epsilon, repetitions, production } = CGGMP24_3072
  assert.deepEqual([modulusBits, ell, ellPrime, epsilon, repetitions], GOOD)
  assert.ok(production, 'production')
  assert.ok(!INSECURE_TEST.production, '!INSECURE_TEST.production')
  assert.deepEqual(LEVELS, [CGGMP24_3072, INSECURE_TEST])
})

test('the digest tells apart every size, and the name', () => {
  const changed: readonly Sizes[] = [
    [3088, 256, 1280, 512, 128],
    [3072, 257, 1284, 513, 128],
    [3072, 256, 1281, 512, 128],
    [3072, 256, 1281, 513, 128],
    [3072, 256, 1280, 512, 129],
  ]
  const all = [GOOD, ...changed].map((s) => level('cggmp24-3072', true, s))
  const digests = [...all, level('insecure-test', true, GOOD)].map((l) => bytesToHex(l.digest))
  assert.equal(new Set(digests).size, digests.length)
})

test('a level is found by its name, or not', () => {
  assert.equal(levelByName('cggmp24-3072'), CGGMP24_3072)
  assert.equal(levelByName('insecure-test'), INSECURE_TEST)
  assert.equal(levelByName('cggmp24'), undefined)
  assert.equal(levelByName(''), undefined)
})

test('production refuses the level for tests', () => {
  requireProduction(CGGMP24_3072)
  assert.throws(() => requireProduction(INSECURE_TEST), UsageError)
})
