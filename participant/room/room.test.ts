/** The room against a gateway that misbehaves in every way this file can think of. No gateway code of ours is used. */
import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { test } from 'node:test'
import { toBase64 } from '../base/bytes.ts'
import { connectGateway, inboxRoom } from './gateway.ts'
import {
  type Answer,
  cut,
  event,
  head,
  hostile,
  LIMIT,
  listen,
  packet,
  pauseMs,
  refuse,
  stream,
  TIMING,
  until,
} from './testing.ts'

test(
  'cut connections: resumes after the last id, in the middle of an event too; duplicates come once',
  LIMIT,
  async (t) => {
    const h = await hostile(t, [
      cut(event(0, 'a') + event(1, 'b') + event(2, 'never whole').slice(0, -9)),
      cut(event(0, 'a') + event(1, 'b') + event(2, 'c')),
      stream(event(2, 'c') + event(3, 'a') + event(4, 'd')),
    ])
    const room = h.gateway.openRoom('x')
    const { got } = listen(room)
    await until(() => got.includes('d'), 'all packets')
    assert.deepEqual(got, ['a', 'b', 'c', 'd'])
    assert.deepEqual(
      h.seen.map((s) => s.lastId),
      [undefined, '1', '2'],
    )
    assert.equal(h.events.filter((e) => e.at === 'ignored' && e.reason === 'duplicate').length, 4)
    room.close()
  },
)

test('late subscribers get everything from the beginning; whoever left gets nothing more', LIMIT, async (t) => {
  let send = (_: string): void => {}
  const h = await hostile(t, [
    (r) => {
      head(r)
      r.write(event(0, 'a') + event(1, 'b'))
      send = (text) => void r.write(text)
    },
  ])
  const room = h.gateway.openRoom('x')
  const first = listen(room)
  await until(() => first.got.length === 2, 'history')
  const gone: string[] = []
  const leave = room.subscribe(
    () => gone.push('packet'),
    () => gone.push('closed'),
  )
  leave()
  const second = listen(room)
  send(event(2, 'c'))
  await until(() => second.got.length === 3 && first.got.length === 3, 'live packet')
  assert.deepEqual(second.got, ['a', 'b', 'c'])
  room.close()
  const third = listen(room)
  await until(() => third.closed.length === 1, 'closed')
  assert.deepEqual(third.got, ['a', 'b', 'c'])
  await until(() => first.closed.length === 1 && second.closed.length === 1, 'both told')
  assert.deepEqual(gone, [])
})

test('without a log, packets go to who is there and are not kept', LIMIT, async (t) => {
  const h = await hostile(t, [cut(event(0, 'a')), stream(event(0, 'a') + event(1, 'a') + event(2, 'b'))])
  const room = h.gateway.openRoom('x', { keepLog: false })
  const { got } = listen(room)
  await until(() => got.length === 3, 'packets')
  assert.deepEqual(got, ['a', 'a', 'b'])
  const late = listen(room)
  await pauseMs(30)
  assert.deepEqual(late.got, [])
  room.close()
})

test('garbage is ignored and counted, and later packets still come', LIMIT, async (t) => {
  const lines = (data: string, id: number): string => `event: new-message\nid: ${id}\ndata: ${data}\n\n`
  const h = await hostile(t, [
    stream(
      `${lines('no base64!', 0)}${lines('YR==', 1)}${lines('YQ', 2)}event: other\ndata: YQ==\n\ndata: YQ==\n\n: comment\n\n${lines('A'.repeat(819_204), 3)}${event(4, 'ok')}`,
    ),
  ])
  const room = h.gateway.openRoom('x')
  const { got } = listen(room)
  await until(() => got.length > 0, 'the good packet')
  assert.deepEqual(got, ['ok'])
  const reasons = h.events.flatMap((e) => (e.at === 'ignored' ? [e.reason] : []))
  assert.deepEqual(reasons, ['no base64', 'no base64', 'no base64', 'too long'])
  room.close()
})

test('an event without end is cut off instead of filling the memory', LIMIT, async (t) => {
  const h = await hostile(t, [
    (r) => {
      head(r)
      r.write('event: new-message\nid: 0\ndata: ')
      const line = 'A'.repeat(1 << 20)
      const more = (): void => {
        if (!r.destroyed) r.write(line, () => setImmediate(more))
      }
      more()
    },
    stream(event(0, 'a')),
  ])
  const room = h.gateway.openRoom('x')
  const { got } = listen(room)
  await until(() => got.length === 1, 'packet of the next connection')
  assert.ok(h.events.some((e) => e.at === 'lost' && e.reason === 'event too long'))
  room.close()
})

