import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TransportError, UsageError } from '../base/errors.ts'
import { systemRandom } from '../base/random.ts'
import type { Channel } from '../party/channel.ts'
import { createIdentity, fingerprint, type Identity } from '../party/roster.ts'
import { memoryRoom } from '../party/simulation.ts'
import { encodePacket, signEnvelope } from '../wire/envelope.ts'
import { type Meeting, type RendezvousOptions, rendezvous, type Terms } from './rendezvous.ts'

const terms: Terms = { room: 'r', parties: 2, threshold: 2, accounts: ['a'], level: 'insecure-test' }
const identity = (name: string): Identity => createIdentity(name, systemRandom)

function meet(channel: Channel, id: Identity, change: Partial<RendezvousOptions> = {}): Promise<Meeting> {
  const signal = new AbortController().signal
  return rendezvous({ terms, identity: id, channel, random: systemRandom, deadlineMs: 5_000, signal, ...change })
}

test('parties agree on roster and nonces, whoever comes first', async () => {
  const room = memoryRoom()
  const three = { terms: { ...terms, parties: 3 } }
  const met = await Promise.all(['c', 'a', 'b'].map((n) => meet(room, identity(n), three)))
  const [first, ...rest] = met as [Meeting, ...Meeting[]]
  assert.deepEqual(
    first.roster.members.map((m) => [m.id, m.index]),
    [
      ['a', 1],
      ['b', 2],
      ['c', 3],
    ],
  )
  for (const m of rest) {
    assert.equal(fingerprint(m.roster), fingerprint(first.roster))
    for (const [id, nonce] of first.nonces) assert.deepEqual(m.nonces.get(id), nonce)
  }
})

test('somebody who starts again replaces what it left behind', async () => {
  const room = memoryRoom()
  const given = new AbortController()
  const lost = meet(room, identity('b'), { signal: given.signal })
  await new Promise((resolve) => setTimeout(resolve, 20))
  given.abort()
  await assert.rejects(lost, TransportError)
  const [a, b] = await Promise.all([meet(room, identity('a')), meet(room, identity('b'))])
  assert.equal(fingerprint(a.roster), fingerprint(b.roster))
})

test('other terms are told, and named at the deadline', async () => {
  for (const [term, change] of [
    ['threshold', { threshold: 3 }],
    ['parties', { parties: 3 }],
    ['accounts', { accounts: ['b'] }],
    ['level', { level: 'other' }],
  ] as const) {
    const room = memoryRoom()
    const told: string[] = []
    const [other, mine] = await Promise.allSettled([
      meet(room, identity('b'), { terms: { ...terms, ...change }, deadlineMs: 120 }),
      meet(room, identity('a'), { deadlineMs: 120, onOtherTerms: (id, t) => told.push(`${id} ${t}`) }),
    ])
    assert.ok(other.status === 'rejected' && other.reason instanceof TransportError)
    assert.ok(mine.status === 'rejected' && mine.reason.message.includes(`b came with another ${term}`))
    assert.deepEqual(told, [`b ${term}`])
  }
})

test('more names than parties ends it with a hint', async () => {
  const room = memoryRoom()
  const stale = meet(room, identity('x'), { terms: { ...terms, parties: 2 }, deadlineMs: 30 })
  await assert.rejects(stale, TransportError)
  const stale2 = meet(room, identity('y'), { terms: { ...terms, parties: 2 }, deadlineMs: 30 }).catch((e: Error) => e)
  await stale2
  await assert.rejects(
    meet(room, identity('a')),
    (e: Error) => e instanceof UsageError && e.message.includes('fresh name'),
  )
})

test('garbage, other rooms, forged and unsigned hellos are passed over', async () => {
  const room = memoryRoom()
  const forger = identity('b')
  const session = new Uint8Array(32)
  await room.post(Uint8Array.of(1, 2, 3))
  // right form, another room's session
  const message = { session, protocol: 'rendezvous', round: 'hello', from: 'b', to: '', body: new Uint8Array(200) }
  const envelope = signEnvelope(message, forger.signingKey)
  await room.post(encodePacket({ kind: 'clear', envelope }))
  // a hello of this room whose name was changed after signing
  const recorded = memoryRoom()
  const lone = meet(recorded, forger, { deadlineMs: 20 })
  await assert.rejects(lone, TransportError)
  for (const packet of recorded.log) {
    const bytes = packet.slice()
    bytes[bytes.length - 1] = (bytes[bytes.length - 1] as number) ^ 1
    await room.post(bytes)
  }
  const [a, b] = await Promise.all([meet(room, identity('a')), meet(room, identity('b'))])
  assert.equal(fingerprint(a.roster), fingerprint(b.roster))
  assert.notEqual(
    Buffer.from(a.roster.members[1]?.verifyKey ?? []).toString('hex'),
    Buffer.from(forger.verifyKey).toString('hex'),
  )
})

test('a gateway that shows different keys to the parties can only make the fingerprints differ', async () => {
  const [left, right] = [memoryRoom(), memoryRoom()]
  const [a, b] = [identity('a'), identity('b')]
  const [fakeA, fakeB] = [identity('a'), identity('b')]
  const [seenByA, , , seenByB] = await Promise.all([
    meet(left, a),
    meet(left, fakeB),
    meet(right, fakeA),
    meet(right, b),
  ])
  assert.notEqual(fingerprint(seenByA.roster), fingerprint(seenByB.roster))
})

test('cancelling and the deadline say who was there', async () => {
  const abort = new AbortController()
  const waiting = meet(memoryRoom(), identity('a'), { signal: abort.signal })
  setTimeout(() => abort.abort(), 20)
  await assert.rejects(waiting, (e: Error) => e instanceof TransportError && e.message.includes('here: a'))
  await assert.rejects(meet(memoryRoom(), identity('a'), { deadlineMs: 20 }), TransportError)
})

test('nobody leaves before its own word is in the room', async () => {
  const room = memoryRoom()
  /** A channel that takes its time, and takes nothing once it is closed. */
  const slow = (): Channel & { close(): void } => {
    let closed = false
    return {
      async post(packet) {
        await new Promise((resolve) => setTimeout(resolve, 30))
        if (closed) throw new TransportError('room is closed')
        await room.post(packet)
      },
      subscribe: (onPacket, onClosed) => room.subscribe(onPacket, onClosed),
      close: () => {
        closed = true
      },
    }
  }
  const both = ['a', 'b'].map(async (name) => {
    const channel = slow()
    const met = await meet(channel, identity(name), { deadlineMs: 2_000 })
    channel.close()
    return fingerprint(met.roster)
  })
  assert.equal(new Set(await Promise.all(both)).size, 1)
})
