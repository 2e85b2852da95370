/**
 * Whoever was not cheated itself: it checks what a party that stops tells of others, names the same culprit when that is
 * proven, and otherwise nobody.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Fault, type MpcError, PeerStopped, ProtocolAbort } from '../base/errors.ts'
import { INSECURE_TEST } from '../base/level.ts'
import { systemRandom } from '../base/random.ts'
import { decode, encode, struct, u8 } from '../wire/codec.ts'
import { encodePacket, envelopeCodec, signEnvelope, verifyEnvelope } from '../wire/envelope.ts'
import { seal } from '../wire/sealing.ts'
import { accusationsCodec, accusationsOf } from './accusation.ts'
import type { Failed, Party } from './party.ts'
import { createIdentity, type Identity, makeRoster, memberOf, type PartyId } from './roster.ts'
import { type BroadcastRound, boundBroadcastRound, broadcastRound, directRound } from './rounds.ts'
import { memoryRoom } from './simulation.ts'
import { runAll } from './testing.ts'
import { viewed } from './view.ts'

type Value = { readonly v: number }
const codec = struct<Value>({ v: u8 })
const echoed = broadcastRound('1', codec)
const bound = boundBroadcastRound('1', codec, 'a test')
const two = directRound('2', codec)
const three = boundBroadcastRound('3', codec, 'a test')
const FAILED = { code: 'ZERO', check: 'v is zero' } as const

const ids = ['alice', 'bob', 'carol']
const identities = new Map(ids.map((id) => [id, createIdentity(id, systemRandom)]))
const roster = makeRoster([...identities.values()])

/** The check of round 2 again, for whoever was not its recipient. */
async function isZero({ code, check, culprit, evidence }: Fault): Promise<boolean> {
  const e = decode(envelopeCodec, evidence.at(-1) ?? new Uint8Array(0))
  const signed = e.from === culprit && verifyEnvelope(e, memberOf(roster, culprit).verifyKey)
  const { v } = decode(viewed(codec), e.body).message
  return signed && code === FAILED.code && check === FAILED.check && v === 0
}

interface Scene {
  readonly first?: BroadcastRound<Value>
  /** What the direct message to somebody says, by sender. */
  readonly sends?: (from: PartyId, to: PartyId) => number
  /** Another check of round 2 than whether it is zero, by checker. */
  readonly checks?: (self: PartyId, from: PartyId, v: number) => Failed | undefined
  /** Carol's messages of round 2 to alice are signed under this view. */
  readonly view?: Uint8Array
  readonly convicts?: ((fault: Fault) => Promise<boolean>) | undefined
}

/** Three rounds among three, of which the second is direct; the error of each, in order. */
async function errorsOf(scene: Scene): Promise<readonly MpcError[]> {
  const { first = echoed, sends = () => 1, checks = (_, __, v) => (v === 0 ? FAILED : undefined) } = scene
  const convicts = 'convicts' in scene ? scene.convicts : isZero
  const room = memoryRoom()
  const session = systemRandom.bytes(32)
  const send = async (p: Party, to: PartyId): Promise<void> => {
    const message = { v: sends(p.self, to) }
    const { view } = scene
    if (view === undefined || p.self !== 'carol' || to !== 'alice') return p.send(two, to, message)
    const body = encode(viewed(codec), { view, message })
    const envelope = { session, protocol: 'p', round: two.name, from: p.self, to, body }
    const signed = signEnvelope(envelope, (identities.get(p.self) as Identity).signingKey)
    await room.post(encodePacket(seal(signed, memberOf(roster, to).sealKey, systemRandom)))
  }
  const results = await runAll(
    {
      identities,
      roster,
      level: INSECURE_TEST,
      protocols: [{ protocol: 'p', rounds: [first, two, three] }],
      deadlineMs: 5_000,
      session,
      channelOf: () => room,
      ...(convicts === undefined ? {} : { convicts }),
    },
    async (party, id) => {
      const p = party('p')
      await p.broadcast(first, { v: 1 })
      await p.collect(first)
      for (const to of p.peers) await send(p, to)
      await p.checkEach(two, await p.collect(two), (from, m) => checks(id, from, m.v))
      await p.broadcast(three, { v: 1 })
      await p.collect(three)
    },
  )
  return [...results.values()].map((r) => (r.status === 'rejected' ? r.reason : assert.fail('no error')))
}

