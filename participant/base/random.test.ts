import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytesToHex } from './bytes.ts'
import { expandSeed, systemRandom } from './random.ts'

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

test('a seed is expanded to the keystream of ChaCha20 (draft-agl-tls-chacha20poly1305, section 7)', () => {
  const first = expandSeed(new Uint8Array(32)).bytes(64)
  const expected =
    '76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586'
  assert.equal(bytesToHex(first), expected)
})

test('a seed gives the same bytes however they are asked for, and another seed gives others', () => {
  const seed = new Uint8Array(32).fill(7)
  const whole = expandSeed(seed).bytes(5000)
  const random = expandSeed(seed)
  const pieces = [0, 1, 63, 64, 960, 1023, 1024, 1025, 840].flatMap((n) => [...random.bytes(n)])
  assert.deepEqual(Uint8Array.from(pieces), whole)
  const repeated = new Set(Array.from({ length: 78 }, (_, i) => bytesToHex(whole.subarray(64 * i, 64 * (i + 1)))))
  assert.equal(repeated.size, 78, 'a block came twice')
  assert.notDeepEqual(expandSeed(new Uint8Array(32).fill(8)).bytes(5000), whole)
})

test('the seed is copied, so that the caller can overwrite its own', () => {
  const seed = new Uint8Array(32).fill(7)
  const random = expandSeed(seed)
  seed.fill(0)
  assert.deepEqual(random.bytes(32), expandSeed(new Uint8Array(32).fill(7)).bytes(32))
})

test('a seed of another length is refused', () => {
  for (const length of [0, 16, 31, 33, 64]) assert.throws(() => expandSeed(new Uint8Array(length)), RangeError)
})
