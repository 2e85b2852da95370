/**
 * Attacks on the messages of a session, whatever they say: in somebody else’s name, or twice.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { culprits, TransportError } from '../../participant/base/errors.ts'
import { G, modQ } from '../../participant/math/curve.ts'
import type { PartyId } from '../../participant/party/roster.ts'
import type { BroadcastRound, DirectRound } from '../../participant/party/rounds.ts'
import { allValues } from '../../participant/party/testing.ts'
import { one as signOne } from '../../participant/protocols/sign/protocol.ts'
import {
  type Cheat,
  dealPresignatures,
  type Fixture,
  fixture,
  runPresign,
  runSign,
} from '../../participant/protocols/testing.ts'
import { decodePacket, type Envelope, encodePacket } from '../../participant/wire/envelope.ts'
import { expectNamed, type Runner } from './harness.ts'
import { opened, packed, rewriting } from './packets.ts'

const two = fixture(2, 2)
const three = fixture(3, 3)
const DIGEST = new Uint8Array(32).fill(7)
const signing: Runner = (f, o) => runSign(f, dealPresignatures(f.parties, 11n), DIGEST, o)

describe('#30 a sender that is somebody else', () => {
  const SPOOFS: readonly (readonly [what: string, spoof: (e: Envelope) => readonly Uint8Array[]])[] = [
    ['in the name of another, signed by itself', (e) => [packed(three, { ...e, from: 'p0' }, 'p2')]],
    ['in its own name, signed by nobody', (e) => [encodePacket({ kind: 'clear', envelope: { ...e, to: '' } })]],
    ['for one, sealed to the other', (e) => (e.to === '' ? [] : [packed(three, e, 'p2', e.to === 'p0' ? 'p1' : 'p0')])],
    ['for one, in the clear', (e) => (e.to === '' ? [] : [packed(three, e, 'p2', '')])],
    ['for all, sealed to one', (e) => (e.to === '' ? [packed(three, e, 'p2', 'p0')] : [])],
    ['of another session', (e) => [packed(three, { ...e, session: new Uint8Array(32) }, 'p2')]],
    [
      'sealed under the name of another session',
      (e) => {
        const packet = decodePacket(packed(three, e, 'p2', 'p0'))
        return packet.kind === 'sealed' ? [encodePacket({ ...packet, session: new Uint8Array(32) })] : []
      },
    ],
  ]

  for (const [what, spoof] of SPOOFS) {
    test(`#30 ${what}: as if it were not there`, async () => {
      let spoofs = 0
      const channelOf = rewriting('p2', (raw) => {
        // with other content, so that it would count against somebody if it counted
        const e = opened(three, raw)
        const changed = { ...e, body: e.body.map((v, i) => (i === e.body.length - 1 ? v ^ 1 : v)) }
        const before = spoof(changed)
        spoofs += before.length
        return [...before, raw]
      })
      assert.equal(allValues(await runPresign(three, { channelOf })).size, 3)
      assert.ok(spoofs > 0, 'nothing was spoofed')
    })
  }

  test('#30 all in the name of another: it is waited for, and nobody is named', async () => {
    const channelOf = rewriting('p1', (raw) => [packed(two, { ...opened(two, raw), from: 'p0' }, 'p1')])
    const p0 = (await runPresign(two, { channelOf, deadlineMs: 1_500 })).get('p0')
    assert.ok(p0?.status === 'rejected' && p0.reason instanceof TransportError, 'p0 has a result')
    assert.deepEqual(p0.reason.waitingFor, ['p1'])
    assert.deepEqual(culprits(p0.reason), [])
  })
})

/** Looks at what came in only when everything has come that is on its way. */
const slow: Cheat = (party) => ({
  ...party,
  async collect(round) {
    await sleep(20)
    return party.collect(round)
  },
})

/** Says two things in this round to everybody, or to `only`. */
function twice(name: string, change: (m: never) => unknown, only?: PartyId): Cheat {
  const other = (m: unknown): never => change(m as never) as never
  return (party) => ({
    ...party,
    async broadcast<M>(round: BroadcastRound<M>, m: M) {
      await party.broadcast(round, m)
      if (round.name === name) await party.broadcast(round, other(m))
    },
    async send<M>(round: DirectRound<M>, to: PartyId, m: M) {
      await party.send(round, to, m)
      if (round.name === name && (only ?? to) === to) await party.send(round, to, other(m))
    },
  })
}

type Change = readonly [name: string, change: (m: never) => unknown]
const CHANGES: readonly Change[] = [
  ['1', (m: { A2: typeof G }) => ({ ...m, A2: m.A2.add(G) })],
  ['1 proofs', (m: { psi0: unknown; psi1: unknown }) => ({ psi0: m.psi1, psi1: m.psi0 })],
  ['2', (m: { Gamma: typeof G }) => ({ ...m, Gamma: m.Gamma.add(G) })],
  ['2 products', (m: { psi: unknown; psiHat: unknown }) => ({ ...m, psi: m.psiHat, psiHat: m.psi })],
  ['3', (m: { delta: bigint }) => ({ ...m, delta: modQ(m.delta + 1n) })],
]

describe('#31 one round, two messages', () => {
  const again = (f: Fixture, raw: Uint8Array): Uint8Array => {
    const e = opened(f, raw)
    return packed(f, e, e.from)
  }

  for (const f of [two, three]) {
    test(`#31 ${f.parties.length} parties: the same again, also under another seal, is ignored`, async () => {
      const channelOf = rewriting('p1', (raw) => [raw, raw, again(f, raw)])
      assert.equal(allValues(await runPresign(f, { channelOf })).size, f.parties.length)
    })
  }

  for (const [name, change] of CHANGES) {
    test(`#31 presigning, 2 parties: another message of round ${name}: DUPLICATE`, async () => {
      const cheats = { p0: slow, p1: twice(name, change) }
      expectNamed(two, await runPresign(two, { cheats }), 'p1', 'DUPLICATE', /^equivocation$/)
    })
  }

  for (const [name, change] of CHANGES.slice(0, 2)) {
    const only = name === '1' ? undefined : 'p0'
    test(`#31 presigning, 3 parties: another message of round ${name}${only ? ' for one' : ''}: DUPLICATE`, async () => {
      const cheats = { p0: slow, p1: slow, p2: twice(name, change, only) }
      expectNamed(three, await runPresign(three, { cheats }), 'p2', 'DUPLICATE', /^equivocation$/)
    })
  }

  for (const f of [two, three]) {
    test(`#31 signing, ${f.parties.length} parties: another σ: DUPLICATE`, async () => {
      const cheater = f.parties.at(-1) as PartyId
      const cheats = {
        p0: slow,
        p1: slow,
        [cheater]: twice(signOne.name, ({ sigma }: { sigma: bigint }) => ({ sigma: modQ(sigma + 1n) })),
      }
      expectNamed(f, await signing(f, { cheats }), cheater, 'DUPLICATE', /^equivocation$/)
    })
  }
})
