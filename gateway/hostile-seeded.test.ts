/**
 * 1,000 hostile requests from a seed, over real connections: none ends the process, learns anything of the inside, changes
 * what two honest parties see in the room next to it, or leaves anything behind. HOSTILE_SEED=n repeats a run.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { secretFile } from './auth/testing.ts'
import { subscribe, testGateway, until } from './testing/client.ts'
import { dice, HOSTILE_KINDS, hostileRequest } from './testing/hostile-requests.ts'
import { playHostile, runHostile } from './testing/hostile-run.ts'

const SEED = Number(process.env['HOSTILE_SEED'] ?? 20_261_124)
const SETTINGS = {
  'limits.rooms': 100,
  'limits.body_bytes': 4096,
  'limits.room_idle_seconds': 60,
  'limits.keep_alive_seconds': 1,
}

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** After everything that is waiting to be collected has been. */
async function heapBytes(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    await new Promise((resolve) => setTimeout(resolve, 20))
    collect()
  }
  return process.memoryUsage().heapUsed
}

const sockets = () => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length

test('1,000 hostile requests', { timeout: 60_000 }, async () => {
  let nowMs = 0
  const timeouts = { requestMs: 1_000, headersMs: 700, checkMs: 100 }
  const gateway = await testGateway(SETTINGS, { clock: { nowMs: () => nowMs }, timeouts })
  const allForgotten = async () => {
    await until(() => gateway.status().subscribers === 0, 'all streams have gone', 20_000)
    nowMs += 60_000
    gateway.sweep()
    assert.deepEqual(gateway.status(), { rooms: 0, subscribers: 0, bytes: 0 }, 'nothing stays behind')
  }
  // Once for what is only made at the first request.
  await runHostile(gateway, { seed: SEED + 1, requests: 100 })
  await allForgotten()
  const before = await heapBytes()
  const answers = await runHostile(gateway, { seed: SEED, requests: 1_000 })

  const kinds = new Map<string, number>()
  for (const { request } of answers) kinds.set(request.kind, (kinds.get(request.kind) ?? 0) + 1)
  for (const kind of HOSTILE_KINDS) {
    assert.ok((kinds.get(kind) ?? 0) >= 15, `the seed has enough of each kind: ${JSON.stringify([...kinds])}`)
  }
  const statuses = new Map<string, number>()
  for (const { text } of answers) {
    const status = text === '' ? 'closed' : text.slice(9, 12)
    statuses.set(status, (statuses.get(status) ?? 0) + 1)
  }
  for (const status of ['closed', '200', '400', '404', '405', '408', '413', '431']) {
    assert.ok((statuses.get(status) ?? 0) > 0, `the seed reaches ${status}: ${JSON.stringify([...statuses])}`)
  }

  await allForgotten()
  const growth = (await heapBytes()) - before
  assert.ok(growth < 20_000_000, `the heap has grown by ${growth} bytes`)
  await gateway.close()
  await until(() => sockets() === 0, 'no connection is left', 10_000)
})

/** What is to be among the requests, as the bytes show it. */
const SPOKEN: readonly (readonly [string, RegExp])[] = [
  ['paths and percent-encoding', /\/rooms\/[^ ]*%(?:00|2f|252e|c0|2e)/i],
  ['headers', /\r\nX[0-9]*: |Last-Event-ID|Room-Epoch/],
  ['huge ids', /\d{20,}|x{1000,}/],
  ['control characters', /[^\P{Cc}\r\n\t]|%0a|%00/u],
  ['lengths that lie', /Content-Length: (?:1000000000000|9007199254740992|9{30})/],
  ['invalid UTF-8', /\xff\xfe|\xc0\x80|\xed\xa0\x80/],
  ['field injection', /EVIL[\n\r]+(?:event|id|data|retry)?:/],
]

test('each sort of trick is among them, by the bytes that go out', () => {
  const draw = dice(SEED)
  const requests = Array.from({ length: 1_000 }, () => hostileRequest(draw))
  const bytes = requests.map(({ steps }) =>
    steps.map((step) => (step.kind === 'write' ? step.bytes.toString('latin1') : '')).join(''),
  )
  for (const [what, pattern] of SPOKEN) {
    const count = bytes.filter((text) => pattern.test(text)).length
    assert.ok(count >= 10, `${what}: ${count}`)
  }
  const has = (kind: 'end' | 'reset' | 'pause') =>
    requests.filter(({ steps }) => steps.some((s) => s.kind === kind)).length
  for (const kind of ['end', 'reset', 'pause'] as const) assert.ok(has(kind) >= 50, `${kind}: ${has(kind)}`)
})

test('300 hostile requests where a token is needed: none gets in, and who has one notices nothing', {
  timeout: 60_000,
}, async () => {
  const sha256 = createHash('sha256').update('honest-token').digest('hex')
  const file = secretFile(
    JSON.stringify([{ name: 'honest', sha256, rights: ['subscribe', 'publish'], rooms: ['honest'] }]),
  )
  const timeouts = { requestMs: 1_000, headersMs: 700, checkMs: 100 }
  const gateway = await testGateway(
    { ...SETTINGS, 'auth.mode': 'token', 'auth.token_file': file, 'limits.denial_burst': 20 },
    { timeouts },
  )
  const headers = { authorization: 'Bearer honest-token' }
  const say = (body: string) => fetch(`${gateway.url}/rooms/honest/broadcast`, { method: 'POST', body, headers })
  const stream = await subscribe(gateway, 'honest', { headers })
  assert.equal((await say('before')).status, 200)
  const answers = await playHostile(gateway, { seed: SEED + 2, requests: 300 })
  for (const { request, text } of answers) {
    const status = text === '' ? 'closed' : text.slice(9, 12)
    assert.notEqual(
      status,
      '200',
      `${request.kind}: ${JSON.stringify(request.steps).slice(0, 200)} -> ${text.slice(0, 200)}`,
    )
  }
  assert.ok(
    answers.some(({ text }) => text.startsWith('HTTP/1.1 429 ')),
    'after 20 refusals no more is looked at',
  )
  assert.equal((await say('after')).status, 200, 'a token that was good at this address goes on')
  assert.deepEqual(
    (await stream.atLeast(2)).map(({ data }) => data),
    ['before', 'after'],
  )
  assert.equal(gateway.status().rooms, 1, 'and nobody has made a room')
  stream.close()
  await gateway.close()
})
