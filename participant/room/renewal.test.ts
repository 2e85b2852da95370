/** Tokens: asked for at each attempt, and a refusal with 401 is tried again only where another token may come. */
import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { test } from 'node:test'
import { TransportError } from '../base/errors.ts'
import { tellingRefusal } from './refused.ts'
import { event, hostile, LIMIT, listen, packet, refuse, stream, until } from './testing.ts'

const unauthorized = (r: ServerResponse): void => void r.writeHead(401).end('{"error":{"code":"token_expired"}}')
const ok = (r: ServerResponse): void => void r.writeHead(200).end()
const REFUSED = 'gateway: refused with status 401, token_expired'

test('with headers, 401 is tried again with new ones, and nothing is lost', LIMIT, async (t) => {
  const asked: (string | undefined)[] = []
  const headers = (room?: string) => {
    asked.push(room)
    return { authorization: `Bearer ${asked.length}` }
  }
  const posts = [unauthorized, unauthorized, ok]
  const answer = (r: ServerResponse): void => (posts.shift() ?? ok)(r)
  const h = await hostile(t, [unauthorized, unauthorized, stream(event(0, 'a'))], answer, { headers })
  const room = h.gateway.openRoom('x')
  const { got } = listen(room)
  await until(() => got.includes('a'), 'the packet')
  assert.equal(room.refusal, undefined, 'it lets us in now')
  await h.gateway.post('y', packet('b'))
  assert.equal(h.seen.filter((s) => s.path === '/rooms/x/subscribe').length, 3)
  assert.equal(h.seen.filter((s) => s.path === '/rooms/y/broadcast').length, 3)
  assert.deepEqual([...new Set(asked)], ['x', 'y'], 'told which room it is for')
  assert.equal(asked.length, 6)
  room.close()
})

test('without headers, 401 ends it at once; 403 does in any case', LIMIT, async (t) => {
  const cases = [
    [unauthorized, {}, REFUSED],
    [refuse(403), { headers: () => ({}) }, 'gateway: refused with status 403'],
  ] as const
  for (const [answer, options, message] of cases) {
    const h = await hostile(t, [answer], answer, options)
    await assert.rejects(h.gateway.openRoom('x').ready, (e: Error) => e.message.startsWith(message))
    await assert.rejects(h.gateway.post('x', packet('a')), (e: Error) => e.message.startsWith(message))
    assert.equal(h.seen.length, 2)
  }
})

test('at the deadline the error is the refusal, if that was the last thing said', LIMIT, async (t) => {
  const headers = () => ({ authorization: 'Bearer old' })
  const h = await hostile(t, [unauthorized], unauthorized, { headers })
  await assert.rejects(h.gateway.post('x', packet('a'), { deadlineMs: 150 }), {
    name: 'TransportError',
    message: REFUSED,
  })
  const room = h.gateway.openRoom('x')
  await until(() => room.refusal !== undefined, 'the refusal')
  assert.equal(room.refusal, REFUSED)
  await assert.rejects(
    tellingRefusal(room, () => Promise.reject(new TransportError('deadline passed', ['b']))),
    (error: TransportError) => {
      assert.equal(error.message, `deadline passed; ${REFUSED}`)
      assert.deepEqual(error.waitingFor, ['b'])
      return true
    },
  )
  await assert.rejects(
    tellingRefusal(room, () => Promise.reject(new RangeError('another'))),
    { message: 'another' },
  )
  room.close()
})

test('headers that can not be made count as no answer', LIMIT, async (t) => {
  let tries = 0
  const headers = () => {
    tries++
    if (tries < 3) throw new Error('the file is being replaced')
    return {}
  }
  const h = await hostile(t, [stream('')], ok, { headers })
  await h.gateway.post('x', packet('a'))
  assert.equal(tries, 3)
  assert.equal(h.seen.length, 1)
})
