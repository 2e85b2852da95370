/** Sessions of callers: whose each is, the order of its steps, that nothing is done twice, and how long it stays. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Batch } from '../../participant/exchange/batch.ts'
import { Hub } from '../../participant/exchange/hub.ts'
import type { ApiError } from './errors.ts'
import { type SessionLimits, Sessions, type StartOptions } from './sessions.ts'

const QUICK = { timeout: 5_000 }
const LONG_MS = 60_000
const LIMITS: SessionLimits = {
  sessions: 10,
  sessionsPerCaller: 10,
  sessionMs: 10_000,
  idleMs: 5_000,
  waitMs: LONG_MS,
  leftMs: 5_000,
}
const packet = (...bytes: number[]) => Uint8Array.from(bytes)
const put = (room: string, ...packets: Uint8Array[]): Batch => ({
  listen: [],
  packets: packets.map((p) => ({ room, packet: p })),
})
const hear = (...listen: string[]): Batch => ({ listen, packets: [] })

/** Sessions over a real hub, with a clock of their own; the inside has its inbox open and counts what comes. */
function scene(limits: Partial<SessionLimits> = {}) {
  const clock = { ms: 0 }
  const hub = new Hub({}, () => clock.ms)
  const invitations: Uint8Array[] = []
  hub.gateway.openRoom('inbox').subscribe(
    (p) => void invitations.push(p),
    () => {},
  )
  const sessions = new Sessions(hub, { ...LIMITS, ...limits }, () => clock.ms)
  const start = (o: Partial<StartOptions> = {}) =>
    sessions.start({ caller: 'one', purpose: 'sign', clientSession: undefined, batch: put('r', packet(1)), ...o })
  const step = (id: string, sequence: number, batch = put('r', packet(2)), caller = 'one') =>
    sessions.step(caller, 'sign', id, sequence, batch)
  return { clock, hub, invitations, sessions, start, step }
}

const refused =
  (code: string, expected = /./) =>
  (e: ApiError) => {
    assert.equal(e.code, code)
    assert.match(e.message, expected)
    return true
  }

test('a start that comes again gets the same answer, and begins nothing', QUICK, async () => {
  const { sessions, start, invitations } = scene()
  let begun = 0
  const o = { clientSession: 'x'.repeat(22), batch: put('inbox', packet(1)), begin: () => void begun++ }
  const first = await start(o)
  assert.match(first.sessionId, /^[A-Za-z0-9_-]{22}$/)
  assert.equal(await start(o), first)
  assert.deepEqual([begun, sessions.size, invitations.length], [1, 1, 1])
  const others = [{ caller: 'two' }, { purpose: 'createAccount' }, { clientSession: 'y'.repeat(22) }] as const
  for (const other of others) assert.notEqual((await start({ ...o, ...other })).sessionId, first.sessionId)
  assert.equal(begun, 4)
  const [a, b] = [await start(), await start()]
  assert.notEqual(a.sessionId, b.sessionId, 'without a name every start is another')
})

test('a start that is refused leaves no session', QUICK, async () => {
  const { sessions, start, hub } = scene()
  hub.claim('theirs', 'two')
  await assert.rejects(start({ batch: put('theirs', packet(1)) }), refused('INVALID_REQUEST', /not this caller/))
  const begin = () => assert.fail('not begun')
  await assert.rejects(start({ begin }), /not begun/)
  assert.equal(sessions.size, 0)
})

test(
  'sessions have a limit, of one caller and of all; those that are answered are nobody’s any more',
  QUICK,
  async () => {
    const { start, hub } = scene({ sessions: 2, sessionsPerCaller: 1 })
    await start()
    await assert.rejects(start({ batch: put('s', packet(1)) }), (e: ApiError) => {
      assert.equal(e.headers['retry-after'], '1')
      return refused('TOO_MANY_REQUESTS')(e)
    })
    hub.gateway.openRoom('r').close()
    await start({ batch: put('s', packet(1)) })
    await start({ caller: 'two', batch: put('t', packet(1)) })
    await assert.rejects(start({ caller: 'three', batch: put('u', packet(1)) }), refused('TOO_MANY_REQUESTS'))
  },
)

test('sessions that have ended make place for others, and so do their rooms', QUICK, async () => {
  const { clock, hub, sessions, start } = scene({ sessions: 1, leftMs: LONG_MS })
  await start()
  clock.ms = 5_001
  await start({ batch: put('s', packet(1)) })
  assert.equal(hub.rooms, 3, 'the inbox and two')
  clock.ms = 65_000
  sessions.sweep()
  assert.equal(hub.rooms, 2, 'one was used at 0, the other at 5,001')
  clock.ms = 65_001
  sessions.sweep()
  assert.equal(hub.rooms, 1)
})

test('a session is its caller’s, and for one purpose', QUICK, async () => {
  const { sessions, start, step } = scene()
  const { sessionId } = await start()
  await assert.rejects(step(sessionId, 1, put('r', packet(2)), 'two'), refused('INVALID_SESSION'))
  await assert.rejects(step('A'.repeat(22), 1), refused('INVALID_SESSION'))
  const foreign = sessions.step('one', 'createAccount', sessionId, 1, put('r', packet(2)))
  await assert.rejects(foreign, refused('INVALID_SESSION'))
  assert.throws(() => sessions.info('two', sessionId), refused('INVALID_SESSION'))
  await step(sessionId, 1)
  assert.deepEqual(sessions.info('one', sessionId), {
    sessionId,
    purpose: 'sign',
    status: 'CONTINUE',
    steps: 2,
    ageSeconds: 0,
  })
})

