/** The exchange of a party that can only do request and response, with a service that answers as it is told. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromBase64, toBase64 } from '../base/bytes.ts'
import { decode, encode } from '../wire/codec.ts'
import { type Addressed, BATCH_LIMIT, type Batch, batchCodec } from './batch.ts'
import { connectExchange, type ExchangeOptions } from './client.ts'

const QUICK = { timeout: 5_000 }
const TIMING = { pauseMinMs: 1, pauseMaxMs: 2 }
const packet = (...bytes: number[]) => Uint8Array.from(bytes)
const turn = () => new Promise((resolve) => setTimeout(resolve, 0))
/** Until it is so; then a few turns more, in which nothing else should happen. */
async function until(isTrue: () => boolean): Promise<void> {
  const end = performance.now() + 4_000
  while (!isTrue() && performance.now() < end) await turn()
  for (let i = 0; i < 5; i++) await turn()
}

interface Call {
  readonly path: string
  readonly body: Readonly<Record<string, unknown>>
  readonly batch: Batch
  readonly init: RequestInit
}
type Reply = Response | Error | 'never'

const message = (packets: readonly Addressed[]) => toBase64(encode(batchCodec, { listen: [], packets }))
const said = (status: 'CONTINUE' | 'DONE', ...packets: readonly Addressed[]) =>
  Response.json({ sessionId: 'session', status, serverMessage: message(packets) })

/** A client whose requests this function answers, in the order of `calls`. */
function connected(reply: (call: Call, number: number) => Reply | Promise<Reply>, more: Partial<ExchangeOptions> = {}) {
  const calls: Call[] = []
  const client = connectExchange({
    url: 'https://service.example/api',
    purpose: 'sign',
    start: { account: 'main' },
    timing: TIMING,
    fetch: async (url, init = {}) => {
      const body = JSON.parse(String(init.body)) as Record<string, unknown>
      const batch = decode(batchCodec, fromBase64(String(body['clientMessage'])))
      const call = { path: new URL(String(url)).pathname, body, batch, init }
      calls.push(call)
      const given = await reply(call, calls.length)
      if (given instanceof Error) throw given
      if (given !== 'never') return given
      return new Promise((_, reject) => init.signal?.addEventListener('abort', () => reject(new Error('aborted'))))
    },
    ...more,
  })
  return { client, calls }
}

function heardIn(room: ReturnType<ReturnType<typeof connectExchange>['openRoom']>) {
  const heard: string[] = []
  const ends: Error[] = []
  const end = room.subscribe(
    (p) => void heard.push([...p].join()),
    (e) => void ends.push(e),
  )
  return { heard, ends, end }
}

test(
  'packets of one turn go together, with the rooms; what comes back is heard there and nowhere else',
  QUICK,
  async () => {
    const { client, calls } = connected(() =>
      said('DONE', { room: 'r', packet: packet(7) }, { room: 'unknown', packet: packet(8) }),
    )
    const [r, s] = [client.openRoom('r'), client.openRoom('s')]
    const [inR, inS] = [heardIn(r), heardIn(s)]
    await turn()
    await Promise.all([r.post(packet(1)), client.post('inbox', packet(2))])
    const [{ path, body, batch, init }] = calls as [Call]
    assert.equal(calls.length, 1)
    assert.equal(path, '/api/v1/sign/start')
    assert.equal(body['account'], 'main')
    assert.match(String(body['clientSession']), /^[0-9a-f]{32}$/)
    assert.deepEqual(batch.listen, ['r', 's'])
    assert.deepEqual(
      batch.packets.map((p) => `${p.room} ${p.packet}`),
      ['r 1', 'inbox 2'],
    )
    assert.equal(init.redirect, 'manual')
    assert.deepEqual([[...inR.heard].sort(), inS.heard], [['1', '7'], []])
  },
)

test('steps are numbered, name the session, and end with it; the next packet begins another', QUICK, async () => {
  const { client, calls } = connected((_, n) => said(n % 3 === 0 ? 'DONE' : 'CONTINUE'))
  const room = client.openRoom('r')
  await room.post(packet(1))
  await until(() => calls.length >= 3)
  assert.deepEqual(
    calls.map((c) => `${c.path.split('/').at(-1)} ${c.body['sessionId']} ${c.body['sequence']}`),
    ['start undefined undefined', 'step session 1', 'step session 2'],
  )
  await room.post(packet(2))
  assert.equal(calls[3]?.path, '/api/v1/sign/start')
  assert.notEqual(calls[3]?.body['clientSession'], calls[0]?.body['clientSession'])
})

test(
  'no more steps at a time than the service keeps answers for, and one alone while nothing is brought',
  QUICK,
  async () => {
    const ending = new AbortController()
    const { client, calls } = connected((_, n) => (n === 1 ? said('CONTINUE') : 'never'), { signal: ending.signal })
    const room = client.openRoom('r')
    await room.post(packet(0))
    await until(() => calls.length >= 2)
    assert.equal(calls.length, 2, 'one that waits')
    for (let i = 1; i < 10; i++) {
      room.post(packet(i)).catch(() => undefined)
      await turn()
      await turn()
    }
    await until(() => calls.length >= 5)
    assert.equal(calls.length, 5, 'four under way')
    ending.abort()
  },
)

