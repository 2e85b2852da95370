/** Whose room it is, what is kept of it and for how long, and when a visit has been answered. Over a real hub. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Room } from '../room/gateway.ts'
import type { Batch } from './batch.ts'
import { Hub, type HubLimits } from './hub.ts'
import type { Answer, Visit } from './visit.ts'

/** Packets in one room, and of those that somebody has not fetched. */
const PACKETS_LIMIT = 20_000
const UNFETCHED_LIMIT = 2_000

const packet = (...bytes: number[]) => Uint8Array.from(bytes)
const put = (room: string, ...packets: Uint8Array[]): Batch => ({
  listen: [],
  packets: packets.map((p) => ({ room, packet: p })),
})
const hear = (...listen: string[]): Batch => ({ listen, packets: [] })
const turn = () => new Promise((resolve) => setTimeout(resolve, 0))

/** What somebody inside hears in a room. */
function listener(room: Room): { readonly heard: string[]; readonly ends: Error[]; end(): void } {
  const heard: string[] = []
  const ends: Error[] = []
  const end = room.subscribe(
    (p) => void heard.push([...p].join()),
    (error) => void ends.push(error),
  )
  return { heard, ends, end }
}

function answered(found: Awaited<ReturnType<Visit['exchange']>>): Answer {
  return typeof found === 'string' ? assert.fail(found) : found
}
const bytesOf = ({ packets }: Answer) => packets.map((p) => [...p.packet].join())

function hubAt(limits: Partial<HubLimits> = {}) {
  const clock = { ms: 0 }
  return { clock, hub: new Hub(limits, () => clock.ms) }
}

test('a room belongs to the caller that named it first, and nobody else gets in', async () => {
  const hub = new Hub()
  assert.ok(hub.claim('mine', 'one'), 'a fresh room')
  assert.ok(hub.claim('mine', 'one'), 'and again')
  assert.ok(!hub.claim('mine', 'two'), 'claimed by two callers')
  const stranger = hub.visit('two')
  assert.equal(await stranger.exchange(hear('mine'), 0), 'room refused')
  assert.equal(await stranger.exchange(put('mine', packet(1)), 0), 'room refused')
  const { heard } = listener(hub.gateway.openRoom('mine'))
  assert.equal(typeof (await hub.visit('one').exchange(put('mine', packet(2)), 0)), 'object')
  await turn()
  assert.deepEqual(heard, ['2'])
})

test('nothing of a batch is put anywhere when one of its rooms is refused', async () => {
  const hub = new Hub()
  hub.claim('theirs', 'two')
  const { heard } = listener(hub.gateway.openRoom('inbox'))
  await turn()
  const batch = { listen: ['theirs'], packets: [{ room: 'inbox', packet: packet(1) }] }
  assert.equal(await hub.visit('one').exchange(batch, 0), 'room refused')
  assert.deepEqual(heard, [])
})

test('an inbox takes from everybody and belongs to nobody, as long as the inside has it open', async () => {
  const hub = new Hub()
  const inbox = hub.gateway.openRoom('inbox')
  const { heard } = listener(inbox)
  await turn()
  assert.ok(!hub.claim('inbox', 'one'), 'claimed')
  for (const caller of ['one', 'two']) await hub.visit(caller).exchange(put('inbox', packet(1)), 0)
  assert.deepEqual(heard, ['1', '1'])
  const late = listener(inbox)
  await turn()
  assert.deepEqual(late.heard, [], 'an inbox keeps nothing')
  await inbox.post(packet(5))
  const spy = hub.visit('two')
  assert.deepEqual(bytesOf(answered(await spy.exchange(hear('inbox'), 0))), [], 'nor is it heard outside')
  inbox.close()
  assert.equal(await hub.visit('one').exchange(put('inbox', packet(2)), 0), 'room refused')
})

test('rooms of one caller, and of all, have a limit', () => {
  const { hub, clock } = hubAt({ roomsPerCaller: 2, rooms: 3, roomIdleMs: 1000 })
  assert.ok(hub.claim('a', 'one') && hub.claim('b', 'one'), 'as many as one may have')
  assert.ok(!hub.claim('c', 'one'), 'more than one caller may have')
  assert.ok(hub.claim('d', 'two'), 'those of others do not count')
  assert.ok(!hub.claim('e', 'two'), 'more than there may be')
  clock.ms = 1000
  assert.ok(hub.claim('e', 'two'), 'idle ones make room')
  assert.equal(hub.rooms, 1)
})

test('too many rooms is another answer than the room of somebody else', async () => {
  const { hub } = hubAt({ roomsPerCaller: 1, rooms: 3, roomIdleMs: 1000 })
  hub.claim('theirs', 'two')
  const visit = hub.visit('one')
  assert.equal(await visit.exchange(hear('theirs'), 0), 'room refused')
  assert.ok(hub.claim('a', 'one'))
  assert.equal(await visit.exchange(hear('b'), 0), 'too many rooms')
})

test('a room is forgotten when nobody inside has it open, no visit is in it, and it has been idle', async () => {
  const { hub, clock } = hubAt({ roomIdleMs: 1000 })
  const room = hub.gateway.openRoom('busy')
  hub.claim('visited', 'one')
  const visit = hub.visit('one')
  await visit.exchange(hear('visited'), 0)
  hub.claim('used', 'one')
  clock.ms = 500
  await hub.gateway.post('used', packet(1))
  clock.ms = 1499
  hub.sweep()
  assert.equal(hub.rooms, 3)
  clock.ms = 1500
  hub.sweep()
  assert.equal(hub.rooms, 2, 'the one that was used last at 500 has gone')
  room.close()
  hub.sweep()
  assert.equal(hub.rooms, 2, 'left just now')
  clock.ms = 2500
  hub.sweep()
  assert.equal(hub.rooms, 1, 'the one that was left has gone')
  visit.close()
  hub.sweep()
  assert.equal(hub.rooms, 0)
})

