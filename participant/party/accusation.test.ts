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
import { type Envelope, encodePacket, envelopeCodec, signEnvelope, verifyEnvelope } from '../wire/envelope.ts'
import { seal } from '../wire/sealing.ts'
import { accusationsCodec, accusationsOf, type OwnRecord, provenFaults } from './accusation.ts'
import type { Failed, Party } from './party.ts'
import { createIdentity, type Identity, makeRoster, memberOf, type PartyId } from './roster.ts'
import { type BroadcastRound, boundBroadcastRound, broadcastRound, directRound } from './rounds.ts'
import { memoryRoom } from './simulation.ts'
import { runAll } from './testing.ts'
import { FIRST_VIEW, Views, viewed } from './view.ts'

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
    const record = e instanceof ProtocolAbort ? (e.faults[0]?.record ?? []) : []
    const said = record.map((raw) => decode(envelopeCodec, raw)).filter((m) => m.round === '1')
    assert.deepEqual(
      said.map((m) => m.from),
      ids,
      'the broadcasts of all are kept, with our own',
    )
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
    fault('a', 300_000),
    fault('b', 300_000),
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

const session = systemRandom.bytes(32)

/** What alice knows, who has sent her own message of round 2 under the first view. */
function recordOf(more: Partial<OwnRecord> = {}): OwnRecord {
  const views = new Views(true)
  views.sending('p', '2')
  return { session, roster, peers: ['bob', 'carol'], views, record: [], convicts: undefined, ...more }
}

/** That carol signed another view than hers in round 2. */
function accusation(
  change: Partial<Fault> = {},
  said: Partial<Envelope> = {},
  by = 'carol',
  view: Uint8Array = OTHER_VIEW,
): Fault {
  const body = encode(viewed(codec), { view, message: { v: 1 } })
  const message = { session, protocol: 'p', round: '2', from: 'carol', to: 'bob', body, ...said }
  const envelope = signEnvelope(message, (identities.get(by) as Identity).signingKey)
  const evidence = [encode(envelopeCodec, envelope)]
  return { culprit: 'carol', protocol: 'p', round: '2', code: 'VIEW', check: 'view', evidence, ...change }
}

const named = async (told: readonly Fault[], mine = recordOf()): Promise<readonly string[]> =>
  (await provenFaults(told, mine)).map((f) => f.culprit)

test('another view is proven by the message that was signed under it, and by nothing else', async () => {
  assert.deepEqual(await named([accusation()]), ['carol'])
  const [bound, unsent] = [new Views(true), new Views(true)]
  bound.add('p', '1', [], { isEchoed: false })
  bound.sending('p', '2')
  const innocent: readonly (readonly [what: string, told: Fault, mine?: OwnRecord])[] = [
    ['the view that we had', accusation({}, {}, 'carol', FIRST_VIEW)],
    ['the word for something else', accusation({ code: 'ZERO' })],
    ['a message of another', accusation({ culprit: 'bob' })],
    ['a message in the name of another', accusation({ culprit: 'bob' }, {}, 'bob')],
    ['a message that another signed', accusation({}, {}, 'bob')],
    ['another session', accusation({}, { session: systemRandom.bytes(32) })],
    ['another protocol', accusation({}, { protocol: 'q' })],
    ['another round', accusation({}, { round: '1' })],
    ['garbage', accusation({ evidence: [Uint8Array.of(1)] })],
    ['nothing', accusation({ evidence: [] })],
    ['a view that others may have had', accusation(), recordOf({ views: bound })],
    ['a round that we were not in', accusation(), recordOf({ views: unsent })],
  ]
  for (const [what, told, mine] of innocent) assert.deepEqual(await named([told], mine), [], what)
})

test('who is no peer is never named; who is accused twice is named once', async () => {
  const mine = recordOf({ convicts: async () => true })
  for (const culprit of ['alice', 'zoe']) assert.deepEqual(await named([accusation({ culprit })], mine), [], culprit)
  assert.deepEqual(await named([accusation(), accusation({ code: 'ZERO' })], mine), ['carol'])
})
