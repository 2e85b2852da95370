/** The client with sealed key shares: by file, descriptor, identity, and typed on a real terminal. */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { generateX25519Identity, identityToRecipient } from 'age-encryption'
import { runIn, testHost } from '../config/testing.ts'
import { CGGMP24_3072, Secret } from '../participant/index.ts'
import { ageMethod } from '../participant/key-share/seal/age.ts'
import type { SealingMethod } from '../participant/key-share/seal/method.ts'
import { passphraseMethod } from '../participant/key-share/seal/passphrase.ts'
import { lockStore } from '../participant/key-share/seal/store-lock.node.ts'
import { makeSealedFolder, writeSealed } from '../participant/key-share/seal/write.node.ts'
import { dealTestShares } from '../participant/key-share/testing.ts'
import { runWalletMpc } from './program.ts'

const root = mkdtempSync(join(tmpdir(), 'cli-keystore-'))
after(() => rmSync(root, { recursive: true }))

const PASSPHRASE = 'correct horse battery'
const shares =
  dealTestShares({ parties: ['client', 'service'], threshold: 2, accounts: ['main'], level: CGGMP24_3072 }).get(
    'client',
  ) ?? assert.fail('no shares')
const levels = [CGGMP24_3072]

async function sealed(name: string, method: SealingMethod): Promise<string> {
  const folder = join(root, name)
  await makeSealedFolder(folder)
  const lock = await lockStore(folder)
  await writeSealed(shares, { folder, levels, methods: [], method, lock, force: false })
  await lock.release()
  return folder
}

const identity = await generateX25519Identity()
const bytes = new Secret(new TextEncoder().encode(PASSPHRASE))
const folder = await sealed('passphrase-store', passphraseMethod(bytes, { logN: 14 }))
const ageFolder = await sealed('age-store', ageMethod({ recipients: [await identityToRecipient(identity)] }))
const file = (name: string, content: string): string => {
  const path = join(root, name)
  writeFileSync(path, content, { mode: 0o600 })
  return path
}
const passphraseFile = file('passphrase', `${PASSPHRASE}\n`)
const identityFile = file('identity', identity)
const empty = file('empty.yaml', '')

const accounts = (argv: readonly string[], stdin = '') =>
  runIn(testHost(['accounts', '--json', '--config', empty, ...argv], { stdin }), runWalletMpc)

test('sealed shares open by file, descriptor, identity or configuration, and are only read', async () => {
  const before = readdirSync(folder)
  const config = file('client.yaml', JSON.stringify({ keystore: { folder, passphrase_file: passphraseFile } }))
  const table: readonly (readonly [readonly string[], string])[] = [
    [['--keystore', folder, '--passphrase-file', passphraseFile], ''],
    [['--keystore', folder, '--passphrase-fd', '0'], `${PASSPHRASE}\n`],
    [['--keystore', ageFolder, '--age-identity-file', identityFile], ''],
  ]
  const lock = await lockStore(folder)
  for (const [argv, stdin] of table) {
    const { exitCode, stdout, stderr } = await accounts(argv, stdin)
    assert.equal(exitCode, 0, stderr)
    assert.equal((JSON.parse(stdout) as { account: string }[])[0]?.account, 'main')
  }
  await lock.release()
  const configured = await runIn(testHost(['accounts', '--config', config]), runWalletMpc)
  assert.equal(configured.exitCode, 0, configured.stderr)
  assert.deepEqual(readdirSync(folder), before)
})

test('mistakes are one line that names the flag and quotes nothing', async () => {
  const wrong = file('wrong', 'hunter2 hunter2')
  const table: readonly (readonly [readonly string[], RegExp])[] = [
    [['--keystore', folder], /^wallet-mpc: passphrase: there is no terminal to ask for it on\nhint: --passphrase-file/],
    [['--keystore', folder, '--passphrase-file', wrong], /sealed: wrong passphrase, or the file is damaged\n$/],
    [
      ['--keystore', ageFolder, '--passphrase-file', wrong],
      /is sealed with age; what is accepted here is passphrase\n$/,
    ],
    [['--passphrase-file', wrong], /^wallet-mpc: --passphrase-file: expected only with keystore\.folder\n$/],
    [['--age-identity-file', wrong], /^wallet-mpc: --age-identity-file: expected only with keystore\.folder\n$/],
    [['--passphrase-fd', '0'], /^wallet-mpc: --passphrase-fd: expected only with a keystore folder\n$/],
    [['--keystore', folder, '--key-shares', 'x'], /^wallet-mpc: --key-shares: expected no keystore folder/],
    [['--keystore', join(root, 'none')], /none: no such folder\n$/],
  ]
  for (const [argv, expected] of table) {
    const { exitCode, stderr } = await accounts(argv)
    assert.equal(exitCode, 2, argv.join(' '))
    assert.match(stderr, expected)
    assert.ok(!stderr.includes('hunter2'), 'no secret')
  }
})

const hasScript = process.platform === 'linux' && spawnSync('script', ['--version']).status === 0

test('typed on a terminal, it is not shown', { skip: hasScript ? false : 'script is not installed' }, async () => {
  const main = join(import.meta.dirname, 'main.ts')
  const wrapper = file(
    'run.sh',
    `exec '${process.execPath}' --import '${import.meta.resolve('tsx')}' '${main}' accounts --keystore '${folder}' --config '${empty}'\n`,
  )
  chmodSync(wrapper, 0o700)
  for (const [typed, exitCode] of [
    [`${PASSPHRASE}\r`, 0],
    ['wrong\u007f\u007f\u007f\u007f\u007fhunter2\r', 2],
    ['hunter2\u0003', 2],
  ] as const) {
    const child = spawn('script', ['-qec', `sh ${wrapper}`, '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'] })
    let shown = ''
    child.stdout.on('data', (chunk: Buffer) => {
      // typed only when asked: before that, the terminal itself would show it
      if (!shown.includes('Passphrase: ') && `${shown}${chunk}`.includes('Passphrase: ')) child.stdin.write(typed)
      shown += chunk.toString()
    })
    const code = await new Promise((resolve) => child.on('close', resolve))
    assert.equal(code, exitCode, shown)
    assert.ok(!shown.includes('hunter2') && !shown.includes(PASSPHRASE), shown)
    if (exitCode === 0) assert.match(shown, /account {6}main/)
  }
})
