/**
 * Signatures from presignatures, over a real gateway process: one exchange each, none used twice, and the way without them
 * whenever a side has lost its part.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { PeerStopped, UsageError } from '../participant/base/errors.ts'
import { INSECURE_TEST as level } from '../participant/base/level.ts'
import { dealTestShares } from '../participant/key-share/testing.ts'
import { connectGateway } from '../participant/room/gateway.ts'
import type { ServiceEvent } from '../participant/signer/answer.ts'
import type { Participant, PoolOptions } from '../participant/signer/participant.ts'
import type { ServeOptions } from '../participant/signer/serve.ts'
import { hasTestPool, openTestParticipant } from '../participant/signer/testing-participant.node.ts'
import { freePort, type Program, startProgram } from '../scripts/processes.ts'
import { checkSignature } from './hostile/sessions.ts'

let program: Program
let url: string
const opened: Participant[] = []

async function startGateway(port: number): Promise<Program> {
  const argv = ['gateway/main.ts', '--port', String(port), '--log-level', 'warn']
  return startProgram(argv, { readyUrl: `http://127.0.0.1:${port}/health` })
}

before(async () => {
  const port = await freePort()
  url = `http://127.0.0.1:${port}`
  program = await startGateway(port)
})
after(async () => {
  for (const p of opened) p.close()
  await program.stop()
})

const NO_REFILL: PoolOptions = { low: 0, high: 0, refill: false }
const sha256 = (n: number) => ({ kind: 'sha256', message: Uint8Array.of(n) }) as const
const options = { account: 'main', deadlineMs: 40_000 }

function scene(o: { readonly client?: PoolOptions; readonly service?: PoolOptions | undefined; at?: string } = {}) {
  const shares = dealTestShares({ parties: ['client', 'service'], threshold: 2, accounts: ['main', 'other'], level })
  const open = (id: string, pool: PoolOptions | undefined): Participant => {
    const gateway = connectGateway({ url: o.at ?? url })
    const keyShares = shares.get(id) ?? assert.fail('no shares')
    const p = openTestParticipant({ keyShares, gateway, pool: pool ?? 'none' })
    opened.push(p)
    return p
  }
  const events: ServiceEvent[] = []
  const serve = async (p: Participant, more: Partial<ServeOptions> = {}) => {
    const onEvent = (e: ServiceEvent): void => void events.push(e)
    const service = p.serve({ decide: () => undefined, maxSessions: 16, sessionMs: 30_000, onEvent, ...more })
    await service.ready
    return service
  }
  const kinds = (at: ServiceEvent['at']): readonly string[] =>
    events.flatMap((e) => (e.at === at && 'kind' in e ? [e.kind] : []))
  const client = open('client', o.client ?? NO_REFILL)
  const service = open('service', 'service' in o ? o.service : NO_REFILL)
  return { client, service, open, serve, events, kinds }
}

/** What is true soon: the other side hears of the end a little later. */
async function eventually(value: () => unknown, expected: unknown): Promise<void> {
  for (const stopAt = Date.now() + 10_000; Date.now() < stopAt; ) {
    if (isDeepStrictEqual(value(), expected)) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  assert.deepEqual(value(), expected)
}

test('prepared ones are used first, several at once; then signatures are made from the start', async () => {
  const { client, service, serve, kinds } = scene()
  const serving = await serve(service)
  await client.prepare({ ...options, count: 3 })
  assert.deepEqual(client.pool(), { size: 3, made: 3, used: 0, expired: 0 })
  await eventually(() => service.pool()?.size, 3)
  const results = await Promise.all([1, 2, 3, 4].map((n) => client.sign({ ...options, payload: sha256(n) })))
  for (const r of results) checkSignature(r)
  assert.equal(new Set(results.map((r) => r.signature.r)).size, 4, 'a nonce was used twice')
  assert.deepEqual(client.pool()?.size, 0)
  assert.deepEqual(service.pool()?.size, 0)
  await eventually(() => kinds('signed').filter((k) => k === 'sign-presigned').length, 3)
  await serving.stop()
})

test('the pool is refilled in the background, below the low mark and up to the high one', async () => {
  const { client, service, serve, kinds } = scene({ client: { low: 2, high: 4 } })
  const serving = await serve(service)
  const until = async (size: number): Promise<void> => {
    while (client.pool()?.size !== size) await new Promise((resolve) => setTimeout(resolve, 10))
  }
  checkSignature(await client.sign({ ...options, payload: sha256(0) }))
  await until(4)
  for (let n = 1; n <= 2; n++) checkSignature(await client.sign({ ...options, payload: sha256(n) }))
  assert.equal(client.pool()?.size, 2)
  checkSignature(await client.sign({ ...options, payload: sha256(3) }))
  await until(4)
  assert.deepEqual(client.pool(), { size: 4, made: 7, used: 3, expired: 0 })
  await eventually(() => kinds('signed'), ['sign', 'sign-presigned', 'sign-presigned', 'sign-presigned'])
  await serving.stop()
})

test('a service that was restarted has lost its part: the signature is made from the start, and nothing is said', async () => {
  const { client, service, open, serve, kinds } = scene()
  const first = await serve(service)
  await client.prepare({ ...options, count: 2 })
  await first.stop()
  service.close()
  const second = await serve(open('service', NO_REFILL))
  for (let n = 0; n < 2; n++) checkSignature(await client.sign({ ...options, payload: sha256(n) }))
  assert.equal(client.pool()?.size, 0)
  await eventually(() => kinds('refused'), ['sign-presigned', 'sign-presigned'])
  await eventually(() => kinds('signed'), ['sign', 'sign'])
  await second.stop()
})

test('a client that was restarted starts with an empty pool, and what the service kept is no use to anybody', async () => {
  const { client, service, open, serve } = scene()
  const serving = await serve(service)
  await client.prepare({ ...options, count: 1 })
  client.close()
  checkSignature(await open('client', NO_REFILL).sign({ ...options, payload: sha256(1) }))
  await eventually(() => service.pool()?.size, 1)
  await serving.stop()
})

test('a bare digest never takes a presignature', async () => {
  const { client, service, serve, kinds } = scene()
  const serving = await serve(service)
  await client.prepare({ ...options, count: 1 })
  checkSignature(await client.sign({ ...options, payload: { kind: 'digest', digest: new Uint8Array(32).fill(7) } }))
  assert.equal(client.pool()?.size, 1)
  await eventually(() => kinds('signed'), ['sign'])
  await serving.stop()
})

test('what the policy refuses is refused, and the presignature is gone', async () => {
  const { client, service, serve } = scene()
  const no = { code: 'NOT_THIS', message: 'not this' }
  const serving = await serve(service, { decide: ({ payload }) => (payload.kind === 'sha256' ? no : undefined) })
  await client.prepare({ ...options, count: 1 })
  await assert.rejects(
    client.sign({ ...options, payload: sha256(1) }),
    (e) => e instanceof PeerStopped && e.reason === 'NOT_THIS' && e.message === 'service stopped: NOT_THIS, not this',
  )
  assert.equal(client.pool()?.size, 0)
  await serving.stop()
})

test('presignatures are bounded, may be refused, and need a pool on both sides', async () => {
  const full = scene({ client: { ...NO_REFILL, max: 9 }, service: { ...NO_REFILL, max: 1 } })
  const serving = await full.serve(full.service)
  const refusedWith = (reason: string) => (e: unknown) => e instanceof PeerStopped && e.reason === reason
  await assert.rejects(full.client.prepare({ ...options, count: 2 }), refusedWith('POOL_FULL'))
  assert.equal(full.client.pool()?.size, 1)
  await serving.stop()

  const none = scene({ service: undefined })
  const without = await none.serve(none.service)
  await assert.rejects(none.client.prepare({ ...options, count: 1 }), refusedWith('NO_POOL'))
  await assert.rejects(none.service.prepare({ ...options, count: 1 }), UsageError)
  await without.stop()

  const careful = scene()
  const served = await careful.serve(careful.service, {
    decidePresign: ({ account }) => (account === 'main' ? undefined : { code: 'NOT_HERE', message: 'no' }),
  })
  await assert.rejects(careful.client.prepare({ ...options, account: 'other', count: 1 }), refusedWith('NOT_HERE'))
  await careful.client.prepare({ ...options, count: 1 })
  await served.stop()
})

test('a gateway that was restarted in between keeps nobody from a signature', async () => {
  const port = await freePort()
  const at = `http://127.0.0.1:${port}`
  let own = await startGateway(port)
  const { client, service, serve } = scene({ at })
  const serving = await serve(service)
  try {
    await client.prepare({ ...options, count: 3 })
    checkSignature(await client.sign({ ...options, payload: sha256(1) }))
    await own.stop('SIGKILL')
    own = await startGateway(port)
    for (const n of [2, 3]) checkSignature(await client.sign({ ...options, payload: sha256(n) }))
  } finally {
    await serving.stop()
    await own.stop()
  }
})

test('the switch of the suite: participants that ask for no pool use presignatures, or do not', async () => {
  const shares = dealTestShares({ parties: ['client', 'service'], threshold: 2, accounts: ['main'], level })
  const [client, service] = ['client', 'service'].map((id) =>
    openTestParticipant({ keyShares: shares.get(id) ?? assert.fail('no shares'), gateway: connectGateway({ url }) }),
  )
  assert.ok(client !== undefined && service !== undefined)
  opened.push(client, service)
  const events: ServiceEvent[] = []
  const onEvent = (e: ServiceEvent): void => void events.push(e)
  const serving = service.serve({ decide: () => undefined, maxSessions: 16, sessionMs: 30_000, onEvent })
  await serving.ready
  for (const n of [1, 2]) checkSignature(await client.sign({ ...options, payload: sha256(n) }))
  const way = hasTestPool ? 'sign-presigned' : 'sign'
  await eventually(() => events.flatMap((e) => (e.at === 'signed' ? [e.kind] : [])), [way, way])
  await serving.stop()
})
