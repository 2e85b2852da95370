/** CORS: listed origins get what a page needs, on every kind of answer; others get nothing. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Settings, subscribe, type TestGateway, testGateway } from './testing/client.ts'

const page = 'https://wallet.example'

async function withGateway(origins: readonly string[], use: (gateway: TestGateway) => Promise<void>) {
  const settings: Settings = { 'server.cors_origins': origins }
  const gateway = await testGateway(settings)
  await use(gateway)
  await gateway.close()
}

const get = (gateway: TestGateway, path: string, origin: string, method = 'GET') =>
  fetch(gateway.url + path, { method, headers: { origin } })

test('a listed origin may read answers, errors and streams', () =>
  withGateway([page, 'http://localhost:3000'], async (gateway) => {
    for (const path of ['/health', '/nothing', '/rooms/%00/subscribe']) {
      const { headers } = await get(gateway, path, page)
      assert.equal(headers.get('access-control-allow-origin'), page, path)
      assert.equal(headers.get('vary'), 'Origin')
    }
    const posted = await get(gateway, '/rooms/r/broadcast', page, 'POST')
    assert.equal(posted.headers.get('access-control-allow-origin'), page)
    const stream = await subscribe(gateway, 'r', { headers: { origin: page } })
    assert.equal(stream.headers['access-control-allow-origin'], page)
    assert.match(String(stream.headers['access-control-expose-headers']), /Room-Epoch, Room-Resumed-From/)
    stream.close()
  }))

test('other origins get no permission, nor does anybody when the list is empty', async () => {
  await withGateway([page], async (gateway) => {
    for (const origin of ['https://evil.example', 'https://wallet.example.evil', 'http://wallet.example', 'null']) {
      const { headers } = await get(gateway, '/health', origin)
      assert.equal(headers.get('access-control-allow-origin'), null)
      assert.equal(headers.get('vary'), 'Origin')
    }
  })
  await withGateway([], async (gateway) => {
    assert.equal((await get(gateway, '/health', page)).headers.get('access-control-allow-origin'), null)
  })
})

test('* allows every origin', () =>
  withGateway(['*'], async (gateway) => {
    assert.equal((await get(gateway, '/health', page)).headers.get('access-control-allow-origin'), '*')
  }))

test('preflight: methods and the headers a client sends', () =>
  withGateway([page], async (gateway) => {
    const answer = await get(gateway, '/rooms/r/subscribe', page, 'OPTIONS')
    assert.equal(answer.status, 204)
    assert.equal(answer.headers.get('access-control-allow-origin'), page)
    assert.match(String(answer.headers.get('access-control-allow-methods')), /GET, POST/)
    const allowed = String(answer.headers.get('access-control-allow-headers'))
    for (const name of ['Authorization', 'Last-Event-ID', 'Content-Type', 'Idempotency-Key', 'Room-Epoch', 'TTL'])
      assert.ok(allowed.includes(name))
    assert.equal(gateway.status().rooms, 0)
    const refused = await get(gateway, '/rooms/r/subscribe', 'https://evil.example', 'OPTIONS')
    assert.equal(refused.headers.get('access-control-allow-methods'), null)
  }))
