/** Attacks on what is asked for: bare digests, different messages for different signers, and impossible signers. */
import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { culprits, type MpcError, PeerStopped, ProtocolAbort, UsageError } from '../../participant/base/errors.ts'
import { systemRandom } from '../../participant/base/random.ts'
import type { PartyId } from '../../participant/party/roster.ts'
import type { Gateway } from '../../participant/room/gateway.ts'
import { makeInvitation, openInvitation, sealInvitation } from '../../participant/signer/invitation.ts'
import type { Payload } from '../../participant/signer/payload.ts'
import { policyOf } from '../../sign-service/policy.ts'
import { checkSignature } from '../hostile/sessions.ts'
import { openScene, roundsOf, type Scene } from './scene.ts'

const scenes: Scene[] = []
after(() => {
  for (const s of scenes) s.close()
})

function scene(parties: readonly PartyId[], threshold: number): Scene {
  const s = openScene(parties, threshold)
  scenes.push(s)
  return s
}

const message: Payload = { kind: 'sha256', message: Uint8Array.of(1) }
const other: Payload = { kind: 'sha256', message: Uint8Array.of(2) }
const raw: Payload = { kind: 'digest', digest: new Uint8Array(32).fill(3) }
const options = { account: 'main', deadlineMs: 60_000 }

describe('#46 a digest that the client computed', () => {
  test('#46 is refused by the policy of the service, before anything is made: RAW_DIGEST_REFUSED', async () => {
    const s = scene(['client', 'service'], 2)
    const { service } = await s.serve(s.open('service'), policyOf({ allow_raw_digest: false }))
    const client = s.open('client')
    await assert.rejects(client.sign({ ...options, payload: raw }), (e) => {
      assert.ok(e instanceof PeerStopped, `${e}`)
      assert.deepEqual([e.peer, e.reason], ['service', 'RAW_DIGEST_REFUSED'])
      return true
    })
    assert.deepEqual(roundsOf(s.saidBy('service')), ['session/stop'])
    checkSignature(await client.sign({ ...options, payload: message }))
    await service.stop()
  })

  test('#46 that is said to be a message is hashed like any other', async () => {
    const s = scene(['client', 'service'], 2)
    const { service } = await s.serve(s.open('service'), policyOf({ allow_raw_digest: false }))
    const result = await s.open('client').sign({ ...options, payload: { kind: 'keccak256', message: raw.digest } })
    checkSignature(result)
    assert.notDeepEqual(result.digest, raw.digest)
    await service.stop()
  })

  test('#46 is signed where the operator allowed it', async () => {
    const s = scene(['client', 'service'], 2)
    const { service } = await s.serve(s.open('service'), policyOf({ allow_raw_digest: true }))
    const result = await s.open('client').sign({ ...options, payload: raw })
    checkSignature(result)
    assert.deepEqual(result.digest, raw.digest)
    await service.stop()
  })
})

/** What this party is invited to is something else than what the initiator signs. */
function invitingTo(s: Scene, by: PartyId, to: PartyId, payload: Payload): Gateway {
  const gateway = s.gateway(by)
  return {
    ...gateway,
    post: (room, packet, o) => {
      const got = openInvitation(packet, s.share(to).identity)
      if (got === undefined) return gateway.post(room, packet, o)
      const invitation = { ...got.invitation, ask: { kind: 'sign', payload } as const }
      return gateway.post(room, sealInvitation(s.share(by), got.meeting, to, invitation, systemRandom), o)
    },
  }
}

describe('#47 signers that are invited to different messages', () => {
  for (const parties of [
    ['client', 'service'],
    ['client', 'second', 'service'],
  ]) {
    test(`#47 ${parties.length} signers: nothing is signed, and nobody is named`, async () => {
      const s = scene(parties, parties.length)
      const others = parties.filter((id) => id !== 'client')
      const serving = await Promise.all(others.map((id) => s.serve(s.open(id))))
      // with a presignature only one party is asked
      const client = s.open('client', invitingTo(s, 'client', 'service', other), { pool: 'none' })
      await assert.rejects(client.sign({ ...options, payload: message }), (e) => {
        assert.deepEqual(culprits(e as MpcError), [])
        return e instanceof ProtocolAbort || e instanceof PeerStopped
      })
      for (const each of serving) {
        const end = await each.ended()
        assert.equal(end.at, 'failed')
        assert.deepEqual(end.culprits, [])
        await each.service.stop()
      }
      for (const id of others) {
        for (const round of roundsOf(s.saidBy(id)))
          assert.match(round, /^(meet\/|session\/stop$)/, `${id} said ${round}`)
      }
    })
  }
})

describe('#48 signers that no signing has', () => {
  const CASES: readonly (readonly [what: string, threshold: number, signers: readonly PartyId[]])[] = [
    ['one too many', 2, ['a', 'b', 'c']],
    ['one too few', 3, ['a', 'b']],
    ['the asker twice', 2, ['a', 'a']],
    ['the asked one twice', 2, ['b', 'b']],
    ['one twice besides the other', 3, ['a', 'b', 'b']],
    ['a stranger', 2, ['b', 'z']],
    ['another order', 2, ['b', 'a']],
    ['not the asker', 2, ['b', 'c']],
    ['not the asked one', 2, ['a', 'c']],
  ]

  for (const [what, threshold, signers] of CASES) {
    test(`#48 an invitation for ${what}: SIGNERS, and nothing is made`, async () => {
      const s = scene(['a', 'b', 'c'], threshold)
      const serving = await s.serve(s.open('b'))
      const ask = { kind: 'sign', payload: message } as const
      const invitation = makeInvitation(s.share('a'), signers, ask, Date.now() + 30_000)
      const packet = sealInvitation(s.share('a'), systemRandom.bytes(32), 'b', invitation, systemRandom)
      await s.gateway('a').post(s.inbox('b'), packet)
      const end = await serving.ended()
      assert.deepEqual([end.at, end.code], ['refused', 'SIGNERS'])
      await serving.service.stop()
      assert.deepEqual(roundsOf(s.saidBy('b')), ['session/stop'])
    })

    test(`#48 a request of our own host for ${what}: USAGE, and nobody is invited`, async () => {
      const s = scene(['a', 'b', 'c'], threshold)
      const self = what === 'not the asked one' ? 'b' : 'a'
      await assert.rejects(s.open(self).sign({ ...options, payload: message, signers }), UsageError)
      assert.deepEqual(s.posted, [])
    })
  }
})
