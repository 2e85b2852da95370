import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemRandom } from './random.ts'

test('as many bytes as asked for, also more than one call of the platform gives', () => {
  for (const length of [0, 1, 32, 65_535, 65_536, 65_537, 200_000]) {
    assert.equal(systemRandom.bytes(length).length, length)
  }
})

test('every chunk is filled', () => {
  const bytes = systemRandom.bytes(3 * 65_536 + 64)
  for (const at of [0, 65_536 - 64, 65_536, 2 * 65_536, 3 * 65_536]) {
    assert.ok(
      bytes.subarray(at, at + 64).some((b) => b !== 0),
      `bytes at ${at}`,
    )
  }
  assert.ok(
    bytes.subarray(-64).some((b) => b !== 0),
    'bytes.subarray(-64).some((b) => b !== 0)',
  )
})

test('two draws differ', () => {
  assert.notDeepEqual(systemRandom.bytes(32), systemRandom.bytes(32))
})
