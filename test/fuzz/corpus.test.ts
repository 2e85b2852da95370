/** Every stored case, and a few seconds of new ones; FUZZ_SEED repeats those. `make fuzz` takes its time. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { casesOf, strayFolders } from './corpus.ts'
import { caseOf } from './dice.ts'
import { attemptWithin } from './target.ts'
import { targets } from './targets.ts'

const SEED = process.env['FUZZ_SEED'] ?? String(Date.now())
const FRESH_MS = 5_000
/** At least so many of each, however slow the machine. */
const FRESH_MIN = 12

for (const target of targets) {
  test(target.name, async (t) => {
    t.after(() => target.close?.())
    const seeds = target.seeds()
    for (const raw of seeds) assert.equal(await attemptWithin(target, raw), 'same', 'a valid input is refused')
    for (const { name, raw } of casesOf(target)) {
      await assert.doesNotReject(async () => attemptWithin(target, raw), name)
    }
    const stopAt = performance.now() + FRESH_MS / targets.length
    for (let i = 0; i < FRESH_MIN || performance.now() < stopAt; i++) {
      const raw = caseOf(target, seeds, SEED, i)
      await assert.doesNotReject(async () => attemptWithin(target, raw), `FUZZ_SEED=${SEED} case ${i}`)
    }
    t.diagnostic(`seed ${SEED}`)
  })
}

test('every case of the corpus belongs to a target', () => assert.deepEqual(strayFolders(targets), []))
