/**
 * Telling different parties different things in one round. Everybody who is honest names the author, and has sent nothing
 * by then but messages of that round, what shows who said what, and that it stops.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { culprits, type FaultCode, MpcError } from '../../participant/base/errors.ts'
import { systemRandom } from '../../participant/base/random.ts'
import { testAuxSecrets } from '../../participant/key-share/testing.ts'
import { G, modQ, mul } from '../../participant/math/curve.ts'
import { seededRandom } from '../../participant/math/testing.ts'
import { createIdentity, type PartyId } from '../../participant/party/roster.ts'
import type { BroadcastRound } from '../../participant/party/rounds.ts'
import { networkOf } from '../../participant/party/testing.ts'
import * as kg from '../../participant/protocols/keygen/rounds.ts'
import { type Fixture, fixture, runAux, runKeygen, runPresign } from '../../participant/protocols/testing.ts'
import type { Gateway } from '../../participant/room/gateway.ts'
import { generateShares } from '../../participant/signer/ceremony.ts'
import { decodePacket, encodePacket, signEnvelope } from '../../participant/wire/envelope.ts'
import { testWork } from '../../participant/zk/testing-work.node.ts'
import { Rooms } from '../hostile/memory-gateway.ts'
import { expectNamed, flip, type Runner, said, saying } from './harness.ts'
import { opened, packed } from './packets.ts'

const three = fixture(3, 3)
const four = fixture(4, 4)

interface Lie {
  readonly what: string
  readonly run: Runner
  readonly protocol: string
  readonly round: string
  /** What the n-th party is told, counted from 0; undefined for the truth. */
  readonly tell: (n: number, packet: Uint8Array) => Uint8Array | undefined
  readonly code: FaultCode
  readonly check: RegExp
  /** Rounds of the protocol whose messages honest parties may have sent. */
  readonly sent: readonly string[]
}

/** The message of a broadcast with something changed, signed by its author. */
function retold<M>(f: Fixture, round: BroadcastRound<M>, change: (m: M, n: number) => M) {
  return (n: number, packet: Uint8Array): Uint8Array => {
    const e = opened(f, packet)
    return packed(f, saying(round.codec, e, change(said(round.codec, e), n)))
  }
}

/** The last party tells the truth to the first one alone. */
async function equivocate(f: Fixture, lie: Lie): Promise<void> {
  const cheater = f.parties.at(-1) as PartyId
  const sent = new Set<string>()
  const channelOf = networkOf(f.parties, (from, to, packet) => {
    const { protocol, round } = opened(f, packet)
    if (from !== cheater) sent.add(`${protocol}/${round}`)
    const isIt = from === cheater && protocol === lie.protocol && round === lie.round
    const told = isIt && to !== cheater ? lie.tell(f.parties.indexOf(to), packet) : undefined
    return [told ?? packet]
  })
  expectNamed(f, await lie.run(f, { channelOf }), cheater, lie.code, lie.check)
  const allowed = new Set(['session/stop', ...lie.sent.map((round) => `${lie.protocol}/${round}`)])
  assert.deepEqual(
    [...sent].filter((name) => !allowed.has(name)),
    [],
    'something left that depends on what was said',
  )
}

const MISMATCH = { code: 'ECHO_MISMATCH', check: /^equivocation$/ } as const
const presigning: Runner = (f, o) => runPresign(f, o)
const auxiliary: Runner = (f, o) => runAux(f, o)
const shown = (round: string): readonly string[] => [`${round}/echo`, `${round}/opening`]
/** The truth for the first; for the others something else, not the same for two. */
const unlessFirst =
  (tell: (n: number, packet: Uint8Array) => Uint8Array) =>
  (n: number, packet: Uint8Array): Uint8Array | undefined =>
    n === 0 ? undefined : tell(n, packet)

const commit = (f: Fixture): Lie => ({
  what: 'the commitment of key generation',
  run: runKeygen,
  protocol: 'keygen',
  round: '1',
  tell: unlessFirst(retold(f, kg.one, (m, n) => ({ V: m.V.map((v, i) => (i === n ? v ^ 1 : v)) }))),
  ...MISMATCH,
  sent: ['1', ...shown('1')],
})

const first = (f: Fixture): Lie => ({
  what: 'K, G and the commitments of presigning',
  run: presigning,
  protocol: 'presign',
  round: '1',
  tell: unlessFirst(retold(f, f.presign.one, (m, n) => ({ ...m, A2: m.A2.add(mul(G, BigInt(n))) }))),
  ...MISMATCH,
  sent: ['1', '1 proofs', ...shown('1')],
})

