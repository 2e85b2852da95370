/** Once at the size that production uses: what is small elsewhere, here is not. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CGGMP24_3072 } from '../participant/base/level.ts'
import { memoryRoom } from '../participant/party/simulation.ts'
import { allValues } from '../participant/party/testing.ts'
import type { CoreShare, Presignature } from '../participant/protocols/material.ts'
import { fixture, runAux, runPresign, runSign } from '../participant/protocols/testing.ts'
import { expectSignature } from './protocols-signature.ts'

const f = fixture(2, 2, CGGMP24_3072)

test('2 of 2 at full size: auxiliary information, presigning and a signature with what it gave', async () => {
  const room = memoryRoom()
  const aux = allValues(await runAux(f, { channelOf: () => room }))
  for (const a of aux.values()) for (const p of a.peers.values()) assert.equal(p.paillier.N.toString(2).length, 3072)
  // the largest message fits what a room takes
  const largest = Math.max(...room.log.map((p) => p.length))
  assert.ok(largest > 90_000 && largest < 130_000, `${largest} bytes`)

  const core = (id: string) => f.shares.get(id)?.core as CoreShare
  const presignatures: ReadonlyMap<string, Presignature> = allValues(
    await runPresign(f, {}, (id) => ({ core: core(id), aux: aux.get(id) ?? assert.fail('no moduli') })),
  )
  const digest = new Uint8Array(32).fill(9)
  const [a, b] = [...allValues(await runSign(f, presignatures, digest)).values()]
  assert.ok(a, 'a')
  assert.deepEqual(a, b)
  expectSignature(a, digest, core('p0').publicKey)
})
