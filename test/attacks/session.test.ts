/** Attacks on what a session is for everybody in it: its id, its epoch, and who signs. */
import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { bytesToHex } from '../../participant/base/bytes.ts'
import { culprits, MpcError, ProtocolAbort, TransportError, UsageError } from '../../participant/base/errors.ts'
import { systemRandom } from '../../participant/base/random.ts'
import { secret } from '../../participant/base/secret.ts'
import { modQ } from '../../participant/math/curve.ts'
import { openConnection } from '../../participant/party/connection.ts'
import type { PartyId } from '../../participant/party/roster.ts'
import { memoryRoom } from '../../participant/party/simulation.ts'
import { FIRST_VIEW, viewed } from '../../participant/party/view.ts'
import { presign } from '../../participant/protocols/presign/protocol.ts'
import { sessionOf } from '../../participant/protocols/session-context.ts'
import { type Cheat, type Fixture, fixture, runPresign, testContext } from '../../participant/protocols/testing.ts'
import { join, makeInvitation, sealInvitation } from '../../participant/signer/invitation.ts'
import { decode, encode } from '../../participant/wire/codec.ts'
import { decodePacket, type Envelope } from '../../participant/wire/envelope.ts'
import { inProcess } from '../../participant/zk/work.ts'
import { cheatingGateway } from './cheating-gateway.ts'
import { expectNamed } from './harness.ts'
import { identityOf } from './packets.ts'
import { openScene, type Scene } from './scene.ts'

const two = fixture(2, 2)
const three = fixture(3, 2)
const payload = { kind: 'sha256', message: Uint8Array.of(1) } as const
const options = { account: 'main', payload, deadlineMs: 60_000 }

const scenes: Scene[] = []
after(() => {
  for (const s of scenes) s.close()
})
function scene(): Scene {
  const s = openScene(['client', 'service'], 2)
  scenes.push(s)
  return s
}

/** Ids of the sessions in which presigning ran. */
function sessionsOf(said: readonly Envelope[]): readonly string[] {
  return [...new Set(said.filter((e) => e.protocol === 'presign').map((e) => bytesToHex(e.session)))]
}

describe('#16 the id of a session', () => {
  const joining = (nonce: Uint8Array) => (e: Envelope) =>
    e.round === join.name
      ? encode(viewed(join.codec), {
          view: FIRST_VIEW,
          message: { ...decode(viewed(join.codec), e.body).message, nonce },
        })
      : e.body

  for (const [what, nonce] of [
    ['zeros', new Uint8Array(32)],
    ['the same bytes', new Uint8Array(32).fill(5)],
  ] as const) {
    test(`#16 is fresh with a peer whose nonce is always ${what}`, async () => {
      const s = scene()
      const { service } = await s.serve(s.open('service'))
      const client = s.open('client', cheatingGateway(s.gateway('client'), s.share('client').identity, joining(nonce)))
      // the cheater thinks that its nonce is another one, so it ends in a session of its own
      for (let i = 0; i < 2; i++) await client.sign({ ...options, deadlineMs: 2_000 }).catch(() => undefined)
      await service.stop()
      const ids = sessionsOf(s.saidBy('service'))
      assert.equal(ids.length, 2)
      for (const id of ids) assert.match(id, /^(?!0{64})[0-9a-f]{64}$/)
    })
  }

  test('#16 needs 32 bytes of each: a shorter nonce is DECODE', async () => {
    const s = scene()
    const short = (e: Envelope) => (e.round === join.name ? e.body.slice(0, -32) : e.body)
    const over = cheatingGateway(s.gateway('service'), s.share('service').identity, short)
    const { service } = await s.serve(s.open('service', over))
    await assert.rejects(s.open('client').sign(options), (e) => {
      assert.ok(e instanceof ProtocolAbort, `${e}`)
      assert.deepEqual(
        e.faults.map((f) => [f.culprit, f.code]),
        [['service', 'DECODE']],
      )
      return true
    })
    assert.deepEqual(sessionsOf(s.saidBy('client')), [])
    await service.stop()
  })

  test('#16 changes with the nonce of each party, and with everything else that is agreed on', () => {
    const context = testContext(two, 'sign')
    const id = bytesToHex(sessionOf(context))
    for (const party of two.parties) {
      const nonces = new Map(context.nonces).set(party, systemRandom.bytes(32))
      assert.notEqual(bytesToHex(sessionOf({ ...context, nonces })), id, party)
    }
    for (const nonce of [new Uint8Array(0), new Uint8Array(31), new Uint8Array(33)]) {
      const nonces = new Map(context.nonces).set('p1', nonce)
      assert.throws(() => sessionOf({ ...context, nonces }), UsageError)
    }
  })

  test('#16 an invitation that comes again, as it was, starts nothing', async () => {
    const s = scene()
    const serving = await s.serve(s.open('service'))
    const ask = { kind: 'sign', payload } as const
    const invitation = makeInvitation(s.share('client'), ['client', 'service'], ask, Date.now() + 300)
    const meeting = systemRandom.bytes(32)
    const gateway = s.gateway('client')
    for (let i = 0; i < 5; i++) {
      await gateway.post(
        s.inbox('service'),
        sealInvitation(s.share('client'), meeting, 'service', invitation, systemRandom),
      )
    }
    await serving.ended()
    await serving.service.stop()
    assert.equal(serving.events.filter((e) => e.at === 'invited').length, 1)
    assert.equal(s.saidBy('service').filter((e) => e.round === join.name).length, 1)
  })
})

