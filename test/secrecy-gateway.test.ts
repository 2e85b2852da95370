/**
 * The canary over a gateway: participants sign, refuse, wait in vain, cheat and make shares together. Searched are the
 * gateway's log at its lowest level, every request and answer, all packets, the traces of both sides, what the service
 * tells its host, errors and results.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { loadGatewayConfig } from '../config/load.ts'
import { createLogger } from '../config/logger.ts'
import { type RunningGateway, startGateway } from '../gateway/server.ts'
import { INSECURE_TEST } from '../participant/base/level.ts'
import { type Random, systemRandom } from '../participant/base/random.ts'
import type { KeyShare } from '../participant/key-share/key-share.ts'
import { dealTestShares, testAuxSecrets } from '../participant/key-share/testing.ts'
import type { Identity } from '../participant/party/roster.ts'
import { connectGateway, inboxRoom } from '../participant/room/gateway.ts'
import { generateShares } from '../participant/signer/ceremony.ts'
import type { Participant } from '../participant/signer/participant.ts'
import type { ServeOptions } from '../participant/signer/serve.ts'
import { openTestParticipant, type TestOptions } from '../participant/signer/testing-participant.node.ts'
import type { Work } from '../participant/zk/work.ts'
import { nudged } from './secrecy-cheats.ts'
import { type RecordingProxy, recordingProxy } from './secrecy-proxy.ts'
import { capturingOutput, judge, noteShare, openPackets, recordedWork } from './secrecy-record.ts'
import { Canary, Channels } from './secrecy-search.ts'

let gateway: RunningGateway
const log: string[] = []

before(async () => {
  const logger = createLogger({
    name: 'gateway',
    level: 'trace',
    format: 'json',
    destination: { write: (line: string) => void log.push(line) },
  })
  gateway = await startGateway({ config: loadGatewayConfig({ env: {}, flags: { 'server.port': 0 } }), logger })
})
after(() => gateway.close())

interface Scene {
  readonly canary: Canary
  readonly seen: Channels
  readonly proxy: RecordingProxy
  readonly random: Random
  readonly identities: Identity[]
  open(keyShares: ReadonlyMap<string, KeyShare> | undefined, o?: Partial<TestOptions>): Participant
}

/** Observes `play`, and asserts that nothing got out. */
async function expectNothing(play: (s: Scene) => Promise<unknown>): Promise<Scene> {
  const [canary, seen] = [new Canary(), new Channels()]
  const proxy = await recordingProxy(gateway.url)
  const random = canary.random(systemRandom)
  const opened: Participant[] = []
  const scene: Scene = {
    canary,
    seen,
    proxy,
    random,
    identities: [],
    open(keyShares, o = {}) {
      assert.ok(keyShares)
      const trace = (e: unknown): void => seen.object('trace', e)
      const p = openTestParticipant({
        keyShares,
        gateway: connectGateway({ url: proxy.url, trace }),
        random,
        trace,
        work: recordedWork,
        ...o,
      })
      opened.push(p)
      for (const share of keyShares.values()) {
        noteShare(canary, share)
        scene.identities.push(share.identity)
      }
      return p
    },
  }
  const unwatch = canary.watch()
  try {
    await capturingOutput(seen, () => play(scene))
    for (const p of opened) seen.object('participant', p)
  } finally {
    for (const p of opened) p.close()
    unwatch()
    proxy.close()
  }
  const said = openPackets(proxy.packets(), scene.identities)
  assert.ok(said.direct.length > 0, 'no direct message was opened')
  judge(canary, said, INSECURE_TEST)
  proxy.search(seen)
  seen.text('log of the gateway', log.join(''))
  assert.deepEqual(seen.leaks(canary), [])
  for (const channel of ['requests', 'responses', 'packets', 'log of the gateway'])
    assert.ok(seen.names.includes(channel), channel)
  return scene
}

const deal = () =>
  dealTestShares({ parties: ['client', 'service'], threshold: 2, accounts: ['a'], level: INSECURE_TEST })
const payload = { kind: 'sha256', message: new TextEncoder().encode('pay 5') } as const

function serving(scene: Scene, p: Participant, o: Partial<ServeOptions> = {}) {
  const { seen } = scene
  const onEvent: ServeOptions['onEvent'] = (e) => seen.object('event', e)
  const service = p.serve({ decide: () => undefined, maxSessions: 4, sessionMs: 30_000, onEvent, ...o })
  seen.object('service', service)
  return service
}

/** Signs, and looks at what comes of it. */
async function signing(scene: Scene, client: Participant, deadlineMs = 40_000): Promise<unknown> {
  const outcome = await client.sign({ account: 'a', payload, deadlineMs }).catch((e: unknown) => e)
  scene.seen.object('outcome', outcome)
  return outcome
}

