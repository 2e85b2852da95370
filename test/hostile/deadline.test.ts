/**
 * A deadline holds whatever else happens: a ceremony whose fingerprint nobody confirms ends in time, also when the
 * garbage collector runs in between. And no signature that is there is held back until then.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { TransportError } from '../../participant/base/errors.ts'
import { INSECURE_TEST as level } from '../../participant/base/level.ts'
import { systemRandom } from '../../participant/base/random.ts'
import { dealTestShares, testAuxSecrets } from '../../participant/key-share/testing.ts'
import { generateShares } from '../../participant/signer/ceremony.ts'
import { openTestParticipant } from '../../participant/signer/testing-participant.node.ts'
import { Rooms } from './memory-gateway.ts'
import { checkSignature } from './sessions.ts'

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

test('a signature is given out although the gateway never says that it took the invitation', async () => {
  const shares = dealTestShares({ parties: ['a', 'b'], threshold: 2, accounts: ['main'], level })
  const gateway = new Rooms().end((_packet, show) => show())
  const silent = {
    ...gateway,
    post: (...args: Parameters<typeof gateway.post>) => {
      void gateway.post(...args)
      const [, , { signal } = {}] = args
      return new Promise<void>((_, reject) =>
        signal?.addEventListener('abort', () => reject(new TransportError('cancelled'))),
      )
    },
  }
  const [a, b] = ['a', 'b'].map((id) =>
    openTestParticipant({ keyShares: shares.get(id) ?? assert.fail(), gateway: silent }),
  )
  assert.ok(a !== undefined && b !== undefined)
  const service = b.serve({ decide: () => undefined, maxSessions: 8, sessionMs: 60_000 })
  const late = new Promise<never>((_, reject) => setTimeout(() => reject(new Error('held back')), 30_000).unref())
  try {
    const payload = { kind: 'sha256', message: new Uint8Array(1) } as const
    checkSignature(await Promise.race([a.sign({ account: 'main', payload, deadlineMs: 60_000 }), late]))
  } finally {
    a.close()
    b.close()
    await service.stop()
  }
})
