/**
 * A gateway that reads, replays, and shows different things to different parties. It has nobody’s keys: it learns nothing
 * of what goes to one party, and gets nobody blamed.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { bigintToBytes } from '../../participant/base/bytes.ts'
import { culprits, MpcError, TransportError } from '../../participant/base/errors.ts'
import type { PartyId } from '../../participant/party/roster.ts'
import { memoryRoom } from '../../participant/party/simulation.ts'
import { allValues, networkOf } from '../../participant/party/testing.ts'
import { twoShares } from '../../participant/protocols/keygen/rounds.ts'
import {
  altered,
  type Cheat,
  fixture,
  type Results,
  runAux,
  runKeygen,
  runPresign,
} from '../../participant/protocols/testing.ts'
import type { Gateway } from '../../participant/room/gateway.ts'
import { decodePacket, type Envelope, encodePacket } from '../../participant/wire/envelope.ts'
import { Canaries } from '../hostile/canary.ts'
import { addBodies, addShare, openAll } from '../hostile/secrets.ts'
import { checkSignature } from '../hostile/sessions.ts'
import type { Runner } from './harness.ts'
import { openScene, type Scene } from './scene.ts'

const two = fixture(2, 2)
const three = fixture(3, 3)
const presigning: Runner = (f, o) => runPresign(f, o)
const auxiliary: Runner = (f, o) => runAux(f, o)
const payload = { kind: 'sha256', message: Uint8Array.of(1) } as const
const options = { account: 'main', payload, deadlineMs: 60_000 }

describe('#33 what the gateway’s record holds', () => {
  /** What is in the direct messages of a record, to be looked for in all of it. */
  function bodiesOf(log: readonly Uint8Array[], f = three): Canaries {
    const found = new Canaries()
    addBodies(found, openAll(log, [...f.identities.values()]))
    assert.ok(found.count > 0, 'there are no direct messages')
    return found
  }
  const buffers = (log: readonly Uint8Array[]): Buffer[] => log.map((packet) => Buffer.from(packet))

  test('#33 no sub-share and no key share of a key generation, in any form', async () => {
    const room = memoryRoom()
    const sigmas: bigint[] = []
    const noting: Cheat = altered(twoShares, (m) => {
      sigmas.push(m.sigma)
      return m
    })
    const cheats = Object.fromEntries(three.parties.map((id) => [id, noting]))
    const cores = allValues(await runKeygen(three, { channelOf: () => room, cheats }))
    assert.equal(sigmas.length, 6)
    const secrets = new Canaries()
    for (const sigma of sigmas) secrets.add('sub-share', bigintToBytes(sigma, 32))
    for (const { x } of cores.values()) secrets.add('key share', bigintToBytes(x.expose(), 32))
    const record = buffers(room.log)
    assert.deepEqual(secrets.search(record), [])
    assert.deepEqual(bodiesOf(room.log).search(record), [])
    // the search finds what is there
    const { sealed } = openAll(room.log, [...three.identities.values()])
    assert.equal(secrets.search(sealed.map((e) => Buffer.from(e.body))).length, sigmas.length)
  })

  for (const [what, run] of [
    ['presigning', presigning],
    ['auxiliary information', auxiliary],
  ] as const) {
    test(`#33 no plaintext of the direct messages of ${what}`, async () => {
      const room = memoryRoom()
      allValues(await run(two, { channelOf: () => room }))
      assert.deepEqual(bodiesOf(room.log, two).search(buffers(room.log)), [])
    })
  }

  test('#33 nothing of a key, nor what was asked for, when participants sign', async () => {
    const s = openScene(['client', 'service'], 2)
    const { service } = await s.serve(s.open('service'))
    const message = new TextEncoder().encode('pay five to somebody whom nobody else knows')
    checkSignature(await s.open('client').sign({ ...options, payload: { kind: 'sha256', message } }))
    await service.stop()
    s.close()
    const log = s.posted.map((p) => p.packet)
    const identities = ['client', 'service'].map((id) => s.share(id).identity)
    const secrets = new Canaries()
    for (const id of ['client', 'service']) addShare(secrets, s.share(id))
    secrets.addRaw('message', message)
    addBodies(secrets, openAll(log, identities))
    const rooms = s.posted.map((p) => Buffer.from(p.room))
    assert.deepEqual(secrets.search([...buffers(log), ...rooms]), [])
    const invited = openAll(log, identities).sealed.map((e) => Buffer.from(e.body))
    assert.ok(
      secrets.search(invited).some((f) => f.what === 'message'),
      'the search finds nothing',
    )
  })
})

