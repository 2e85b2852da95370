/** Pitfall 27: which path segments are room ids. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseRoomId } from './room-id.ts'

test('ids of existing clients and other visible text', () => {
  const uuid = '9b2f4a4e-3c55-4b39-8d0e-0c2a1c6a9f10'
  for (const id of [
    'default-keygen',
    'default-signing-offline',
    uuid,
    'a',
    'a.b',
    '...',
    'a:b@c=d+e~f',
    'Zürich',
    '部屋',
    '🦀',
  ]) {
    assert.equal(parseRoomId(encodeURIComponent(id), 128), id)
  }
})

test('percent-decoding happens once', () => {
  assert.equal(parseRoomId('a%2541', 128), 'a%41')
  assert.equal(parseRoomId('%41', 128), 'A')
})

test('what cannot be seen, and what proxies rewrite, is refused', () => {
  const refused = {
    empty: '',
    dot: '.',
    'dot dot': '..',
    slash: 'a/b',
    backslash: 'a\\b',
    space: 'a b',
    'no-break space': 'a\u00a0b',
    NUL: 'a\0b',
    LF: 'a\nb',
    DEL: 'a\u007f',
    'right-to-left override': 'a\u202eb',
    'zero width space': 'a\u200bb',
    'word joiner': 'a\u2060b',
    BOM: '\ufeffa',
    'variation selector': 'a\ufe0f',
    'Hangul filler': 'a\u3164',
    tag: 'a\u{e0041}',
    'private use': 'a\ue000',
    'line separator': 'a\u2028',
  }
  for (const [name, id] of Object.entries(refused))
    assert.equal(parseRoomId(encodeURIComponent(id), 128), undefined, name)
  for (const raw of ['%', '%4', '%zz', '%ff', '%ed%a0%80', '%2e%2e', '%00'])
    assert.equal(parseRoomId(raw, 128), undefined, raw)
})

test('the length limit counts characters', () => {
  assert.equal(parseRoomId('x'.repeat(128), 128), 'x'.repeat(128))
  assert.equal(parseRoomId('x'.repeat(129), 128), undefined)
  const crabs = '🦀'.repeat(128)
  assert.equal(parseRoomId(encodeURIComponent(crabs), 128), crabs)
  assert.equal(parseRoomId(encodeURIComponent(`${crabs}🦀`), 128), undefined)
})