test('ids that are no numbers filter nothing, and a gap is told', LIMIT, async (t) => {
  const h = await hostile(t, [
    stream(event('x', 'a') + event('-1', 'b') + event('1e3', 'c') + event(5, 'd') + event(6, 'e')),
  ])
  const room = h.gateway.openRoom('x')
  const { got } = listen(room)
  await until(() => got.length === 5, 'packets')
  assert.deepEqual(
    h.events.filter((e) => e.at === 'gap'),
    [{ room: 'x', at: 'gap', id: 5 }],
  )
  room.close()
})

test('refusals that may pass are tried again; a clean end and a wrong content type too', LIMIT, async (t) => {
  const h = await hostile(t, [
    refuse(429),
    refuse(503),
    refuse(500, 'x'.repeat(100_000)),
    refuse(408),
    refuse(204),
    (r) => void r.writeHead(200, { 'content-type': 'text/html' }).end('<p>'),
    (r) => {
      head(r)
      r.end()
    },
    (r) => void r.destroy(),
    stream(event(0, 'a')),
  ])
  const room = h.gateway.openRoom('x')
  const { got, closed } = listen(room)
  await until(() => got.length === 1, 'packet')
  assert.equal(h.seen.length, 9)
  assert.deepEqual(closed, [])
  const reasons = h.events.flatMap((e) => (e.at === 'lost' ? [e.reason] : []))
  assert.equal(reasons[5], 'answer is no event stream')
  room.close()
})

test('Retry-After is kept to', LIMIT, async (t) => {
  const h = await hostile(t, [(r) => void r.writeHead(429, { 'retry-after': '1' }).end(), stream(event(0, 'a'))])
  const started = performance.now()
  const room = h.gateway.openRoom('x')
  await room.ready
  assert.ok(performance.now() - started >= 950)
  room.close()
})

test('refusals for good close the room with status and code, never with the text', LIMIT, async (t) => {
  for (const [status, body, message] of [
    [400, '{"error":{"code":"bad_room_id","message":"secret text"}}', 'gateway: refused with status 400, bad_room_id'],
    [401, 'secret text', 'gateway: refused with status 401'],
    [403, '{"error":{"code":"Secret Text"}}', 'gateway: refused with status 403'],
    [404, 'null', 'gateway: refused with status 404'],
    [413, '{"error":7}', 'gateway: refused with status 413'],
  ] as const) {
    const h = await hostile(t, [refuse(status, body)])
    const room = h.gateway.openRoom('x')
    const { closed } = listen(room)
    await assert.rejects(room.ready, { name: 'TransportError', message })
    await until(() => closed.length === 1, 'subscriber told')
    assert.equal(closed[0]?.message, message)
    await assert.rejects(room.post(packet('a')), { name: 'TransportError', message })
    assert.equal(h.seen.length, 1)
  }
})

test('redirects are not followed', LIMIT, async (t) => {
  const h = await hostile(t, [(r) => void r.writeHead(302, { location: '/elsewhere' }).end()])
  const message = 'gateway: answered with a redirect, which is not followed'
  await assert.rejects(h.gateway.openRoom('x').ready, { message })
  const p = await hostile(t, [], (r) => void r.writeHead(307, { location: '/elsewhere' }).end())
  await assert.rejects(p.gateway.post('x', packet('a')), { message })
  assert.deepEqual(
    [...h.seen, ...p.seen].map((s) => s.path),
    ['/rooms/x/subscribe', '/rooms/x/broadcast'],
  )
})

test('a silent connection is given up; one with comments is not', LIMIT, async (t) => {
  const h = await hostile(t, [
    (r) => {
      head(r)
      const timer = setInterval(() => r.write(': still here\n\n'), 100)
      const silence = setTimeout(() => clearInterval(timer), 700)
      r.on('close', () => {
        clearInterval(timer)
        clearTimeout(silence)
      })
    },
    stream(event(0, 'a')),
  ])
  const started = performance.now()
  const room = h.gateway.openRoom('x')
  const { got } = listen(room)
  await until(() => got.length === 1, 'packet of the second connection')
  const elapsed = performance.now() - started
  assert.ok(elapsed > 900, `given up after ${elapsed} ms`)
  assert.ok(h.events.some((e) => e.at === 'lost' && e.reason === 'silent connection'))
  room.close()
})