const LIES: readonly Lie[] = [
  commit(three),
  {
    what: 'the commitment of auxiliary information',
    run: auxiliary,
    protocol: 'aux-info',
    round: '1',
    tell: unlessFirst(retold(three, three.aux.one, (m) => ({ V: flip(m.V) }))),
    ...MISMATCH,
    sent: ['1', ...shown('1')],
  },
  first(three),
  {
    what: 'Γ of presigning',
    run: presigning,
    protocol: 'presign',
    round: '2',
    tell: unlessFirst(retold(three, three.presign.two, (m) => ({ ...m, Gamma: m.Gamma.add(G) }))),
    ...MISMATCH,
    sent: ['1', '1 proofs', ...shown('1'), '2', '2 products', ...shown('2')],
  },
  {
    what: 'δ of presigning',
    run: presigning,
    protocol: 'presign',
    round: '3',
    tell: unlessFirst(retold(three, three.presign.three, (m) => ({ ...m, delta: modQ(m.delta + 1n) }))),
    ...MISMATCH,
    sent: ['1', '1 proofs', ...shown('1'), '2', '2 products', ...shown('2'), '3', ...shown('3')],
  },
]

/** These have no echo, since of two different messages one fails its check; whoever gets that one shows it. */
const BOUND: readonly Lie[] = [
  {
    what: 'the opening of key generation',
    run: runKeygen,
    protocol: 'keygen',
    round: '2',
    tell: unlessFirst(retold(three, kg.two, (m) => ({ ...m, rid: flip(m.rid) }))),
    code: 'COMMIT_OPEN',
    check: /^eq V$/,
    sent: ['1', ...shown('1'), '2', '2 shares', '3'],
  },
  {
    what: 'the opening of auxiliary information',
    run: auxiliary,
    protocol: 'aux-info',
    round: '2',
    tell: unlessFirst(retold(three, three.aux.two, (m) => ({ ...m, rho: flip(m.rho) }))),
    code: 'COMMIT_OPEN',
    check: /^eq V$/,
    sent: ['1', ...shown('1'), '2', '3', '3 fac'],
  },
  {
    what: 'Π^mod of auxiliary information',
    run: auxiliary,
    protocol: 'aux-info',
    round: '3',
    tell: unlessFirst(retold(three, three.aux.three, (m) => ({ psi: { ...m.psi, commitment: { w: 4n } } }))),
    code: 'AUX_MOD_W',
    check: /^psi: w$/,
    sent: ['1', ...shown('1'), '2', '3', '3 fac', '4'],
  },
]

describe('#29 different things for different parties', () => {
  for (const lie of LIES) test(`#29 3 parties, ${lie.what}: ${lie.code}`, () => equivocate(three, lie))
  for (const lie of [commit(four), first(four)]) {
    test(`#29 4 parties, ${lie.what}: ${lie.code}`, () => equivocate(four, lie))
  }
  for (const lie of BOUND) test(`#29 3 parties, ${lie.what}: ${lie.code}`, () => equivocate(three, lie))

  test('#29 3 parties, the last proof of key generation: no shares, and nobody honest is named', async () => {
    const parties = ['a', 'b', 'c']
    const rooms = new Rooms()
    const end = rooms.end((_packet, show) => show())
    // the first thing that is drawn in a ceremony is an identity
    const liar = createIdentity('c', seededRandom('c'))
    const lie = (packet: Uint8Array): Uint8Array => {
      const p = decodePacket(packet)
      if (p.kind !== 'clear' || p.envelope.from !== 'c' || p.envelope.protocol !== 'keygen' || p.envelope.round !== '3')
        return packet
      const { z } = said(kg.three.codec, p.envelope)
      const envelope = signEnvelope(saying(kg.three.codec, p.envelope, { z: modQ(z + 1n) }), liar.signingKey)
      return encodePacket({ kind: 'clear', envelope })
    }
    const liedTo: Gateway = {
      ...end,
      openRoom: (id, o) => {
        const room = end.openRoom(id, o)
        return { ...room, subscribe: (onPacket, onClosed) => room.subscribe((p) => onPacket(lie(p)), onClosed) }
      },
    }
    const results = await Promise.allSettled(
      parties.map((name, i) =>
        generateShares({
          gateway: name === 'b' ? liedTo : end,
          room: 'r',
          name,
          parties: 3,
          threshold: 2,
          accounts: ['main'],
          level: three.level,
          random: name === 'c' ? seededRandom('c') : systemRandom,
          deadlineMs: 12_000,
          confirm: async () => true,
          work: testWork,
          moduli: Promise.resolve(testAuxSecrets(i, three.level, systemRandom)),
        }),
      ),
    )
    const named = results.map((r) => {
      assert.ok(r.status === 'rejected' && r.reason instanceof MpcError, 'somebody has shares')
      return culprits(r.reason)
    })
    // b was told something wrong; the others see at least that it is gone
    assert.deepEqual(named[1], ['c'])
    assert.deepEqual([...new Set(named.flat())], ['c'])
  })

  test('control: without a lie the later rounds are sent', async () => {
    const packets: Uint8Array[] = []
    const channelOf = networkOf(three.parties, (_from, _to, packet) => {
      packets.push(packet)
      return [packet]
    })
    await runKeygen(three, { channelOf })
    const rounds = new Set(packets.map((raw) => opened(three, raw).round))
    assert.ok(rounds.has('2 shares') && rounds.has('3'), [...rounds].join())
    assert.ok(
      packets.some((raw) => decodePacket(raw).kind === 'sealed'),
      'nothing was sealed',
    )
  })
})
