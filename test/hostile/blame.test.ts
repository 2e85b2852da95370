/**
 * A participant that was restarted in the middle of a signing answers the same invitation again, with a fresh nonce. That
 * is no misbehaviour: whatever the gateway makes of the two answers, nobody is blamed, and the next signing works.
 */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { culprits, MpcError } from '../../participant/base/errors.ts'
import { INSECURE_TEST as level } from '../../participant/base/level.ts'
import { dealTestShares } from '../../participant/key-share/testing.ts'
import type { ServiceEvent } from '../../participant/signer/answer.ts'
import type { Participant } from '../../participant/signer/participant.ts'
import { openTestParticipant } from '../../participant/signer/testing-participant.node.ts'
import { decodePacket } from '../../participant/wire/envelope.ts'
import { Rooms, type Route } from './memory-gateway.ts'
import { checkSignature } from './sessions.ts'

const opened: Participant[] = []
after(() => {
  for (const p of opened) p.close()
})

const isJoin = (packet: Uint8Array, from: string): boolean => {
  const p = decodePacket(packet)
  return p.kind === 'clear' && p.envelope.round === 'join' && p.envelope.from === from
}

for (const parties of [
  ['a', 'b'],
  ['a', 'b', 'c'],
]) {
  test(`${parties.length} signers: one that answers twice after a restart is not blamed`, async () => {
    const shares = dealTestShares({ parties, threshold: parties.length, accounts: ['main'], level })
    const rooms = new Rooms()
    const events: ServiceEvent[] = []
    const open = (id: string, route: Route): Participant => {
      const p = openTestParticipant({ keyShares: shares.get(id) ?? assert.fail(), gateway: rooms.end(route) })
      opened.push(p)
      return p
    }
    const serve = (p: Participant) =>
      p.serve({ decide: () => undefined, maxSessions: 8, sessionMs: 60_000, onEvent: (e) => events.push(e) })
    const atOnce: Route = (_packet, show) => show()

    // what b answers is held back from a until b has answered twice
    const held: (() => void)[] = []
    const a = open('a', (packet, show) => {
      if (!isJoin(packet, 'b')) return show()
      held.push(show)
      if (held.length === 2) for (const each of held) each()
    })
    if (parties.includes('c')) serve(open('c', atOnce))
    const first = open('b', atOnce)
    serve(first)
    const failing = a.sign({
      account: 'main',
      signers: parties,
      payload: { kind: 'sha256', message: new Uint8Array(1) },
      deadlineMs: 3_000,
    })
    while (held.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    first.close()
    const second = open('b', atOnce)
    serve(second)

    const error = await failing.then(
      () => undefined,
      (e: Error) => e,
    )
    if (error !== undefined) {
      assert.ok(error instanceof MpcError, error.stack)
      assert.deepEqual(culprits(error), [], error.message)
    }
    while (events.filter((e) => e.at === 'invited').length > events.filter((e) => e.at === 'failed').length) {
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    for (const e of events) if (e.at === 'failed') assert.deepEqual(e.culprits, [], `blamed with ${e.code}`)

    checkSignature(
      await open('a', atOnce).sign({
        account: 'main',
        signers: parties,
        payload: { kind: 'sha256', message: new Uint8Array(2) },
        deadlineMs: 60_000,
      }),
    )
  })
}
