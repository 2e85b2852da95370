/**
 * A deadline holds whatever else happens: a ceremony whose fingerprint nobody confirms ends in time, also when the
 * garbage collector runs in between.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { TransportError } from '../../participant/base/errors.ts'
import { INSECURE_TEST as level } from '../../participant/base/level.ts'
import { systemRandom } from '../../participant/base/random.ts'
import { testAuxSecrets } from '../../participant/key-share/testing.ts'
import { generateShares } from '../../participant/signer/ceremony.ts'
import { Rooms } from './memory-gateway.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

test('a ceremony in which nobody answers the question ends at its deadline', async () => {
  const gateway = new Rooms().end((_packet, show) => show())
  const collecting = setInterval(collectGarbage, 20)
  let asked = 0
  const one = (name: string, i: number) =>
    generateShares({
      gateway,
      room: 'r',
      name,
      parties: 2,
      threshold: 2,
      accounts: ['main'],
      level,
      deadlineMs: 700,
      confirm: () => {
        asked++
        return new Promise(() => undefined)
      },
      moduli: Promise.resolve(testAuxSecrets(i, level, systemRandom)),
    }).then(
      () => assert.fail('made shares'),
      (e: Error) => e,
    )
  const late = new Promise<string>((resolve) => setTimeout(() => resolve('still running'), 5_000).unref())
  try {
    const ended = await Promise.race([Promise.all([one('a', 0), one('b', 1)]), late])
    assert.notEqual(ended, 'still running')
    for (const e of ended) assert.ok((e as unknown) instanceof TransportError, String(e))
    assert.equal(asked, 2)
  } finally {
    clearInterval(collecting)
  }
})
