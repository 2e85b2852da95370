/** Configuration against key shares: each number that differs is named. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigError } from './load.ts'
import { requireSameParties } from './same-parties.ts'

const share = { account: 'main', threshold: 2, members: ['client', 'service'], self: 'service' }
const config = (mpc: object = {}, server: { index?: number } = {}) => ({
  server,
  mpc: { threshold: 2, total_participants: 2, key_share_file: 'f.json', ...mpc },
})

test('the same group passes, with and without an index', () => {
  requireSameParties(config(), [share])
  requireSameParties(config({}, { index: 1 }), [share])
})

test('another group does not', () => {
  const table: readonly (readonly [ReturnType<typeof config>, RegExp])[] = [
    [config({ threshold: 3 }), /^mpc\.threshold: is 3, but 2 in the key share of account "main" in f\.json$/],
    [config({ total_participants: 3 }), /^mpc\.total_participants: is 3, but 2 in/],
    [config({}, { index: 0 }), /^server\.index: is 0, but 1 in/],
  ]
  for (const [wrong, message] of table) {
    assert.throws(
      () => requireSameParties(wrong, [share]),
      (error) => error instanceof ConfigError && message.test(error.message),
    )
  }
  assert.throws(() => requireSameParties(config(), [share, { ...share, account: 'b', threshold: 3 }]), /account "b"/)
})
