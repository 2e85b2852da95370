/** Where a token may be, and what is one. */
import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { test } from 'node:test'
import { bearerOf } from './bearer.ts'

const of = (rawHeaders: readonly string[], url = '/rooms/r/subscribe') => {
  const found = bearerOf({ url, rawHeaders } as unknown as IncomingMessage)
  return found.ok ? found.value : `${found.refusal.status} ${found.refusal.code}`
}

test('one header, the scheme Bearer, and a token of the permitted characters', () => {
  assert.equal(of([]), undefined)
  assert.equal(of(['X-Authorization', 'Bearer a']), undefined)
  assert.equal(of(['Authorization', 'Bearer a.b-c_d~e+f/g=']), 'a.b-c_d~e+f/g=')
  assert.equal(of(['AUTHORIZATION', 'bearer  abc']), 'abc')
  for (const value of [
    '',
    'Bearer',
    'Bearer ',
    'abc',
    'Basic YTpi',
    'Bearer a b',
    'Bearer a,b',
    'Bearer "a"',
    'Bearer ä',
  ]) {
    assert.equal(of(['Authorization', value]), '401 unauthorized', value)
  }
  assert.equal(of(['Authorization', `Bearer ${'a'.repeat(8_200)}`]), '401 unauthorized')
  assert.equal(of(['Authorization', 'Bearer a', 'authorization', 'Bearer a']), '401 unauthorized', 'twice')
})

test('pitfall 23: a token in the address is refused, however it is written, also beside one in the header', () => {
  for (const query of [
    '?token=a',
    '?access_token=a',
    '?auth=a',
    '?Token=a',
    '?%74oken=a',
    '?token',
    '?x=1&access_token=a',
    '?last_event_id=1&authorization=Bearer+a',
    '?jwt=a',
    '?+token=a',
    '?x#?&token=a',
  ]) {
    assert.equal(of([], `/rooms/r/subscribe${query}`), '400 token_in_url', query)
    assert.equal(of(['Authorization', 'Bearer a'], `/rooms/r/broadcast${query}`), '400 token_in_url', query)
  }
  for (const query of ['?last_event_id=1', '?tokens=1', '?x=token', '?']) {
    assert.equal(of([], `/rooms/token/subscribe${query}`), undefined, query)
  }
})