test(
  'steps come in order; one that comes again gets the same answer, as long as it is among the last',
  QUICK,
  async () => {
    const { start, step, invitations } = scene()
    const { sessionId } = await start()
    await assert.rejects(step(sessionId, 2), refused('INVALID_REQUEST', /^sequence: expected 1$/))
    const first = await step(sessionId, 1, put('inbox', packet(5)))
    assert.equal(await step(sessionId, 1, put('inbox', packet(6))), first)
    assert.deepEqual(invitations, [packet(5)], 'nothing is done twice')
    for (let sequence = 2; sequence <= 9; sequence++) await step(sessionId, sequence)
    await step(sessionId, 2)
    await assert.rejects(step(sessionId, 1), refused('INVALID_REQUEST', /^sequence: expected 10$/))
  },
)

test('a step that overtakes the one before it waits for it, for a moment', QUICK, async () => {
  const { start, step, invitations } = scene()
  const { sessionId } = await start()
  const early = [4, 3, 2].map((sequence) => step(sessionId, sequence, put('inbox', packet(sequence))))
  await new Promise((resolve) => setTimeout(resolve, 50))
  await step(sessionId, 1, put('inbox', packet(1)))
  await Promise.all(early)
  assert.deepEqual(
    invitations,
    [1, 2, 3, 4].map((n) => packet(n)),
  )
  await assert.rejects(step(sessionId, 6), refused('INVALID_REQUEST', /^sequence: expected 5$/))
  const started = performance.now()
  await assert.rejects(step(sessionId, 9), refused('INVALID_REQUEST', /^sequence: expected 5$/))
  assert.ok(performance.now() - started < 500, 'one that is further ahead than steps are under way')
})

test('the answer of the start is kept as long as the session', QUICK, async () => {
  const { start, step } = scene()
  const clientSession = 'x'.repeat(22)
  const first = await start({ clientSession })
  for (let sequence = 1; sequence <= 9; sequence++) await step(first.sessionId, sequence)
  assert.equal(await start({ clientSession }), first)
})

test('a step that waits uses the session until it is answered', QUICK, async () => {
  const { clock, hub, sessions, start, step } = scene()
  const { sessionId } = await start()
  const waiting = step(sessionId, 1, hear('r'))
  await new Promise((resolve) => setTimeout(resolve, 100))
  clock.ms = 4_000
  await hub.gateway.openRoom('r').post(packet(3))
  assert.equal((await waiting).packets.length, 1, 'it waited longer than one that brings something')
  clock.ms = 8_000
  sessions.sweep()
  assert.equal(sessions.size, 1)
})

test('a step that was refused can be made again', QUICK, async () => {
  const { hub, start, step } = scene()
  hub.claim('theirs', 'two')
  const { sessionId } = await start()
  await assert.rejects(step(sessionId, 1, put('theirs', packet(1))), refused('INVALID_REQUEST', /clientMessage/))
  await step(sessionId, 1)
  const [big, small] = [new Uint8Array(17 * 1024 * 1024), packet(9)]
  await assert.rejects(step(sessionId, 2, put('r', big)), refused('INVALID_REQUEST', /too many packets/))
  await step(sessionId, 2, put('r', small))
})

test(
  'it is over when the inside has answered; its last answer can be had again, and no step is taken',
  QUICK,
  async () => {
    const { sessions, hub, start, step } = scene()
    const { sessionId } = await start({ batch: { ...put('inbox', packet(1)), listen: ['r'] } })
    const room = hub.gateway.openRoom('r')
    await room.post(packet(7))
    room.close()
    const last = await step(sessionId, 1, hear())
    assert.deepEqual([last.status, last.packets], ['DONE', [{ room: 'r', packet: packet(7) }]])
    assert.equal(await step(sessionId, 1, hear()), last)
    await assert.rejects(step(sessionId, 2, hear()), refused('INVALID_SESSION'))
    assert.equal(sessions.info('one', sessionId).status, 'DONE')
  },
)

test('it ends when it has taken too long or lies unused, and whoever waits is answered', QUICK, async () => {
  const { clock, sessions, start, step } = scene()
  const { sessionId } = await start()
  clock.ms = 5_000
  sessions.sweep()
  assert.equal(sessions.size, 1)
  await step(sessionId, 1)
  clock.ms = 10_000
  const waiting = step(sessionId, 2, hear('r'))
  sessions.sweep()
  assert.equal(sessions.size, 1, 'in use')
  clock.ms = 10_001
  await assert.rejects(step(sessionId, 3), refused('INVALID_SESSION'))
  assert.equal(sessions.size, 0, 'too long')
  assert.deepEqual((await waiting).packets, [])
  clock.ms = 20_000
  await start()
  clock.ms = 25_001
  sessions.sweep()
  assert.equal(sessions.size, 0, 'unused')
})

test(
  'a step waits as long as the session may last, and one that brings something only for what comes at once',
  QUICK,
  async () => {
    const { clock, hub, start, step } = scene()
    const { sessionId } = await start()
    await step(sessionId, 1)
    const waiting = step(sessionId, 2, hear('r'))
    await hub.gateway.openRoom('r').post(packet(3))
    assert.equal((await waiting).packets.length, 1)
    clock.ms = 4_000
    await step(sessionId, 3)
    clock.ms = 8_000
    await step(sessionId, 4)
    clock.ms = 9_990
    assert.equal((await step(sessionId, 5, hear('r'))).status, 'CONTINUE')
  },
)

test('the end of all sessions answers who waits; a hub that is closed takes no steps', QUICK, async () => {
  const { sessions, hub, start, step } = scene()
  const { sessionId } = await start()
  const waiting = step(sessionId, 1, hear('r'))
  sessions.close()
  assert.equal((await waiting).status, 'DONE')
  assert.equal(sessions.size, 0)
  const again = await start()
  hub.close()
  await assert.rejects(step(again.sessionId, 1), refused('MPC_TIMEOUT'))
})
