import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gcd } from './euclid.ts'
import { symmetric, symmetricTimes, uniformBelow, unit } from './sampling.ts'
import { seededRandom } from './testing.ts'

/** Pearson's statistic of `draws` values in 0 … cells−1 against the uniform distribution. */
function chiSquare(cells: number, draws: number, draw: () => bigint): number {
  const counts = new Array<number>(cells).fill(0)
  for (let i = 0; i < draws; i++) {
    const x = Number(draw())
    assert.ok(x >= 0 && x < cells)
    counts[x] = (counts[x] as number) + 1
  }
  const expected = draws / cells
  return counts.reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0)
}

/** Gives these bytes in order, and fails when asked for more. */
function scripted(...chunks: readonly (readonly number[])[]): { bytes(length: number): Uint8Array } {
  const left = [...chunks]
  return {
    bytes(length) {
      const next = left.shift()
      assert.equal(next?.length, length)
      return Uint8Array.from(next ?? [])
    },
  }
}

test('uniform below bounds that are no power of two', () => {
  // the seed is fixed, so this can't fail by chance; 4 standard deviations above the mean of cells − 1
  for (const cells of [2, 3, 5, 6, 7, 12, 100, 171, 200, 256, 257]) {
    const random = seededRandom(`uniform ${cells}`)
    const limit = cells - 1 + 4 * Math.sqrt(2 * (cells - 1))
    const statistic = chiSquare(cells, 100 * cells, () => uniformBelow(random, BigInt(cells)))
    assert.ok(statistic < limit, `${cells} cells: ${statistic}`)
  }
})

test('values at or above the bound are drawn again, not reduced', () => {
  assert.equal(uniformBelow(scripted([0xff], [200], [199]), 200n), 199n)
  assert.equal(uniformBelow(scripted([1, 44], [1, 43]), 300n), 299n)
  // bits above the bound's length are cut off before the comparison
  assert.equal(uniformBelow(scripted([0xff, 0x05]), 0x200n), 0x105n)
})

test('edges of the bound', () => {
  assert.equal(uniformBelow(seededRandom('one'), 1n), 0n)
  for (const bound of [0n, -1n]) assert.throws(() => uniformBelow(seededRandom('none'), bound), RangeError)
})

test('symmetric reaches both ends and nothing beyond', () => {
  const random = seededRandom('symmetric')
  const seen = new Set(Array.from({ length: 600 }, () => symmetric(random, 2)))
  assert.deepEqual(
    [...seen].sort((a, b) => Number(a - b)),
    [-4n, -3n, -2n, -1n, 0n, 1n, 2n, 3n, 4n],
  )
  assert.ok(chiSquare(9, 900, () => symmetric(random, 2) + 4n) < 8 + 4 * Math.sqrt(16))
})

test('symmetricTimes is ± 2^bits·N, both ends included', () => {
  const random = seededRandom('times')
  const seen = new Set(Array.from({ length: 800 }, () => symmetricTimes(random, 1, 3n)))
  assert.deepEqual(
    [...seen].sort((a, b) => Number(a - b)),
    Array.from({ length: 13 }, (_, i) => BigInt(i) - 6n),
  )
})

test('long ranges are filled to the top bit and are as often negative', () => {
  const random = seededRandom('long')
  const N = 2n ** 1823n + 12_345n
  const draws = Array.from({ length: 400 }, () => symmetricTimes(random, 768, N))
  const end = N << 768n
  assert.ok(draws.every((x) => x >= -end && x <= end))
  const negative = draws.filter((x) => x < 0n).length
  assert.ok(negative > 150 && negative < 250)
  const large = draws.filter((x) => (x < 0n ? -x : x) > end / 2n).length
  assert.ok(large > 150 && large < 250)
})

test('units only, and all of them', () => {
  const random = seededRandom('unit')
  const N = 105n
  const seen = new Set(Array.from({ length: 1500 }, () => unit(random, N)))
  const units = Array.from({ length: 105 }, (_, i) => BigInt(i)).filter((a) => gcd(a, N) === 1n)
  assert.equal(units.length, 48)
  assert.deepEqual(
    [...seen].sort((a, b) => Number(a - b)),
    units,
  )
  assert.equal(unit(seededRandom('two'), 2n), 1n)
})
