/** The short way answers as the long one does. `%72` is an r, which only the long way decodes. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rawConnection, readAll, subscribe, type TestGateway, testGateway, until } from '../testing/client.ts'

const SHORT = '/rooms/r'
const LONG = '/rooms/%72'

/** The answer without what differs between any two. */
async function answer(gateway: TestGateway, request: string): Promise<string> {
  const connection = await rawConnection(gateway, request)
  return (await readAll(connection))
    .replace(/^(date|request-id|event-id): .*\r\n/gim, '')
    .replace(/"unique_idx":\d+/, '')
    .replace(/^retry: \d+$/m, 'retry')
    .split('\r\n')
    .sort()
    .join('\n')
}

function post(head: string, body = 'hello'): (room: string) => string {
  return (room) =>
    `POST ${room}/broadcast HTTP/1.1\r\nHost: h\r\nConnection: close\r\n${head}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
}

const REQUESTS: Readonly<Record<string, (room: string) => string>> = {
  'a message': post(''),
  'a message with everything': post('TTL: 5\r\nIdempotency-Key: k\r\nOrigin: https://page.example\r\n'),
  'a TTL that is none': post('TTL: soon\r\n'),
  'a key that is none': post('Idempotency-Key: a b\r\n'),
  'a body with CR': post('', 'a\rb'),
  'a body that is too large': post('', 'x'.repeat(101)),
  'a token that is none': post('Authorization: Basic abc\r\n'),
  'a host that is none': (room) => post('')(room).replace('Host: h', 'Host: a b'),
  'another method': (room) => post('')(room).replace('POST', 'PUT'),
  'an id that is none': (room) =>
    `GET ${room}/subscribe HTTP/1.1\r\nHost: h\r\nLast-Event-ID: x\r\nConnection: close\r\n\r\n`,
  HEAD: (room) => `HEAD ${room}/subscribe HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`,
}

for (const level of ['info', 'debug'] as const) {
  test(`a plain request and one that needs the router get the same answer, and the same line in the log (${level})`, async () => {
    const gateway = await testGateway({
      'logging.level': level,
      'limits.body_bytes': 100,
      'server.cors_origins': ['https://page.example'],
    })
    for (const [what, request] of Object.entries(REQUESTS)) {
      const lines = (): readonly string[] =>
        gateway.logs
          .filter((line) => /"msg":"(refused|answered)"/.test(line))
          .map((line) => {
            const { method, route, status, code } = JSON.parse(line)
            return JSON.stringify({ method, route, status, code })
          })
      const begin = lines().length
      const short = await answer(gateway, request(SHORT))
      await new Promise((resolve) => setTimeout(resolve, 20))
      const middle = lines().length
      const long = await answer(gateway, request(LONG))
      await until(() => lines().length - middle === middle - begin, `${what}: as many lines as before`)
      assert.equal(short, long, what)
      assert.deepEqual(lines().slice(begin, middle), lines().slice(middle), what)
    }
    await gateway.close()
  })
}

test('a stream that was opened the one way gets what was sent the other', async () => {
  const gateway = await testGateway({ 'logging.level': 'info' })
  const [short, long] = [await subscribe(gateway, 'r'), await subscribe(gateway, '%72')]
  await answer(gateway, post('', 'one')(SHORT))
  await answer(gateway, post('', 'two')(LONG))
  for (const stream of [short, long]) {
    assert.deepEqual(
      (await stream.atLeast(2)).map((event) => event.data),
      ['one', 'two'],
    )
    assert.equal(stream.headers['content-type'], 'text/event-stream')
    assert.equal(stream.headers['transfer-encoding'], undefined, 'one write an event')
    assert.equal(stream.headers.connection, 'close')
    stream.close()
  }
  await gateway.close()
})
