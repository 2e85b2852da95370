/** Hostile requests of every kind against a service in its own process, while somebody honest signs. */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { linesOf } from '../programs-testing.ts'
import { dice } from './kinds.ts'
import { allowedTo } from './material.ts'
import { serviceProcess } from './process.ts'
import { attack } from './run.ts'

/** Each replay asks for a room of its own, and so many a caller has within a minute; then it is told so. */
const ROOMS = 256

export async function hostileScenario(perKind: number): Promise<void> {
  const seed = Number(process.env['HOSTILE_SEED'] ?? Math.floor(Math.random() * 1e9))
  const note = `HOSTILE_SEED=${seed}`
  const service = await serviceProcess()
  const material = await service.material()
  let [isOver, honest] = [false, 0]
  const signing = async (): Promise<void> => {
    while (!isOver) {
      await service.signed()
      honest += 1
      // made from the start, each takes as long as hundreds of hostile requests
      await sleep(250)
    }
  }
  const attacking = attack({ target: service, material, perKind, draw: dice(seed), atOnce: 8 }).finally(() => {
    isOver = true
  })
  const [wrong] = await Promise.all([attacking, signing()])
  assert.deepEqual(wrong, [], note)
  assert.ok(honest > 0, 'honest requests are signed meanwhile')
  await service.signed()
  // the permit was used once before all that; what is honest has another caller
  assert.equal(allowedTo('jwt:hostile', service.auditFile), 1, `${note}: a hostile request was allowed`)
  assert.equal(allowedTo('jwt:wallet', service.auditFile), honest + 1, note)
  const { child, output } = service
  assert.ok(child.exitCode === null && child.signalCode === null, `${note}: the process has ended`)
  assert.equal(output.stderr, '', note)
  const lines = linesOf(output.stdout)
  assert.equal(lines.filter((l) => l.msg === 'starting').length, 1)
  for (const line of lines) assert.notEqual(line.msg, 'request failed', `${note}: ${JSON.stringify(line)}`)
  const refusedPermits = lines.filter((l) => l.msg === 'refused' && l.code === 'PERMIT_USED').length
  assert.ok(
    refusedPermits >= Math.min(perKind, ROOMS) / 2,
    `${refusedPermits} replayed permits came as far as the policy`,
  )
}
