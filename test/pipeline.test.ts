/**
 * Every protocol among real parties over a real gateway process, while each party gets what comes out of its room
 * shuffled, twice and late.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { bigintToBytes, concatBytes } from '../participant/base/bytes.ts'
import { INSECURE_TEST } from '../participant/base/level.ts'
import { systemRandom } from '../participant/base/random.ts'
import { testAuxSecrets } from '../participant/key-share/testing.ts'
import { seededRandom } from '../participant/math/testing.ts'
import type { Channel } from '../participant/party/channel.ts'
import { createIdentity, makeRoster, memberOf } from '../participant/party/roster.ts'
import { allValues, runAll } from '../participant/party/testing.ts'
import { auxInfo } from '../participant/protocols/aux-info/protocol.ts'
import { auxRounds } from '../participant/protocols/aux-info/rounds.ts'
import { keygen } from '../participant/protocols/keygen/protocol.ts'
import { keygenRounds } from '../participant/protocols/keygen/rounds.ts'
import { presign } from '../participant/protocols/presign/protocol.ts'
import { presignRounds } from '../participant/protocols/presign/rounds.ts'
import { sign, signRounds } from '../participant/protocols/sign/protocol.ts'
import { connectGateway, type Room } from '../participant/room/gateway.ts'
import { freePort, type Program, startProgram } from '../scripts/processes.ts'

let gateway: Program
let url: string
before(async () => {
  const port = await freePort()
  url = `http://127.0.0.1:${port}`
  gateway = await startProgram(['gateway/main.ts', '--port', String(port), '--log-level', 'warn'], {
    readyUrl: `${url}/health`,
  })
})
after(() => gateway.stop())

/** What comes out of the room is held for up to 60 ms, and half of it comes a second time. */
function disorderly(room: Room, seed: string): Channel {
  const random = seededRandom(seed)
  const delayMs = (): number => ((random.bytes(1)[0] as number) * 60) / 256
  return {
    post: (packet) => room.post(packet),
    subscribe: (onPacket, onClosed) => {
      let open = true
      const later = (packet: Uint8Array): void => void setTimeout(() => open && onPacket(packet), delayMs())
      const stop = room.subscribe((packet) => {
        later(packet)
        if ((random.bytes(1)[0] as number) < 128) later(packet)
      }, onClosed)
      return () => {
        open = false
        stop()
      }
    },
  }
}

for (const [threshold, n] of [
  [2, 2],
  [2, 3],
  [3, 5],
] as const) {
  test(`${threshold} of ${n}: key generation, auxiliary information, presigning, signing`, async () => {
    const ids = Array.from({ length: n }, (_, i) => `p${i}`)
    const identities = new Map(ids.map((id) => [id, createIdentity(id, systemRandom)]))
    const roster = makeRoster([...identities.values()])
    const level = INSECURE_TEST
    const client = connectGateway({ url })
    const rooms: Room[] = []
    const inRoom = (name: string) => (id: string) => {
      const room = client.openRoom(`pipeline-${n}-${name}`)
      rooms.push(room)
      return disorderly(room, `${n} ${name} ${id}`)
    }
    try {
      const common = { identities, roster, level, deadlineMs: 120_000 }
      const cores = allValues(
        await runAll({ ...common, protocols: [keygenRounds], channelOf: inRoom('keygen') }, (p) =>
          keygen({ threshold }, p('keygen')),
        ),
      )
      const aRounds = auxRounds(level)
      const auxes = allValues(
        await runAll({ ...common, protocols: [aRounds], channelOf: inRoom('aux') }, (p, id) =>
          auxInfo(
            { ...testAuxSecrets(memberOf(roster, id).index - 1, level, systemRandom), rounds: aRounds },
            p('aux-info'),
          ),
        ),
      )
      const signers = ids.slice(n - threshold)
      const digest = systemRandom.bytes(32)
      const pRounds = presignRounds(level)
      const signatures = allValues(
        await runAll(
          { ...common, signers, protocols: [pRounds, signRounds], channelOf: inRoom('sign') },
          async (p, id) => {
            const [core, aux] = [cores.get(id), auxes.get(id)]
            assert.ok(core !== undefined && aux !== undefined)
            const presignature = await presign({ core, aux, signers, rounds: pRounds }, p('presign'))
            return sign({ presignature, digest }, p('sign'))
          },
        ),
      )
      const publicKey = cores.get('p0')?.publicKey
      assert.ok(publicKey !== undefined)
      const all = [...signatures.values()]
      assert.equal(all.length, threshold)
      for (const { r, s } of all) {
        const compact = concatBytes(bigintToBytes(r, 32), bigintToBytes(s, 32))
        assert.ok(secp256k1.verify(compact, digest, publicKey.toBytes(true), { prehash: false, lowS: true }))
        assert.deepEqual([r, s], [all[0]?.r, all[0]?.s])
      }
    } finally {
      for (const room of rooms) room.close()
    }
  })
}
