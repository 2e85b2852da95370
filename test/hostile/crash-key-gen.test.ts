/** kill -9 at a few messages of a ceremony and at a few steps of writing a file; the slow test does it at every one. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { INSECURE_TEST } from '../../participant/base/level.ts'
import { FileStage } from './crash-file.ts'
import { CeremonyStage, smallCommand } from './crash-key-gen.ts'

test('a party killed in a ceremony: old files or complete new ones, and a fresh ceremony works', async () => {
  const stage = new CeremonyStage(INSECURE_TEST, smallCommand(6_000))
  try {
    await stage.open()
    const messages = await stage.run(false)
    assert.deepEqual(await stage.crash({ victim: 'alice', message: 7, when: 'before' }, 'nothing'), ['old', 'old'])
    // the last message of all is on its way to a party that is still alive, or from it: only the victim may be without
    const [, bob] = await stage.crash({ victim: 'alice', message: messages, when: 'after' }, 'a share')
    assert.equal(bob, 'new')
  } finally {
    await stage.close()
  }
})

test('killed while it writes a file: the old content or the whole new one', async () => {
  const stage = new FileStage()
  try {
    for (const [call, when] of [
      [3, 'before'],
      [6, 'before'],
      [6, 'after'],
    ] as const) {
      assert.equal(await stage.crash('force', call, when), call === 6 && when === 'after' ? 'new' : 'old')
    }
  } finally {
    stage.close()
  }
})
