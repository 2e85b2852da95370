/** One party's end of a session: how waiting ends, what is sent, and what is left behind. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { concatBytes } from '../base/bytes.ts'
import {
  culprits,
  type Fault,
  InternalError,
  type MpcError,
  PeerStopped,
  ProtocolAbort,
  TransportError,
  UsageError,
} from '../base/errors.ts'
import { INSECURE_TEST } from '../base/level.ts'
import { systemRandom } from '../base/random.ts'
import { decode, encode, fixed, list, struct, text, u8 } from '../wire/codec.ts'
import { decodePacket, encodePacket, envelopeCodec, signEnvelope } from '../wire/envelope.ts'
import { seal } from '../wire/sealing.ts'
import { inProcess } from '../zk/work.ts'
import { accusationsCodec } from './accusation.ts'
import type { Channel } from './channel.ts'
import { type Connection, type ConnectionOptions, openConnection } from './connection.ts'
import type { Party } from './party.ts'
import { createIdentity, type Identity, makeRoster } from './roster.ts'
import { broadcastRound, directRound } from './rounds.ts'
import { type MemoryRoom, memoryRoom } from './simulation.ts'
import { allValues, hostileSchedule, networkOf, runAll } from './testing.ts'
import type { TraceEvent } from './trace.ts'
import { FIRST_VIEW, viewed } from './view.ts'

const one = broadcastRound('1', struct<{ v: number }>({ v: u8 }))
const two = directRound('2', struct<{ v: number }>({ v: u8 }))
const protocols = [{ protocol: 'p', rounds: [one, two] }]

const identities = new Map(['alice', 'bob', 'carol'].map((id) => [id, createIdentity(id, systemRandom)]))
const who = (id: string): Identity => identities.get(id) as Identity
const roster = makeRoster([...identities.values()])
const session = systemRandom.bytes(32)

function open(id: string, channel: Channel, more: Partial<ConnectionOptions> = {}): Connection {
  return openConnection({
    identity: who(id),
    roster,
    signers: ['alice', 'bob'],
    session,
    epoch: 0,
    level: INSECURE_TEST,
    channel,
    protocols,
    random: systemRandom,
    work: inProcess,
    deadlineMs: 5_000,
    ...more,
  })
}

/** Both rounds, and the sum of what came in. */
async function talk(party: Party, v = 1): Promise<number> {
  await party.broadcast(one, { v })
  for (const j of party.peers) await party.send(two, j, { v: 10 * v })
  const a = await party.collect(one)
  const b = await party.collect(two)
  return [...a.values(), ...b.values()].reduce((sum, m) => sum + m.message.v, 0)
}

/** The error with which the promise ends. */
async function failure(p: Promise<unknown>): Promise<MpcError> {
  try {
    await p
  } catch (e) {
    return e as MpcError
  }
  assert.fail('expected an error')
}

const stopFields = { reason: text(32), message: text(256), accusations: list(fixed(1), 0, 0) }

/** A stop as it goes over the wire, accusing nobody. */
function stopBody(stop: { readonly reason: string; readonly message: string }): Uint8Array {
  return encode(struct(stopFields), { ...stop, accusations: [] })
}

function stopFrom(id: string, body: Uint8Array, to = 'alice'): Uint8Array {
  const m = { session, protocol: 'session', round: 'stop', from: id, to, body }
  return encodePacket(seal(signEnvelope(m, who(id).signingKey), who(to).sealKey, systemRandom))
}

/** The body of a message of round 1 from somebody who was told nothing before. */
function bodyOf(v: number): Uint8Array {
  return encode(viewed(one.codec), { view: FIRST_VIEW, message: { v } })
}

function broadcastFrom(id: string, v: number): Uint8Array {
  const m = { session, protocol: 'p', round: '1', from: id, to: '', body: bodyOf(v) }
  return encodePacket({ kind: 'clear', envelope: signEnvelope(m, who(id).signingKey) })
}

const timers = (): number => process.getActiveResourcesInfo().filter((r) => r === 'Timeout').length

test('two parties talk, under any schedule', async () => {
  for (const schedule of [undefined, hostileSchedule(systemRandom)]) {
    const room = memoryRoom(schedule)
    const got = await Promise.all([
      open('alice', room).run((p) => talk(p('p'), 1)),
      open('bob', room).run((p) => talk(p('p'), 2)),
    ])
    assert.deepEqual(got, [22, 11])
  }
})

