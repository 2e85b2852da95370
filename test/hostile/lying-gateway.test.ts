/**
 * A gateway that lies: over seeded schedules every session ends in a valid signature (or key) or in an error by its
 * deadline, nobody is blamed, and the gateway's record holds no secret. lying-gateway.slow.test.ts runs many more.
 *
 * HOSTILE_SEED=n runs the n-th schedule alone.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { toBase64 } from '../../participant/base/bytes.ts'
import { systemRandom } from '../../participant/base/random.ts'
import { Canaries } from './canary.ts'
import { makeArchive, report, runSchedules, successRate } from './schedules.ts'
import { addBodies } from './secrets.ts'

const COUNT = 26

test('sessions through a lying gateway', async (t) => {
  const outcomes = await runSchedules(0, COUNT, await makeArchive())
  report(t, outcomes)
  assert.ok(successRate(outcomes, 'lossless') >= 0.9, 'schedules that lose nothing end well')
})

test('the search finds a secret that is there, in each form, at each place', () => {
  const secret = systemRandom.bytes(32)
  const canaries = new Canaries()
  canaries.add('planted', secret)
  for (let i = 0; i < 500; i++) canaries.add('other', systemRandom.bytes(32))
  const hex = Buffer.from(secret).toString('hex')
  for (const before of [0, 1, 2, 3, 100, 10_001]) {
    const record = (planted: Uint8Array | string): Buffer[] => [
      Buffer.from(systemRandom.bytes(64)),
      Buffer.concat([systemRandom.bytes(before), Buffer.from(planted), systemRandom.bytes(50)]),
    ]
    const inBase64 = toBase64(Buffer.concat(record(secret).slice(1)))
    const forms: readonly (readonly [string, Uint8Array | string])[] = [
      ['raw', secret],
      ['hex', hex],
      ['hex', hex.toUpperCase()],
      ['decimal', BigInt(`0x${hex}`).toString()],
      ['base64', toBase64(secret)],
      ['base64', inBase64],
      ['base64', inBase64.replaceAll('+', '-').replaceAll('/', '_')],
    ]
    for (const [form, planted] of forms) {
      const found = canaries.search(record(planted))
      assert.ok(
        found.some((f) => f.what === 'planted' && f.form === form),
        `${form} after ${before} bytes`,
      )
      assert.ok(found.every((f) => f.what === 'planted'))
    }
    assert.deepEqual(canaries.search(record(systemRandom.bytes(32))), [])
  }
})

test('of an invitation, what the gateway sees anyhow is no secret, and all else is one', () => {
  const session = systemRandom.bytes(32)
  const message = systemRandom.bytes(32)
  const reply = `replies-${Buffer.from(systemRandom.bytes(16)).toString('hex')}`
  const envelope = { session, protocol: 'presign', round: '1', from: 'a', to: '', signature: new Uint8Array(64) }
  for (const before of [0, 1, 7, 15, 16, 31]) {
    // a clear packet has a 0 before its session
    const body = Buffer.concat([message.subarray(0, 16 + before), Buffer.of(0), session, Buffer.from(reply)])
    const canaries = new Canaries()
    addBodies(canaries, {
      clear: [{ ...envelope, body: new Uint8Array(0) }],
      sealed: [{ ...envelope, protocol: 'meet', round: 'invitation', to: 'b', body }],
    })
    const seen = Buffer.concat([Buffer.of(2, 0), session, Buffer.from(`GET /rooms/${reply}/subscribe`)])
    assert.deepEqual(canaries.search([seen]), [])
    assert.deepEqual(canaries.search([Buffer.from(message)])[0], { what: 'meet/invitation at 0', form: 'raw' })
  }
})