test('a gateway that takes the connection and never answers is given up', LIMIT, async (t) => {
  const h = await hostile(t, [() => {}, stream(event(0, 'a'))])
  const room = h.gateway.openRoom('x')
  const { got } = listen(room)
  await until(() => got.length === 1, 'packet')
  assert.ok(h.events.some((e) => e.at === 'lost' && e.reason === 'no answer'))
  room.close()
})

test('another epoch: from the beginning, own packets posted again, callbacks called', LIMIT, async (t) => {
  for (const resumedFrom of ['0', '2']) {
    const restarted = { 'room-epoch': 'two', 'room-resumed-from': resumedFrom }
    const streams = [
      cut(event(0, 'a') + event(1, 'b'), { 'room-epoch': 'one', 'room-resumed-from': '0' }),
      // a gateway that resumes in the new room by the old id leaves out what came before
      resumedFrom === '0' ? stream(event(0, 'c') + event(1, 'd'), restarted) : stream(event(2, 'wrong'), restarted),
      stream(event(0, 'c') + event(1, 'd'), { ...restarted, 'room-resumed-from': '0' }),
    ]
    // long: what is posted again is so because of the epoch
    const h = await hostile(t, streams, undefined, { timing: { ...TIMING, confirmMs: 60_000 } })
    const room = h.gateway.openRoom('x')
    let restarts = 0
    room.onRestart(() => restarts++)
    room.onRestart(() => (restarts += 100))()
    const { got } = listen(room)
    await room.post(packet('b'))
    await until(() => got.includes('d'), 'packets of the new room')
    await until(() => h.seen.filter((s) => s.method === 'POST').length >= 2, 'own packet again')
    assert.deepEqual(got, ['a', 'b', 'c', 'd'])
    assert.equal(restarts, 1)
    const subscriptions = h.seen.filter((s) => s.method === 'GET')
    assert.deepEqual(
      subscriptions.slice(0, 2).map((s) => [s.lastId, s.epoch]),
      [
        [undefined, undefined],
        ['1', 'one'],
      ],
    )
    if (resumedFrom === '2') assert.equal(subscriptions[2]?.lastId, undefined)
    const bodies = h.seen.filter((s) => s.method === 'POST').map((s) => s.body)
    assert.ok(bodies.every((b) => b === toBase64(packet('b'))))
    room.close()
  }
})

test('a packet that the gateway took and never shows is posted again', LIMIT, async (t) => {
  let shown = false
  let write = (_: string): void => {}
  const h = await hostile(
    t,
    [
      (r) => {
        head(r)
        write = (text) => void r.write(text)
      },
    ],
    (r, _request, body) => {
      if (h.seen.filter((s) => s.method === 'POST').length > 1 && !shown) {
        shown = true
        write(`event: new-message\nid: 0\ndata: ${body}\n\n`)
      }
      r.writeHead(200).end()
    },
  )
  const room = h.gateway.openRoom('x')
  const { got } = listen(room)
  await room.post(packet('mine'))
  await until(() => got.length === 1, 'own packet')
  assert.deepEqual(got, ['mine'])
  room.close()
})

test('a packet that a lost room had shown is posted until the new one shows it', LIMIT, async (t) => {
  let first: ServerResponse | undefined
  const h = await hostile(
    t,
    [
      (r) => {
        head(r, { 'room-epoch': 'one' })
        first = r
      },
      stream('', { 'room-epoch': 'two', 'room-resumed-from': '0' }),
    ],
    (r, _request, body) => {
      first?.write(`event: new-message\nid: 0\ndata: ${body}\n\n`)
      r.writeHead(200).end()
    },
  )
  const room = h.gateway.openRoom('x')
  const { got } = listen(room)
  await room.ready
  await room.post(packet('mine'))
  await until(() => got.length === 1, 'own packet')
  const lost = first
  first = undefined
  lost?.destroy()
  // once because the room is another one, and again because it does not come back
  await until(() => h.seen.filter((s) => s.method === 'POST').length >= 3, 'posted again')
  room.close()
})