test('a request brings so many packets; the rest goes with the next', QUICK, async () => {
  const { client, calls } = connected((call) => said(call.batch.packets.length < 3 ? 'DONE' : 'CONTINUE'))
  const room = client.openRoom('r')
  await Promise.all(Array.from({ length: BATCH_LIMIT + 2 }, (_, i) => room.post(packet(i >> 8, i))))
  assert.deepEqual(
    calls.map((c) => c.batch.packets.length),
    [BATCH_LIMIT, 2],
  )
})

test('what was lost is sent again as it was', QUICK, async () => {
  const failures: readonly Reply[] = [
    new TypeError('connection reset'),
    ...[408, 425, 429, 500, 503].map((status) => Response.json({}, { status })),
  ]
  const { client, calls } = connected((_, n) => failures[n - 1] ?? said('DONE'), {
    headers: () => ({ authorization: 'Bearer t' }),
  })
  await client.post('inbox', packet(1))
  assert.equal(calls.length, failures.length + 1)
  assert.equal(new Set(calls.map((c) => c.init.body)).size, 1)
  for (const { init } of calls) assert.equal(new Headers(init.headers).get('authorization'), 'Bearer t')
})

test(
  'a refusal ends what waits and the rooms; of it the status is told, and a code of the documented form',
  QUICK,
  async () => {
    const refusals: readonly (readonly [Response, RegExp])[] = [
      [Response.json({ error: { code: 'FORBIDDEN', message: 'secret' } }, { status: 403 }), /status 403, FORBIDDEN$/],
      [Response.json({ error: { code: 'with a text' } }, { status: 400 }), /status 400$/],
      [Response.json({ error: 'no' }, { status: 401 }), /status 401$/],
      [Response.json(null, { status: 404 }), /status 404$/],
      [new Response('<html>', { status: 302 }), /status 302$/],
    ]
    for (const [response, expected] of refusals) {
      const { client, calls } = connected(() => response)
      const room = client.openRoom('r')
      const { ends } = heardIn(room)
      await turn()
      await assert.rejects(room.post(packet(1)), (e: Error & { code?: string }) => {
        assert.equal(e.code, 'TRANSPORT')
        assert.match(e.message, expected)
        return true
      })
      await turn()
      assert.deepEqual([calls.length, ends.length], [1, 1])
      await assert.rejects(room.post(packet(2)), /the room is closed/)
    }
  },
)

const answer = (more: object) => ({ sessionId: 'session', status: 'DONE', serverMessage: message([]), ...more })
const noAnswers: readonly (readonly [string, () => string])[] = [
  ['no JSON', () => '<html>'],
  ['no object', () => '7'],
  ['no session', () => JSON.stringify(answer({ sessionId: 7 }))],
  ['a session of any length', () => JSON.stringify(answer({ sessionId: 'x'.repeat(129) }))],
  ['a status of its own', () => JSON.stringify(answer({ status: 'MAYBE' }))],
  ['no message', () => JSON.stringify(answer({ serverMessage: null }))],
  ['a message that is no base64', () => JSON.stringify(answer({ serverMessage: '%' }))],
  ['a message that is no packets', () => JSON.stringify(answer({ serverMessage: 'AAAA' }))],
  ['too much', () => JSON.stringify(answer({ more: 'x'.repeat(6 * 1024 * 1024) }))],
]
for (const [what, text] of noAnswers) {
  test(`an answer with ${what} ends the exchange`, QUICK, async () => {
    const { client, calls } = connected(() => new Response(text()))
    const room = client.openRoom('r')
    const { ends } = heardIn(room)
    await turn()
    // what was taken is taken, whatever the answer says
    await room.post(packet(1)).catch((e: { code?: string }) => assert.equal(e.code, 'TRANSPORT'))
    await turn()
    assert.equal((ends[0] as { code?: string } | undefined)?.code, 'TRANSPORT')
    assert.equal(calls.length, 1)
  })
}

test('a step that is refused ends the exchange', QUICK, async () => {
  const { client, calls } = connected((_, n) => (n === 1 ? said('CONTINUE') : Response.json({}, { status: 404 })))
  const room = client.openRoom('r')
  const { ends } = heardIn(room)
  await turn()
  await room.post(packet(1))
  await until(() => ends.length > 0)
  assert.deepEqual([calls.length, ends.length], [2, 1])
})

test('nothing goes on when nobody listens any more', QUICK, async () => {
  const { client, calls } = connected((_, n) => (n === 1 ? said('CONTINUE') : 'never'))
  const room = client.openRoom('r')
  const { ends } = heardIn(room)
  await turn()
  await room.post(packet(1))
  await until(() => calls.length >= 2)
  room.close()
  await until(() => ends.length > 0)
  assert.equal(calls.length, 2)
  assert.ok(calls[1]?.init.signal?.aborted, 'the request under way')
  assert.equal(ends.length, 1)
  const { client: alone, calls: once } = connected(() => said('CONTINUE'))
  await alone.post('inbox', packet(1))
  await until(() => once.length > 0)
  assert.equal(once.length, 1, 'a step was made for nobody')
})

