/** One caller's exchange: what each request brings and fetches, how long it waits, and when all is answered. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BATCH_LIMIT, type Batch } from './batch.ts'
import { Hub } from './hub.ts'
import { HubRoom } from './hub-room.ts'
import { type Answer, Visit } from './visit.ts'

const ANSWER_BYTES = 1024 * 1024
const LONG_MS = 60_000
const QUICK = { timeout: 5_000 }

const packet = (...bytes: number[]) => Uint8Array.from(bytes)
const numbered = (count: number, from = 0) => Array.from({ length: count }, (_, i) => packet((from + i) >> 8, from + i))
const hear = (...listen: string[]): Batch => ({ listen, packets: [] })
const put = (room: string, ...packets: Uint8Array[]): Batch => ({
  listen: [],
  packets: packets.map((p) => ({ room, packet: p })),
})
/** An invitation that asks for answers in this room. */
const invite = (reply: string, content: Uint8Array): Batch => ({
  listen: [reply],
  packets: [{ room: 'inbox', packet: content }],
})

async function exchange(visit: Visit, batch: Batch, waitMs = 0, signal?: AbortSignal): Promise<Answer> {
  const found = await visit.exchange(batch, waitMs, signal)
  return typeof found === 'string' ? assert.fail(found) : found
}
const bytesOf = ({ packets }: Answer) => packets.map((p) => [...p.packet].join())

/** A hub whose inside has its inbox open, and counts what comes. */
function served() {
  const hub = new Hub()
  const invitations: Uint8Array[] = []
  const inbox = hub.gateway.openRoom('inbox')
  inbox.subscribe((p) => void invitations.push(p), assert.fail)
  return { hub, invitations, visit: hub.visit('one') }
}
const turn = () => new Promise((resolve) => setTimeout(resolve, 0))

test('a request waits until something is said, and gets it once', QUICK, async () => {
  const { hub, visit } = served()
  const waiting = exchange(visit, hear('r'), LONG_MS)
  const room = hub.gateway.openRoom('r')
  await room.post(packet(1))
  assert.deepEqual(bytesOf(await waiting), ['1'])
  assert.deepEqual(bytesOf(await exchange(visit, hear('r'))), [])
  await room.post(packet(2))
  assert.deepEqual(bytesOf(await exchange(visit, hear(), LONG_MS)), ['2'], 'the room is still listened to')
})

test('a request ends its wait after its time, when it is given up, and when a later one comes', QUICK, async () => {
  const { hub, visit } = served()
  hub.gateway.openRoom('other')
  const atOnce = await exchange(visit, hear('r'), 1)
  assert.deepEqual([bytesOf(atOnce), atOnce.isDone], [[], false])
  const leaving = new AbortController()
  const givenUp = exchange(visit, hear('r'), LONG_MS, leaving.signal)
  leaving.abort()
  assert.deepEqual(bytesOf(await givenUp), [])
  assert.deepEqual(
    bytesOf(await exchange(visit, hear('r'), LONG_MS, leaving.signal)),
    [],
    'one that was given up before',
  )
  const earlier = exchange(visit, hear('r'), LONG_MS)
  const later = exchange(visit, hear('r'), 1)
  assert.deepEqual([bytesOf(await earlier), bytesOf(await later)], [[], []])
})

test('what another caller is told is not told to this one', QUICK, async () => {
  const { hub, visit } = served()
  const other = hub.visit('two')
  await exchange(visit, hear('r'))
  await exchange(other, hear('s'))
  await hub.gateway.openRoom('s').post(packet(7))
  assert.deepEqual(bytesOf(await exchange(visit, hear('r'))), [])
  const answer = await exchange(other, hear('s'))
  assert.deepEqual(answer.packets, [{ room: 's', packet: packet(7) }])
})

