/** Messages out of their round, after the end, and far more of them than there are rounds. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { systemRandom } from '../../participant/base/random.ts'
import { G } from '../../participant/math/curve.ts'
import type { Channel } from '../../participant/party/channel.ts'
import { Inbox } from '../../participant/party/inbox.ts'
import type { BroadcastRound } from '../../participant/party/rounds.ts'
import { memoryRoom } from '../../participant/party/simulation.ts'
import { allValues, networkOf } from '../../participant/party/testing.ts'
import type { Three, Two } from '../../participant/protocols/presign/rounds.ts'
import { type Cheat, type Fixture, fixture, runPresign } from '../../participant/protocols/testing.ts'
import type { Message } from '../../participant/wire/envelope.ts'
import { expectNamed } from './harness.ts'
import { identityOf, opened, packed, rewriting } from './packets.ts'

const two = fixture(2, 2)
const three = fixture(3, 3)

/** Says round 3 before round 2, and not again. */
function early(f: Fixture): Cheat {
  const { two: second, three: third } = f.presign
  return (party) => ({
    ...party,
    async broadcast<M>(round: BroadcastRound<M>, m: M) {
      if (round.name === third.name) return
      if (round.name === second.name) {
        const { psiPrime } = m as unknown as Two
        const message: Three = { delta: 1n, S: G, Delta: G, psiPrimePrime: psiPrime }
        await party.broadcast(third, message)
      }
      await party.broadcast(round, m)
    },
  })
}

describe('#32 a message out of its round', () => {
  for (const f of [two, three]) {
    test(`#32 ${f.parties.length} parties: round 3 before anybody could say it: VIEW`, async () => {
      const cheater = f.parties.at(-1) ?? assert.fail('no parties')
      expectNamed(f, await runPresign(f, { cheats: { [cheater]: early(f) } }), cheater, 'VIEW', /^view$/)
    })
  }

  test('#32 round 3 that the network shows before round 2 waits for its turn', async () => {
    const held: Uint8Array[] = []
    let overtaken = false
    const channelOf = networkOf(two.parties, (from, to, packet) => {
      if (from !== 'p1' || to !== 'p0') return [packet]
      const { round } = opened(two, packet)
      if (round === '2') {
        held.push(packet)
        return []
      }
      overtaken ||= round === '3' && held.length > 0
      return round === '3' ? [packet, ...held.splice(0)] : [packet]
    })
    const presignatures = allValues(await runPresign(two, { channelOf }))
    assert.ok(presignatures.get('p0')?.Gamma.equals(presignatures.get('p1')?.Gamma ?? G), 'different nonces')
    assert.ok(overtaken, 'nothing was overtaken')
  })

  test('#32 rounds that no protocol has, and those of other protocols, are as if they were not there', async () => {
    const OTHERS = [
      { round: '4' },
      { round: '2 ' },
      { round: '1/echo' },
      { protocol: 'sign', round: '1' },
      { protocol: 'keygen' },
      { protocol: 'presign/1', round: 'echo' },
      { protocol: 'session', round: 'stop', to: '' },
    ] as const
    const channelOf = rewriting('p1', (raw) => {
      const e = opened(two, raw)
      const body = e.body.map((v) => v ^ 1)
      return [...OTHERS.map((other) => packed(two, { ...e, to: '', body, ...other }, 'p1')), raw]
    })
    assert.equal(allValues(await runPresign(two, { channelOf })).size, 2)
  })
})

describe('#32 a session that has ended', () => {
  test('#32 nobody listens any more: what comes later changes nothing', async () => {
    const room = memoryRoom()
    let listening = 0
    let heard = 0
    const counted: Channel = {
      ...room,
      subscribe(onPacket, onClosed) {
        listening++
        const end = room.subscribe((packet) => {
          heard++
          onPacket(packet)
        }, onClosed)
        return () => {
          listening--
          end()
        }
      },
    }
    const presignatures = allValues(await runPresign(two, { channelOf: () => counted }))
    const before = [...presignatures.values()].map((p) => p.Gamma.toHex())
    assert.equal(listening, 0)
    const last = heard
    const [packet] = room.log
    const e = opened(two, packet ?? assert.fail('nothing was said'))
    for (let i = 0; i < 20; i++) await room.post(packed(two, { ...e, body: Uint8Array.of(i) }))
    await new Promise((resolve) => setTimeout(resolve, 10))
    assert.equal(heard, last)
    assert.deepEqual(
      [...presignatures.values()].map((p) => p.Gamma.toHex()),
      before,
    )
  })
})

describe('#32 what a party keeps of a session', () => {
  const session = systemRandom.bytes(32)
  const rounds = new Map(two.presign.rounds.map((r) => [`presign/${r.name}`, r.kind] as const))

  test('#32 is one message for each sender and round, and one fault, whatever a peer sends', () => {
    const peers = two.roster.members.filter((m) => m.id === 'p1')
    const inbox = new Inbox({ session, identity: identityOf(two, 'p0'), peers, rounds, onChange: () => undefined })
    const message: Message = { session, protocol: 'presign', round: '1', from: 'p1', to: '', body: Uint8Array.of(1) }
    const accept = (m: Partial<Message>): void => inbox.accept(packed(two, { ...message, ...m }))
    const COUNT = 500
    accept({})
    for (let i = 0; i < COUNT; i++) {
      const body = Uint8Array.of(i & 0xff, i >> 8)
      accept({ body })
      accept({ round: `x${i}`, body })
      accept({ session: systemRandom.bytes(32), body })
      accept({ round: '1 proofs', to: 'p0', body })
    }
    assert.equal(inbox.dropped, 2 * COUNT)
    assert.deepEqual(
      inbox.faults.map((f) => [f.culprit, f.code, f.round, f.evidence.length]),
      [
        ['p1', 'DUPLICATE', '1', 2],
        ['p1', 'DUPLICATE', '1 proofs', 2],
      ],
    )
    assert.deepEqual(inbox.take('p1', 'presign', '1')?.body, Uint8Array.of(1))
    for (let i = 0; i < COUNT; i++) assert.equal(inbox.take('p1', 'presign', `x${i}`), undefined)
  })
})
