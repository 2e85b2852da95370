/** Who told whom what: three parties find an author of two messages, and blame nobody for what the network did. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { culprits, ProtocolAbort } from '../base/errors.ts'
import { INSECURE_TEST } from '../base/level.ts'
import { systemRandom } from '../base/random.ts'
import { decode, encode, struct, u8 } from '../wire/codec.ts'
import {
  decodePacket,
  type Envelope,
  encodePacket,
  envelopeCodec,
  signEnvelope,
  verifyEnvelope,
} from '../wire/envelope.ts'
import { seal } from '../wire/sealing.ts'
import { differences, echoCodec, equivocators, hashOf, openingCodec } from './echo.ts'
import { createIdentity, type Identity, makeRoster } from './roster.ts'
import { boundBroadcastRound, broadcastRound } from './rounds.ts'
import { inOrder, memoryRoom, type Schedule } from './simulation.ts'
import { allValues, hostileSchedule, networkOf, runAll } from './testing.ts'
import { FIRST_VIEW, viewed } from './view.ts'

const one = broadcastRound('1', struct<{ v: number }>({ v: u8 }))
const protocols = [{ protocol: 'p', rounds: [one] }]
const ids = ['alice', 'bob', 'carol']
const identities = new Map(ids.map((id) => [id, createIdentity(id, systemRandom)]))
const who = (id: string): Identity => identities.get(id) as Identity
const roster = makeRoster([...identities.values()])
const session = systemRandom.bytes(32)

type Route = (from: string, to: string, packet: Uint8Array) => readonly Uint8Array[]

interface Speech {
  readonly round?: typeof one
  readonly deadlineMs?: number
  readonly schedule?: Schedule
  readonly mayRestart?: boolean
}

/** What alice, bob and carol end with when each broadcasts one number. */
async function speak(route: Route, o: Speech = {}) {
  const { round = one, deadlineMs = 10_000, schedule = inOrder, mayRestart = false } = o
  return runAll(
    {
      identities,
      roster,
      level: INSECURE_TEST,
      protocols: [{ protocol: 'p', rounds: [round] }],
      session,
      channelOf: networkOf(ids, route, schedule),
      deadlineMs,
      mayRestart,
    },
    async (party, id) => {
      const p = party('p')
      await p.broadcast(round, { v: ids.indexOf(id) })
      return (await p.collect(round)).values().map((m) => m.message.v)
    },
  )
}

/** The message of a clear packet, signed anew by its sender after `change`. */
function resigned(packet: Uint8Array, change: (e: Envelope) => Partial<Envelope>): Uint8Array {
  const p = decodePacket(packet)
  assert.ok(p.kind === 'clear', "p.kind === 'clear'")
  const envelope = signEnvelope({ ...p.envelope, ...change(p.envelope) }, who(p.envelope.from).signingKey)
  return encodePacket({ kind: 'clear', envelope })
}

function roundOf(packet: Uint8Array): string {
  const p = decodePacket(packet)
  return p.kind === 'clear' ? p.envelope.round : 'sealed'
}

function abortOf(result: PromiseSettledResult<unknown> | undefined): ProtocolAbort {
  assert.ok(result?.status === 'rejected', 'expected an abort')
  assert.ok(result.reason instanceof ProtocolAbort, `${result.reason}`)
  return result.reason
}

test('honest parties pass, under any schedule', async () => {
  for (let i = 0; i < 5; i++) {
    const room = memoryRoom(hostileSchedule(systemRandom, 5))
    const results = await runAll(
      { identities, roster, level: INSECURE_TEST, protocols, channelOf: () => room },
      async (party, id) => {
        await party('p').broadcast(one, { v: ids.indexOf(id) })
        return (await party('p').collect(one)).values().map((m) => m.message.v)
      },
    )
    assert.deepEqual(
      [...allValues(results).values()],
      [
        [1, 2],
        [0, 2],
        [0, 1],
      ],
    )
  }
})

/** The body of a message of round 1. */
function bodyOf(v: number): Uint8Array {
  return encode(viewed(one.codec), { view: FIRST_VIEW, message: { v } })
}

/** Carol tells bob something else. */
const equivocating: Route = (from, to, packet) =>
  from === 'carol' && to === 'bob' && roundOf(packet) === '1'
    ? [resigned(packet, () => ({ body: bodyOf(99) }))]
    : [packet]

