/** Packets posted twice are taken once, and a `reset` event starts the room again: against gateways old, new and lying. */
import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { test } from 'node:test'
import { idempotencyKey } from './packet-log.ts'
import { cut, event, head, hostile, LIMIT, listen, packet, pauseMs, stream, TIMING, until } from './testing.ts'

const reset = (data: string): string => `event: reset\nid:\ndata: ${data}\n\n`
const resetTo = (epoch: string | null): string => reset(JSON.stringify({ epoch, resumed_from: 0 }))
/** Long: what is posted again is so because of the reset. */
const PATIENT = { timing: { ...TIMING, confirmMs: 60_000 } }

test(
  'a packet whose answer was lost is posted again under the same key, another packet under another',
  LIMIT,
  async (t) => {
    let posts = 0
    const h = await hostile(t, [stream('')], (r) => {
      posts++
      // the connection breaks before the answer, twice
      if (posts <= 2) r.destroy()
      else r.writeHead(200).end()
    })
    await h.gateway.post('x', packet('mine'), { deadlineMs: 5_000 })
    await h.gateway.post('x', packet('mine'), { deadlineMs: 5_000 })
    const room = h.gateway.openRoom('y')
    await room.post(packet('mine'))
    const keys = h.seen.filter((s) => s.method === 'POST').map((s) => s.key ?? '')
    assert.equal(keys.length, 5)
    assert.ok(
      keys.every((key) => /^[0-9a-f]{32}$/.test(key)),
      'every post has a key',
    )
    assert.equal(new Set(keys.slice(0, 3)).size, 1, 'one post keeps its key')
    assert.equal(new Set(keys.slice(2)).size, 3, 'posting again on purpose is another post')
    room.close()
  },
)

test('an index is asked for without a key', LIMIT, async (t) => {
  const h = await hostile(t, [stream('')], (r) => r.end('{"unique_idx":1}'))
  await h.gateway.issueIndex('x')
  assert.deepEqual(
    h.seen.map((s) => s.key),
    [undefined],
  )
})

test(
  'a packet that does not come back is posted under its old key, and in a new room under a new one',
  LIMIT,
  async (t) => {
    let streams = 0
    let first: ServerResponse | undefined
    const h = await hostile(t, [
      (r) => {
        head(r, { 'room-epoch': streams++ === 0 ? 'one' : 'two', 'room-resumed-from': '0' })
        first ??= r
      },
    ])
    const room = h.gateway.openRoom('x')
    await room.ready
    await room.post(packet('mine'))
    first?.destroy()
    const keys = (): (string | undefined)[] => h.seen.filter((s) => s.method === 'POST').map((s) => s.key)
    // because the room is another one, and then because it does not come back
    await until(() => keys().length >= 3, 'posted twice more')
    const [one, two, three] = keys()
    assert.notEqual(one, two, 'the new room knows nothing of the old key')
    assert.equal(two, three)
    room.close()
  },
)

test('keys show neither the packet nor the random bytes, and repeat with neither', () => {
  const bytes = new Uint8Array(16).fill(0xab)
  const broken = { bytes: () => bytes }
  assert.notEqual(idempotencyKey('a', broken), idempotencyKey('b', broken), 'random that repeats: still by the packet')
  assert.ok(!idempotencyKey('a', broken).includes('abab'), 'no random byte is seen')
  let n = 0
  const counting = { bytes: (length: number) => new Uint8Array(length).fill(n++) }
  assert.notEqual(idempotencyKey('a', counting), idempotencyKey('a', counting), 'the same packet, another key')
})

test('reset with another epoch, which the head did not tell: a restart on the same connection', LIMIT, async (t) => {
  // a proxy that drops headers it doesn't know
  const h = await hostile(
    t,
    [cut(event(0, 'a') + event(1, 'mine')), stream(resetTo('two') + event(0, 'c') + event(1, 'd'))],
    undefined,
    PATIENT,
  )
  const room = h.gateway.openRoom('x')
  let restarts = 0
  room.onRestart(() => restarts++)
  const { got } = listen(room)
  await room.post(packet('mine'))
  await until(() => got.includes('d'), 'packets of the new room')
  assert.deepEqual(got, ['a', 'mine', 'c', 'd'])
  assert.equal(restarts, 1)
  await until(() => h.seen.filter((s) => s.method === 'POST').length === 2, 'own packet again')
  assert.equal(h.seen.filter((s) => s.method === 'GET').length, 2, 'no further connection')
  room.close()
})

test('reset in the same epoch after an id that is gone: from the beginning again', LIMIT, async (t) => {
  const epoch = { 'room-epoch': 'one' }
  const h = await hostile(
    t,
    [cut(event(7, 'a'), epoch), stream(resetTo('one') + event(0, 'b'), epoch)],
    undefined,
    PATIENT,
  )
  const { got } = listen(h.gateway.openRoom('x'))
  await until(() => got.includes('b'), 'what has a lower id than the last one')
  assert.deepEqual(got, ['a', 'b'])
})

test(
  'reset that the head has told already, one of a room that went, and garbage: no second restart',
  LIMIT,
  async (t) => {
    const garbage = [
      '',
      '{',
      'null',
      '[]',
      '{"epoch":5}',
      '{"epoch":""}',
      '{"epoch":"a b"}',
      `{"epoch":"${'x'.repeat(2000)}"}`,
    ]
    const noise = resetTo('two') + resetTo(null) + garbage.map(reset).join('')
    const h = await hostile(
      t,
      [
        cut(event(0, 'a'), { 'room-epoch': 'one', 'room-resumed-from': '0' }),
        stream(noise + event(0, 'b') + event(1, 'c'), { 'room-epoch': 'two', 'room-resumed-from': '0' }),
      ],
      undefined,
      PATIENT,
    )
    const room = h.gateway.openRoom('x')
    let restarts = 0
    room.onRestart(() => restarts++)
    const { got, closed } = listen(room)
    await until(() => got.includes('c'), 'packets of the new room')
    assert.equal(restarts, 1)
    assert.deepEqual([got, closed], [['a', 'b', 'c'], []])
    room.close()
  },
)

test('a gateway that resets all the time makes us post once a connection and no more', LIMIT, async (t) => {
  const endless = Array.from({ length: 2_000 }, (_, i) => resetTo(`e${i}`)).join('')
  const timing = { ...TIMING, pauseMinMs: 500, pauseMaxMs: 500, confirmMs: 60_000 }
  const h = await hostile(t, [stream(endless)], undefined, { timing })
  const room = h.gateway.openRoom('x')
  await room.post(packet('mine'))
  await until(() => h.events.some((e) => e.at === 'lost' && e.reason === 'reset again'), 'the connection is given up')
  await pauseMs(100)
  const restarts = h.events.filter((e) => e.at === 'restarted').length
  const connections = h.seen.filter((s) => s.method === 'GET').length
  assert.ok(restarts <= 2 * connections, `${restarts} restarts in ${connections} connections`)
  room.close()
})