test('a packet that came back is not posted again', LIMIT, async (t) => {
  let write = (_: string): void => {}
  const h = await hostile(
    t,
    [
      (r) => {
        head(r)
        write = (text) => void r.write(text)
      },
    ],
    (r, _request, body) => {
      write(`event: new-message\nid: 0\ndata: ${body}\n\n`)
      r.writeHead(200).end()
    },
  )
  const room = h.gateway.openRoom('x')
  await room.ready
  await room.post(packet('mine'))
  await pauseMs(3 * TIMING.confirmMs)
  assert.equal(h.seen.filter((s) => s.method === 'POST').length, 1)
  room.close()
})

test('post: tried again after failures of the gateway, refused at once for good', LIMIT, async (t) => {
  const codes = [500, 429, 0, 503, 200]
  const h = await hostile(t, [stream('')], (r) => {
    const code = codes.shift() ?? 413
    if (code === 0) r.destroy()
    else r.writeHead(code).end('{"error":{"code":"body_too_large"}}')
  })
  await h.gateway.post('a b/ü', packet('hello'))
  assert.equal(h.seen.length, 5)
  assert.ok(h.seen.every((s) => s.path === '/rooms/a%20b%2F%C3%BC/broadcast' && s.body === 'aGVsbG8='))
  await assert.rejects(h.gateway.post('x', packet('a')), {
    name: 'TransportError',
    message: 'gateway: refused with status 413, body_too_large',
  })
  const room = h.gateway.openRoom('x')
  await assert.rejects(room.post(packet('a')), { message: 'gateway: refused with status 413, body_too_large' })
  assert.equal(h.seen.filter((s) => s.method === 'POST').length, 7)
  room.close()
})

test('post: the deadline and the signal end it, whatever the gateway does', LIMIT, async (t) => {
  for (const onPost of [refuse(500), () => {}, (r: ServerResponse) => void r.destroy()]) {
    const h = await hostile(t, [stream('')], onPost, { timing: { ...TIMING, attemptMs: 5000 } })
    const started = performance.now()
    await assert.rejects(h.gateway.post('x', packet('a'), { deadlineMs: 150 }), {
      name: 'TransportError',
      message: 'gateway: no answer before the deadline',
    })
    assert.ok(performance.now() - started < 2000)
    const cancel = new AbortController()
    setTimeout(() => cancel.abort(), 60)
    await assert.rejects(h.gateway.post('x', packet('a'), { signal: cancel.signal }), { message: 'cancelled' })
    await assert.rejects(h.gateway.post('x', packet('a'), { signal: AbortSignal.abort() }), { message: 'cancelled' })
  }
})

test('nobody listens at the address: tried until the deadline; health fails at once', LIMIT, async () => {
  const gateway = connectGateway({ url: 'http://127.0.0.1:9', timing: TIMING })
  await assert.rejects(gateway.post('x', packet('a'), { deadlineMs: 100 }), { message: /deadline/ })
  await assert.rejects(gateway.health(), { name: 'TransportError', message: 'gateway: no answer' })
  await assert.rejects(gateway.health(AbortSignal.abort()), { message: 'cancelled' })
})

test('closing and aborting end streams, pending posts and subscribers', LIMIT, async (t) => {
  for (const how of ['close', 'abort'] as const) {
    const h = await hostile(t, [stream(event(0, 'a'))], refuse(500))
    const cancel = new AbortController()
    const room = h.gateway.openRoom('x', { signal: cancel.signal })
    const { got, closed } = listen(room)
    await until(() => got.length === 1, 'packet')
    const posting = assert.rejects(room.post(packet('b')), { name: 'TransportError' })
    await pauseMs(30)
    if (how === 'close') room.close()
    else cancel.abort()
    room.close()
    await posting
    await until(() => closed.length === 1 && h.openStreams() === 0, 'stream is gone')
    assert.equal(closed[0]?.message, how === 'close' ? 'room is closed' : 'cancelled')
    const requests = h.seen.length
    await pauseMs(100)
    assert.equal(h.seen.length, requests)
  }
  const h = await hostile(t, [stream('')])
  const room = h.gateway.openRoom('x', { signal: AbortSignal.abort() })
  await assert.rejects(room.ready, { message: 'cancelled' })
  assert.equal(h.seen.length, 0)
})

