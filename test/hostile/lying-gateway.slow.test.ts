/** As lying-gateway.test.ts, over 500 seeded schedules. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeArchive, report, runSchedules, successRate } from './schedules.ts'

const COUNT = 500

test('500 schedules of a lying gateway', async (t) => {
  const outcomes = await runSchedules(1_000, COUNT, await makeArchive())
  report(t, outcomes)
  assert.ok(successRate(outcomes, 'lossless') >= 0.9, 'schedules that lose nothing end well')
})
