/** A service and its inbox: which invitations it answers at all, how often, and how many at a time. */
import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemRandom } from '../participant/base/random.ts'
import type { PartyId } from '../participant/party/roster.ts'
import type { Gateway } from '../participant/room/gateway.ts'
import { makeInvitation, sealInvitation } from '../participant/signer/invitation.ts'
import type { Decisions } from '../participant/signer/judging.ts'
import { openScene, type Scene } from './attacks/scene.ts'

const payload = { kind: 'sha256', message: Uint8Array.of(1) } as const
const NO = { code: 'NOT_TODAY', message: 'it is Sunday' }
const MINUTE = 60_000
/** A test that waits for what never comes fails instead of hanging. */
const LIMIT = { timeout: 5_000 }

const scenes: Scene[] = []
afterEach(() => {
  for (const scene of scenes.splice(0)) scene.close()
})

/** Three parties of which any two sign; `c` serves. */
function open(): Scene {
  const scene = openScene(['a', 'b', 'c'], 2)
  scenes.push(scene)
  return scene
}

/** A packet for the inbox of c. */
function invitation(scene: Scene, from: PartyId, inMs = MINUTE, by = scene): Uint8Array {
  const made = makeInvitation(scene.share(from), [from, 'c'], { kind: 'sign', payload }, Date.now() + inMs)
  const share = { ...scene.share(from), identity: by.share(from).identity }
  return sealInvitation(share, systemRandom.bytes(32), 'c', made, systemRandom)
}

const post = (scene: Scene, packet: Uint8Array): Promise<void> => scene.gateway('a').post(scene.inbox('c'), packet)

/** `at code` of everything that the service said, in order. */
const told = (events: readonly { readonly at: string; readonly code?: string }[]): readonly string[] =>
  events.filter((e) => e.at !== 'listening').map((e) => (e.code === undefined ? e.at : `${e.at} ${e.code}`))

test('an invitation that comes again is answered once', LIMIT, async () => {
  const scene = open()
  let asked = 0
  const decide: Decisions['decide'] = () => {
    asked++
    return NO
  }
  const { ended, events } = await scene.serve(scene.open('c'), { decide, sessionMs: 2_000 })
  const packet = invitation(scene, 'a')
  for (let i = 0; i < 3; i++) await post(scene, packet)
  await ended()
  await post(scene, packet)
  await post(scene, invitation(scene, 'a'))
  await ended(1)
  assert.equal(asked, 2)
  assert.deepEqual(told(events), ['invited', 'refused NOT_TODAY', 'invited', 'refused NOT_TODAY'])
})

test('what is long past is passed over, what has just passed is refused', LIMIT, async () => {
  const scene = open()
  const { ended, events } = await scene.serve(scene.open('c'))
  await post(scene, invitation(scene, 'a', -11 * MINUTE))
  await post(scene, invitation(scene, 'a', -9 * MINUTE))
  await ended()
  assert.deepEqual(told(events), ['invited', 'refused EXPIRED'])
})

test('what no member of the roster signed, or we ourselves, is not answered', LIMIT, async () => {
  const [scene, others] = [open(), open()]
  const { ended, events } = await scene.serve(scene.open('c'), { decide: () => NO })
  await post(scene, invitation(scene, 'a', MINUTE, others))
  await post(scene, invitation(scene, 'c'))
  await post(scene, Uint8Array.of(1, 2, 3))
  await post(scene, invitation(scene, 'b'))
  await ended()
  assert.deepEqual(
    events.flatMap((e) => ('from' in e ? [`${e.at} ${e.from}`] : [])),
    ['invited b', 'refused b'],
  )
})

