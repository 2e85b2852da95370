/**
 * Services with one party's shares on two machines (folders that share nothing), held apart by a lease: real processes, a
 * real gateway, and an API server that speaks the protocol of leases. Whoever was stopped, killed or cut off does not sign
 * once another may.
 */
import assert from 'node:assert/strict'
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { AUTHORITY, startCluster, type TestCluster } from './kubernetes-server.ts'
import { linesOf, logLine, type Run, until, Workplace } from './programs-testing.ts'

const LIMIT = { timeout: 300_000 }
const [DURATION, DEADLINE] = [15, 12]

const place = new Workplace()
let cluster: TestCluster
let gateway: Run & { readonly url: string }

before(async () => {
  await place.deal(['client', 'service'], 2, ['main'])
  cluster = await startCluster()
  gateway = await place.startGateway()
  mkdirSync(place.path('cluster'))
  writeFileSync(place.path('cluster/token'), 'token-1')
  writeFileSync(place.path('cluster/ca.crt'), AUTHORITY)
  writeFileSync(place.path('cluster/namespace'), 'wallets')
}, LIMIT)
after(async () => {
  place.close()
  await cluster.close()
})

/** The arguments of a service on a machine of its own. */
function machine(name: string, waitSeconds: number): readonly string[] {
  mkdirSync(place.path(name), { recursive: true })
  cpSync(place.path('service_key_shares.json'), place.path(`${name}/shares.json`))
  const file = place.path(`${name}/service.yaml`)
  writeFileSync(
    file,
    `gateway: { url: "${gateway.url}" }
server: { port: 0 }
api: { enabled: true }
metrics: { enabled: true, port: 0 }
mpc: { key_share_file: "${place.path(name)}/shares.json", state_folder: "${place.path(name)}/state" }
performance: { workers: 1 }
lease:
  type: kubernetes
  api_url: "${cluster.url}"
  credentials_folder: "${place.path('cluster')}"
  duration_seconds: ${DURATION}
  renew_deadline_seconds: ${DEADLINE}
  renew_seconds: 1
  wait_seconds: ${waitSeconds}
`,
  )
  return [file]
}
const start = (name: string, waitSeconds = 200): Run => place.start('sign-service', machine(name, waitSeconds))
const said = (run: Run, msg: string): number => linesOf(run.output.stdout).filter((line) => line.msg === msg).length
const recordOf = (name: string): string => readFileSync(place.path(`${name}/state/audit/audit.jsonl`), 'utf8')
const holder = (): string => cluster.lease('sign-service')?.spec.holderIdentity ?? ''

/** In a process of its own: proofs here would keep the cluster from answering. */
async function sign(): Promise<void> {
  const args = ['--gateway', gateway.url, '--account', 'main', '--message', 'hello', '--deadline', '60']
  const { exitCode, stderr } = await place.run('cli', ['sign', ...args])
  assert.equal(exitCode, 0, stderr)
}

let [one, two]: [Run | undefined, Run | undefined] = [undefined, undefined]
const running = (run: Run | undefined): Run => run ?? assert.fail('the test before failed')

test('of two that are started on one lease, one serves', LIMIT, async () => {
  one = start('one')
  await logLine(one, 'serving')
  two = start('two')
  await logLine(two, 'lease: waiting')
  await sign()
  await until(() => said(running(one), 'signed') === 1, 'its end in the log')
  assert.equal(said(two, 'starting'), 0, 'the other has not begun')
  assert.ok(!existsSync(place.path('two/state')), 'and has opened nothing')
  const { url } = await logLine(one, 'metrics')
  const page = await (await fetch(`${String(url)}/metrics`)).text()
  assert.match(page, /^sign_service_lease_held 1$/m)
  assert.match(page, /^sign_service_lease_renewals_total\{result="ok"\} [1-9]/m)
})

test('a third one that does not wait ends with 7 and says who has it; a check takes nothing', LIMIT, async () => {
  const third = await place.run('sign-service', machine('three', 0))
  assert.equal(third.exitCode, 7)
  assert.equal(third.stderr, `sign-service: lease wallets/sign-service: held by ${JSON.stringify(holder())}\n`)
  const before = holder()
  const checked = await place.run('sign-service', ['--check-config', ...machine('three', 0)])
  assert.deepEqual([checked.exitCode, holder()], [0, before], checked.stderr)
  const doctor = await place.run('sign-service', ['doctor', ...machine('three', 0)])
  assert.match(doctor.stdout, new RegExp(`^ok {4}lease: wallets/sign-service: held by ${before}$`, 'm'))
})

test(
  'stopped for longer than its lease: the other takes over, and the first, continued, signs nothing and ends',
  LIMIT,
  async () => {
    const [first, second] = [running(one), running(two)]
    const { url } = await logLine(first, 'http interface')
    const recorded = recordOf('one')
    first.child.kill('SIGSTOP')
    const stoppedMs = performance.now()
    await logLine(second, 'serving')
    assert.ok(performance.now() - stoppedMs > 1000 * (DURATION - 2), 'not before its time')
    // both are subscribed to the same inbox: the invitation waits for the first one as well, and so does this request
    const request = fetch(`${String(url)}/v1/getPublicKey`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ account: 'main' }),
    }).then(
      (response) => response.status,
      () => 'no answer',
    )
    await sign()
    await until(() => said(second, 'signed') === 1, 'its end in the log')
    first.child.kill('SIGCONT')
    assert.equal(await first.ended, 7)
    assert.match(first.output.stderr, /^sign-service: the lease was lost: .+; another service may have it now\n$/)
    assert.equal(said(first, 'signed'), 1, 'nothing more')
    assert.equal(said(first, 'lease: lost'), 1)
    assert.equal(recordOf('one'), recorded, 'nothing was decided, and nothing written')
    assert.notEqual(await request, 200)
    await sign()
  },
)

test(
  'killed: the next one has it when its time is over, and gives it back when it is asked to end',
  LIMIT,
  async () => {
    const second = running(two)
    const third = start('three')
    await logLine(third, 'lease: waiting')
    second.child.kill('SIGKILL')
    const killedMs = performance.now()
    await logLine(third, 'serving')
    assert.ok(performance.now() - killedMs > 1000 * (DURATION - 2), 'not before its time')
    await sign()
    third.child.kill('SIGTERM')
    assert.equal(await third.ended, 0, third.output.stderr)
    assert.equal(holder(), '', 'for anybody to take')
    const fourth = await place.run('sign-service', ['--check-config', ...machine('four', 0)])
    assert.equal(fourth.exitCode, 0)
  },
)

test('cut off from the API: it ends before another may take its lease', LIMIT, async () => {
  const run = start('five', 0)
  await logLine(run, 'serving')
  const renewals = () => cluster.requests.filter((r) => r.startsWith('PUT')).length
  const before = renewals()
  await until(() => renewals() > before, 'a renewal')
  const lastMs = performance.now()
  cluster.behave('down')
  assert.equal(await run.ended, 7)
  const afterMs = performance.now() - lastMs
  assert.ok(afterMs < 1000 * DURATION, `it took ${afterMs} ms`)
  assert.ok(afterMs > 1000 * (DEADLINE - 2), 'it tried as long as it could')
  assert.match(run.output.stderr, /^sign-service: the lease was lost: not renewed in time; /)
  cluster.behave('well')
  const files = machine('six', 0)
  writeFileSync(place.path('cluster/token'), 'two words')
  const checked = await place.run('sign-service', ['--check-config', ...files])
  assert.equal(checked.exitCode, 2)
  assert.match(checked.stderr, /lease\.credentials_folder: .*token: expected one token and nothing else/)
})
