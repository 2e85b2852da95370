/** Meeting: a party that was restarted doesn't go on in a meeting that it had joined, and nobody else can make it stop. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { culprits, MpcError, StateError, TransportError } from '../base/errors.ts'
import { INSECURE_TEST as level } from '../base/level.ts'
import { systemRandom } from '../base/random.ts'
import type { KeyShare } from '../key-share/key-share.ts'
import { dealTestShares } from '../key-share/testing.ts'
import { type MemoryRoom, memoryRoom } from '../party/simulation.ts'
import { viewed } from '../party/view.ts'
import { decode, encode } from '../wire/codec.ts'
import { decodePacket, type Envelope, encodePacket, signEnvelope } from '../wire/envelope.ts'
import { seal } from '../wire/sealing.ts'
import { inProcess } from '../zk/work.ts'
import { join, makeInvitation } from './invitation.ts'
import { memoryLocks } from './locks.ts'
import { type MeetingOptions, meet } from './meeting.ts'

const shares = dealTestShares({ parties: ['a', 'b'], threshold: 2, accounts: ['x'], level })
const share = (id: string): KeyShare => shares.get(id)?.get('x') ?? assert.fail('no share')
const payload = { kind: 'sha256', message: Uint8Array.of(1) } as const
const invitation = makeInvitation(share('a'), ['a', 'b'], { kind: 'sign', payload }, Date.now() + 60_000)
const digest = new Uint8Array(32)

function meeting(id: string, channel: MemoryRoom, more: Partial<MeetingOptions> = {}) {
  const common = { random: systemRandom, work: inProcess, locks: memoryLocks(), signal: new AbortController().signal }
  const at = { share: share(id), meeting: new Uint8Array(32).fill(1), invitation, channel, deadlineMs: 5_000 }
  return meet({ ...common, ...at, ...more }, 'sign', digest)
}

/** A room that `b` joined, before it ended. */
async function roomAfterCrash(): Promise<MemoryRoom> {
  const room = memoryRoom()
  const crash = new AbortController()
  const first = meeting('b', room, { signal: crash.signal })
  while (room.log.length === 0) await new Promise((resolve) => setImmediate(resolve))
  crash.abort()
  await assert.rejects(first, TransportError)
  return room
}

const isDead = (e: unknown): boolean => e instanceof StateError && e.reason === 'SESSION_DEAD'

test('#44 a restarted party does not go on where it had begun, and says so at once', async () => {
  const room = await roomAfterCrash()
  const before = performance.now()
  await assert.rejects(meeting('b', room), isDead)
  assert.ok(performance.now() - before < 2_500, 'it waited for its deadline')
})

test('#44 nor does it where all had joined', async () => {
  const room = memoryRoom()
  await Promise.all([meeting('a', room), meeting('b', room)])
  await assert.rejects(meeting('b', room), isDead)
})

test('a join of its own that it sent itself stops nobody, however often it comes', async () => {
  const room = memoryRoom()
  const twice = {
    ...room,
    post: async (packet: Uint8Array) => {
      await room.post(packet)
      await room.post(packet)
    },
  }
  const [a, b] = await Promise.all([meeting('a', twice), meeting('b', twice)])
  assert.deepEqual([...a.nonces].sort(), [...b.nonces].sort())
})

test('nobody else can make up such a join', async () => {
  const room = await roomAfterCrash()
  const own = room.log.map(decodePacket).flatMap((p) => (p.kind === 'clear' ? [p.envelope] : []))[0]
  assert.ok(own !== undefined, 'b did not join')
  const { message } = decode(viewed(join.codec), own.body)
  const body = encode(viewed(join.codec), {
    view: own.body.subarray(0, 32),
    message: { ...message, nonce: new Uint8Array(32).fill(8) },
  })
  const by = (key: KeyShare, e: Envelope): Envelope => signEnvelope(e, key.identity.signingKey)
  const forged: readonly Envelope[] = [
    { ...own, body },
    by(share('a'), { ...own, body }),
    by(share('b'), { ...own, session: new Uint8Array(32).fill(2) }),
    by(share('b'), { ...own, round: 'other' }),
    by(share('b'), { ...own, protocol: 'sign' }),
    by(share('b'), { ...own, to: 'a' }),
  ]
  const fresh = memoryRoom()
  for (const envelope of forged) await fresh.post(encodePacket({ kind: 'clear', envelope }))
  await fresh.post(Uint8Array.of(1, 2, 3))
  await fresh.post(encodePacket(seal(by(share('b'), { ...own, to: 'b' }), share('b').identity.sealKey, systemRandom)))
  await Promise.all([meeting('a', fresh), meeting('b', fresh)])
})

test('signers that were invited to different things do not meet, and blame nobody', async () => {
  const room = memoryRoom()
  const other = makeInvitation(share('a'), ['a', 'b'], { kind: 'sign', payload }, Date.now() + 50_000)
  const [a, b] = await Promise.allSettled([meeting('a', room), meeting('b', room, { invitation: other })])
  for (const end of [a, b]) {
    assert.ok(end.status === 'rejected' && end.reason instanceof MpcError, 'they do not meet')
    assert.deepEqual(culprits(end.reason), [])
    assert.ok(['ABORT', 'PEER_STOPPED'].includes(end.reason.code), end.reason.message)
  }
})
