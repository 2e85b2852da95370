/**
 * The service as people run it: a process beside a gateway's, with its HTTP interface, metrics and record turned on. Full
 * size, real shares, real signals.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { verifyAuditLog } from '../config/audit/verify.ts'
import { connectExchange } from '../participant/exchange/client.ts'
import { CGGMP24_3072, connectGateway, createParticipant } from '../participant/index.ts'
import { formatKeyShares } from '../participant/key-share/format.ts'
import { dealTestShares } from '../participant/key-share/testing.ts'
import { hasTestPool, openTestParticipant } from '../participant/signer/testing-participant.node.ts'

const LIMIT = { timeout: 120_000 }
const folder = mkdtempSync(join(tmpdir(), 'daemon-'))
const dealt = dealTestShares({
  parties: ['client', 'service'],
  threshold: 2,
  accounts: ['main', 'second'],
  level: CGGMP24_3072,
})
const children: ChildProcess[] = []
after(() => {
  for (const child of children) child.kill('SIGKILL')
  rmSync(folder, { recursive: true })
})

interface Daemon {
  readonly child: ChildProcess
  readonly log: () => string
  /** The first line of the log that matches. */
  line(pattern: RegExp): Promise<RegExpExecArray>
}

function start(main: string, args: readonly string[]): Daemon {
  const child = spawn(process.execPath, ['--import', 'tsx', main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  children.push(child)
  let text = ''
  const add = (chunk: Buffer): void => {
    text += chunk
  }
  child.stdout.on('data', add)
  child.stderr.on('data', add)
  return {
    child,
    log: () => text,
    async line(pattern) {
      for (const end = Date.now() + 60_000; ; ) {
        const found = pattern.exec(text)
        if (found !== null) return found
        if (child.exitCode !== null || Date.now() > end) throw new Error(`no ${pattern} in: ${text.slice(-2000)}`)
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    },
  }
}

function secretFile(name: string, content: string): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  chmodSync(path, 0o600)
  return path
}

const shareFile = (accounts: readonly string[]) =>
  secretFile(
    'service.json',
    formatKeyShares(new Map([...(dealt.get('service') ?? [])].filter(([id]) => accounts.includes(id)))),
  )

let gateway: string
let service: Daemon
let [api, metrics]: [string, string] = ['', '']
let yaml: (policy: string) => string

before(async () => {
  const broker = start('gateway/main.ts', ['--port', '0'])
  gateway = (await broker.line(/"url":"(http:[^"]+)"/))[1] ?? ''
  yaml = (policy) =>
    secretFile(
      'service.yaml',
      `gateway: { url: "${gateway}" }
server: { port: 0 }
mpc: { key_share_file: "${join(folder, 'service.json')}", state_folder: "${join(folder, 'state')}" }
api: { enabled: true }
metrics: { enabled: true, port: 0 }
policy: ${policy}
performance: { workers: 1 }
`,
    )
  shareFile(['main'])
  service = start('sign-service/main.ts', [yaml('{}')])
  await service.line(/"msg":"serving"/)
  api = (await service.line(/"url":"(http:[^"]+)","msg":"http interface"/))[1] ?? ''
  metrics = (await service.line(/"url":"(http:[^"]+)","msg":"metrics"/))[1] ?? ''
}, LIMIT)

const payload = (text: string) => ({ kind: 'eip191', message: new TextEncoder().encode(text) }) as const
const sign = async (account: string, over: 'rooms' | 'http') => {
  const o =
    over === 'rooms'
      ? connectGateway({ url: gateway })
      : connectExchange({ url: api, purpose: 'sign', start: { account } })
  const client = openTestParticipant({ keyShares: dealt.get('client') ?? new Map(), gateway: o }, createParticipant)
  try {
    return await client.sign({ account, payload: payload(`${account} ${over}`), deadlineMs: 30_000 })
  } finally {
    client.close()
  }
}
const status = async (url: string) => (await fetch(url)).status

test('it signs in rooms and over HTTP, and says so in log, metrics and record', LIMIT, async () => {
  for (const over of ['rooms', 'http'] as const) assert.equal((await sign('main', over)).account, 'main')
  assert.equal(await status(`${api}/readyz`), 200)
  assert.equal(await status(`${metrics}/readyz`), 200)
  const text = await (await fetch(`${metrics}/metrics`)).text()
  const way = hasTestPool ? 'warm' : 'cold'
  assert.match(text, new RegExp(`^sign_service_sign_seconds_count\\{way="${way}"\\} 2$`, 'm'))
  assert.match(text, /^sign_service_accounts_loaded 1$/m)
  assert.ok(!text.includes('main') && !text.includes('client'), 'an account or a party is a label')
  const lines = readFileSync(join(folder, 'state', 'audit', 'audit.jsonl'), 'utf8')
    .trim()
    .split('\n')
  const events = lines.map((line) => (JSON.parse(line) as { event: string }).event)
  assert.deepEqual(events.slice(0, 5), ['started', 'allowed', 'signed', 'allowed', 'signed'])
})

test('SIGHUP: new shares and a new policy count, without a restart', LIMIT, async () => {
  await assert.rejects(sign('second', 'http'))
  shareFile(['main', 'second'])
  yaml('{ accounts: ["second"] }')
  service.child.kill('SIGHUP')
  await service.line(/"accounts":2,"msg":"reloaded"/)
  // a record that was moved away is gone on with
  renameSync(join(folder, 'state', 'audit', 'audit.jsonl'), join(folder, 'state', 'audit', 'first.jsonl'))
  service.child.kill('SIGHUP')
  await service.line(/"msg":"reloaded"[\s\S]*"msg":"reloaded"/)
  assert.equal((await sign('second', 'rooms')).account, 'second')
  assert.equal((await sign('second', 'http')).account, 'second')
  await assert.rejects(sign('main', 'rooms'), (e: Error & { reason?: string }) => e.reason === 'ACCOUNT_NOT_SERVED')
  // what can't be read changes nothing
  writeFileSync(join(folder, 'service.yaml'), 'policy: { accounts: 7 }\n')
  service.child.kill('SIGHUP')
  await service.line(/"msg":"not reloaded; goes on as before"/)
  assert.equal((await sign('second', 'http')).account, 'second')
})

test('SIGTERM: it ends cleanly, and its record holds', LIMIT, async () => {
  service.child.kill('SIGTERM')
  const [code] = (await once(service.child, 'exit')) as [number]
  assert.equal(code, 0, service.log().slice(-2000))
  const { head, problem } = await verifyAuditLog(
    ['first.jsonl', 'audit.jsonl'].map((name) => join(folder, 'state', 'audit', name)),
  )
  assert.equal(problem, undefined)
  assert.ok(head.seq > 8, `${head.seq} lines`)
  // the head of the record is in the log, at the start and at the end
  const told = [...service.log().matchAll(/"head":"(\d+ [0-9a-f]{64})","msg":"record"/g)].map(([, line]) => line)
  assert.match(told[0] ?? '', /^1 /)
  assert.equal(told.at(-1), `${head.seq} ${head.hash}`)
})
