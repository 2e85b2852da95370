/**
 * Participants sign with each other through a real gateway process: the library as a host uses it, from invitation to
 * signature, and each way in which that can end without one.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import * as libsecp256k1 from 'tiny-secp256k1'
import { UsageError } from '../participant/base/errors.ts'
import { CGGMP24_3072, INSECURE_TEST } from '../participant/base/level.ts'
import {
  type CeremonyEvent,
  createParticipant,
  generateShares,
  type KeyShare,
  PeerStopped,
  StateError,
  TransportError,
} from '../participant/index.ts'
import { dealTestShares } from '../participant/key-share/testing.ts'
import { connectGateway, type Gateway, inboxRoom } from '../participant/room/gateway.ts'
import type { ServiceEvent } from '../participant/signer/answer.ts'
import { generateShares as generateAtAnyLevel } from '../participant/signer/ceremony.ts'
import { describeSignature, type SignResult } from '../participant/signer/describe.ts'
import type { Participant } from '../participant/signer/participant.ts'
import type { ServeOptions } from '../participant/signer/serve.ts'
import { openTestParticipant, type TestOptions } from '../participant/signer/testing-participant.node.ts'
import { testWork } from '../participant/zk/testing-work.node.ts'
import { freePort, type Program, startProgram } from '../scripts/processes.ts'

const text = (s: string): Uint8Array => new TextEncoder().encode(s)
const message = { kind: 'sha256', message: text('pay 5') } as const

let program: Program
let url: string
const opened: Participant[] = []

async function startGateway(port: number): Promise<Program> {
  return startProgram(['gateway/main.ts', '--port', String(port), '--log-level', 'warn'], {
    readyUrl: `http://127.0.0.1:${port}/health`,
  })
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

function open(
  keyShares: ReadonlyMap<string, KeyShare> | undefined,
  gateway: Gateway = connectGateway({ url }),
  o: Pick<TestOptions, 'pool'> = {},
): Participant {
  assert.ok(keyShares !== undefined)
  const p = openTestParticipant({ keyShares, gateway, ...o })
  opened.push(p)
  return p
}

const agree: ServeOptions = { decide: () => undefined, maxSessions: 8, sessionMs: 30_000 }

function checked(result: SignResult): void {
  const d = describeSignature(result)
  const bytes = (hex: string): Buffer => Buffer.from(hex.slice(2), 'hex')
  const compact = bytes(d.r + d.s.slice(2))
  assert.ok(libsecp256k1.verify(bytes(d.digest), bytes(d.publicKey), compact, true))
  const recovered = libsecp256k1.recover(bytes(d.digest), compact, d.recovery as 0 | 1 | 2 | 3, true)
  assert.deepEqual(Buffer.from(recovered ?? []), bytes(d.publicKey))
}

test('2 of 2: sign, several at once, for two accounts, either side starting', async () => {
  const shares = dealTestShares({
    parties: ['client', 'service'],
    threshold: 2,
    accounts: ['a', 'b'],
    level: INSECURE_TEST,
  })
  const [client, service] = [open(shares.get('client')), open(shares.get('service'))]
  const services = [client.serve(agree), service.serve(agree)]
  await Promise.all(services.map((s) => s.ready))
  const results = await Promise.all([
    client.sign({ account: 'a', payload: message, deadlineMs: 40_000 }),
    client.sign({ account: 'b', payload: message, deadlineMs: 40_000 }),
    service.sign({ account: 'a', payload: { kind: 'eip191', message: text('hi') }, deadlineMs: 40_000 }),
  ])
  for (const r of results) checked(r)
  assert.notDeepEqual(results[0]?.publicKey, results[1]?.publicKey)
  await Promise.all(services.map((s) => s.stop()))
})

test('2 of 3 and 3 of 5: any set of signers', async () => {
  const three = dealTestShares({ parties: ['a', 'b', 'c'], threshold: 2, accounts: ['x'], level: INSECURE_TEST })
  const parties = ['a', 'b', 'c'].map((id) => open(three.get(id)))
  const services = parties.map((p) => p.serve(agree))
  await Promise.all(services.map((s) => s.ready))
  for (const signers of [
    ['a', 'b'],
    ['a', 'c'],
  ]) {
    checked(await (parties[0] as Participant).sign({ account: 'x', payload: message, signers, deadlineMs: 40_000 }))
  }
  await Promise.all(services.map((s) => s.stop()))

  const five = dealTestShares({
    parties: ['a', 'b', 'c', 'd', 'e'],
    threshold: 3,
    accounts: ['x'],
    level: INSECURE_TEST,
  })
  const some = ['b', 'd', 'e'].map((id) => open(five.get(id)))
  const serving = some.slice(1).map((p) => p.serve(agree))
  await Promise.all(serving.map((s) => s.ready))
  checked(
    await (some[0] as Participant).sign({
      account: 'x',
      payload: message,
      signers: ['b', 'd', 'e'],
      deadlineMs: 60_000,
    }),
  )
  await Promise.all(serving.map((s) => s.stop()))
})

test('full size: 2 of 2 through the production entry point', async () => {
  const shares = dealTestShares({ parties: ['client', 'service'], threshold: 2, accounts: ['a'], level: CGGMP24_3072 })
  const make = (id: string): Participant => {
    const keyShares = shares.get(id) as ReadonlyMap<string, KeyShare>
    const p = openTestParticipant({ keyShares, gateway: connectGateway({ url }) }, createParticipant)
    opened.push(p)
    return p
  }
  const service = make('service').serve(agree)
  await service.ready
  checked(await make('client').sign({ account: 'a', payload: message, deadlineMs: 60_000 }))
  await service.stop()
})

test('a refusal comes back with its reason, at once', async () => {
  const shares = dealTestShares({ parties: ['client', 'service'], threshold: 2, accounts: ['a'], level: INSECURE_TEST })
  const events: ServiceEvent[] = []
  const asked: string[] = []
  const service = open(shares.get('service')).serve({
    ...agree,
    decide: (r) => {
      asked.push(`${r.account} ${r.from} ${r.signers.join('+')} ${r.payload.kind} ${r.digest.length}`)
      return { code: 'NOT_TODAY', message: 'it is Sunday' }
    },
    onEvent: (e) => events.push(e),
  })
  await service.ready
  const client = open(shares.get('client'))
  await assert.rejects(client.sign({ account: 'a', payload: message, deadlineMs: 30_000 }), (e: Error) => {
    assert.ok(e instanceof PeerStopped)
    assert.deepEqual([e.peer, e.reason], ['service', 'NOT_TODAY'])
    assert.match(e.message, /it is Sunday/)
    return true
  })
  assert.deepEqual(asked, ['a client client+service sha256 32'])
  assert.deepEqual(
    events.filter((e) => !('kind' in e && e.kind === 'presign')).map((e) => e.at),
    ['listening', 'invited', 'refused'],
  )
  await service.stop()
})

test('a policy that fails refuses; an account that the other side lacks is said so', async () => {
  const shares = dealTestShares({
    parties: ['client', 'service'],
    threshold: 2,
    accounts: ['a', 'b'],
    level: INSECURE_TEST,
  })
  const onlyA = new Map([...(shares.get('service') ?? [])].filter(([account]) => account === 'a'))
  const service = open(onlyA).serve({
    ...agree,
    decide: () => {
      throw new Error('secret detail')
    },
  })
  await service.ready
  const client = open(shares.get('client'))
  const failed = (account: string): Promise<PeerStopped> =>
    client.sign({ account, payload: message, deadlineMs: 30_000 }).then(
      () => assert.fail('signed'),
      (e: Error) => e as PeerStopped,
    )
  const internal = await failed('a')
  assert.equal(internal.reason, 'INTERNAL')
  assert.doesNotMatch(internal.message, /secret detail/)
  assert.equal((await failed('b')).reason, 'ACCOUNT_UNKNOWN')
  await service.stop()
})

test('too many at once are refused as BUSY', async () => {
  const shares = dealTestShares({ parties: ['client', 'service'], threshold: 2, accounts: ['a'], level: INSECURE_TEST })
  let release = (): void => {}
  const held = new Promise<undefined>((resolve) => {
    release = () => resolve(undefined)
  })
  const service = open(shares.get('service')).serve({ ...agree, maxSessions: 1, decide: () => held })
  await service.ready
  const client = open(shares.get('client'))
  const first = client.sign({ account: 'a', payload: message, deadlineMs: 40_000 })
  while (service.sessions === 0) await new Promise((resolve) => setTimeout(resolve, 10))
  await assert.rejects(client.sign({ account: 'a', payload: message, deadlineMs: 20_000 }), { reason: 'BUSY' })
  release()
  checked(await first)
  await service.stop()
})

test('nobody there: the error names who was waited for, at the deadline', async () => {
  const shares = dealTestShares({ parties: ['client', 'service'], threshold: 2, accounts: ['a'], level: INSECURE_TEST })
  const client = open(shares.get('client'))
  const started = Date.now()
  await assert.rejects(client.sign({ account: 'a', payload: message, deadlineMs: 700 }), (e: Error) => {
    assert.ok(e instanceof TransportError)
    assert.deepEqual(e.waitingFor, ['service'])
    return true
  })
  assert.ok(Date.now() - started < 5_000)
})

test('cancelling and closing end a signing; impossible requests are refused before anything is sent', async () => {
  const shares = dealTestShares({ parties: ['client', 'service'], threshold: 2, accounts: ['a'], level: INSECURE_TEST })
  const client = open(shares.get('client'))
  const abort = new AbortController()
  const cancelled = client.sign({ account: 'a', payload: message, deadlineMs: 30_000, signal: abort.signal })
  setTimeout(() => abort.abort(), 100)
  await assert.rejects(cancelled, TransportError)
  await assert.rejects(client.sign({ account: 'z', payload: message, deadlineMs: 1_000 }), UsageError)
  await assert.rejects(client.sign({ account: 'a', payload: message, deadlineMs: 0 }), UsageError)
  await assert.rejects(
    client.sign({ account: 'a', payload: { kind: 'digest', digest: new Uint8Array(31) }, deadlineMs: 1_000 }),
    UsageError,
  )
  for (const signers of [['client'], ['service', 'client'], ['client', 'nobody']]) {
    await assert.rejects(client.sign({ account: 'a', payload: message, signers, deadlineMs: 1_000 }), UsageError)
  }
  const closing = client.sign({ account: 'a', payload: message, deadlineMs: 30_000 })
  setTimeout(() => client.close(), 50)
  await assert.rejects(closing, TransportError)
  await assert.rejects(client.sign({ account: 'a', payload: message, deadlineMs: 1_000 }), StateError)
})

test('shares of a test level are refused by the production entry points', async () => {
  const shares = dealTestShares({ parties: ['client', 'service'], threshold: 2, accounts: ['a'], level: INSECURE_TEST })
  const keyShares = shares.get('client') as ReadonlyMap<string, KeyShare>
  const gateway = connectGateway({ url })
  assert.throws(() => createParticipant({ keyShares, gateway }), UsageError)
  const ceremony = { gateway, room: 'r', name: 'a', parties: 2, threshold: 2, accounts: ['a'], deadlineMs: 1_000 }
  await assert.rejects(generateShares({ ...ceremony, level: INSECURE_TEST, confirm: async () => true }), UsageError)
})

test('garbage, foreign and replayed packets in the inbox hurt nobody', async () => {
  const shares = dealTestShares({ parties: ['client', 'service'], threshold: 2, accounts: ['a'], level: INSECURE_TEST })
  const service = open(shares.get('service')).serve(agree)
  await service.ready
  const identity = shares.get('service')?.get('a')?.identity
  assert.ok(identity !== undefined)
  const inbox = inboxRoom(identity.verifyKey)
  const gateway = connectGateway({ url })
  for (let i = 0; i < 20; i++) await gateway.post(inbox, crypto.getRandomValues(new Uint8Array(50 * (i + 1))))
  await fetch(`${url}/rooms/${inbox}/broadcast`, { method: 'POST', body: 'no base64 at all \n\n event: fake' })
  checked(await open(shares.get('client')).sign({ account: 'a', payload: message, deadlineMs: 40_000 }))
  // everything that is in the inbox, once more
  const history = await fetch(`${url}/rooms/${inbox}/subscribe`)
  const reader = history.body?.getReader()
  let seen = ''
  while (!seen.includes('id: 21\n')) seen += new TextDecoder().decode((await reader?.read())?.value)
  await reader?.cancel()
  const packets = [...seen.matchAll(/^data: ?([A-Za-z0-9+/=]+)$/gm)].map((m) => m[1] as string)
  assert.ok(packets.length > 20)
  for (const packet of packets) await fetch(`${url}/rooms/${inbox}/broadcast`, { method: 'POST', body: packet })
  checked(await open(shares.get('client')).sign({ account: 'a', payload: message, deadlineMs: 40_000 }))
  await service.stop()
})

test('the gateway is killed and started again: before a signing, and in the middle of one', async () => {
  const port = await freePort()
  const own = `http://127.0.0.1:${port}`
  let gateway = await startGateway(port)
  const restart = async (): Promise<void> => {
    await gateway.stop('SIGKILL')
    gateway = await startGateway(port)
  }
  try {
    const shares = dealTestShares({
      parties: ['client', 'service'],
      threshold: 2,
      accounts: ['a'],
      level: INSECURE_TEST,
    })
    const service = open(shares.get('service'), connectGateway({ url: own })).serve(agree)
    await service.ready
    // its steps say when the middle is
    const client = open(shares.get('client'), connectGateway({ url: own }), { pool: 'none' })
    checked(await client.sign({ account: 'a', payload: message, deadlineMs: 40_000 }))
    await restart()
    checked(await client.sign({ account: 'a', payload: message, deadlineMs: 40_000 }))
    let restarting: Promise<void> | undefined
    const onStep = (step: string): void => {
      if (step === 'presigning') restarting = restart()
    }
    checked(await client.sign({ account: 'a', payload: message, deadlineMs: 60_000, onStep }))
    assert.ok(restarting !== undefined)
    await restarting
    await service.stop()
  } finally {
    await gateway.stop()
  }
})

test('three parties make shares together and sign with them', async () => {
  const events: CeremonyEvent[] = []
  const make = (name: string, confirm = async (): Promise<boolean> => true) =>
    generateAtAnyLevel({
      gateway: connectGateway({ url }),
      room: 'ceremony-1',
      name,
      parties: 3,
      threshold: 2,
      accounts: ['x', 'y'],
      level: INSECURE_TEST,
      work: testWork,
      confirm,
      deadlineMs: 90_000,
      onProgress: (e) => events.push(e),
    })
  const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((n) => make(n)))
  assert.ok(a && b && c)
  for (const account of ['x', 'y']) {
    const keys: ReadonlySet<string | undefined> = new Set([a, b, c].map((m) => m.get(account)?.core.publicKey.toHex()))
    assert.equal(keys.size, 1)
  }
  const service = open(c).serve(agree)
  await service.ready
  checked(await open(a).sign({ account: 'y', payload: message, signers: ['a', 'c'], deadlineMs: 40_000 }))
  await service.stop()
  assert.ok(events.some((e) => e.at === 'agreed'))
})

test('a fingerprint that a person does not confirm ends the ceremony for all', async () => {
  const make = (name: string, answer: boolean) =>
    generateAtAnyLevel({
      gateway: connectGateway({ url }),
      room: 'ceremony-2',
      name,
      parties: 2,
      threshold: 2,
      accounts: ['x'],
      level: INSECURE_TEST,
      confirm: async () => answer,
      deadlineMs: 30_000,
    })
  const [no, yes] = await Promise.allSettled([make('a', false), make('b', true)])
  assert.ok(no.status === 'rejected' && no.reason instanceof StateError)
  assert.ok(yes.status === 'rejected' && yes.reason instanceof PeerStopped)
  assert.equal(yes.reason.reason, 'FINGERPRINT')
})