test('an author of two messages is named by both who were told, with both messages', async () => {
  const results = await speak(equivocating)
  for (const id of ['alice', 'bob']) {
    const e = abortOf(results.get(id))
    assert.deepEqual(culprits(e), ['carol'], id)
    const [fault] = e.faults
    assert.deepEqual([fault?.code, fault?.check, fault?.round], ['ECHO_MISMATCH', 'equivocation', '1'])
    const shown = (fault?.evidence ?? []).map((raw) => decode(envelopeCodec, raw))
    assert.deepEqual(shown.map((s) => decode(viewed(one.codec), s.body).message.v).sort(), [2, 99])
    for (const s of shown) {
      assert.ok(verifyEnvelope(s, who('carol').verifyKey), "verifyEnvelope(s, who('carol').verifyKey)")
      assert.deepEqual([s.from, s.round, s.session], ['carol', '1', session])
    }
  }
})

test('where a party may come a second time and say something else, two messages end the session and blame nobody', async () => {
  const results = await speak(equivocating, { mayRestart: true })
  for (const id of ['alice', 'bob']) {
    const e = abortOf(results.get(id))
    assert.deepEqual(e.faults, [], id)
    assert.match(e.message, /told different things/)
  }
})

test('without the echo both would have believed it', async () => {
  const results = await speak(equivocating, { round: boundBroadcastRound('1', one.codec, 'for this test') })
  assert.deepEqual(
    [...allValues(results).values()],
    [
      [1, 2],
      [0, 99],
      [0, 1],
    ],
  )
})

/** Carol says that she stops. */
function stop(to: string): Uint8Array {
  const m = { session, protocol: 'session', round: 'stop', from: 'carol', to, body: new Uint8Array(8) }
  return encodePacket(seal(signEnvelope(m, who('carol').signingKey), who(to).sealKey, systemRandom))
}

test('saying that it stops, or nothing until the session ends, does not save the author', async () => {
  for (const [last, deadlineMs] of [
    [(to: string) => [stop(to)], 60_000],
    [() => [], 1_000],
  ] as const) {
    const route: Route = (from, to, packet) => {
      if (from !== 'carol' || to === 'carol') return [packet]
      if (roundOf(packet) === '1') return equivocating(from, to, packet)
      // the echo, since alice and bob wait for it; then no opening
      if (roundOf(packet) === '1/echo') return [packet, ...last(to)]
      return []
    }
    const started = Date.now()
    const results = await speak(route, { deadlineMs })
    for (const id of ['alice', 'bob']) assert.deepEqual(culprits(abortOf(results.get(id))), ['carol'], id)
    // openings are waited for 3 s, but not from whoever stopped
    assert.ok(Date.now() - started < 2_500, 'nobody waits for somebody who has stopped')
  }
})

test('one that stops keeps nobody from waiting for what the others show', async () => {
  // what comes after an opening, the stop of who has ended, is later still: no gateway that keeps the order shows it first
  let isOpening = false
  const late: Schedule = ({ packet, deliver }) => {
    const own = roundOf(packet) === '1/opening'
    isOpening ||= own
    setTimeout(() => deliver(packet), own ? 100 : isOpening ? 400 : 0)
  }
  const route: Route = (from, to, packet) => {
    if (from !== 'carol' || roundOf(packet) === '1') return equivocating(from, to, packet)
    return roundOf(packet) === '1/echo' ? [packet, stop(to)] : []
  }
  const results = await speak(route, { schedule: late })
  for (const id of ['alice', 'bob']) assert.deepEqual(culprits(abortOf(results.get(id))), ['carol'], id)
})

/** For sessions whose liar ends first, so that the others wait for it until the deadline. */
const SOON = { deadlineMs: 1_500 }

test('a lying echo ends the session and blames nobody', async () => {
  const results = await speak(
    (from, _to, packet) =>
      from === 'carol' && roundOf(packet) === '1/echo'
        ? [
            resigned(packet, (e) => {
              const { hashes } = decode(echoCodec, e.body)
              return { body: encode(echoCodec, { hashes: hashes.map((h, i) => (i === 1 ? new Uint8Array(32) : h)) }) }
            }),
          ]
        : [packet],
    SOON,
  )
  for (const id of ['alice', 'bob']) {
    const e = abortOf(results.get(id))
    assert.deepEqual(e.faults, [], id)
    assert.match(e.message, /told different things/)
  }
})

test('an echo with a hash too few or too many ends the session and blames nobody', async () => {
  for (const change of [(h: readonly Uint8Array[]) => h.slice(1), (h: readonly Uint8Array[]) => h.slice(0, 2)]) {
    const results = await speak(
      (from, _to, packet) =>
        from === 'carol' && roundOf(packet) === '1/echo'
          ? [
              resigned(packet, (e) => ({
                body: encode(echoCodec, { hashes: change(decode(echoCodec, e.body).hashes) }),
              })),
            ]
          : [packet],
      SOON,
    )
    for (const id of ['alice', 'bob']) assert.deepEqual(abortOf(results.get(id)).faults, [], id)
  }
})