test('who comes later inside hears what was said before, each packet once, in order', async () => {
  const hub = new Hub()
  const visit = hub.visit('one')
  await visit.exchange(put('r', packet(1), packet(2), packet(1)), 0)
  const room = hub.gateway.openRoom('r')
  const early = listener(room)
  await room.post(packet(3))
  await turn()
  await room.post(packet(4))
  await room.post(packet(2))
  assert.deepEqual(early.heard, ['1', '2', '3', '4'])
  const late = listener(room)
  await turn()
  assert.deepEqual(late.heard, ['1', '2', '3', '4'])
  late.end()
  await room.post(packet(5))
  assert.deepEqual(late.heard, ['1', '2', '3', '4'], 'heard after its end')
  const ended = listener(room)
  ended.end()
  await turn()
  assert.deepEqual(ended.heard, [], 'heard before its first turn, which never came')
})

test('nothing is posted or heard through a room that the inside has closed, or whose signal has aborted', async () => {
  const hub = new Hub()
  const ending = new AbortController()
  const room = hub.gateway.openRoom('r', { signal: ending.signal })
  const { heard } = listener(room)
  await turn()
  ending.abort()
  await assert.rejects(room.post(packet(1)), { code: 'TRANSPORT' })
  const again = hub.gateway.openRoom('r', { signal: ending.signal })
  assert.ok(!hub.claim('r', 'one'), 'the room is open to callers')
  await hub.gateway.post('r', packet(2))
  assert.deepEqual(heard, [], 'heard after the end')
  assert.equal(await hub.visit('one').exchange(put('r', packet(3)), 0), 'room refused', 'nobody is inside')
  again.close()
})

test('leaving twice counts once', async () => {
  const hub = new Hub()
  const [first, second] = [hub.gateway.openRoom('inbox'), hub.gateway.openRoom('inbox')]
  first.close()
  first.close()
  assert.equal(typeof (await hub.visit('one').exchange(put('inbox', packet(1)), 0)), 'object', 'one is still in')
  second.close()
  assert.equal(await hub.visit('one').exchange(put('inbox', packet(1)), 0), 'room refused')
})

test('bytes and packets in one room have a limit', async () => {
  const hub = new Hub({ roomBytes: 10 })
  const visit = hub.visit('one')
  assert.equal(typeof (await visit.exchange(put('r', new Uint8Array(6)), 0)), 'object')
  assert.equal(await visit.exchange(put('r', new Uint8Array(5)), 0), 'room full')
  assert.equal(typeof (await visit.exchange(put('r', new Uint8Array(4)), 0)), 'object', 'what fits is taken')
  const many = new Hub().visit('one')
  const numbered = Array.from({ length: PACKETS_LIMIT + 1 }, (_, i) => packet(i >> 16, i >> 8, i))
  assert.equal(typeof (await many.exchange(put('r', ...numbered.slice(0, PACKETS_LIMIT)), 0)), 'object')
  assert.equal(await many.exchange(put('r', numbered.at(-1) as Uint8Array), 0), 'room full')
})

test('what nobody fetches has a limit, and what all visits have fetched is forgotten', async () => {
  const hub = new Hub()
  const [visit, slow] = [hub.visit('one'), hub.visit('one')]
  await Promise.all([visit.exchange(hear('r'), 0), slow.exchange(hear('r'), 0)])
  const room = hub.gateway.openRoom('r')
  const said = (from: number, to: number) =>
    Promise.all(Array.from({ length: to - from }, (_, i) => room.post(packet(1, (from + i) >> 8, from + i))))
  await said(0, UNFETCHED_LIMIT + 5)
  const fetched = async (by: Visit): Promise<number> => {
    let count = 0
    for (;;) {
      const { packets } = answered(await by.exchange(hear('r'), 0))
      count += packets.length
      if (packets.length === 0) return count
    }
  }
  assert.equal(await fetched(visit), UNFETCHED_LIMIT, 'what is beyond the limit is not kept')
  await said(3000, 3001)
  assert.equal(await fetched(visit), 0, 'the slow one has fetched nothing yet')
  assert.equal(await fetched(slow), UNFETCHED_LIMIT)
  await said(4000, 4002)
  assert.deepEqual([await fetched(visit), await fetched(slow)], [2, 2], 'there is room again')
})

test('closing the hub ends the visits that wait, and tells the inside', { timeout: 5_000 }, async () => {
  const hub = new Hub()
  const inbox = hub.gateway.openRoom('inbox')
  const { ends } = listener(inbox)
  const ended = listener(inbox)
  ended.end()
  await turn()
  const over = hub.visit('one')
  over.close()
  over.close = () => assert.fail('a visit that is over is still known')
  const visit = hub.visit('one')
  const waiting = visit.exchange(hear('r'), 60_000)
  hub.close()
  assert.equal(answered(await waiting).isDone, true)
  assert.deepEqual([ends.length, ended.ends.length], [1, 0])
  assert.equal(hub.rooms, 0)
  assert.equal(await visit.exchange(hear('r'), 0), 'closed')
  await assert.rejects(hub.gateway.issueIndex('r'), { code: 'TRANSPORT' })
})
