import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TransportError, UsageError } from '../base/errors.ts'
import { systemRandom } from '../base/random.ts'
import type { Channel } from '../party/channel.ts'
import { createIdentity, fingerprint, type Identity } from '../party/roster.ts'
import { memoryRoom } from '../party/simulation.ts'
import { decodePacket, type Envelope, encodePacket, signEnvelope } from '../wire/envelope.ts'
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
    assert.ok(other.status === 'rejected' && other.reason instanceof TransportError, 'nobody meets the other')
    assert.ok(mine.status === 'rejected' && mine.reason.message.includes(`b came with another ${term}`), term)
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

/** What somebody says who comes alone. */
async function helloOf(who: Identity): Promise<Envelope> {
  const room = memoryRoom()
  await assert.rejects(meet(room, who, { deadlineMs: 20 }), TransportError)
  return clear(room.log[0] as Uint8Array)
}

function clear(raw: Uint8Array): Envelope {
  const packet = decodePacket(raw)
  assert.ok(packet.kind === 'clear', 'said to all')
  return packet.envelope
}

const signedBy = (by: Identity, e: Envelope): Uint8Array =>
  encodePacket({ kind: 'clear', envelope: signEnvelope(e, by.signingKey) })

test('a hello counts only when its own key signed it, for this room, to all, under a name', async () => {
  const [alice, mallory] = [identity('alice'), identity('mallory')]
  const hello = await helloOf(alice)
  /** Whom bob sees, with this in the room. */
  const seen = async (packet: Uint8Array): Promise<readonly string[]> => {
    const room = memoryRoom()
    await room.post(packet)
    let members: readonly string[] = []
    const onMembers = (ids: readonly string[]): void => {
      members = ids
    }
    await assert.rejects(meet(room, identity('bob'), { deadlineMs: 40, onMembers }), TransportError)
    return members
  }
  assert.deepEqual(await seen(signedBy(alice, hello)), ['alice'])
  assert.deepEqual(await seen(signedBy(mallory, hello)), [])
  for (const change of [
    { session: new Uint8Array(32) },
    { protocol: 'meet' },
    { to: 'bob' },
    { from: 'no name' },
    { body: hello.body.slice(1) },
  ]) {
    assert.deepEqual(await seen(signedBy(alice, { ...hello, ...change })), [], Object.keys(change).join())
  }
})

test('what comes twice is told once', async () => {
  const alice = identity('alice')
  const hello = signedBy(alice, await helloOf(alice))
  const room = memoryRoom()
  const told: string[] = []
  await room.post(hello)
  await room.post(hello)
  const onMembers = (ids: readonly string[]): void => void told.push(ids.join())
  await assert.rejects(meet(room, identity('bob'), { deadlineMs: 40, onMembers }), TransportError)
  assert.deepEqual(told.length, 1)
})

test('nobody is taken for ready but by its own word for this very meeting', async () => {
  const [alice, mallory] = [identity('alice'), identity('mallory')]
  const hello = await helloOf(alice)
  /** Bob's end of the meeting, when `by` says in the name of alice that it is ready for `meeting`. */
  const end = async (by: Identity, meeting?: Uint8Array): Promise<unknown> => {
    const room = memoryRoom()
    await room.post(signedBy(alice, hello))
    const met = meet(room, identity('bob'), { deadlineMs: 150 }).catch((e: unknown) => e)
    while (room.log.length < 3) await new Promise((resolve) => setTimeout(resolve, 2))
    const mine = clear(room.log[2] as Uint8Array)
    assert.deepEqual([mine.from, mine.round], ['bob', 'ready'])
    await room.post(signedBy(by, { ...hello, round: 'ready', body: meeting ?? mine.body }))
    return met
  }
  assert.ok(!((await end(alice)) instanceof Error), 'alice herself')
  assert.ok((await end(mallory)) instanceof TransportError, 'somebody else in her name')
  assert.ok((await end(alice, new Uint8Array(32))) instanceof TransportError, 'ready for another meeting')
})

test('nobody goes on under its own name with a key that is not its own', async () => {
  const room = memoryRoom()
  const bob = meet(room, identity('bob'), { deadlineMs: 150 }).catch((e: unknown) => e)
  const other = identity('bob')
  await room.post(signedBy(other, await helloOf(other)))
  const alice = meet(room, identity('alice'), { deadlineMs: 100 }).catch((e: unknown) => e)
  assert.ok((await bob) instanceof TransportError && (await alice) instanceof TransportError, 'nobody meets')
})
