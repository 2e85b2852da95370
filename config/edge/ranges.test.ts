import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ranges } from './ranges.ts'

test('addresses and networks of both kinds; what is no address is in none', () => {
  const isIn = ranges(['192.0.2.7', '10.0.0.0/8', '2001:db8::/32', '::1'])
  for (const one of ['192.0.2.7', '10.255.0.1', '2001:db8:1::9', '::1', '::ffff:10.1.2.3', '::FFFF:192.0.2.7']) {
    assert.ok(isIn(one), one)
  }
  for (const one of [
    '192.0.2.8',
    '11.0.0.1',
    '2001:db9::1',
    '::2',
    '::ffff:11.1.2.3',
    '',
    'localhost',
    '10.1',
    '10.1.2.3/8',
  ]) {
    assert.ok(!isIn(one), one)
  }
  assert.ok(!ranges([])('127.0.0.1'), 'none')
})
