/** kill -9 at every message of a ceremony on either side, and at every call to the file system while a file is written. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CGGMP24_3072, INSECURE_TEST } from '../../participant/base/level.ts'
import { FileStage } from './crash-file.ts'
import { type CeremonyPoint, CeremonyStage, NAMES, realCommand, smallCommand } from './crash-key-gen.ts'

const STAGES = 2

test('a party killed at every message of a ceremony', async (t) => {
  const stages = Array.from({ length: STAGES }, () => new CeremonyStage(INSECURE_TEST, smallCommand(12_000)))
  try {
    for (const stage of stages) await stage.open()
    const messages = (await stages[0]?.run(false)) ?? 0
    assert.ok(messages >= 14, `a ceremony has ${messages} messages`)
    const queue: CeremonyPoint[] = NAMES.flatMap((victim) =>
      Array.from({ length: messages }, (_, i) => i + 1).flatMap((message) =>
        (['before', 'after'] as const).map((when) => ({ victim, message, when })),
      ),
    )
    const ends = new Map<string, string[]>()
    const failures: string[] = []
    const lane = async (stage: CeremonyStage): Promise<void> => {
      for (let point = queue.shift(); point !== undefined; point = queue.shift()) {
        const { victim, message, when } = point
        const name = `${victim} ${when} ${message}`
        try {
          const left = (await stage.crash(point, message % 2 === 0 ? 'a share' : 'nothing')).join('+')
          ends.set(left, [...(ends.get(left) ?? []), name])
          // everybody says what it ended with before anybody writes: only the last two messages can part them
          if (message < messages - 1) assert.equal(left, 'old+old', name)
        } catch (error) {
          failures.push(`${name}: ${(error as Error).message}`)
        }
      }
    }
    await Promise.all(stages.map(lane))
    t.diagnostic(`${messages} messages`)
    for (const [left, names] of ends) t.diagnostic(`${left}: ${left === 'old+old' ? names.length : names.join(', ')}`)
    assert.deepEqual(failures, [])
  } finally {
    await Promise.all(stages.map((stage) => stage.close()))
  }
})

test('the real key-gen at full size, killed early, in the middle and at the end', async (t) => {
  const stage = new CeremonyStage(CGGMP24_3072, realCommand(40))
  try {
    await stage.open()
    const messages = await stage.run(false)
    for (const [victim, message, when, old] of [
      ['alice', 3, 'after', 'nothing'],
      ['bob', Math.ceil(messages / 2), 'before', 'a share'],
      ['bob', messages, 'after', 'nothing'],
    ] as const) {
      const left = await stage.crash({ victim, message, when }, old)
      t.diagnostic(`${victim} killed ${when} message ${message} of ${messages}: ${left.join('+')}`)
    }
  } finally {
    await stage.close()
  }
})

test('killed at every call to the file system while a file is written', async (t) => {
  const stage = new FileStage()
  try {
    for (const mode of ['new', 'force'] as const) {
      const calls = await stage.calls(mode)
      const naming = calls.findIndex((c) => c === 'link' || c === 'rename')
      assert.ok(naming > 0)
      for (const [i, call] of calls.entries()) {
        for (const when of ['before', 'after'] as const) {
          const isNamed = i > naming || (i === naming && when === 'after')
          assert.equal(await stage.crash(mode, i + 1, when), isNamed ? 'new' : 'old', `${mode}: ${when} ${call}`)
        }
      }
      t.diagnostic(`${mode}: ${calls.join(', ')}`)
    }
  } finally {
    stage.close()
  }
})
