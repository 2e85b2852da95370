/** A peer that asks for everything at once: it gets a bounded part of the service, and the others get theirs. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { INSECURE_TEST as level } from '../../participant/base/level.ts'
import { systemRandom } from '../../participant/base/random.ts'
import type { KeyShare } from '../../participant/key-share/key-share.ts'
import { dealTestShares } from '../../participant/key-share/testing.ts'
import { inboxRoom } from '../../participant/room/gateway.ts'
import type { ServiceEvent } from '../../participant/signer/answer.ts'
import { makeInvitation, sealInvitation } from '../../participant/signer/invitation.ts'
import { openTestParticipant } from '../../participant/signer/testing-participant.node.ts'
import { Rooms } from './memory-gateway.ts'
import { checkSignature } from './sessions.ts'

const FLOOD = 500
const shares = dealTestShares({ parties: ['flooder', 'peer', 'service'], threshold: 2, accounts: ['main'], level })
const share = (id: string): KeyShare => shares.get(id)?.get('main') ?? assert.fail('no share')
const payload = { kind: 'sha256', message: new Uint8Array(1) } as const

test('five hundred invitations of one peer leave room for the other, and are bounded', async () => {
  const rooms = new Rooms()
  const gateway = rooms.end((_packet, show) => show())
  let openRooms = 0
  let most = 0
  const counted = {
    ...gateway,
    openRoom: (...args: Parameters<typeof gateway.openRoom>) => {
      const room = gateway.openRoom(...args)
      most = Math.max(most, ++openRooms)
      return { ...room, close: () => void openRooms-- }
    },
  }
  const service = openTestParticipant({ keyShares: shares.get('service') ?? assert.fail(), gateway: counted })
  const peer = openTestParticipant({ keyShares: shares.get('peer') ?? assert.fail(), gateway })
  const events: ServiceEvent[] = []
  const serving = service.serve({
    decide: () => undefined,
    maxSessions: 4,
    // long enough for the honest signing on a busy machine; the flooder waits it out
    sessionMs: 10_000,
    failuresPerMinute: 3,
    onEvent: (e) => void events.push(e),
  })
  const flood = async (): Promise<void> => {
    const from = share('flooder')
    for (let i = 0; i < FLOOD; i++) {
      const invitation = makeInvitation(from, ['flooder', 'service'], { kind: 'sign', payload }, Date.now() + 60_000)
      const meeting = systemRandom.bytes(32)
      const packet = sealInvitation(from, meeting, 'service', invitation, systemRandom)
      await gateway.post(inboxRoom(share('service').identity.verifyKey), packet)
    }
  }
  try {
    await serving.ready
    const signers = ['peer', 'service']
    // who has a pool fills it ahead: making a presignature takes one of the places too
    if (peer.pool() !== undefined) await peer.prepare({ account: 'main', signers, deadlineMs: 60_000, count: 2 })
    while (serving.sessions > 0) await new Promise((resolve) => setTimeout(resolve, 2))
    await flood()
    checkSignature(await peer.sign({ account: 'main', signers, payload, deadlineMs: 60_000 }))
    const of = (at: ServiceEvent['at'], from: string): number =>
      events.filter((e) => e.at === at && 'from' in e && e.from === from).length
    while (of('signed', 'peer') + of('failed', 'peer') === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    assert.equal(of('signed', 'peer'), 1)
    assert.equal(of('refused', 'peer') + of('ignored', 'peer'), 0)
    // three places for the flooder, an answer for some of the rest, and no more
    assert.equal(of('invited', 'flooder'), FLOOD)
    assert.equal(of('refused', 'flooder') + of('ignored', 'flooder'), FLOOD - 3)
    assert.ok(most <= 1 + 4 + 32, `${most} rooms at once`)
    while (serving.sessions > 0) await new Promise((resolve) => setTimeout(resolve, 20))
    assert.equal(of('failed', 'flooder'), 3)
    await flood()
    const last = events.at(-1)
    assert.ok(last !== undefined && 'code' in last && last.code === 'TOO_MANY_FAILURES', JSON.stringify(last))
    checkSignature(await peer.sign({ account: 'main', signers, payload, deadlineMs: 60_000 }))
  } finally {
    await serving.stop()
    service.close()
    peer.close()
  }
})
