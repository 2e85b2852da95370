/** The generator against the baseline: it counts what came, and says so when something is wrong. */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { freePort } from '../processes.ts'
import { Load, type LoadOptions } from './load.ts'
import { startServer } from './server.ts'

const RAW = fileURLToPath(new URL('../bench/raw-gateway.ts', import.meta.url))
const SMALL = { streamsPerRoom: 2, bodyBytes: 100, prefix: 'test' }

async function onRaw(use: (o: Pick<LoadOptions, 'port'>) => Promise<void>): Promise<void> {
  const port = await freePort()
  const args = ['--import', 'tsx', RAW, String(port)]
  const server = await startServer({ command: process.execPath, args, cwd: process.cwd(), port })
  try {
    await use({ port })
  } finally {
    await server.stop()
  }
}

test('closed and open loop: every message reaches every stream once, and each has its time', () =>
  onRaw(async ({ port }) => {
    for (const [rooms, lanes] of [
      [1, 4],
      [7, 3],
    ] as const) {
      const load = await Load.open({ ...SMALL, port, rooms, lanes, prefix: `test-${rooms}` })
      assert.ok((await load.closed(300, lanes)) > 0)
      const took = await load.steady(40, 400)
      assert.equal(took.length, 40)
      assert.ok(
        took.every((ms, i) => ms > 0 && ms >= (took[i - 1] ?? 0)),
        'in ascending order',
      )
      const { lost, doubled, outOfOrder, damaged, published, delivered } = load.counts()
      assert.deepEqual([lost, doubled, outOfOrder, damaged, published, delivered], [0, 0, 0, 0, 340, 680])
      load.close()
    }
  }))

test('a refusal and a stream that ends are failures', async () => {
  const server = createServer((incoming, outgoing) => {
    if (incoming.url?.endsWith('/subscribe') === true) outgoing.writeHead(200).write(':\n\n')
    else outgoing.writeHead(409).end('full')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  try {
    const load = await Load.open({ ...SMALL, port, rooms: 1, lanes: 1 })
    await assert.rejects(load.closed(1, 1), /a broadcast was answered with HTTP\/1\.1 409/)
    load.close()
    const other = await Load.open({ ...SMALL, port, rooms: 1, lanes: 0 })
    server.closeAllConnections()
    await assert.rejects(other.closed(1, 0), /a stream was closed/)
    other.close()
  } finally {
    server.closeAllConnections()
    server.close()
  }
})
