/**
 * The programs with a keystore as processes: passphrase, identity, data keys and shares are looked for in all that they
 * print, in their command lines and environments, and in every file that they leave.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { closeSync, openSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { generateX25519Identity, identityToRecipient } from 'age-encryption'
import { parseKeyShares } from '../participant/index.ts'
import { Canaries } from './hostile/canary.ts'
import { addShare } from './hostile/secrets.ts'
import { KMS_ENV, startKms, type TestKms } from './kms-server.ts'
import { logLine, PROGRAM_ENV, type Program, until, Workplace } from './programs-testing.ts'

const PASSPHRASE = 'correct-horse-battery-staple-0123456789'
const place = new Workplace()
const canaries = new Canaries()
let kms: TestKms

before(async () => {
  await place.deal(['client', 'service'], 2, ['main'])
  kms = await startKms(['alpha'])
  for (const name of ['client', 'service']) {
    const shares = parseKeyShares(readFileSync(place.path(`${name}_key_shares.json`), 'utf8'))
    for (const share of shares.values()) addShare(canaries, share)
  }
  canaries.add('passphrase', new TextEncoder().encode(PASSPHRASE))
})
after(async () => {
  await kms.close()
  place.close()
})

const record: Buffer[] = []

/** Runs to the end, with the passphrase on descriptor 3; keeps what it printed and what others could see of it. */
async function run(
  program: Program,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<number> {
  const fd = openSync(place.path('passphrase'), 'r')
  const main = join(import.meta.dirname, '..', program, 'main.ts')
  const child = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), main, ...args], {
    cwd: place.folder,
    env: { ...PROGRAM_ENV, ...env },
    stdio: ['ignore', 'pipe', 'pipe', fd],
  })
  closeSync(fd)
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => record.push(chunk))
  if (process.platform === 'linux') {
    for (const name of ['cmdline', 'environ']) record.push(readFileSync(`/proc/${child.pid}/${name}`))
  }
  return new Promise((resolve) => child.on('close', (code) => resolve(code ?? -1)))
}

function filesIn(folder: string): Buffer[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name)))
}

test('no secret is printed, named to the process list, or left in a sealed folder', async () => {
  writeFileSync(place.path('passphrase'), `${PASSPHRASE}\n`, { mode: 0o600 })
  writeFileSync(place.path('wrong'), 'wrong-horse-battery-staple', { mode: 0o600 })
  const identity = await generateX25519Identity()
  canaries.addRaw('identity', Buffer.from(identity.slice(20, 52)))
  writeFileSync(place.path('identity'), `${identity}\n`, { mode: 0o600 })
  const shares = ['--key-shares', 'service_key_shares.json']

  const sealP = ['seal', ...shares, '--keystore', 'p', '--passphrase-fd', '3']
  const sealA = [
    'seal',
    ...shares,
    '--keystore',
    'a',
    '--age-recipient',
    await identityToRecipient(identity),
    '--age-identity-file',
    'identity',
  ]
  const sealK = ['seal', ...shares, '--keystore', 'k', '--kms-key-id', 'alpha', '--kms-endpoint', kms.url]
  const [p, a, k] = await Promise.all([run('key-gen', sealP), run('key-gen', sealA), run('key-gen', sealK, KMS_ENV)])
  assert.deepEqual([p, a, k], [0, 0, 0], Buffer.concat(record).toString())
  for (const key of kms.dataKeys) canaries.add('data key', key)

  writeFileSync(place.path('p.yaml'), 'keystore: {folder: p, passphrase_file: passphrase}\nlogging: {level: trace}\n')
  writeFileSync(place.path('bad.yaml'), 'keystore: {folder: p, passphrase_file: wrong}\nlogging: {level: trace}\n')
  const k8s = `keystore: {type: kms, folder: k, kms_key_id: alpha, kms_endpoint: "${kms.url}"}\n`
  writeFileSync(place.path('k.yaml'), k8s)
  const codes = await Promise.all([
    run('sign-service', ['p.yaml', '--check-config']),
    run('sign-service', ['bad.yaml', '--check-config']),
    run('sign-service', ['k.yaml', '--check-config'], KMS_ENV),
    run('sign-service', ['doctor', 'bad.yaml', '--offline']),
    run('cli', ['accounts', '--keystore', 'p', '--passphrase-fd', '3']),
  ])
  assert.deepEqual(codes, [0, 2, 0, 1, 0], Buffer.concat(record).toString())

  const sealed = ['p', 'a', 'k'].map((name) => place.path(name)).flatMap(filesIn)
  assert.ok(sealed.length >= 6, 'files and records')
  const readable = [...record, ...sealed]
  assert.deepEqual(canaries.search(readable), [])
  assert.ok(canaries.search([readFileSync(place.path('service_key_shares.json'))]).length > 5, 'they would be found')
  assert.ok(canaries.search([readFileSync(place.path('passphrase'))]).length > 0, 'the passphrase would be found')
})

test('two services on one folder: the second is refused, and after a kill -9 the next one starts', async () => {
  writeFileSync(place.path('p.yaml'), 'keystore: {folder: p, passphrase_file: passphrase}\n')
  const first = place.start('sign-service', ['p.yaml'])
  await logLine(first, 'starting')
  const second = await place.run('sign-service', ['p.yaml'])
  assert.equal(second.exitCode, 6, second.stderr)
  assert.match(second.stderr, /^sign-service: p: in use by process \d+\n$/)
  first.child.kill('SIGKILL')
  await first.ended
  const third = place.start('sign-service', ['p.yaml'])
  await logLine(third, 'starting')
  third.child.kill('SIGTERM')
  assert.equal(await third.ended, 0)
  await until(() => !readdirSync(place.path('p')).some((name) => name.startsWith('lock')), 'the lock to go')
  assert.equal(statSync(place.path('p')).mode & 0o777, 0o700)
})
