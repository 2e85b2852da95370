/** Whatever a service could say or write asks for the lease at the last moment. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { AuditError, openAuditLog } from '../../config/audit/writer.ts'
import { Hub } from '../../participant/exchange/hub.ts'
import { connectGateway, StateError, TransportError } from '../../participant/index.ts'
import { testApi } from '../api/testing.ts'
import { guardAudit, guardFetch, guardGateway, guardKeystore } from './guard.ts'

const folder = mkdtempSync(join(tmpdir(), 'guard-'))
after(() => rmSync(folder, { recursive: true }))

const isOver = (e: unknown) => e instanceof TransportError && e.message === 'the lease of this service is over'

test('no request goes to the gateway, one that is tried again neither', async () => {
  let [requests, isHeld] = [0, true]
  const server = createServer((_, response) => {
    requests += 1
    isHeld = false
    response.writeHead(503).end()
  }).listen(0, '127.0.0.1')
  after(() => server.close())
  await new Promise((resolve) => server.once('listening', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const gateway = connectGateway({ url, fetch: guardFetch({ isHeld: () => isHeld }) })
  await assert.rejects(gateway.post('room', Uint8Array.of(1), { deadlineMs: 1_500 }), TransportError)
  assert.equal(requests, 1)
  await assert.rejects(gateway.health(), TransportError)
  assert.equal(requests, 1)
})

test('nothing is said in rooms of this process', async () => {
  let isHeld = true
  const hub = new Hub()
  const gateway = guardGateway({ isHeld: () => isHeld }, hub.gateway)
  const room = gateway.openRoom('room')
  const heard: number[] = []
  hub.gateway.openRoom('room').subscribe(
    (packet) => heard.push(packet[0] ?? 0),
    () => undefined,
  )
  await room.post(Uint8Array.of(1))
  await gateway.post('room', Uint8Array.of(2))
  isHeld = false
  await assert.rejects(room.post(Uint8Array.of(3)), isOver)
  await assert.rejects(gateway.post('room', Uint8Array.of(4)), isOver)
  await gateway.health()
  assert.ok(!heard.includes(3) && !heard.includes(4), 'what came after the end')
  hub.close()
})

test('nothing is written into the record, which another may have by now', async () => {
  let isHeld = true
  const path = join(folder, 'audit.jsonl')
  const audit = guardAudit({ isHeld: () => isHeld }, await openAuditLog(path))
  await audit.append('allowed', {})
  isHeld = false
  await assert.rejects(audit.append('allowed', {}), AuditError)
  await assert.rejects(audit.reopen(), AuditError)
  await audit.close()
  assert.equal(readFileSync(path, 'utf8').trim().split('\n').length, 1)
  assert.equal(audit.head.seq, 1)
})

test('no share is added or removed', async () => {
  let isHeld = true
  const done: string[] = []
  const keystore = guardKeystore(
    { isHeld: () => isHeld },
    { add: async () => void done.push('add'), remove: async () => void done.push('remove') },
  )
  await keystore.add(new Map())
  await keystore.remove([])
  isHeld = false
  await assert.rejects(keystore.add(new Map()), StateError)
  await assert.rejects(keystore.remove([]), StateError)
  assert.deepEqual(done, ['add', 'remove'])
})

test('an answer over HTTP that was ready before is not given after', async () => {
  let isHeld = true
  const api = await testApi({}, undefined, () => isHeld)
  const ask = () => api.post('/v1/getPublicKey', { account: 'main' })
  assert.equal((await ask()).status, 200)
  isHeld = false
  const response = await ask()
  assert.equal(response.status, 503)
  const { requestId, error } = (await response.json()) as { requestId: string; error: { code: string } }
  assert.equal(error.code, 'UNAVAILABLE')
  assert.match(requestId, /^[0-9a-f-]{36}$/)
})
