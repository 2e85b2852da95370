/** `sign-service doctor`: each thing that can be wrong is made wrong, found, and nothing else is said to be. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { openAuditLog } from '../../config/audit/writer.ts'
import { runIn, testHost } from '../../config/testing.ts'
import { CGGMP24_3072, formatKeyShares, Secret } from '../../participant/index.ts'
import { passphraseMethod } from '../../participant/key-share/seal/passphrase.ts'
import { lockStore } from '../../participant/key-share/seal/store-lock.node.ts'
import { makeSealedFolder, writeSealed } from '../../participant/key-share/seal/write.node.ts'
import { dealTestShares } from '../../participant/key-share/testing.ts'
import { AUTHORITY, startCluster } from '../../test/kubernetes-server.ts'
import { runSignService } from '../program.ts'
import { clockFindings, offSeconds } from './clock.ts'
import { diskFindings } from './files.ts'
import type { Finding } from './finding.ts'

const root = mkdtempSync(join(tmpdir(), 'doctor-'))
after(() => rmSync(root, { recursive: true }))

const shares =
  dealTestShares({ parties: ['client', 'service'], threshold: 2, accounts: ['main'], level: CGGMP24_3072 }).get(
    'service',
  ) ?? assert.fail('no shares')

const template = join(root, 'template')
await makeSealedFolder(template)
{
  const method = passphraseMethod(new Secret(new TextEncoder().encode('correct horse battery')), { logN: 14 })
  const lock = await lockStore(template)
  await writeSealed(shares, { folder: template, levels: [CGGMP24_3072], methods: [], method, lock, force: false })
  await lock.release()
}

let stages = 0
/** A service's folder in which all is well. */
function stage() {
  const folder = join(root, `stage-${stages++}`)
  const keystore = join(folder, 'keystore')
  mkdirSync(folder, { mode: 0o700 })
  cpSync(template, keystore, { recursive: true })
  chmodSync(keystore, 0o700)
  const passphrase = join(folder, 'passphrase')
  writeFileSync(passphrase, 'correct horse battery\n', { mode: 0o600 })
  const config = join(folder, 'config.yaml')
  const plain = join(folder, 'plain.json')
  const mpc = { state_folder: join(folder, 'state'), key_share_file: plain }
  mkdirSync(mpc.state_folder, { mode: 0o700 })
  const lines = { keystore: { folder: keystore, passphrase_file: passphrase }, mpc }
  writeFileSync(config, JSON.stringify(lines))
  const sealed = join(keystore, readdirSync(keystore).find((name) => name.endsWith('.sealed')) ?? '')
  return { folder, keystore, passphrase, config, plain, sealed, state: mpc.state_folder }
}

interface Report {
  readonly ok: boolean
  readonly findings: readonly Finding[]
}

async function doctor(config: string, ...flags: readonly string[]) {
  const ended = await runIn(testHost(['doctor', config, '--json', ...flags]), runSignService)
  const report = JSON.parse(ended.stdout) as Report
  const bad = report.findings.filter((f) => f.status !== 'ok')
  return { ...ended, report, bad: bad.map((f) => `${f.status} ${f.check}: ${f.message}`) }
}

test('where all is well it says so, line by line, and changes nothing', async () => {
  const { config, keystore } = stage()
  const before = readdirSync(keystore)
  const { exitCode, report, bad, stderr } = await doctor(config, '--offline')
  assert.deepEqual(bad, [])
  assert.equal(exitCode, 0)
  assert.equal(stderr, '')
  assert.equal(report.ok, true)
  const checks = report.findings.map((f) => f.check)
  for (const check of [
    'config',
    'folder',
    'disk',
    'file',
    'format',
    'lock',
    'passphrase',
    'open',
    'locks',
    'record',
    'policy',
    'evidence',
  ]) {
    assert.ok(checks.includes(check), check)
  }
  assert.deepEqual(readdirSync(keystore), before)
  const text = await runIn(testHost(['doctor', config, '--offline']), runSignService)
  assert.match(text.stdout, /^ok {4}config: \S+\nok {4}folder: \S+: mode 0700\n/)
})