test('who joins late gets what was said before', async () => {
  const room = memoryRoom()
  const first = open('alice', room).run((p) => talk(p('p')))
  await sleep(20)
  assert.equal(await open('bob', room).run((p) => talk(p('p'))), 11)
  assert.equal(await first, 11)
})

test('direct messages are sealed: the room sees neither value nor round', async () => {
  const room = memoryRoom()
  await Promise.all(['alice', 'bob'].map((id) => open(id, room).run((p) => talk(p('p')))))
  const kinds = room.log.map((raw) => decodePacket(raw).kind)
  assert.deepEqual(kinds.sort(), ['clear', 'clear', 'sealed', 'sealed'])
})

test('what is collected carries the envelope that its sender signed', async () => {
  const room = memoryRoom()
  const [envelope] = await Promise.all([
    open('alice', room).run(async (p) => {
      await p('p').broadcast(one, { v: 1 })
      return (await p('p').collect(one)).get('bob').envelope
    }),
    open('bob', room).run((p) => p('p').broadcast(one, { v: 9 })),
  ])
  const { from, body } = decode(envelopeCodec, envelope)
  assert.deepEqual([from, body], ['bob', bodyOf(9)])
})

test('the deadline names who is missing, and nobody is to blame', async () => {
  const room = memoryRoom()
  room.post(broadcastFrom('bob', 3)).catch(() => undefined)
  const before = timers()
  const e = await failure(
    open('alice', room, { signers: ['alice', 'bob', 'carol'], deadlineMs: 60 }).run((p) => talk(p('p'))),
  )
  assert.ok(e instanceof TransportError, 'e instanceof TransportError')
  assert.match(e.message, /^deadline passed; waiting for carol$/)
  assert.deepEqual(e.waitingFor, ['carol'])
  assert.deepEqual(culprits(e), [])
  assert.equal(timers(), before)
})

test('cancelling ends the wait, also when it came before the start', async () => {
  const controller = new AbortController()
  const waiting = open('alice', memoryRoom(), { signal: controller.signal }).run((p) => talk(p('p')))
  setTimeout(() => controller.abort(), 10)
  const e = await failure(waiting)
  assert.ok(e instanceof TransportError, 'e instanceof TransportError')
  assert.match(e.message, /^cancelled; waiting for bob/)
  const late = await failure(open('alice', memoryRoom(), { signal: AbortSignal.abort() }).run((p) => talk(p('p'))))
  assert.ok(late instanceof TransportError && /^cancelled/.test(late.message), `${late}`)
})

test('a channel that closes ends the wait', async () => {
  let close: (e: Error) => void = () => undefined
  const channel: Channel = {
    post: async () => undefined,
    subscribe: (_onPacket, onClosed) => {
      close = onClosed
      return () => undefined
    },
  }
  const cause = new TransportError('room is gone')
  setTimeout(() => close(cause), 10)
  const e = await failure(open('alice', channel).run((p) => talk(p('p'))))
  assert.ok(e instanceof TransportError, 'e instanceof TransportError')
  assert.match(e.message, /^room is gone; waiting for bob$/)
  assert.equal(e.cause, cause)
})

test('a room that refuses a message ends the session with its error', async () => {
  const channel: Channel = {
    post: () => Promise.reject(new TransportError('room is full')),
    subscribe: () => () => undefined,
  }
  const e = await failure(open('alice', channel).run((p) => talk(p('p'))))
  assert.ok(
    e instanceof TransportError && e.message === 'room is full',
    "e instanceof TransportError && e.message === 'room is full'",
  )
})

test('a post that never ends, ends at the deadline', async () => {
  const before = timers()
  const channel: Channel = { post: () => new Promise(() => undefined), subscribe: () => () => undefined }
  const started = Date.now()
  const e = await failure(open('alice', channel, { deadlineMs: 50 }).run((p) => talk(p('p'))))
  assert.ok(e instanceof TransportError, 'e instanceof TransportError')
  assert.match(e.message, /^deadline passed; p 1 could not be sent$/)
  assert.ok(Date.now() - started < 1_500, 'Date.now() - started < 1_500')
  assert.equal(timers(), before)
})

