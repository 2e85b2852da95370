/** Signatures and new accounts through request and response: the same protocol as in rooms, with real participants. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { INSECURE_TEST } from '../../participant/base/level.ts'
import { connectExchange } from '../../participant/exchange/client.ts'
import { generateShares } from '../../participant/signer/ceremony.ts'
import type { SignResult } from '../../participant/signer/describe.ts'
import { sharesOf, testApi } from './testing.ts'

const payload = (text: string) => ({ kind: 'eip191', message: new TextEncoder().encode(text) }) as const
const LIMIT = { timeout: 60_000 }

function verified({ publicKey, digest, signature }: SignResult): boolean {
  const bytes = new Uint8Array(64)
  const put = (n: bigint, at: number) => bytes.set(Buffer.from(n.toString(16).padStart(64, '0'), 'hex'), at)
  put(signature.r, 0)
  put(signature.s, 32)
  return secp256k1.verify(bytes, digest, publicKey.toBytes(true), { prehash: false })
}

test('a signature from the start, and another in a session of its own', LIMIT, async () => {
  const api = await testApi()
  const client = api.client()
  for (const text of ['one', 'two']) {
    const signed = await client.sign({ account: 'main', payload: payload(text), deadlineMs: 30_000 })
    assert.ok(verified(signed), text)
  }
})

test('several at once over one exchange', LIMIT, async () => {
  const api = await testApi()
  const client = api.client()
  const signed = await Promise.all(
    ['a', 'b', 'c'].map((text) => client.sign({ account: 'main', payload: payload(text), deadlineMs: 40_000 })),
  )
  assert.ok(signed.every(verified), 'a signature is wrong')
})

test('presignatures, and signatures from them', LIMIT, async () => {
  const api = await testApi()
  const client = api.client()
  await client.prepare({ account: 'main', count: 2, deadlineMs: 30_000 })
  const steps: string[] = []
  for (const text of ['one', 'two']) {
    const o = { account: 'main', payload: payload(text), deadlineMs: 30_000, onStep: (s: string) => void steps.push(s) }
    assert.ok(verified(await client.sign(o)), text)
  }
  assert.deepEqual(steps, [], 'a signature was made from the start')
})

test('a refusal reaches the client with its reason', LIMIT, async () => {
  const api = await testApi({}, () => ({ code: 'NOT_TODAY', message: 'it is Sunday' }))
  await assert.rejects(
    api.client().sign({ account: 'main', payload: payload('x'), deadlineMs: 20_000 }),
    (e: Error & { reason?: string }) => e.reason === 'NOT_TODAY' && /it is Sunday/.test(e.message),
  )
})

test('lost answers: each step is fetched again, and nothing is done twice', LIMIT, async () => {
  const api = await testApi()
  let calls = 0
  const client = api.client({
    timing: { pauseMinMs: 5, pauseMaxMs: 10 },
    fetch: async (url, init) => {
      const response = await fetch(url, init)
      // every second answer gets lost on its way
      if (++calls % 2 === 1) {
        await response.body?.cancel()
        throw new TypeError('connection reset')
      }
      return response
    },
  })
  assert.ok(
    verified(await client.sign({ account: 'main', payload: payload('lossy'), deadlineMs: 40_000 })),
    'signature',
  )
  assert.ok(calls > 4, 'nothing was lost')
})

test('a service that is gone ends the signing at its deadline, naming who was waited for', LIMIT, async () => {
  const api = await testApi()
  const client = api.client({ timing: { pauseMinMs: 5, pauseMaxMs: 20 } })
  await api.close(100)
  await assert.rejects(client.sign({ account: 'main', payload: payload('x'), deadlineMs: 1_500 }), {
    code: 'TRANSPORT',
  })
})

test('a new account: both sides have shares of one key, and the service kept its own first', LIMIT, async () => {
  const api = await testApi({ 'api.create_accounts': true })
  const room = 'fresh-1'
  const start = { account: 'fresh', room }
  const gateway = connectExchange({ url: api.url, purpose: 'createAccount', start })
  const shares = await generateShares({
    gateway,
    room,
    name: 'client',
    parties: 2,
    threshold: 2,
    accounts: ['fresh'],
    level: INSECURE_TEST,
    confirm: async () => true,
    deadlineMs: 50_000,
  })
  const [ours, theirs] = [shares.get('fresh'), api.created.get('fresh')]
  assert.ok(ours !== undefined && theirs !== undefined, 'no shares')
  assert.ok(ours.core.publicKey.equals(theirs.core.publicKey), 'two keys')
  assert.notEqual(ours.core.x.expose(), theirs.core.x.expose())
})

test('accounts are made only where that is turned on, and not twice', LIMIT, async () => {
  const empty = 'AAAAAAAAAAA='
  const off = await testApi()
  const refused = await off.post('/v1/createAccount/start', { account: 'x', room: 'r', clientMessage: empty })
  assert.equal(refused.status, 403)
  const on = await testApi({ 'api.create_accounts': true })
  const again = await on.post('/v1/createAccount/start', { account: 'main', room: 'r', clientMessage: empty })
  assert.equal(again.status, 409)
  assert.equal(((await again.json()) as { error: { code: string } }).error.code, 'ACCOUNT_EXISTS')
})

test('shares of the test belong together', () => {
  const [a, b] = [sharesOf('client').get('main'), sharesOf('service').get('main')]
  assert.ok(a !== undefined && b !== undefined && a.core.publicKey.equals(b.core.publicKey), 'two keys')
})
