/**
 * Going on with a session after a crash. There is no way to: what a session has drawn is in memory only, and whoever
 * comes into one a second time contradicts what it said before.
 */
import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { bytesToHex } from '../../participant/base/bytes.ts'
import { culprits, MpcError, TransportError, UsageError } from '../../participant/base/errors.ts'
import { systemRandom } from '../../participant/base/random.ts'
import { type ConnectionOptions, openConnection } from '../../participant/party/connection.ts'
import type { Party } from '../../participant/party/party.ts'
import type { PartyId } from '../../participant/party/roster.ts'
import { type MemoryRoom, memoryRoom } from '../../participant/party/simulation.ts'
import { presign } from '../../participant/protocols/presign/protocol.ts'
import { type Cheat, type Fixture, fixture, runPresign } from '../../participant/protocols/testing.ts'
import { inProcess } from '../../participant/zk/work.ts'
import { checkSignature } from '../hostile/sessions.ts'
import { expectNamed } from './harness.ts'
import { identityOf, opened } from './packets.ts'
import { openScene, roundsOf } from './scene.ts'

const two = fixture(2, 2)
const three = fixture(3, 3)

function connection(f: Fixture, id: PartyId, session: Uint8Array, room: MemoryRoom, more: Partial<ConnectionOptions>) {
  return openConnection({
    identity: identityOf(f, id),
    roster: f.roster,
    signers: f.parties,
    session,
    epoch: 0,
    level: f.level,
    channel: room,
    protocols: [f.presign],
    random: systemRandom,
    work: inProcess,
    deadlineMs: 30_000,
    ...more,
  })
}

function presigning(f: Fixture, id: PartyId) {
  const { core, aux } = f.shares.get(id) ?? assert.fail('no share')
  return (party: (protocol: string) => Party) =>
    presign({ core, aux, signers: f.parties, rounds: f.presign }, party('presign'))
}

/** How often each party said something in each round, by `party protocol/round`. */
function counts(f: Fixture, room: MemoryRoom): ReadonlyMap<string, number> {
  const out = new Map<string, number>()
  for (const e of room.log.map((raw) => opened(f, raw))) {
    const name = `${e.from} ${e.protocol}/${e.round} ${e.to}`
    out.set(name, (out.get(name) ?? 0) + 1)
  }
  return out
}

/** Crashes when it has to say this round, and comes into the same session again from its beginning. */
function crashing(f: Fixture, room: MemoryRoom, at: string): Cheat {
  return (party) => ({
    ...party,
    async broadcast(round, m) {
      if (round.name !== at) return party.broadcast(round, m)
      await connection(f, party.self, party.session, room, {})
        .run(presigning(f, party.self))
        .catch(() => undefined)
      throw new UsageError('crashed')
    },
  })
}

describe('#44 a party that comes into its session again', () => {
  for (const [f, at] of [
    [two, '2'],
    [two, '3'],
    [three, '3'],
  ] as const) {
    test(`#44 ${f.parties.length} parties, after a crash before round ${at}: DUPLICATE`, async () => {
      const room = memoryRoom()
      const cheater = f.parties.at(-1) as PartyId
      const results = await runPresign(f, { channelOf: () => room, cheats: { [cheater]: crashing(f, room, at) } })
      expectNamed(f, results, cheater, 'DUPLICATE', /^equivocation$/)
      // nobody says anything a second time for it
      for (const [what, n] of counts(f, room)) if (!what.startsWith(cheater)) assert.equal(n, 1, what)
    })
  }

  test('#44 a session that is over is not gone on with: TRANSPORT, whatever is tried', async () => {
    const room = memoryRoom()
    let kept: Party | undefined
    const over = connection(two, 'p0', systemRandom.bytes(32), room, { deadlineMs: 300 })
    await assert.rejects(
      over.run((party) => {
        kept = party('presign')
        return presigning(two, 'p0')(party)
      }),
      TransportError,
    )
    const party = kept ?? assert.fail('it did not start')
    const said = room.log.length
    await assert.rejects(over.run(presigning(two, 'p0')), TransportError)
    await assert.rejects(party.collect(two.presign.one), TransportError)
    assert.equal(room.log.length, said, 'something was said after the end')
  })
})

describe('#44 a service that is restarted in the middle of a signing', () => {
  const s = openScene(['client', 'service'], 2)
  after(() => s.close())
  const options = {
    account: 'main',
    payload: { kind: 'sha256', message: Uint8Array.of(1) },
    deadlineMs: 5_000,
  } as const
  /** The sessions in which a process took part. */
  const sessions = (by: string): ReadonlySet<string> =>
    new Set(
      s
        .saidBy(by)
        .filter((e) => e.protocol !== 'meet' && e.protocol !== 'session')
        .map((e) => bytesToHex(e.session)),
    )

  test('#44 says nothing more in that session; the next signing works', async () => {
    const first = s.open('service')
    await s.serve(first)
    const client = s.open('client')
    const failing = client.sign(options)
    while (!roundsOf(s.saidBy('service')).includes('presign/1')) await new Promise((resolve) => setTimeout(resolve, 1))
    first.close()
    const again = await s.serve(s.open('service', s.gateway('restarted')))
    await assert.rejects(failing, (e) => {
      assert.ok(e instanceof MpcError, `${e}`)
      assert.deepEqual(culprits(e), [])
      return true
    })
    const dead = sessions('service')
    assert.equal(dead.size, 1)
    checkSignature(await client.sign({ ...options, deadlineMs: 60_000 }))
    await again.service.stop()
    assert.ok(sessions('restarted').size > 0, 'the restarted service took part in nothing')
    assert.deepEqual(
      [...sessions('restarted')].filter((id) => dead.has(id)),
      [],
    )
  })
})