test('telling that we stop takes no longer than its limit, with a room that takes nothing', async () => {
  const before = timers()
  const started = Date.now()
  const channel: Channel = { post: () => new Promise(() => undefined), subscribe: () => () => undefined }
  const e = await failure(
    open('alice', channel, { deadlineMs: 10_000 }).run(() => Promise.reject(new UsageError('no'))),
  )
  assert.ok(e instanceof UsageError, 'e instanceof UsageError')
  assert.ok(Date.now() - started < 8_000, 'long before the deadline')
  assert.equal(timers(), before)
})

test('a peer that stops is not waited for; its reason is a word', async () => {
  const room = memoryRoom()
  const e = open('alice', room).run((p) => talk(p('p')))
  await open('bob', room).refuse({ reason: 'ACCOUNT_UNKNOWN', message: 'no such account' })
  const stopped = await failure(e)
  assert.ok(stopped instanceof PeerStopped, 'stopped instanceof PeerStopped')
  assert.deepEqual([stopped.peer, stopped.reason], ['bob', 'ACCOUNT_UNKNOWN'])
  assert.equal(stopped.message, 'bob stopped: ACCOUNT_UNKNOWN, no such account')
  assert.deepEqual(culprits(stopped), [])
})

const STOPS: readonly (readonly [what: string, body: Uint8Array, reason: string, message: string])[] = [
  [
    'control characters',
    stopBody({ reason: 'BUSY', message: 'a\u001b[2Jb\nc\u202ed' }),
    'BUSY',
    'bob stopped: BUSY, a?[2Jb?c?d',
  ],
  ['a reason that is no code', stopBody({ reason: 'rm -rf\n', message: '' }), 'UNKNOWN', 'bob stopped: UNKNOWN'],
  ['an empty reason', stopBody({ reason: '', message: '' }), 'UNKNOWN', 'bob stopped: UNKNOWN'],
  ['bytes that are no stop', Uint8Array.of(1, 2), 'UNKNOWN', 'bob stopped: UNKNOWN'],
]

for (const [what, body, reason, message] of STOPS) {
  test(`a stop with ${what} shows nothing of it`, async () => {
    const room = memoryRoom()
    await room.post(stopFrom('bob', body))
    const e = await failure(open('alice', room).run((p) => talk(p('p'))))
    assert.ok(e instanceof PeerStopped, 'e instanceof PeerStopped')
    assert.deepEqual([e.reason, e.message], [reason, message])
  })
}

test('of what a peer that stops says about one party, one thing is checked', async () => {
  const room = memoryRoom()
  const fault = {
    culprit: 'carol',
    protocol: 'p',
    round: '1',
    code: 'ZERO',
    check: 'v',
    evidence: [bodyOf(1)],
  } as const
  const stop = struct<{ reason: string; message: string; accusations: readonly Omit<Fault, 'record'>[] }>({
    reason: text(32),
    message: text(256),
    accusations: accusationsCodec,
  })
  await room.post(stopFrom('bob', encode(stop, { reason: 'ABORT', message: '', accusations: [fault, fault, fault] })))
  let checked = 0
  const convicts = async (): Promise<boolean> => {
    checked++
    return false
  }
  const e = await failure(
    open('alice', room, { signers: ['alice', 'bob', 'carol'], convicts }).run((p) => talk(p('p'))),
  )
  assert.ok(e instanceof PeerStopped, `${e}`)
  assert.equal(checked, 1)
})

test('nobody but the peer can say that it stops', async () => {
  const room = memoryRoom()
  const body = stopBody({ reason: 'ABORT', message: '' })
  const m = { session, protocol: 'session', round: 'stop', from: 'bob', to: 'alice', body }
  const forged = signEnvelope(m, who('carol').signingKey)
  await room.post(encodePacket(seal(forged, who('alice').sealKey, systemRandom)))
  await room.post(encodePacket({ kind: 'clear', envelope: signEnvelope(m, who('bob').signingKey) }))
  const e = await failure(open('alice', room, { deadlineMs: 50 }).run((p) => talk(p('p'))))
  assert.ok(e instanceof TransportError, 'e instanceof TransportError')
})