describe('#12 what was said in a session that is over', () => {
  for (const [what, f, run] of [
    ['key generation', three, runKeygen],
    ['auxiliary information', two, auxiliary],
    ['presigning', two, presigning],
  ] as const) {
    test(`#12 all of an earlier ${what}, shown to everybody before each packet: as if it were not there`, async () => {
      const room = memoryRoom()
      allValues(await run(f, { channelOf: () => room }))
      let shown = 0
      const channelOf = networkOf(f.parties, (_from, _to, packet) => {
        shown += room.log.length
        return [...room.log, packet]
      })
      assert.equal(allValues(await run(f, { channelOf })).size, f.parties.length)
      assert.ok(shown > 0, 'nothing was shown')
    })
  }

  describe('among participants', () => {
    let s: Scene
    before(() => {
      s = openScene(['client', 'service'], 2)
    })
    after(() => s.close())

    /** Shows everything that was ever posted, in every room. */
    const replaying = (by: PartyId): Gateway => {
      const gateway = s.gateway(by)
      return {
        ...gateway,
        openRoom: (id, o) => {
          const room = gateway.openRoom(id, o)
          const subscribe: typeof room.subscribe = (onPacket, onClosed) => {
            const old = s.posted.map((p) => p.packet)
            queueMicrotask(() => old.forEach((packet) => void onPacket(packet)))
            return room.subscribe(onPacket, onClosed)
          }
          return { ...room, subscribe }
        },
      }
    }

    test('#12 an earlier signing, invitation and all: the next one works, and nobody is named', async () => {
      const first = await s.serve(s.open('service'))
      checkSignature(await s.open('client').sign(options))
      await first.service.stop()

      const second = await s.serve(s.open('service', replaying('service')), { sessionMs: 20_000 })
      const result = await s.open('client', replaying('client')).sign({
        ...options,
        payload: { kind: 'sha256', message: Uint8Array.of(2) },
      })
      checkSignature(result)
      await second.service.stop()
      for (const e of second.events) if ('culprits' in e) assert.deepEqual(e.culprits, [], `${e.at}`)
      // the invitation that came again leads to no signature
      assert.equal(second.events.filter((e) => e.at === 'signed').length, 1)
    })
  })
})

describe('#29 different things for different parties, signed by nobody', () => {
  const inClear = (packet: Uint8Array): Envelope | undefined => {
    const p = decodePacket(packet)
    return p.kind === 'clear' ? p.envelope : undefined
  }

  /** What the gateway can make of a packet. */
  const LIES: readonly (readonly [
    what: string,
    lie: (packet: Uint8Array, old: readonly Uint8Array[]) => Uint8Array,
  ])[] = [
    [
      'another body',
      (packet) => {
        const e = inClear(packet)
        if (e === undefined) return packet.map((v, i) => (i === packet.length - 1 ? v ^ 1 : v))
        const body = e.body.map((v, i) => (i === e.body.length - 1 ? v ^ 1 : v))
        return encodePacket({ kind: 'clear', envelope: { ...e, body } })
      },
    ],
    [
      'another sender',
      (packet) => {
        const e = inClear(packet)
        return e === undefined ? packet.slice(1) : encodePacket({ kind: 'clear', envelope: { ...e, from: 'p2' } })
      },
    ],
    [
      'what was said in another session',
      (packet, old) => {
        const round = inClear(packet)?.round
        return old.find((p) => inClear(p)?.from === 'p1' && inClear(p)?.round === round) ?? packet.slice(1)
      },
    ],
    ['nothing', () => new Uint8Array(0)],
  ]

  function expectNobodyNamed(results: Results<unknown>): void {
    for (const [id, r] of results) {
      if (r.status === 'fulfilled') continue
      assert.ok(r.reason instanceof MpcError, `${id}: ${r.reason}`)
      assert.deepEqual(culprits(r.reason), [], `${id}: ${r.reason.message}`)
    }
  }

  let old: readonly Uint8Array[] = []
  before(async () => {
    const room = memoryRoom()
    allValues(await runKeygen(three, { channelOf: () => room }))
    old = room.log
  })

  for (const [what, lie] of LIES) {
    for (const round of ['1', '1/echo', '2']) {
      test(`#29 ${what} in the place of p1’s round ${round}, for p0 alone: nobody is named`, async () => {
        const channelOf = networkOf(three.parties, (from, to, packet) =>
          from === 'p1' && to === 'p0' && inClear(packet)?.round === round ? [lie(packet, old)] : [packet],
        )
        const results = await runKeygen(three, { channelOf, deadlineMs: 2_500 })
        expectNobodyNamed(results)
        const p0 = results.get('p0')
        assert.ok(p0?.status === 'rejected' && p0.reason instanceof TransportError, 'p0 has a share')
        assert.deepEqual(p0.reason.waitingFor, ['p1'])
      })
    }

    test(`#29 ${what} beside each packet, for p0 alone: as if it were not there`, async () => {
      const channelOf = networkOf(three.parties, (_from, to, packet) =>
        to === 'p0' ? [lie(packet, old), packet, lie(packet, old)] : [packet],
      )
      assert.equal(allValues(await runKeygen(three, { channelOf })).size, 3)
    })
  }
})