test('a refusal is one of what waits for its turn as well', QUICK, async () => {
  let answer = (_: Response): void => {}
  const { client, calls } = connected(() => new Promise<Response>((resolve) => (answer = resolve)))
  const first = assert.rejects(client.post('inbox', packet(1)), { code: 'TRANSPORT' })
  await until(() => calls.length > 0)
  const second = assert.rejects(client.post('inbox', packet(2)), { code: 'TRANSPORT' })
  answer(Response.json({}, { status: 403 }))
  await Promise.all([first, second])
  assert.equal(calls.length, 1)
})

test('a packet that was given up before it was sent is not sent', QUICK, async () => {
  let answer = (_: Response): void => {}
  const { client, calls } = connected((_, n) =>
    n > 1 ? said('DONE') : new Promise<Response>((resolve) => (answer = resolve)),
  )
  const first = client.post('inbox', packet(1))
  await until(() => calls.length > 0)
  const leaving = new AbortController()
  const given = client.post('inbox', packet(2), { signal: leaving.signal })
  const kept = client.post('inbox', packet(3))
  leaving.abort()
  await assert.rejects(given, /cancelled/)
  answer(said('DONE'))
  await Promise.all([first, kept])
  assert.deepEqual(
    calls.flatMap((c) => c.batch.packets.map((p) => [...p.packet])),
    [[1], [3]],
  )
})

test('signals: of a packet that waits, of a room, of everything', QUICK, async () => {
  const [ofPost, ofRoom, ofAll] = [new AbortController(), new AbortController(), new AbortController()]
  const { client, calls } = connected(() => 'never', { signal: ofAll.signal })
  const room = client.openRoom('r', { signal: ofRoom.signal })
  const { ends } = heardIn(room)
  await turn()
  const first = assert.rejects(client.post('inbox', packet(1)), { code: 'TRANSPORT' })
  await turn()
  const given = client.post('inbox', packet(2), { signal: ofPost.signal })
  ofPost.abort()
  await assert.rejects(given, /cancelled/)
  await assert.rejects(client.post('inbox', packet(3), { signal: ofPost.signal }), /cancelled/)
  ofRoom.abort()
  assert.equal(ends.length, 1)
  const late = client.openRoom('s', { signal: ofRoom.signal })
  await assert.rejects(late.post(packet(4)), /closed/)
  ofAll.abort()
  await first
  await assert.rejects(client.post('inbox', packet(5)), /cancelled/)
  assert.equal(calls.length, 1)
})

test(
  'what was heard is told to whoever subscribes later, each packet once; without a log, to those alone who listen',
  QUICK,
  async () => {
    const [seven, eight] = [
      { room: 'r', packet: packet(7) },
      { room: 'r', packet: packet(8) },
    ]
    const { client } = connected(() => said('DONE', seven, seven, eight))
    const room = client.openRoom('r')
    await client.post('inbox', packet(1))
    const late = heardIn(room)
    await room.post(packet(7))
    await turn()
    assert.deepEqual(late.heard, ['7', '8'])
    const gone = heardIn(room)
    gone.end()
    await turn()
    assert.deepEqual(gone.heard, [])
    const bare = connected(() => said('DONE', seven, seven))
    const listening = bare.client.openRoom('r', { keepLog: false })
    const early = heardIn(listening)
    await turn()
    await bare.client.post('inbox', packet(1))
    const nothing = heardIn(listening)
    await turn()
    assert.deepEqual([early.heard, nothing.heard], [['7', '7'], []])
    early.end()
    await bare.client.post('inbox', packet(2))
    assert.deepEqual(early.heard, ['7', '7'], 'heard after its end')
  },
)

test('a room that is opened again under one name is not closed by the end of the first', QUICK, async () => {
  const { client } = connected(() => said('DONE', { room: 'r', packet: packet(7) }))
  const first = client.openRoom('r')
  const second = client.openRoom('r')
  first.close()
  const { heard } = heardIn(second)
  await turn()
  await client.post('inbox', packet(1))
  assert.deepEqual(heard, ['7'])
})

test('health, ids of rooms and addresses', QUICK, async () => {
  const statuses = [200, 503, 302]
  const options: string[] = []
  const client = connectExchange({
    url: 'https://service.example',
    purpose: 'sign',
    fetch: async (url, init) => {
      options.push(`${String(url)} ${init?.redirect}`)
      return new Response('', { status: statuses.shift() ?? 200 })
    },
  })
  await client.health()
  await assert.rejects(client.health(), { code: 'TRANSPORT' })
  await assert.rejects(client.health(), { code: 'TRANSPORT' })
  assert.equal(options[0], 'https://service.example/livez manual')
  await assert.rejects(client.issueIndex('r'), { code: 'TRANSPORT' })
  assert.throws(() => client.openRoom('..'), { code: 'USAGE' })
  await assert.rejects(client.post('', packet(1)), { code: 'USAGE' })
  assert.throws(() => connectExchange({ url: 'ftp://service.example', purpose: 'sign' }), { code: 'USAGE' })
})
