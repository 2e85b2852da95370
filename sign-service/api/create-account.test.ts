/** Which ceremonies for new accounts begin: one for each account, so many at a time, each in a room of its caller. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TransportError } from '../../participant/base/errors.ts'
import { INSECURE_TEST } from '../../participant/base/level.ts'
import { Hub } from '../../participant/exchange/hub.ts'
import { ceremonyRoom, generateShares } from '../../participant/signer/ceremony.ts'
import { inProcess, type Work } from '../../participant/zk/work.ts'
import { creatingAccounts } from './create-account.ts'
import type { ApiError } from './errors.ts'

/** Nobody here comes as far as to need primes. */
const primes: Work['primes'] = {
  make: (_, { signal }) =>
    new Promise((_, reject) => signal?.addEventListener('abort', () => reject(new TransportError('cancelled')))),
}
const idle: Work = { ...inProcess, primes }

function scene({ work = idle }: { work?: Work } = {}) {
  const hub = new Hub()
  const ending = new AbortController()
  const ends: string[] = []
  const creating = creatingAccounts({
    hub,
    name: 'service',
    level: INSECURE_TEST,
    deadlineMs: 30_000,
    work,
    limit: 2,
    keep: () => ({ store: () => assert.fail('nothing is made'), discard: async () => undefined }),
    onEnd: (account, ms, code) => void ends.push(`${account} ${ms >= 0} ${code}`),
    onProgress: () => undefined,
    signal: ending.signal,
  })
  const ended = async (count: number): Promise<void> => {
    while (ends.length < count) await new Promise((resolve) => setTimeout(resolve, 5))
  }
  return { hub, ending, ends, ended, creating }
}

const refused = (code: string) => (e: ApiError) => {
  assert.equal(e.code, code)
  return true
}

test('not the same account twice, no more than so many, and in no room of somebody else', {
  timeout: 20_000,
}, async () => {
  const { hub, ending, ends, ended, creating } = scene()
  hub.claim(ceremonyRoom('theirs'), 'two')
  assert.throws(() => creating.start('a', 'theirs', 'one'), refused('INVALID_REQUEST'))
  assert.equal(creating.running, 0)
  creating.start('a', 'r', 'one')
  assert.throws(() => creating.start('a', 's', 'one'), refused('ACCOUNT_EXISTS'))
  creating.start('b', 's', 'one')
  assert.throws(
    () => creating.start('c', 't', 'one'),
    (e: ApiError) => {
      assert.equal(e.headers['retry-after'], '10')
      return refused('TOO_MANY_REQUESTS')(e)
    },
  )
  assert.equal(creating.running, 2)
  ending.abort()
  await ended(2)
  assert.deepEqual([...ends].sort(), ['a true TRANSPORT', 'b true TRANSPORT'])
  assert.equal(creating.running, 0, 'what ended leaves its place')
})

test('what fails with an error of no kind of ours has a code as well', { timeout: 20_000 }, async () => {
  const failing = { make: () => Promise.reject(new RangeError('canary')) }
  const { hub, ending, ends, ended, creating } = scene({ work: { ...inProcess, primes: failing } })
  creating.start('a', 'r', 'one')
  const other = generateShares({
    gateway: hub.gateway,
    room: 'r',
    name: 'client',
    parties: 2,
    threshold: 2,
    accounts: ['a'],
    level: INSECURE_TEST,
    confirm: async () => true,
    deadlineMs: 15_000,
    signal: ending.signal,
    work: idle,
  })
  await ended(1)
  ending.abort()
  await assert.rejects(other)
  assert.deepEqual(ends, ['a true INTERNAL'])
})