describe('#48 presigning with signers that no signing has', () => {
  for (const [what, signers] of [
    ['one too many', ['p0', 'p1', 'p2']],
    ['one too few', ['p0']],
    ['one twice', ['p0', 'p0']],
    ['one twice besides another', ['p0', 'p1', 'p1']],
    ['another order', ['p1', 'p0']],
  ] as const) {
    test(`#48 ${what}: USAGE, and nothing is said but that they stop`, async () => {
      const room = memoryRoom()
      for (const [id, r] of await runPresign(three, { signers, channelOf: () => room })) {
        assert.ok(r.status === 'rejected' && r.reason instanceof MpcError, `${id} has a presignature`)
        assert.ok(['USAGE', 'PEER_STOPPED'].includes(r.reason.code), `${r.reason}`)
        assert.deepEqual(culprits(r.reason), [])
      }
      assert.deepEqual(
        room.log.filter((raw) => decodePacket(raw).kind === 'clear'),
        [],
      )
    })
  }

  test('#48 a stranger: USAGE, and nothing is said at all', async () => {
    const room = memoryRoom()
    await assert.rejects(runPresign(three, { signers: ['p0', 'p9'], channelOf: () => room }), UsageError)
    assert.deepEqual(room.log, [])
  })

  test('#48 one party with another subset than the other: USAGE, and no presignature', async () => {
    const room = memoryRoom()
    const alone: Cheat = (party) => ({ ...party, peers: ['p2'] })
    const results = await runPresign(three, { signers: ['p0', 'p1'], cheats: { p0: alone }, channelOf: () => room })
    for (const r of results.values()) assert.ok(r.status === 'rejected', 'a presignature')
    const said = room.log.map(decodePacket).filter((p) => p.kind === 'clear')
    assert.ok(
      said.every((p) => p.kind === 'clear' && p.envelope.from === 'p1'),
      'p0 went into the session',
    )
  })
})

describe('#37 shares of another epoch', () => {
  const four = fixture(4, 2)
  const share = (f: Fixture, id: PartyId) => f.shares.get(id) ?? assert.fail('no share')

  test('#37 an invitation of another epoch: EPOCH', async () => {
    const s = scene()
    const serving = await s.serve(s.open('service'))
    const ask = { kind: 'sign', payload } as const
    for (const epoch of [1, 2 ** 32 - 1]) {
      const made = makeInvitation(s.share('client'), ['client', 'service'], ask, Date.now() + 30_000)
      const meeting = systemRandom.bytes(32)
      const packet = sealInvitation(s.share('client'), meeting, 'service', { ...made, epoch }, systemRandom)
      await s.gateway('client').post(s.inbox('service'), packet)
    }
    for (const n of [0, 1]) {
      const end = await serving.ended(n)
      assert.deepEqual([end.at, end.code], ['refused', 'EPOCH'])
    }
    await serving.service.stop()
    assert.deepEqual(sessionsOf(s.saidBy('service')), [])
  })

  test('#37 parties of two epochs are in two sessions: no presignature, and nobody is named', async () => {
    const context = testContext(two, 'sign')
    const room = memoryRoom()
    const ends = await Promise.allSettled(
      two.parties.map((id, epoch) => {
        const session = sessionOf({ ...context, epoch })
        const { core, aux } = share(two, id)
        return openConnection({
          identity: identityOf(two, id),
          roster: two.roster,
          signers: two.parties,
          session,
          epoch,
          level: two.level,
          channel: room,
          protocols: [two.presign],
          random: systemRandom,
          work: inProcess,
          deadlineMs: 1_000,
        }).run((party) => presign({ core, aux, signers: two.parties, rounds: two.presign }, party('presign')))
      }),
    )
    for (const r of ends) {
      assert.ok(r.status === 'rejected' && r.reason instanceof TransportError, 'a presignature')
      assert.deepEqual(culprits(r.reason), [])
    }
  })

  test('#37 a key share that is not of this epoch: PROOF_EQ', async () => {
    const results = await runPresign(two, {}, (id) => {
      const { core, aux } = share(two, id)
      return id === 'p1' ? { core: { ...core, x: secret(modQ(core.x.expose() + 1n)) }, aux } : { core, aux }
    })
    expectNamed(two, results, 'p1', 'PROOF_EQ', /^psi-hat: eq challenge$/)
  })

  test('#37 moduli that are not of this epoch: PROOF_EQ', async () => {
    const results = await runPresign(four, { signers: ['p0', 'p1'] }, (id) => {
      const { core, aux } = share(four, id)
      // those of p3 are shorter than those of p1, so that all numbers are in range
      return id === 'p1' ? { core, aux: { ...share(four, 'p3').aux, peers: aux.peers } } : { core, aux }
    })
    expectNamed(four, results, 'p1', 'PROOF_EQ', /^psi0: eq challenge$/)
  })
})