test('an echo or an opening that does not decode convicts its sender alone', async () => {
  for (const round of ['1/echo', '1/opening']) {
    const results = await speak((from, to, packet) => {
      if (from === 'carol' && roundOf(packet) === round) return [resigned(packet, () => ({ body: Uint8Array.of(1) }))]
      return round === '1/opening' ? equivocating(from, to, packet) : [packet]
    })
    for (const id of ['alice', 'bob']) assert.deepEqual(culprits(abortOf(results.get(id))), ['carol'], `${round} ${id}`)
  }
})

test('openings made up by the accuser convict nobody', async () => {
  // bob shows what carol never signed, and claims that his hash differs
  const results = await speak((from, _to, packet) => {
    if (from !== 'bob') return [packet]
    if (roundOf(packet) === '1/echo') {
      return [
        resigned(packet, (e) => {
          const { hashes } = decode(echoCodec, e.body)
          return { body: encode(echoCodec, { hashes: hashes.map((h, i) => (i === 2 ? new Uint8Array(32) : h)) }) }
        }),
      ]
    }
    if (roundOf(packet) !== '1/opening') return [packet]
    const claimed = { session, protocol: 'p', round: '1', from: 'carol', to: '', body: bodyOf(99) }
    const forged = signEnvelope(claimed, who('bob').signingKey)
    return [resigned(packet, () => ({ body: encode(openingCodec, { envelopes: [encode(envelopeCodec, forged)] }) }))]
  }, SOON)
  for (const id of ['alice', 'carol']) assert.deepEqual(abortOf(results.get(id)).faults, [], id)
})

// The pure part, on envelopes alone.

const said = (from: string, change: Partial<Envelope> = {}, by = from): Envelope =>
  signEnvelope(
    { session, protocol: 'p', round: '1', from, to: '', body: Uint8Array.of(1), ...change },
    who(by).signingKey,
  )
const raw = (e: Envelope): Uint8Array => encode(envelopeCodec, e)
const mine = ids.map((id) => said(id))
const others = roster.members.filter((m) => m.id !== 'alice')

test('two signed messages of one round convict, once', () => {
  const second = raw(said('carol', { body: Uint8Array.of(2) }))
  const third = raw(said('carol', { body: Uint8Array.of(3) }))
  const faults = equivocators(mine, [second, third], others)
  assert.deepEqual(
    faults.map((f) => f.culprit),
    ['carol'],
  )
  assert.deepEqual(faults[0]?.evidence, [raw(mine[2] as Envelope), second])
})

const HONEST: Readonly<Record<string, Uint8Array>> = {
  'the same message': raw(said('carol')),
  'another session': raw(said('carol', { session: systemRandom.bytes(32), body: Uint8Array.of(2) })),
  'another protocol': raw(said('carol', { protocol: 'q', body: Uint8Array.of(2) })),
  'another round': raw(said('carol', { round: '2', body: Uint8Array.of(2) })),
  'a direct message': raw(said('carol', { to: 'alice', body: Uint8Array.of(2) })),
  'one that somebody else signed': raw(said('carol', { body: Uint8Array.of(2) }, 'bob')),
  'one that nobody signed': raw({ ...said('carol'), body: Uint8Array.of(2) }),
  'one of ours': raw(said('alice', { body: Uint8Array.of(2) })),
  'one of a stranger': raw({ ...said('carol', { body: Uint8Array.of(2) }), from: 'dave' }),
  garbage: Uint8Array.of(1, 2, 3),
  nothing: new Uint8Array(0),
}

for (const [what, shown] of Object.entries(HONEST)) {
  test(`not convicted by ${what}`, () => assert.deepEqual(equivocators(mine, [shown], others), []))
}

test('differences are found at every position, and a missing hash is one', () => {
  const hashes = [1, 2, 3].map((v) => hashOf(Uint8Array.of(v)))
  const change = (i: number) => hashes.map((h, j) => (i === j ? hashOf(h) : h))
  assert.deepEqual(differences({ hashes }, [{ hashes }, { hashes }]), [])
  for (const i of [0, 1, 2]) assert.deepEqual(differences({ hashes }, [{ hashes }, { hashes: change(i) }]), [i])
  assert.deepEqual(differences({ hashes }, [{ hashes: hashes.slice(0, 2) }]), [2])
})