const blamed = (e: MpcError | undefined): unknown =>
  e instanceof ProtocolAbort ? e.faults.map((f) => [f.culprit, f.code, f.check]) : e?.code

test('who was cheated shows it, and everybody names the same culprit', async () => {
  const [alice, bob] = await errorsOf({ sends: (from, to) => (from === 'carol' && to === 'alice' ? 0 : 1) })
  for (const e of [alice, bob]) {
    assert.deepEqual(blamed(e), [['carol', 'ZERO', 'v is zero']])
    assert.ok(e instanceof ProtocolAbort && (e.faults[0]?.record?.length ?? 0) >= 3, 'the broadcasts are kept')
  }
})

test('a lie about an honest party is only somebody who stopped', async () => {
  const [alice, bob, carol] = await errorsOf({
    checks: (self, from) => (self === 'alice' && from === 'carol' ? FAILED : undefined),
  })
  assert.deepEqual(blamed(alice), [['carol', 'ZERO', 'v is zero']])
  for (const e of [bob, carol]) assert.ok(e instanceof PeerStopped && e.peer === 'alice', `${e}`)
})

test('without a way to check, nobody is named on a word', async () => {
  const sends = (from: PartyId, to: PartyId): number => (from === 'carol' && to === 'alice' ? 0 : 1)
  const [, bob] = await errorsOf({ sends, convicts: undefined })
  assert.ok(bob instanceof PeerStopped, `${bob}`)
})

const OTHER_VIEW = new Uint8Array(32).fill(9)

test('a message signed under another view names its author, for those who did not get it as well', async () => {
  const [alice, bob] = await errorsOf({ view: OTHER_VIEW, convicts: undefined })
  for (const e of [alice, bob]) assert.deepEqual(blamed(e), [['carol', 'VIEW', 'view']])
})

test('an honest view that is said to differ convicts nobody', async () => {
  const lie = { code: 'VIEW', check: 'view' } as const
  const [, bob, carol] = await errorsOf({
    checks: (self, from) => (self === 'alice' && from === 'carol' ? lie : undefined),
    convicts: undefined,
  })
  for (const e of [bob, carol]) assert.ok(e instanceof PeerStopped, `${e}`)
})

test('where broadcasts were not echoed, another view blames nobody', async () => {
  const [alice, bob] = await errorsOf({ first: bound, view: OTHER_VIEW, convicts: undefined })
  assert.deepEqual(blamed(alice), [])
  assert.ok(bob instanceof PeerStopped, `${bob}`)
})

test('what does not fit into a message is left out, and the rest is told', () => {
  const fault = (culprit: string, size: number, n = 1): Fault => ({
    culprit,
    protocol: 'p',
    round: '2',
    ...FAILED,
    evidence: Array.from({ length: n }, () => new Uint8Array(size)),
  })
  const told = accusationsOf([
    fault('a', 200_000),
    fault('b', 200_000),
    fault('c', 10),
    fault('d', 10, 9),
    fault('e', 1, 0),
  ])
  assert.deepEqual(
    told.map((a) => a.culprit),
    ['a', 'c'],
  )
  assert.deepEqual(
    decode(accusationsCodec, encode(accusationsCodec, told)).map((a) => a.culprit),
    ['a', 'c'],
  )
  const long = { ...fault('f', 1), check: 'x'.repeat(201) }
  assert.deepEqual(accusationsOf([long]), [])
})
