/**
 * The log of the whole service, at debug: each line that belongs to a request or a session carries its ids, so that one
 * signature can be followed from the request that asked for it; lines of the daemon itself carry none; and there is
 * nothing in any line that is not on the list.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadServiceConfig } from '../config/load.ts'
import { createLogger } from '../config/logger.ts'
import { LOG_FIELDS, type Log, logOptions } from '../sign-service/log.ts'
import { startService } from '../sign-service/service.ts'
import { deal, type LogLine, payload, type ServiceScene, serviceScene } from './service-scene.ts'

const LIMIT = { timeout: 60_000 }
const OF_THE_DAEMON = ['starting', 'listening', 'serving', 'worker threads', 'http interface', 'closing', 'closed']
const OF_A_SESSION = ['invited', 'signed', 'presigned', 'refused', 'failed']
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

const sign = (scene: ServiceScene, over: 'rooms' | 'http', account = 'main') =>
  scene.client(over).sign({ account, payload: payload('x'), deadlineMs: 20_000 })

/** Lines after these, with what all of them must have. */
function linesSince(scene: ServiceScene, before: number): readonly LogLine[] {
  const lines = scene.lines().slice(before)
  for (const line of lines) {
    const names = Object.keys(line).filter((k) => !['time', 'level', 'name', 'msg'].includes(k))
    for (const name of names) assert.ok((LOG_FIELDS as readonly string[]).includes(name), name)
    if (OF_THE_DAEMON.includes(line.msg)) assert.equal(line.requestId, undefined, JSON.stringify(line))
    else assert.match(String(line.requestId), UUID, JSON.stringify(line))
    if (OF_A_SESSION.includes(line.msg)) assert.match(String(line.session), /^[0-9a-f]{8}$/, JSON.stringify(line))
  }
  return lines
}

const said = (lines: readonly LogLine[], key: 'session' | 'requestId', value: unknown): readonly string[] =>
  lines.filter((line) => line[key] === value).map((line) => line.msg)

/** The connection of the inbox belongs to the daemon: it says so before anybody has asked for anything. */
async function quiet(scene: ServiceScene): Promise<number> {
  for (let i = 0; i < 200 && !scene.lines().some((l) => l.msg === 'serving'); i++) {
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  return scene.lines().length
}

test('over the gateway: each signature has a request id of its own and its session in every line', LIMIT, async () => {
  const scene = await serviceScene()
  const before = await quiet(scene)
  await sign(scene, 'rooms')
  await sign(scene, 'rooms')
  const lines = linesSince(scene, before)
  const signed = lines.filter((line) => line.msg === 'signed')
  assert.equal(new Set(signed.map((l) => l.session)).size, 2)
  assert.equal(new Set(signed.map((l) => l.requestId)).size, 2)
  for (const { session, requestId } of signed) {
    const of = said(lines, 'session', session)
    assert.deepEqual(of, said(lines, 'requestId', requestId), 'the same lines by either id')
    // also those of the connection that the session had to the gateway
    for (const msg of ['invited', 'gateway: open', 'signed']) assert.ok(of.includes(msg), `${msg} in ${of}`)
  }
})

test('from a presignature, and refused', LIMIT, async () => {
  const scene = await serviceScene({ 'policy.accounts': ['main'] })
  const before = await quiet(scene)
  const client = scene.client('rooms')
  await client.prepare({ account: 'main', count: 1, deadlineMs: 20_000 })
  await client.sign({ account: 'main', payload: payload('x'), deadlineMs: 20_000 })
  await assert.rejects(client.sign({ account: 'other', payload: payload('x'), deadlineMs: 20_000 }))
  const lines = linesSince(scene, before)
  for (const msg of ['presigned', 'signed', 'refused']) {
    const line = lines.find((l) => l.msg === msg) ?? assert.fail(msg)
    assert.equal(said(lines, 'session', line.session)[0], 'invited')
  }
})

test('over HTTP: from the id in the answer to the signature', LIMIT, async () => {
  const scene = await serviceScene()
  const before = await quiet(scene)
  await sign(scene, 'http')
  const url = `${scene.service.apiUrl}/v1/sign/start`
  const wrong = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' })
  const lines = linesSince(scene, before)
  const signed = lines.find((l) => l.msg === 'signed') ?? assert.fail('not signed')
  const first = lines.find((l) => l.msg === 'answered' && l['route'] === '/v1/sign/start') ?? assert.fail('no start')
  assert.equal(signed.requestId, first.requestId, 'the session goes on with the id of the request that began it')
  const ofExchange = lines.filter((l) => l['exchange'] === signed['exchange'] && l.msg === 'answered')
  assert.ok(ofExchange.length >= 2, 'start and steps of the same exchange')
  const refused = lines.find((l) => l.msg === 'refused request') ?? assert.fail('no refusal')
  assert.equal(refused.requestId, wrong.headers.get('request-id'))
  assert.deepEqual([refused['status'], refused['code']], [400, 'INVALID_REQUEST'])
})

test('a foreign field does not compile, and is dropped', () => {
  const lines: string[] = []
  const destination = { write: (line: string) => void lines.push(line) }
  const log: Log = createLogger({ name: 'test', level: 'debug', format: 'json', destination, ...logOptions })
  // @ts-expect-error: not on the list
  log.info({ account: 'main', privateKey: 'canary' }, 'said')
  assert.match(lines[0] ?? '', /"account":"main","msg":"said"/)
  assert.ok(!lines.join('').includes('canary'), lines.join(''))
})

test('the program’s own way to start refuses key shares of the level for tests', async () => {
  const config = loadServiceConfig({ cwd: import.meta.dirname, env: {}, flags: {} })
  const logger = createLogger({ name: 'x', level: 'silent', format: 'json', destination: { write: () => undefined } })
  const keyShares = deal().get('service') ?? new Map()
  await assert.rejects(startService({ config, keyShares, logger }), { code: 'USAGE' })
})