test('an answer has a limit in packets and in bytes; the rest comes with the next', QUICK, async () => {
  const { hub, visit } = served()
  await exchange(visit, hear('r', 's'))
  const [r, s] = [hub.gateway.openRoom('r'), hub.gateway.openRoom('s')]
  for (const p of numbered(BATCH_LIMIT + 2)) await r.post(p)
  await s.post(packet(9, 9, 9))
  assert.equal((await exchange(visit, hear())).packets.length, BATCH_LIMIT)
  const rest = await exchange(visit, hear())
  assert.deepEqual(bytesOf(rest), [...numbered(2, BATCH_LIMIT).map((p) => [...p].join()), '9,9,9'])
  for (const first of [1, 2, 3]) await r.post(new Uint8Array(ANSWER_BYTES / 2).fill(first))
  assert.equal((await exchange(visit, hear())).packets.length, 2)
  assert.equal((await exchange(visit, hear())).packets.length, 1)
  await r.post(new Uint8Array(ANSWER_BYTES + 1))
  assert.equal((await exchange(visit, hear())).packets.length, 1, 'one always goes')
})

test('it is done when the inside has answered, has left, and all was fetched', QUICK, async () => {
  const { hub, visit, invitations } = served()
  await exchange(visit, invite('r', packet(1)))
  await turn()
  assert.equal(invitations.length, 1)
  const room = hub.gateway.openRoom('r')
  const leaveEarly = hub.gateway.openRoom('r')
  leaveEarly.close()
  assert.equal((await exchange(visit, hear())).isDone, false, 'one of the inside is still in the room')
  for (const p of numbered(BATCH_LIMIT + 1)) await room.post(p)
  room.close()
  assert.ok(visit.isAnswered, 'answered')
  assert.equal((await exchange(visit, hear())).isDone, false, 'something was not fetched')
  assert.equal((await exchange(visit, hear())).isDone, true)
})

test('a packet from outside of the room is an answer; each invitation waits for its own', QUICK, async () => {
  const { hub, visit, invitations } = served()
  await exchange(visit, invite('r', packet(1)))
  await exchange(visit, invite('r', packet(1)))
  await turn()
  assert.equal(invitations.length, 1, 'an invitation that comes again is the same')
  await exchange(visit, invite('s', packet(2)))
  await hub.gateway.post('r', packet(3))
  assert.equal((await exchange(visit, hear())).isDone, false, 'one of two is answered')
  await hub.gateway.post('s', packet(4))
  assert.equal((await exchange(visit, hear(), LONG_MS)).isDone, true)
})

test('two that leave one room are one answer', QUICK, async () => {
  const { hub, visit } = served()
  await exchange(visit, invite('r', packet(1)))
  await exchange(visit, invite('s', packet(2)))
  const rooms = [hub.gateway.openRoom('r'), hub.gateway.openRoom('r')]
  for (const room of rooms) room.close()
  assert.equal((await exchange(visit, hear())).isDone, false)
})

test('without an invitation it is done with the first answer, and not before', QUICK, async () => {
  const { hub, visit } = served()
  assert.equal((await exchange(visit, hear('r'))).isDone, false)
  const room = hub.gateway.openRoom('r')
  await exchange(visit, put('r', packet(1)))
  const waiting = exchange(visit, hear(), LONG_MS)
  room.close()
  assert.equal((await waiting).isDone, true)
})

test('a visit that was answered in one room goes on while the inside is in another', QUICK, async () => {
  const { hub, visit } = served()
  await exchange(visit, hear('r', 's'))
  const [r, s] = [hub.gateway.openRoom('r'), hub.gateway.openRoom('s')]
  r.close()
  assert.equal((await exchange(visit, hear())).isDone, false)
  s.close()
  assert.equal((await exchange(visit, hear())).isDone, true)
})

test('a closed visit waits for nothing and takes nothing', QUICK, async () => {
  const room = new HubRoom({ owner: 'one', bytes: 1000, now: () => 0 })
  let closed = 0
  const visit = new Visit({ room: () => room, onClose: () => void closed++ })
  const waiting = exchange(visit, hear('r'), LONG_MS)
  visit.close()
  visit.close()
  assert.equal(closed, 1)
  assert.deepEqual(await waiting, { packets: [], isDone: true })
  assert.equal(await visit.exchange(put('r', packet(1)), 0), 'closed')
})