test('what a peer sent before it stopped still counts, in any order of arrival', async () => {
  const stop = stopFrom('bob', stopBody({ reason: 'ABORT', message: '' }))
  for (const packets of [
    [broadcastFrom('bob', 7), stop],
    [stop, broadcastFrom('bob', 7)],
  ]) {
    const room = memoryRoom()
    for (const p of packets) await room.post(p)
    const v = await open('alice', room).run(async (p) => {
      await p('p').broadcast(one, { v: 1 })
      await sleep(5)
      return (await p('p').collect(one)).get('bob').message.v
    })
    assert.equal(v, 7)
  }
})

test('a run that fails tells the peers the class of the error, sealed, and nothing else', async () => {
  for (const [error, reason] of [
    [new UsageError('the password is hunter2'), 'USAGE'],
    [new RangeError('the password is hunter2'), 'INTERNAL'],
    [new ProtocolAbort('the password is hunter2', []), 'ABORT'],
  ] as const) {
    const room = memoryRoom()
    const bob = open('bob', room).run((p) => talk(p('p')))
    const own = await failure(open('alice', room).run(() => Promise.reject(error)))
    assert.deepEqual([own.constructor, own.message], [error.constructor, error.message])
    const e = await failure(bob)
    assert.ok(e instanceof PeerStopped, 'e instanceof PeerStopped')
    assert.equal(e.message, `alice stopped: ${reason}`)
  }
})

test('two different messages end the session, naming their sender with both', async () => {
  const room = memoryRoom()
  await room.post(broadcastFrom('bob', 7))
  await room.post(broadcastFrom('bob', 8))
  const e = await failure(open('alice', room).run((p) => talk(p('p'))))
  assert.ok(e instanceof ProtocolAbort, 'e instanceof ProtocolAbort')
  assert.deepEqual(culprits(e), ['bob'])
  assert.deepEqual([e.faults[0]?.code, e.faults[0]?.evidence.length], ['DUPLICATE', 2])
})

test('a body that does not decode convicts its sender', async () => {
  const tooLong = concatBytes(bodyOf(1), Uint8Array.of(2))
  const room = memoryRoom()
  const m = { session, protocol: 'p', round: '1', from: 'bob', to: '', body: tooLong }
  await room.post(encodePacket({ kind: 'clear', envelope: signEnvelope(m, who('bob').signingKey) }))
  const e = await failure(open('alice', room).run((p) => talk(p('p'))))
  assert.ok(e instanceof ProtocolAbort, 'e instanceof ProtocolAbort')
  const [fault] = e.faults
  assert.deepEqual([fault?.culprit, fault?.code, fault?.check], ['bob', 'DECODE', 'decode: message has trailing bytes'])
  assert.deepEqual(decode(envelopeCodec, fault?.evidence[0] as Uint8Array).body, tooLong)
})

test('checkEach names everybody who failed, whatever the order of arrival', async () => {
  const room = memoryRoom()
  for (const id of ['carol', 'bob']) await room.post(broadcastFrom(id, 7))
  const options = {
    signers: ['alice', 'bob', 'carol'],
    protocols: [{ protocol: 'p', rounds: [{ ...one, echo: false }] }],
  }
  const e = await failure(
    open('alice', room, options).run(async (p) => {
      await p('p').broadcast(one, { v: 1 })
      const round = { ...one, echo: false }
      const got = await p('p').collect(round)
      await p('p').checkEach(round, got, () => undefined)
      await p('p').checkEach(round, got, (_, m) => (m.v === 7 ? { code: 'PROOF_EQ', check: 'eq v' } : undefined))
    }),
  )
  assert.deepEqual(culprits(e), ['bob', 'carol'])
})

test('abort without culprits names nobody', async () => {
  const e = await failure(
    open('alice', memoryRoom()).run(async (p) => p('p').abort(one, { code: 'DELTA', check: 'eq delta' }, [])),
  )
  assert.ok(e instanceof ProtocolAbort, 'e instanceof ProtocolAbort')
  assert.deepEqual(e.faults, [])
  assert.match(e.message, /eq delta \(DELTA\)/)
})

