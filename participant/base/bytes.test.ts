import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  bigintToBytes,
  bitLength,
  bytesToBigint,
  bytesToHex,
  compareBytes,
  equalBytes,
  fromBase64,
  fromHex,
  fromUtf8,
  toBase64,
  utf8ToBytes,
} from './bytes.ts'
import { DecodeError } from './errors.ts'

const anyBytes = fc.uint8Array({ maxLength: 200 })

test('hex and base64 give back every byte string', () => {
  fc.assert(
    fc.property(anyBytes, (b) => {
      assert.deepEqual(fromHex(bytesToHex(b)), b)
      assert.deepEqual(fromBase64(toBase64(b)), b)
      assert.equal(toBase64(b), Buffer.from(b).toString('base64'))
    }),
  )
})

test('base64 of more bytes than one call of String.fromCharCode takes', () => {
  const long = Uint8Array.from({ length: 0x6000 * 5 + 1 }, (_, i) => i * 7)
  assert.equal(toBase64(long), Buffer.from(long).toString('base64'))
  assert.deepEqual(fromBase64(toBase64(long)), long)
})

test('there is one text for each byte string: whatever decodes, re-encodes to itself', () => {
  const texts = (alphabet: string) => fc.string({ unit: fc.constantFrom(...alphabet), maxLength: 12 })
  fc.assert(
    fc.property(texts('AQgw/+=z \n'), (t) => {
      let bytes: Uint8Array
      try {
        bytes = fromBase64(t)
      } catch (e) {
        assert.ok(e instanceof DecodeError, 'e instanceof DecodeError')
        return
      }
      assert.equal(toBase64(bytes), t)
    }),
    { numRuns: 2000 },
  )
})

for (const text of [
  'AA',
  'AAA',
  'AA=',
  'A===',
  '====',
  'AA==\n',
  ' AAAA',
  'AA==AAAA',
  'AA-_',
  'AB==',
  'AAB=',
  'Á===',
]) {
  test(`base64 refuses ${JSON.stringify(text)}`, () => assert.throws(() => fromBase64(text), DecodeError))
}

test('base64 slack bits: only the texts that encoding makes are taken', () => {
  // 16 of 64 last characters carry no slack bits before one '=', 4 before two
  const alphabet = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/']
  const taken = (make: (c: string) => string) =>
    alphabet.filter((c) => {
      try {
        fromBase64(make(c))
        return true
      } catch {
        return false
      }
    })
  assert.deepEqual(
    taken((c) => `A${c}==`),
    ['A', 'Q', 'g', 'w'],
  )
  assert.equal(taken((c) => `AA${c}=`).length, 16)
  assert.equal(taken((c) => `AAA${c}`).length, 64)
})

for (const text of ['0', 'AB', '0x00', '0g', ' 00', '00\n', 'é0']) {
  test(`hex refuses ${JSON.stringify(text)}`, () => assert.throws(() => fromHex(text), DecodeError))
}

test('big-endian integers come back, in exactly their length', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 1n << 300n }), fc.nat(8), (v, extra) => {
      const length = Math.ceil(bitLength(v) / 8) + extra
      const b = bigintToBytes(v, length)
      assert.equal(b.length, length)
      assert.equal(bytesToBigint(b), v)
    }),
  )
  assert.equal(bytesToBigint(new Uint8Array(0)), 0n)
})

test('integers out of range are refused, without quoting them', () => {
  for (const v of [-1n, -256n]) {
    assert.throws(() => bigintToBytes(v, 4), { name: 'RangeError', message: 'expected a non-negative integer' })
  }
  assert.throws(
    () => bigintToBytes(0x1234_5678_9an, 4),
    (e: Error) => e instanceof RangeError && !/1234|78187493530/.test(e.message),
  )
  assert.deepEqual(bigintToBytes(255n, 1), Uint8Array.of(255))
  assert.throws(() => bigintToBytes(256n, 1), RangeError)
})

test('bit length is that of the magnitude', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(1n << 200n), max: 1n << 200n }), (v) => {
      const m = v < 0n ? -v : v
      assert.equal(bitLength(v), m === 0n ? 0 : m.toString(2).length)
    }),
  )
})

test('equality and order of byte strings', () => {
  fc.assert(
    fc.property(anyBytes, anyBytes, (a, b) => {
      assert.equal(equalBytes(a, b), Buffer.compare(a, b) === 0)
      assert.equal(Math.sign(compareBytes(a, b)), Buffer.compare(a, b))
    }),
  )
  assert.ok(!equalBytes(Uint8Array.of(1), Uint8Array.of(1, 0)), '!equalBytes(Uint8Array.of(1), Uint8Array.of(1, 0))')
  assert.ok(
    equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2)),
    'equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2))',
  )
})

test('UTF-8 is strict, and keeps a byte order mark', () => {
  assert.equal(fromUtf8(utf8ToBytes('\ufeffaé😀')), '\ufeffaé😀')
  // a bare continuation, an overlong slash, a surrogate, beyond U+10FFFF, cut short
  for (const hex of ['80', 'c0af', 'eda080', 'f4908080', 'e282']) {
    assert.throws(() => fromUtf8(fromHex(hex)), DecodeError, hex)
  }
})