test(
  'a peer has three places of four, others the fourth; a place is free again when its signing ends',
  LIMIT,
  async () => {
    const scene = open()
    let decideAll = (): void => {}
    const decided = new Promise<typeof NO>((resolve) => {
      decideAll = () => resolve(NO)
    })
    const { ended, events, service } = await scene.serve(scene.open('c'), { decide: () => decided, maxSessions: 4 })
    for (let i = 0; i < 4; i++) await post(scene, invitation(scene, 'a'))
    assert.equal((await ended()).code, 'BUSY')
    for (let i = 0; i < 2; i++) await post(scene, invitation(scene, 'b'))
    assert.equal((await ended(1)).code, 'BUSY')
    assert.equal(service.sessions, 4)
    decideAll()
    await ended(5)
    assert.equal(service.sessions, 0)
    await post(scene, invitation(scene, 'a'))
    assert.equal((await ended(6)).code, 'NOT_TODAY')
    assert.equal(told(events).filter((e) => e === 'refused BUSY').length, 2)
  },
)

test(
  'signatures from the start wait for a place of who starts them, and no longer than to their deadline',
  LIMIT,
  async () => {
    const scene = open()
    let decideAll = (): void => {}
    const decided = new Promise<typeof NO>((resolve) => {
      decideAll = () => resolve(NO)
    })
    const { events } = await scene.serve(scene.open('c'), { decide: () => decided, maxSessions: 100 })
    const starter = scene.open('a', undefined, { pool: 'none', coldSignings: 2 })
    const sign = (deadlineMs: number) => starter.sign({ account: 'main', payload, signers: ['a', 'c'], deadlineMs })
    const running = [sign(MINUTE), sign(MINUTE)].map((s) => s.catch((e: Error) => e.message))
    await assert.rejects(sign(100), /waiting for a place; 2 signings run/)
    const waiting = sign(MINUTE)
    while (told(events).length < 2) await sleep(2)
    assert.deepEqual(told(events), ['invited', 'invited'])
    decideAll()
    await assert.rejects(waiting, /Sunday/)
    for (const message of await Promise.all(running)) assert.match(String(message), /Sunday/)
  },
)

test('refusals that can not be told yet are bounded; what comes then is passed over', LIMIT, async () => {
  const scene = open()
  const gateway = scene.gateway('c')
  const openRoom: Gateway['openRoom'] = (id, o) => ({ ...gateway.openRoom(id, o), post: () => new Promise(() => {}) })
  const { events, service } = await scene.serve(scene.open('c', { ...gateway, openRoom }), {
    decide: () => NO,
    maxSessions: 100,
  })
  for (let i = 0; i < 40; i++) await post(scene, invitation(scene, 'a'))
  while (service.sessions > 0) await sleep(2)
  const count = (what: string): number => told(events).filter((e) => e === what).length
  assert.deepEqual([count('refused NOT_TODAY'), count('ignored NOT_TODAY')], [32, 8])
})

test('a peer whose signings fail again and again has to wait', LIMIT, async () => {
  const scene = open()
  const { ended } = await scene.serve(scene.open('c'), { sessionMs: 20, failuresPerMinute: 2 })
  for (let i = 0; i < 2; i++) {
    await post(scene, invitation(scene, 'a'))
    assert.equal((await ended(i)).at, 'failed', 'nobody comes to the meeting')
  }
  await post(scene, invitation(scene, 'a'))
  assert.equal((await ended(2)).code, 'TOO_MANY_FAILURES')
  await post(scene, invitation(scene, 'b'))
  assert.equal((await ended(3)).at, 'failed')
})

test('a signing takes no longer than the service allows, or than its deadline', LIMIT, async () => {
  for (const [sessionMs, inMs] of [
    [50, 5_000],
    [5_000, 50],
  ] as const) {
    const scene = open()
    const { ended } = await scene.serve(scene.open('c'), { sessionMs })
    await post(scene, invitation(scene, 'a', inMs))
    const { at, code, ms = 0 } = await ended()
    assert.deepEqual([at, code], ['failed', 'TRANSPORT'])
    assert.ok(ms < 3_000, `${ms} ms`)
  }
})

test('after it is stopped it answers nothing', LIMIT, async () => {
  const scene = open()
  const { events, service } = await scene.serve(scene.open('c'))
  await service.stop()
  await post(scene, invitation(scene, 'a'))
  await sleep(20)
  assert.deepEqual(told(events), [])
})
