/** Pitfalls of connections that no other test names: 7, 8, 10 and 14. */
import assert from 'node:assert/strict'
import { subscribe as subscribeTo, unsubscribe } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { EventSource } from 'eventsource'
import { loadGatewayConfig } from '../../config/load.ts'
import { post, rawConnection, readAll, subscribe, testGateway, until } from '../testing/client.ts'
import { findProgram, plainNginx } from '../testing/proxies.ts'

const LIMIT = { timeout: 60_000 }

test(
  'pitfall 7: what ends a stream leaves a standard client able to come back: it is a clean end of a 200',
  LIMIT,
  async () => {
    const gateway = await testGateway({ 'limits.stream_seconds': 1 })
    const got: string[] = []
    let opened = 0
    const source = new EventSource(`${gateway.url}/rooms/r/subscribe`)
    source.addEventListener('new-message', ({ lastEventId, data }) => got.push(`${lastEventId} ${String(data)}`))
    source.addEventListener('open', () => {
      opened += 1
    })
    let sent = 0
    while (opened < 3) {
      await post(gateway, 'r', 'broadcast', `m${sent++}`)
      await new Promise((resolve) => setTimeout(resolve, 50))
      assert.notEqual(source.readyState, source.CLOSED, 'it has not given up')
    }
    await until(() => got.length === sent, 'all messages', 20_000)
    assert.deepEqual(
      got,
      Array.from({ length: sent }, (_, i) => `${i} m${i}`),
    )
    source.close()
    // While it closes, too, a stream that is asked for is 200 and ended, never an error status.
    const late = await rawConnection(gateway, 'GET /rooms/r/subscribe HTTP/1.1\r\n')
    await new Promise((resolve) => setTimeout(resolve, 50))
    const closed = gateway.close()
    late.write('Host: h\r\n\r\n')
    assert.match(await readAll(late), /^HTTP\/1\.1 200 [\s\S]*retry: \d+\n\n/)
    await closed
  },
)

test('pitfall 8: by default a comment goes out more often than every 20 s', async () => {
  const { limits } = loadGatewayConfig({ cwd: import.meta.dirname, env: {} })
  assert.ok(limits.keep_alive_seconds <= 20, 'connection.slow.test.ts waits for the comments themselves')
})

test('pitfall 10: nginx as it comes passes each event of 100 bytes on at once', LIMIT, async (t) => {
  const program = findProgram('nginx')
  if (program === undefined) return t.skip('nginx is not installed')
  const gateway = await testGateway()
  const proxy = await plainNginx(program, gateway)
  const stream = await subscribe(proxy, 'r')
  for (let i = 0; i < 4; i++) {
    await post(gateway, 'r', 'broadcast', 'x'.repeat(60))
    // The next is only sent when this one is there: nothing later could push it through a buffer.
    await stream.atLeast(i + 1, 20_000)
  }
  stream.close()
  await gateway.close()
})

test('pitfall 14: connections are without delay (TCP_NODELAY)', async (t) => {
  const sockets: Socket[] = []
  const onSocket = (message: unknown) => sockets.push((message as { socket: Socket }).socket)
  subscribeTo('net.server.socket', onSocket)
  const gateway = await testGateway()
  const stream = await subscribe(gateway, 'r')
  unsubscribe('net.server.socket', onSocket)
  const [socket] = sockets
  // Node has no public way to ask; this is where it notes what it has set.
  const symbol = Object.getOwnPropertySymbols(socket ?? {}).find(({ description }) => description === 'kSetNoDelay')
  if (symbol === undefined) t.skip('this version of Node does not tell')
  else assert.equal((socket as unknown as Record<symbol, unknown>)[symbol], true)
  stream.close()
  await gateway.close()
})
