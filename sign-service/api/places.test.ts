/** How many sessions there may be: a caller's own, everybody's, and what becomes of those that nobody asks for. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Hub } from '../../participant/exchange/hub.ts'
import type { ApiError } from './errors.ts'
import { type SessionLimits, Sessions } from './sessions.ts'

const LIMITS: SessionLimits = {
  sessions: 4,
  sessionsPerCaller: 2,
  sessionMs: 60_000,
  idleMs: 60_000,
  waitMs: 10_000,
  leftMs: 10_000,
}
const packet = (n: number) => Uint8Array.of(n)
let rooms = 0

/** The participant behind it answers each packet in `inbox` into the room that the packet's sender listens to. */
function open(limits: Partial<SessionLimits> = {}) {
  let now = 0
  const hub = new Hub({}, () => now)
  const inbox = hub.gateway.openRoom('inbox', { keepLog: false })
  let answering = false
  inbox.subscribe(
    ([n = 0]) => {
      if (answering) void hub.gateway.post(`replies-${n}`, packet(n))
    },
    () => undefined,
  )
  const sessions = new Sessions(hub, { ...LIMITS, ...limits }, () => now)
  const start = (caller: string, signal?: AbortSignal) => {
    const n = ++rooms % 256
    const batch = { listen: [`replies-${n}`], packets: [{ room: 'inbox', packet: packet(n) }] }
    return sessions.start({ caller, purpose: 'sign', clientSession: undefined, batch }, signal)
  }
  return {
    sessions,
    start,
    answer: () => {
      answering = true
    },
    pass: (ms: number) => {
      now += ms
    },
  }
}

const refused = (e: ApiError) => e.code === 'TOO_MANY_REQUESTS' && e.headers['retry-after'] === '1'

test('a caller’s places are its own, and all places together are limited', async () => {
  const { start } = open({ sessions: 3 })
  await start('a')
  await start('a')
  await assert.rejects(start('a'), refused)
  await start('b')
  await assert.rejects(start('b'), refused, 'three in all')
})

test('what was answered takes no place, and is still there for who lost the answer', async () => {
  const { sessions, start, answer } = open()
  await sleep(1)
  answer()
  const first = await start('a')
  assert.equal(first.status, 'DONE')
  for (let i = 0; i < 20; i++) assert.equal((await start('a')).status, 'DONE')
  assert.equal(sessions.info('a', first.sessionId).status, 'DONE')
  // not for ever: sixteen for each of the four places
  for (let i = 0; i < 60; i++) await start('a')
  assert.throws(() => sessions.info('a', first.sessionId), { code: 'INVALID_SESSION' })
  assert.ok(sessions.size <= 65, `${sessions.size}`)
})

test('a client that vanished makes place for others of its caller, and for nobody else', async () => {
  const { sessions, start, pass } = open()
  const [here, gone] = [await start('a'), await start('a')]
  const waiting = sessions.step('a', 'sign', here.sessionId, 1, { listen: [], packets: [] })
  pass(9_999)
  await assert.rejects(start('a'), refused, 'it may come back')
  await start('b')
  await start('b')
  pass(1)
  await assert.rejects(start('c'), refused, 'of another caller')
  await start('a')
  assert.throws(() => sessions.info('a', gone.sessionId), { code: 'INVALID_SESSION' })
  assert.equal(sessions.info('a', here.sessionId).steps, 2, 'one with a request under way stays')
  sessions.close()
  await waiting.catch(() => undefined)
})

test('a request whose connection is lost is under way no more', async () => {
  const { sessions, start, pass } = open()
  const [one] = [await start('a'), await start('a')]
  const lost = new AbortController()
  const waiting = sessions.step('a', 'sign', one.sessionId, 1, { listen: [], packets: [] }, lost.signal)
  pass(20_000)
  lost.abort()
  await waiting
  await start('a')
  assert.equal(sessions.info('a', one.sessionId).steps, 2, 'the other one was left earlier')
})
