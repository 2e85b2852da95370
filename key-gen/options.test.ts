/** Flags of key-gen: what is refused, and what is assumed. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { confirmationOf, sameFingerprint } from './join.ts'
import { readAccounts, readGroup, readName, readNames } from './options.ts'

test('groups', () => {
  assert.deepEqual(readGroup(undefined, undefined), { parties: 2, threshold: 2 })
  assert.deepEqual(readGroup('5', '3'), { parties: 5, threshold: 3 })
  assert.deepEqual(readGroup(undefined, '3', 4), { parties: 4, threshold: 3 })
  assert.throws(() => readGroup('1', undefined), /^CommandError: --parties: expected a whole number from 2 to 32$/)
  assert.throws(() => readGroup('33', undefined), /--parties/)
  assert.throws(() => readGroup('3', '4'), /^CommandError: --threshold: expected a whole number from 2 to 3$/)
  assert.throws(() => readGroup('3', '1'), /--threshold/)
})

test('accounts', () => {
  assert.deepEqual(readAccounts(['a', 'ä €']), ['a', 'ä €'])
  assert.deepEqual(readAccounts(['x'.repeat(128)]), ['x'.repeat(128)])
  assert.throws(() => readAccounts(undefined), /--account: expected, but not given/)
  assert.throws(() => readAccounts(['a', 'a']), /--account: expected each id once/)
  assert.throws(() => readAccounts(Array.from({ length: 1025 }, (_, i) => `a${i}`)), /--account: expected at most 1024/)
  for (const wrong of ['', ' a', 'a ', 'a\nb', 'a\u200b', 'x'.repeat(129), 'ä'.repeat(65), '__proto__']) {
    assert.throws(() => readAccounts([wrong]), /--account: expected 1 to 128 bytes/, JSON.stringify(wrong))
  }
})

test('names', () => {
  assert.deepEqual(readNames(undefined, 2), ['client', 'service'])
  assert.deepEqual(readNames(undefined, 3), ['party-1', 'party-2', 'party-3'])
  assert.deepEqual(readNames('b, a.x', 2), ['b', 'a.x'])
  assert.throws(() => readNames('a,b', 3), /--names: expected 3 names, as many as --parties/)
  assert.throws(() => readNames('a,A', 2), /--names: expected distinct names/)
  for (const wrong of ['a,', 'a,../b', 'a,b/c', 'a,.b', 'a,b c', `a,${'x'.repeat(33)}`]) {
    assert.throws(() => readNames(wrong, 2), /--names: expected names of 1 to 32/, wrong)
  }
  assert.throws(() => readName('--name', '..'), /^CommandError: --name: /)
})

test('the fingerprint: who confirms it', () => {
  assert.equal(confirmationOf({}, true), 'ask')
  assert.equal(confirmationOf({ yes: true }, false), 'yes')
  assert.equal(confirmationOf({ fingerprint: '-' }, false), 'stdin')
  assert.throws(() => confirmationOf({}, false), /has to be confirmed/)
  assert.throws(() => confirmationOf({ yes: true, fingerprint: '-' }, true), /--yes, --fingerprint: expected one/)
  assert.throws(
    () => confirmationOf({ fingerprint: 'aaaa-bbbb' }, true),
    /--fingerprint: expected - for standard input/,
  )
  assert.ok(sameFingerprint(' 87A5-59bc-00f1-ce0d-aa93\r', '87a5-59bc-00f1-ce0d-aa93'))
  assert.ok(!sameFingerprint('', '87a5-59bc-00f1-ce0d-aa93'))
  assert.ok(!sameFingerprint('87a5-59bc-00f1-ce0d', '87a5-59bc-00f1-ce0d-aa93'))
})