test('whoever closes the room on a packet gets no further one', LIMIT, async (t) => {
  const h = await hostile(t, [stream(event(0, 'a') + event(1, 'b'))])
  const room = h.gateway.openRoom('x')
  const { got, closed } = listen(room)
  room.subscribe(
    () => room.close(),
    () => {},
  )
  await until(() => closed.length === 1, 'closed')
  await pauseMs(20)
  assert.deepEqual(got, ['a'])
})

test('a room that outgrows its limit closes', LIMIT, async (t) => {
  const text = 'A'.repeat(4 * 190_000)
  const h = await hostile(t, [
    (r) => {
      head(r)
      let id = 0
      const more = (): void => {
        if (r.destroyed) return
        const data = String(id).padStart(8, '0') + text
        r.write(`event: new-message\nid: ${id++}\ndata: ${data}\n\n`, () => setImmediate(more))
      }
      more()
    },
  ])
  const room = h.gateway.openRoom('x')
  let bytes = 0
  const closed = new Promise<Error>((resolve) => room.subscribe((p) => (bytes += p.length), resolve))
  assert.equal((await closed).message, 'room: more packets than a session may have')
  assert.ok(bytes <= 64 * 1024 * 1024 && bytes > 63 * 1024 * 1024)
})

test('a subscriber that throws loses its own subscription only', LIMIT, async (t) => {
  const h = await hostile(t, [stream(event(0, 'a') + event(1, 'b'))])
  const room = h.gateway.openRoom('x')
  const failed = new Promise<Error>((resolve) =>
    room.subscribe(() => {
      throw new Error('mine')
    }, resolve),
  )
  const { got, closed } = listen(room)
  assert.equal((await failed).name, 'InternalError')
  await until(() => got.length === 2, 'packets')
  assert.deepEqual(closed, [])
  room.close()
})

test('headers are asked for each attempt, and a failing source of headers is tried again', LIMIT, async (t) => {
  let asked = 0
  const tokens: (string | undefined)[] = []
  const note: Answer = (r, request) => {
    tokens.push(request.headers.authorization)
    r.destroy()
  }
  const h = await hostile(t, [note, note, stream('')], undefined, {
    headers: async () => {
      if (asked++ === 0) throw new DOMException('aborted', 'AbortError')
      return { authorization: `t${asked}` }
    },
  })
  const room = h.gateway.openRoom('x')
  await room.ready
  assert.deepEqual(tokens, ['t2', 't3'])
  // noticed at once, not by a timeout
  assert.ok(h.events.every((e) => e.at !== 'lost' || e.reason === 'connection ended'))
  room.close()
})

test('index: the number, or an error when the answer is something else', LIMIT, async (t) => {
  const answers = [
    '{"unique_idx":7}',
    '{"unique_idx":0}',
    '{"unique_idx":1e3}',
    'x',
    `{"unique_idx":1}${' '.repeat(9999)}`,
  ]
  const h = await hostile(t, [], (r) => void r.writeHead(200).end(answers.shift()))
  assert.equal(await h.gateway.issueIndex('x'), 7)
  for (let i = 0; i < 3; i++) await assert.rejects(h.gateway.issueIndex('x'), { name: 'TransportError' })
})

test('addresses and ids that can not be are refused', LIMIT, () => {
  for (const url of ['', '/rooms', 'ftp://a', 'http://u:p@a', 'http://u@a', 'http://a?x=1', 'http://a#x']) {
    assert.throws(() => connectGateway({ url }), { name: 'UsageError', message: /^gateway url: expected / })
  }
  const gateway = connectGateway({ url: 'http://127.0.0.1:9/' })
  for (const id of ['', '.', '..', '\ud800']) assert.throws(() => gateway.openRoom(id), { name: 'UsageError' })
})

test('a base URL may have a path', LIMIT, async (t) => {
  const h = await hostile(t, [stream('')])
  const gateway = connectGateway({ url: `${h.url}/base/path//`, timing: TIMING })
  await gateway.post('x', packet('a'))
  assert.equal(h.seen[0]?.path, '/base/path/rooms/x/broadcast')
})

test('inbox rooms: one for each key', LIMIT, () => {
  const room = inboxRoom(new Uint8Array(32))
  assert.match(room, /^inbox-[0-9a-f]{40}$/)
  assert.equal(inboxRoom(new Uint8Array(32)), room)
  assert.notEqual(inboxRoom(new Uint8Array(32).fill(1)), room)
  assert.throws(() => inboxRoom(new Uint8Array(31)), { name: 'UsageError' })
})
