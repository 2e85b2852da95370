/** Presigning, beside what the attacks show: who is named without asking anybody. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ProtocolAbort } from '../../base/errors.ts'
import { modQ } from '../../math/curve.ts'
import { altered, type Cheat, fixture, runPresign } from '../testing.ts'

const f = fixture(2, 2)

test('with two signers a wrong sum is the other’s doing: it is named at once, and no alarm is sounded', async () => {
  const quiet: Cheat = (party) => ({
    ...party,
    broadcast: (round, m) =>
      round.name.startsWith('alarm') ? Promise.reject(new Error('an alarm among two')) : party.broadcast(round, m),
  })
  const p1 = altered(f.presign.three, (m) => ({ ...m, delta: modQ(m.delta + 1n) }))
  const result = (await runPresign(f, { cheats: { p0: quiet, p1 } })).get('p0')
  assert.ok(result?.status === 'rejected', 'there is no presignature')
  const e: unknown = result.reason
  assert.ok(e instanceof ProtocolAbort, `${e}`)
  assert.deepEqual(
    e.faults.map((x) => [x.culprit, x.code, x.evidence.length]),
    [['p1', 'DELTA', 4]],
  )
})