test('a signature, a refusal, garbage in the inbox, and a deadline', async () => {
  const { canary } = await expectNothing(async (scene) => {
    const shares = deal()
    const [client, service] = [scene.open(shares.get('client')), scene.open(shares.get('service'))]
    const agreeing = serving(scene, service)
    await agreeing.ready
    const [identity] = scene.identities.slice(-1)
    for (let i = 1; i < 6; i++) {
      await connectGateway({ url: scene.proxy.url }).post(
        inboxRoom(identity?.verifyKey as Uint8Array),
        new Uint8Array(50 * i),
      )
    }
    assert.ok(!((await signing(scene, client)) instanceof Error))
    await agreeing.stop()
    const refusing = serving(scene, service, { decide: () => ({ code: 'NO', message: 'not today' }) })
    await refusing.ready
    assert.ok((await signing(scene, client)) instanceof Error)
    await refusing.stop()
    assert.ok((await signing(scene, client, 700)) instanceof Error)
  })
  assert.ok(canary.size > 100)
})

test('presignatures, signatures from them, and a request for one that is gone', async () => {
  await expectNothing(async (scene) => {
    const shares = deal()
    const pool = { low: 0, high: 0, refill: false }
    const [client, service] = [scene.open(shares.get('client'), { pool }), scene.open(shares.get('service'), { pool })]
    const agreeing = serving(scene, service)
    await agreeing.ready
    await client.prepare({ account: 'a', deadlineMs: 40_000, count: 2 })
    scene.seen.object('pool', client.pool())
    assert.ok(!((await signing(scene, client)) instanceof Error), 'no signature')
    await agreeing.stop()
    const restarted = serving(scene, scene.open(shares.get('service'), { pool }))
    await restarted.ready
    service.close()
    assert.ok(!((await signing(scene, client)) instanceof Error), 'no signature after the restart')
    await restarted.stop()
  })
})

test('a peer whose proof is wrong: the abort and its evidence', async () => {
  await expectNothing(async (scene) => {
    const shares = deal()
    const wrong: Work = {
      ...recordedWork,
      async prove(proof, ...rest) {
        const made = await recordedWork.prove(proof, ...rest)
        return proof.name === 'aff-g' ? (nudged(made, 'last') as typeof made) : made
      },
      get background() {
        return wrong
      },
    }
    const service = serving(scene, scene.open(shares.get('service'), { work: wrong }))
    await service.ready
    const outcome = await signing(scene, scene.open(shares.get('client')))
    assert.equal((outcome as { code?: unknown }).code, 'ABORT')
    await service.stop()
  })
})

test('a ceremony that makes shares, and one whose fingerprint nobody confirms', async () => {
  await expectNothing(async (scene) => {
    const make = (name: string, i: number, answer: boolean, room: string) =>
      generateShares({
        gateway: connectGateway({ url: scene.proxy.url }),
        room,
        name,
        parties: 2,
        threshold: 2,
        accounts: ['x'],
        level: INSECURE_TEST,
        random: scene.random,
        confirm: async () => answer,
        deadlineMs: 60_000,
        work: recordedWork,
        moduli: Promise.resolve(testAuxSecrets(i, INSECURE_TEST, scene.random)),
        onProgress: (e) => scene.seen.object('event', e),
      })
    const shares = await Promise.all(['a', 'b'].map((n, i) => make(n, i, true, 'canary-1')))
    for (const share of shares.flatMap((s) => [...s.values()])) {
      noteShare(scene.canary, share)
      scene.identities.push(share.identity)
      scene.seen.object('share', share)
    }
    for (const r of await Promise.allSettled([make('a', 0, false, 'canary-2'), make('b', 1, true, 'canary-2')])) {
      assert.ok(r.status === 'rejected')
      scene.seen.object('error', r.reason)
    }
  })
})

test('control: a share that is posted, or asked for in an address, is found', async () => {
  const shares = deal()
  const share = [...(shares.get('client') ?? new Map()).values()][0] as KeyShare
  const canary = new Canary()
  noteShare(canary, share)
  const proxy = await recordingProxy(gateway.url)
  const seen = new Channels()
  const x = Buffer.from(share.core.x.expose().toString(16).padStart(64, '0'), 'hex')
  await connectGateway({ url: proxy.url }).post(
    'r',
    new Uint8Array(Buffer.concat([Buffer.alloc(8), x, Buffer.alloc(9)])),
  )
  await fetch(`${proxy.url}/rooms/${x.toString('hex')}`)
  proxy.search(seen)
  proxy.close()
  const channels = new Set(seen.leaks(canary).map((leak) => leak.split(':')[0]))
  assert.deepEqual([...channels].sort(), ['packets', 'requests'])
})
