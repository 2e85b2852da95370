import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytesToHex } from '../base/bytes.ts'
import { MpcError, ProtocolAbort } from '../base/errors.ts'
import { INSECURE_TEST } from '../base/level.ts'
import { systemRandom } from '../base/random.ts'
import { encode, struct, u8 } from '../wire/codec.ts'
import { encodePacket, signEnvelope } from '../wire/envelope.ts'
import { inProcess } from '../zk/work.ts'
import { openConnection } from './connection.ts'
import { createIdentity, type Identity, makeRoster } from './roster.ts'
import { boundBroadcastRound, broadcastRound } from './rounds.ts'
import { memoryRoom } from './simulation.ts'
import { FIRST_VIEW, nextView, Views, viewed } from './view.ts'

const codec = struct<{ v: number }>({ v: u8 })
const echoed = broadcastRound('1', codec)
const bound = boundBroadcastRound('1b', codec, 'a test')
const last = boundBroadcastRound('2', codec, 'a test')
const session = new Uint8Array(32).fill(7)

test('the view changes with every part of what was told, and with its order', () => {
  const base = nextView(FIRST_VIEW, 'p', '1', [
    ['a', Uint8Array.of(1)],
    ['b', Uint8Array.of(2)],
  ])
  const others = [
    nextView(base, 'p', '1', [
      ['a', Uint8Array.of(1)],
      ['b', Uint8Array.of(2)],
    ]),
    nextView(FIRST_VIEW, 'q', '1', [
      ['a', Uint8Array.of(1)],
      ['b', Uint8Array.of(2)],
    ]),
    nextView(FIRST_VIEW, 'p', '2', [
      ['a', Uint8Array.of(1)],
      ['b', Uint8Array.of(2)],
    ]),
    nextView(FIRST_VIEW, 'p', '1', [
      ['a', Uint8Array.of(2)],
      ['b', Uint8Array.of(1)],
    ]),
    nextView(FIRST_VIEW, 'p', '1', [
      ['b', Uint8Array.of(2)],
      ['a', Uint8Array.of(1)],
    ]),
    nextView(FIRST_VIEW, 'p', '1', [['a', Uint8Array.of(1)]]),
  ]
  assert.equal(new Set([base, ...others].map(bytesToHex)).size, others.length + 1)
})

/** Runs `first`, then `last`, among n parties of which the last one signs another view in `last`. */
async function lying(n: number, first: typeof echoed): Promise<readonly unknown[]> {
  const ids = Array.from({ length: n }, (_, i) => `p${i}`)
  const identities = new Map(ids.map((id) => [id, createIdentity(id, systemRandom)]))
  const roster = makeRoster([...identities.values()])
  const room = memoryRoom()
  const liar = ids.at(-1) as string
  const runs = ids.map((id) => {
    const identity = identities.get(id) as Identity
    const common = { identity, roster, signers: ids, session, epoch: 0, level: INSECURE_TEST, channel: room }
    const connection = openConnection({
      ...common,
      protocols: [{ protocol: 'p', rounds: [first, last] }],
      random: systemRandom,
      work: inProcess,
      deadlineMs: 5_000,
    })
    return connection.run(async (party) => {
      const p = party('p')
      await p.broadcast(first, { v: 1 })
      await p.collect(first)
      if (id === liar) {
        const body = encode(viewed(codec), { view: new Uint8Array(32).fill(9), message: { v: 2 } })
        const message = { session, protocol: 'p', round: '2', from: id, to: '', body }
        await room.post(encodePacket({ kind: 'clear', envelope: signEnvelope(message, identity.signingKey) }))
        return undefined
      }
      await p.broadcast(last, { v: 2 })
      return p.collect(last)
    })
  })
  const settled = await Promise.allSettled(runs)
  return settled.slice(0, -1).map((r) => (r.status === 'rejected' ? r.reason : r.value))
}

test('whoever signs another view than it was told is named, if it can only be its own doing', async () => {
  for (const [n, first] of [
    [2, echoed],
    [2, bound],
    [3, echoed],
  ] as const) {
    for (const error of await lying(n, first)) {
      assert.ok(error instanceof ProtocolAbort)
      assert.deepEqual(
        error.faults.map((f) => [f.culprit, f.code, f.check]),
        [[`p${n - 1}`, 'VIEW', 'view']],
      )
    }
  }
})

test('once a round was not echoed, no later view of more than two parties is certain', () => {
  const views = new Views(true)
  const certain: unknown[] = []
  for (const isEchoed of [true, false, true]) {
    views.sending('p', `${certain.length}`)
    certain.push(views.at('p', `${certain.length}`)?.isCertain)
    views.add('p', '1', [['a', Uint8Array.of(1)]], { isEchoed })
  }
  views.sending('p', 'last')
  assert.deepEqual([...certain, views.at('p', 'last')?.isCertain], [true, true, false, false])
  assert.equal(views.at('p', 'never sent'), undefined)
})

test('without an echo a third party may have told it something else: nobody is named', async () => {
  for (const error of await lying(3, bound)) {
    assert.ok(error instanceof MpcError)
    assert.ok(error instanceof ProtocolAbort && error.faults.length === 0)
  }
})
