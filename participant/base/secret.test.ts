import assert from 'node:assert/strict'
import { test } from 'node:test'
import { format, inspect } from 'node:util'
import { Secret, secret } from './secret.ts'

const VALUE = 'correct horse battery staple'

const WAYS: Readonly<Record<string, (s: Secret<string>) => string>> = {
  String: (s) => String(s),
  template: (s) => `${s}`,
  concatenation: (s) => `x${s as unknown as string}`,
  'JSON.stringify': (s) => JSON.stringify(s),
  'JSON.stringify of an object': (s) => JSON.stringify({ x: s }),
  inspect: (s) => inspect(s),
  'inspect showing hidden': (s) => inspect(s, { showHidden: true, depth: null, getters: true }),
  'inspect of an object': (s) => inspect({ a: { b: [s] } }, { showHidden: true, depth: null }),
  'format %s %o %O %j': (s) => format('%s %o %O %j', s, s, s, s),
  'an error message': (s) => new Error(`bad ${s}`).message,
}

for (const [way, show] of Object.entries(WAYS)) {
  test(`${way} hides the value`, () => {
    const text = show(secret(VALUE))
    assert.ok(!text.includes(VALUE), '!text.includes(VALUE)')
    assert.match(text, /\[secret\]/)
  })
}

test('a number made from a secret is no number', () => {
  assert.ok(Number.isNaN(Number(secret(7n))), 'Number.isNaN(Number(secret(7n)))')
})

test('structuredClone, keys and entries give nothing', () => {
  const s = secret(VALUE)
  assert.deepEqual(structuredClone(s), {})
  assert.deepEqual(Reflect.ownKeys(s), [])
  assert.deepEqual({ ...s }, {})
})

test('expose gives the value itself', () => {
  const bytes = Uint8Array.of(1, 2, 3)
  assert.equal(secret(bytes).expose(), bytes)
  assert.ok(secret(1n) instanceof Secret, 'secret(1n) instanceof Secret')
})
