import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { bytesToHex } from '../base/bytes.ts'
import { INSECURE_TEST } from '../base/level.ts'
import { G, IDENTITY, mul } from '../math/curve.ts'
import { Writer } from '../wire/codec.ts'
import type { Encoder } from './sigma.ts'
import { anyPoint, integer, paillier, pedersen, record } from './statement.ts'
import { testParty } from './testing.ts'

function hex<T>(encoder: Encoder<T>, value: T): string {
  const w = new Writer()
  encoder.write(w, value)
  return bytesToHex(w.finish())
}

describe('encoders of statements', () => {
  it('integers: sign, length, magnitude', () => {
    assert.equal(hex(integer, 0n), '0000000000')
    assert.equal(hex(integer, 1n), '000000000101')
    assert.equal(hex(integer, -1n), '010000000101')
    assert.equal(hex(integer, 256n), '00000000020100')
    assert.equal(hex(integer, 1n << 40_000n).length, 2 * (5 + 5001))
  })
  it('integers, several in a row, are told apart', () => {
    const pair = record<{ a: bigint; b: bigint }>({ a: integer, b: integer })
    const numbers = fc.oneof(fc.bigInt({ min: -300n, max: 300n }), fc.bigInt())
    fc.assert(
      fc.property(numbers, numbers, numbers, numbers, (a, b, c, d) => {
        assert.equal(hex(pair, { a, b }) === hex(pair, { a: c, b: d }), a === c && b === d)
      }),
    )
  })
  it('points, with the identity', () => {
    assert.equal(hex(anyPoint, IDENTITY), '00'.repeat(33))
    assert.equal(hex(anyPoint, G), bytesToHex(G.toBytes(true)))
    assert.notEqual(hex(anyPoint, mul(G, 2n)), hex(anyPoint, G))
  })
  it('keys and parameters are the same for their holder and for others', () => {
    const { own, key, ownSetup, setup } = testParty(INSECURE_TEST, 0)
    assert.equal(hex(paillier, own), hex(paillier, key))
    assert.equal(hex(pedersen, ownSetup), hex(pedersen, setup))
  })
})
