import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { bytesToHex, concatBytes, equalBytes, utf8ToBytes } from '../base/bytes.ts'
import { u16 } from './codec.ts'
import { Stream, Transcript } from './transcript.ts'

type Field = readonly [label: string, value: Uint8Array]

function digest(domain: string, fields: readonly Field[]): string {
  const t = new Transcript(domain)
  for (const [label, value] of fields) t.bytes(label, value)
  return bytesToHex(t.digest())
}

const field = fc.tuple(
  fc.string({ maxLength: 3, unit: fc.constantFrom('a', 'b', '\0') }),
  fc.uint8Array({ maxLength: 3, max: 2 }),
)
const fields = fc.array(field, { maxLength: 4 })

test('two lists of fields have one digest only if they are the same', () => {
  const key = (f: readonly Field[]): string => JSON.stringify(f.map(([l, v]) => [l, [...v]]))
  fc.assert(
    fc.property(fields, fields, (a, b) => {
      assert.equal(digest('t', a) === digest('t', b), key(a) === key(b))
    }),
    { numRuns: 500 },
  )
})

test('a byte that moves from one field to its neighbour changes the digest', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 6 }), fc.nat(6), fc.nat(6), (all, i, j) => {
      const [a, b] = [Math.min(i, all.length), Math.min(j, all.length)]
      const split = (at: number) =>
        digest('t', [
          ['x', all.slice(0, at)],
          ['y', all.slice(at)],
        ])
      assert.equal(split(a) === split(b), a === b)
    }),
  )
})

test('bytes that look like the framing of the next field are not taken for it, whatever framing that may be', () => {
  const length = (n: number): Uint8Array => Uint8Array.of(0, 0, 0, n)
  const value = Uint8Array.of(7)
  const label = utf8ToBytes('b')
  const two = digest('t', [
    ['a', value],
    ['b', value],
  ])
  for (const frame of [
    [length(1), label, length(1)],
    [length(1), label],
    [label, length(1)],
    [label],
    [length(1)],
    [],
  ]) {
    assert.notEqual(digest('t', [['a', concatBytes(value, ...frame, value)]]), two)
  }
})

test('a label that looks like a label and a length is not taken for them', () => {
  const one = digest('t', [['a', new Uint8Array(4)]])
  for (const label of ['a\0\0\0\x04', 'a\0\0\0\0']) {
    for (const rest of [0, 4, 5]) assert.notEqual(digest('t', [[label, new Uint8Array(rest)]]), one)
  }
})

test('domain, label, order, empty fields and their number all count', () => {
  const a: Field = ['a', Uint8Array.of(1)]
  const b: Field = ['b', Uint8Array.of(1)]
  const none = new Uint8Array(0)
  const all = [
    digest('t', []),
    digest('u', []),
    digest('t', [a]),
    digest('u', [a]),
    digest('t', [b]),
    digest('t', [a, b]),
    digest('t', [b, a]),
    digest('t', [a, a]),
    digest('t', [['a', none]]),
    digest('t', [['', Uint8Array.of(1)]]),
    digest('t', [
      ['a', none],
      ['a', none],
    ]),
    digest('', [['t', none]]),
  ]
  assert.equal(new Set(all).size, all.length)
})

test('text and encoded values are fields like any other', () => {
  const t = () => new Transcript('t')
  assert.deepEqual(t().text('a', 'é').digest(), t().bytes('a', utf8ToBytes('é')).digest())
  assert.deepEqual(t().value('a', u16, 258).digest(), t().bytes('a', Uint8Array.of(1, 2)).digest())
})

test('a transcript that ended takes no more', () => {
  const t = new Transcript('t')
  t.digest()
  assert.throws(() => t.bytes('a', new Uint8Array(1)))
})

test('the stream is one sequence, however it is cut', () => {
  const make = () => new Transcript('t').bytes('a', Uint8Array.of(1)).stream()
  const whole = make().bytes(300)
  fc.assert(
    fc.property(fc.array(fc.nat(100), { maxLength: 5 }), (cuts) => {
      const stream = make()
      const parts = concatBytes(...cuts.map((n) => stream.bytes(n)))
      assert.ok(equalBytes(parts.slice(0, 300), whole.slice(0, Math.min(300, parts.length))), 'other bytes')
    }),
  )
  assert.deepEqual(new Transcript('t').bytes('a', Uint8Array.of(1)).digest(), whole.slice(0, 32))
  // no block comes twice
  const blocks = [0, 64, 128, 192].map((at) => bytesToHex(whole.slice(at, at + 64)))
  assert.equal(new Set(blocks).size, 4)
})

test('numbers are below their bound, repeat for the same seed, and reach both ends', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 64, maxLength: 64 }), fc.bigInt({ min: 1n, max: 1n << 300n }), (seed, m) => {
      const v = new Stream(seed).below(m)
      assert.ok(v >= 0n && v < m, 'v >= 0n && v < m')
      assert.equal(new Stream(seed).below(m), v)
    }),
  )
  const stream = new Stream(new Uint8Array(64))
  const seen = new Set(Array.from({ length: 200 }, () => stream.below(5n)))
  assert.deepEqual([...seen].sort(), [0n, 1n, 2n, 3n, 4n])
})

test('a number takes 128 bits more than its bound has', () => {
  const seed = new Uint8Array(64).fill(9)
  for (const [m, taken] of [
    [1n << 255n, 48],
    [2n, 17],
    [(1n << 256n) - 189n, 48],
  ] as const) {
    const [a, b] = [new Stream(seed), new Stream(seed)]
    a.below(m)
    b.bytes(taken)
    assert.deepEqual(a.bytes(8), b.bytes(8))
  }
})

test('bits are 0 and 1, both', () => {
  const stream = new Stream(new Uint8Array(64))
  const bits = Array.from({ length: 200 }, () => stream.bit())
  assert.deepEqual([...new Set(bits)].sort(), [0, 1])
  const ones = bits.filter((b) => b === 1).length
  assert.ok(ones > 60 && ones < 140, 'ones > 60 && ones < 140')
})