test('each thing that is wrong is found, alone, with exit code 1', async () => {
  const table: readonly (readonly [string, (s: ReturnType<typeof stage>) => void, readonly RegExp[]])[] = [
    [
      'folder open',
      (s) => chmodSync(s.keystore, 0o750),
      [/^fail folder: .*others can enter it, mode 0750$/, /^fail lock|^fail open/],
    ],
    [
      'file open',
      (s) => chmodSync(s.sealed, 0o644),
      [/^fail file: .*others can use it, mode 0644$/, /^fail (format|open)/],
    ],
    ['passphrase open', (s) => chmodSync(s.passphrase, 0o640), [/^fail passphrase: .*mode 0640$/, /^fail open/]],
    ['no passphrase', (s) => rmSync(s.passphrase), [/^fail passphrase: .*is not there$/, /^fail open/]],
    [
      'wrong passphrase',
      (s) => writeFileSync(s.passphrase, 'x'),
      [/^fail open: .*wrong passphrase, or the file is damaged$/],
    ],
    [
      'newer version',
      (s) => edit(s.sealed, '"version":1', '"version":2'),
      [/^fail format: .*version: expected 1$/, /^fail open/],
    ],
    ['file gone', (s) => rmSync(s.sealed), [/^fail open: .*was here before, and its sealed file is not$/]],
    [
      'rollback',
      (s) => edit(s.sealed, '"epoch":0', '"epoch":1'),
      [/^fail open: .*wrong passphrase, or the file is damaged$/],
    ],
    [
      'plaintext inside',
      (s) => writeFileSync(join(s.keystore, 'a.json'), '{}'),
      [/^fail plaintext: .*a\.json: key shares in the clear\?$/],
    ],
    [
      'state open',
      (s) => mkdirSync(join(s.state, 'locks'), { mode: 0o755 }),
      [/^fail locks: .*others can enter it, mode 0755$/],
    ],
    [
      'state is a file',
      (s) => writeFileSync(join(s.state, 'evidence'), ''),
      [/^fail evidence: .*expected a folder$/, /^fail evidence: .*can't be written to/],
    ],
    ['no folder', (s) => rmSync(s.keystore, { recursive: true }), [/^fail folder: .*is not there$/, /^fail open/]],
    [
      'bad config',
      (s) => writeFileSync(s.config, 'keystore: {passphrase: hunter2}'),
      [/^fail config: .*keystore\.passphrase: unknown key/],
    ],
  ]
  for (const [what, spoil, expected] of table) {
    const s = stage()
    spoil(s)
    const { exitCode, bad, stderr, stdout, report } = await doctor(s.config, '--offline')
    assert.equal(exitCode, 1, what)
    assert.equal(report.ok, false)
    assert.match(stderr, /^sign-service: \d+ of \d+ checks failed\n$/, what)
    for (const each of expected)
      assert.ok(
        bad.some((line) => each.test(line)),
        `${what}: ${bad.join('\n')}`,
      )
    for (const line of bad)
      assert.ok(
        expected.some((each) => each.test(line)),
        `${what}: ${line}`,
      )
    for (const secret of ['hunter2', 'correct horse']) assert.ok(!stdout.includes(secret), what)
  }
})

function edit(path: string, from: string, to: string): void {
  writeFileSync(path, readFileSync(path, 'utf8').replace(from, to))
}

test('what somebody should look at is a warning, and the exit code stays 0', async () => {
  const s = stage()
  writeFileSync(join(s.keystore, '.main.sealed.00ff.tmp'), '')
  writeFileSync(join(s.keystore, 'notes.txt'), '')
  writeFileSync(s.plain, formatKeyShares(shares), { mode: 0o600 })
  const { exitCode, bad } = await doctor(s.config, '--offline')
  assert.equal(exitCode, 0)
  assert.equal(bad.length, 3, bad.join('\n'))
  assert.match(bad.join('\n'), /^warn leftover: .*\.tmp: left by a write that was cut off$/m)
  assert.match(bad.join('\n'), /^warn leftover: .*notes\.txt: is no file of a keystore, and not read$/m)
  assert.match(bad.join('\n'), /^warn plaintext: .*plain\.json: key shares in the clear lie here/m)
})

test('locks of processes that have ended are told', async () => {
  const s = stage()
  const lock = await lockStore(s.keystore)
  const name = readdirSync(s.keystore).find((n) => !readdirSync(template).includes(n)) ?? ''
  await lock.release()
  // nobody listens behind it
  writeFileSync(join(s.keystore, name), '')
  const { exitCode, bad } = await doctor(s.config, '--offline')
  assert.equal(exitCode, 0)
  assert.match(bad.join('\n'), /^warn lock: .*: 1 locks of processes that have ended$/)
})

test('the folder of the record and the file of an age identity are looked at where they are configured', async () => {
  const s = stage()
  const [records, identity] = [join(s.folder, 'records'), join(s.folder, 'identity')]
  mkdirSync(records)
  chmodSync(records, 0o755)
  writeFileSync(identity, 'AGE-SECRET-KEY-')
  chmodSync(identity, 0o640)
  const mpc = { state_folder: s.state, key_share_file: s.plain }
  const keystore = { folder: s.keystore, record_folder: records, age_identity_file: identity }
  writeFileSync(s.config, JSON.stringify({ keystore, mpc }))
  const { exitCode, bad, stdout } = await doctor(s.config, '--offline')
  assert.equal(exitCode, 1)
  assert.match(bad.join('\n'), /^fail records: .*others can enter it, mode 0755$/m)
  assert.match(bad.join('\n'), /^fail age identity: .*others can use it, mode 0640$/m)
  assert.ok(!stdout.includes('AGE-SECRET'))
})

test('it runs beside the service and says who has the folder', async () => {
  const s = stage()
  const lock = await lockStore(s.keystore)
  const { exitCode, report } = await doctor(s.config, '--offline')
  await lock.release()
  assert.equal(exitCode, 0)
  assert.ok(
    report.findings.some((f) => f.message === `${s.keystore}: in use by process ${process.pid}`),
    'the process',
  )
})

test('a plain file and shares from a descriptor', async () => {
  const s = stage()
  writeFileSync(s.plain, formatKeyShares(shares), { mode: 0o640 })
  chmodSync(s.plain, 0o640)
  writeFileSync(s.config, JSON.stringify({ mpc: { key_share_file: s.plain, state_folder: s.state } }))
  const open = await doctor(s.config, '--offline')
  assert.match(open.bad[0] ?? '', /^fail key shares: .*others can use it, mode 0640$/)
  writeFileSync(s.config, JSON.stringify({ keystore: { type: 'memory' }, mpc: { state_folder: s.state } }))
  assert.deepEqual((await doctor(s.config, '--offline')).bad, [])
})

/** A gateway whose clock is off by so many seconds; undefined for one that says no date. */
async function gatewayAt(offset: number | undefined, status = 200) {
  const server = createServer((_, response) => {
    response.sendDate = false
    if (offset !== undefined) response.setHeader('date', new Date(Date.now() + 1000 * offset).toUTCString())
    response.writeHead(status).end('{}')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => new Promise((resolve) => server.close(resolve)),
  }
}

test('the clock is compared with the gateway, whatever it answers', async () => {
  const table: readonly (readonly [number | undefined, number, RegExp])[] = [
    [0, 200, /^ok clock: agrees with the gateway's$/],
    [0, 401, /^ok clock: agrees with the gateway's$/],
    [100, 200, /^fail clock: is (9\d|10[01]) s behind the gateway's$/],
    [-100, 200, /^fail clock: is (9\d|1\d\d) s ahead of the gateway's$/],
    [20, 200, /^warn clock: is (1\d|2[01]) s behind the gateway's$/],
    [undefined, 200, /^warn clock: \S+: says no date/],
  ]
  for (const [offset, status, expected] of table) {
    const { url, close } = await gatewayAt(offset, status)
    const [reached, clock] = await clockFindings(url)
    await close()
    assert.equal(reached?.status, 'ok')
    assert.match(`${clock?.status} ${clock?.check}: ${clock?.message}`, expected)
  }
  const gone = await gatewayAt(0)
  await gone.close()
  assert.deepEqual(
    (await clockFindings(gone.url)).map((f) => f.status),
    ['fail'],
  )
  assert.equal(offSeconds(10_000, 10_200, 10_900), 0, 'within the second that the header was cut to')
  assert.equal(offSeconds(10_000, 12_000, 30_000), 1, 'a slow answer proves little')
  assert.equal(offSeconds(10_000, 1_000, 4_000), -6)
})

test('the gateway is asked unless it is left out', async () => {
  const s = stage()
  const { url, close } = await gatewayAt(100)
  const content = JSON.parse(readFileSync(s.config, 'utf8')) as object
  writeFileSync(s.config, JSON.stringify({ ...content, gateway: { url } }))
  const { bad, exitCode } = await doctor(s.config)
  await close()
  assert.equal(exitCode, 1)
  assert.match(bad.join('\n'), /^fail clock: is \d+ s behind the gateway's$/)
})

test('room on the disk: too little fails, little warns', () => {
  const of = (free: number, filesLeft: number) => diskFindings('disk', 'd', { free, filesLeft })[0]?.status
  const MB = 1024 * 1024
  assert.equal(of(15 * MB, 10_000), 'fail')
  assert.equal(of(17 * MB, 10_000), 'warn')
  assert.equal(of(300 * MB, 10_000), 'ok')
  assert.equal(of(300 * MB, 0), 'fail')
  assert.equal(of(300 * MB, 999), 'warn')
  assert.equal(of(300 * MB, Number.POSITIVE_INFINITY), 'ok')
})

test('the record: its folder, its file, and whether it is whole', async () => {
  const { config, state } = stage()
  const path = join(state, 'audit', 'audit.jsonl')
  const log = await openAuditLog(path)
  for (const account of ['one', 'two']) await log.append('signed', { account })
  await log.close()
  const { report, bad } = await doctor(config, '--offline')
  assert.deepEqual(bad, [])
  assert.ok(report.findings.some((f) => f.check === 'record' && f.message === `${path}: whole, 2 lines`))
  const lines = readFileSync(path, 'utf8')
  writeFileSync(path, lines.replace('one', 'ten'))
  chmodSync(path, 0o644)
  const wrong = await doctor(config, '--offline')
  assert.equal(wrong.exitCode, 1)
  assert.match(wrong.bad[0] ?? '', /^fail record: .*others can use it, mode 0644$/)
  assert.match(wrong.bad[1] ?? '', /^fail record: .*line 1: changed$/)
  // the files before were moved away
  writeFileSync(path, lines.slice(lines.indexOf('\n') + 1))
  chmodSync(path, 0o600)
  assert.deepEqual((await doctor(config, '--offline')).bad, [])
})

test('the policy: its file, its key, its state', async () => {
  const { config, folder, state } = stage()
  const file = join(folder, 'policy.yaml')
  const key = join(folder, 'permit.key')
  writeFileSync(
    file,
    'version: 1\nrules:\n  - { name: a, accounts: any, callers: any, kinds: [bytes], permit: true }\n',
  )
  writeFileSync(key, `${'ab'.repeat(32)}\n`, { mode: 0o600 })
  const before = JSON.parse(readFileSync(config, 'utf8')) as object
  const put = (policy: object) => writeFileSync(config, JSON.stringify({ ...before, policy }))
  put({ file })
  assert.match((await doctor(config, '--offline')).bad.join(), /^fail policy: policy\.permit_key_file: expected, since/)
  put({ file, permit_key_file: key })
  assert.deepEqual((await doctor(config, '--offline')).bad, [])
  mkdirSync(join(state, 'policy'), { mode: 0o755 })
  chmodSync(join(state, 'policy'), 0o755)
  assert.match((await doctor(config, '--offline')).bad.join(), /^fail policy state: .*others can enter it, mode 0755$/)
  writeFileSync(file, 'version: 1\nrules:\n  - { name: a, kinds: [nonsense] }\n')
  assert.match((await doctor(config, '--offline')).bad.join(), /^fail policy: .*policy\.yaml/)
})

test('the lease: who has it, and what keeps us from asking', async () => {
  const { config, folder } = stage()
  const cluster = await startCluster()
  after(() => cluster.close())
  const lease = { type: 'kubernetes', api_url: cluster.url, credentials_folder: folder }
  writeFileSync(config, JSON.stringify({ ...(JSON.parse(readFileSync(config, 'utf8')) as object), lease }))
  const said = async (...flags: string[]) =>
    (await doctor(config, ...flags)).report.findings.filter((f) => f.check === 'lease').map((f) => f.message)
  assert.match((await said('--offline')).join(), /^lease\.credentials_folder: .*namespace: no such file$/)
  writeFileSync(join(folder, 'namespace'), 'wallets')
  writeFileSync(join(folder, 'token'), 'token-1')
  writeFileSync(join(folder, 'ca.crt'), AUTHORITY)
  assert.deepEqual(await said('--offline'), ['wallets/sign-service: token and authority can be read'])
  assert.deepEqual(await said(), ['wallets/sign-service: nobody had it yet'])
  cluster.put('sign-service', { holderIdentity: 'pod_1' })
  assert.deepEqual(await said(), ['wallets/sign-service: held by pod_1'])
  cluster.behave(403)
  assert.deepEqual(await said(), ['wallets/sign-service: refused with status 403'])
})