test('abort names the culprits, with what shows it', async () => {
  const room = memoryRoom()
  await room.post(broadcastFrom('bob', 7))
  const e = await failure(
    open('alice', room).run(async (p) => {
      await p('p').broadcast(one, { v: 1 })
      const shown = (await p('p').collect(one)).map((m) => [m.envelope])
      p('p').abort(one, { code: 'DELTA', check: 'eq delta' }, ['bob'], shown)
    }),
  )
  assert.ok(e instanceof ProtocolAbort, `${e}`)
  const [fault] = e.faults
  assert.deepEqual([e.faults.length, fault?.culprit, fault?.code, fault?.check], [1, 'bob', 'DELTA', 'eq delta'])
  assert.deepEqual(
    fault?.evidence.map((raw) => decode(envelopeCodec, raw).body),
    [bodyOf(7)],
  )
})

test('a protocol that collects a round before it has sent its own message of it is our own mistake', async () => {
  const room = memoryRoom()
  await room.post(broadcastFrom('bob', 7))
  const e = await failure(open('alice', room).run((p) => p('p').collect(one)))
  assert.ok(e instanceof InternalError, `${e}`)
})

test('nothing is left behind: no timer, no subscription, no listener', async () => {
  const before = timers()
  let subscriptions = 0
  const listeners = new Set<unknown>()
  const counting = (room: MemoryRoom): Channel => ({
    post: room.post,
    subscribe(onPacket, onClosed) {
      subscriptions++
      const end = room.subscribe(onPacket, onClosed)
      return () => {
        subscriptions--
        end()
      }
    },
  })
  const signal = new AbortController().signal
  signal.addEventListener = (_: string, f: unknown) => void listeners.add(f)
  signal.removeEventListener = (_: string, f: unknown) => void listeners.delete(f)
  const room = memoryRoom()
  await Promise.all(['alice', 'bob'].map((id) => open(id, counting(room), { signal }).run((p) => talk(p('p')))))
  await failure(open('alice', counting(memoryRoom()), { signal }).run(() => Promise.reject(new UsageError('no'))))
  await open('alice', counting(memoryRoom()), { signal }).refuse({ reason: 'BUSY', message: '' })
  // a refusal that can't be written still lets go
  await failure(open('alice', counting(memoryRoom()), { signal }).refuse({ reason: 'BUSY', message: 'x'.repeat(300) }))
  assert.deepEqual([timers(), subscriptions, listeners.size], [before, 0, 0])
})

test('an identity other than the pinned one, and a protocol that was not declared, are refused', async () => {
  assert.throws(() => open('alice', memoryRoom(), { identity: createIdentity('alice', systemRandom) }), UsageError)
  const e = await failure(open('alice', memoryRoom()).run(async (p) => p('q')))
  assert.ok(e instanceof InternalError, 'e instanceof InternalError')
})

test('bindings say session, epoch, level, who to whom, and the protocol with the slot', async () => {
  const binding = await open('alice', memoryRoom(), { epoch: 4 }).run(async (p) =>
    p('p').binding('alice', 'bob', 'psi'),
  )
  assert.deepEqual(binding, {
    session,
    epoch: 4,
    level: INSECURE_TEST,
    prover: 'alice',
    verifier: 'bob',
    slot: 'p psi',
  })
})

test('the trace has names and sizes only', async () => {
  const events: TraceEvent[] = []
  const room = memoryRoom()
  await Promise.all([
    open('alice', room, { trace: (e) => events.push(e) }).run((p) => talk(p('p'))),
    open('bob', room).run((p) => talk(p('p'))),
  ])
  assert.deepEqual(events, [
    { at: 'sent', protocol: 'p', round: '1', bytes: 33 },
    { at: 'sent', protocol: 'p', round: '2', bytes: 33 },
    { at: 'received', protocol: 'p', round: '1' },
    { at: 'received', protocol: 'p', round: '2' },
  ])
})

test('one packet dropped by the network ends at the deadline, naming the sender as missing only', async () => {
  const ids = ['alice', 'bob']
  const channelOf = networkOf(ids, (from, to, packet) =>
    from === 'bob' && to === 'alice' && decodePacket(packet).kind === 'sealed' ? [] : [packet],
  )
  const results = await runAll(
    { identities, roster, signers: ids, level: INSECURE_TEST, protocols, deadlineMs: 80, channelOf },
    (party) => talk(party('p')),
  )
  const alice = results.get('alice')
  assert.ok(alice?.status === 'rejected' && alice.reason instanceof TransportError, 'expected a TransportError')
  assert.deepEqual(alice.reason.waitingFor, ['bob'])
  assert.throws(() => allValues(results), TransportError)
})
