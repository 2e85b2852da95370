/**
 * `make demo`: makes key shares for two accounts, starts the gateway and the sign-service on free loopback ports, signs
 * ten times with the command-line client, checks each signature with libsecp256k1 and ethers, restarts the gateway in
 * between, and stops and removes everything that it started, also when something fails.
 */
import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hashMessage, recoverAddress, Transaction } from 'ethers'
import * as libsecp256k1 from 'tiny-secp256k1'
import { freePort, type Program, startProgram } from './processes.ts'

const PROGRAMS = new URL('../dist/bin/', import.meta.url).pathname
const ACCOUNTS = ['treasury', 'payments'] as const

interface Signed {
  readonly account: string
  readonly address: string
  readonly publicKey: string
  readonly digest: string
  readonly r: string
  readonly s: string
  readonly recovery: number
  readonly signature: string
}

const running = new Set<Program>()
const folder = await mkdtemp(join(tmpdir(), 'wallet-mpc-demo-'))
const interrupted = new Promise<never>((_, reject) => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => reject(new Error(`stopped by ${signal}`)))
})

try {
  await Promise.race([demo(), interrupted])
} catch (error) {
  process.stderr.write(`demo: ${(error as Error).message}\n`)
  process.exitCode = 1
} finally {
  await Promise.all([...running].map((p) => p.stop()))
  await rm(folder, { recursive: true, force: true })
}
process.exit()

async function demo(): Promise<void> {
  const started = performance.now()
  say(`making key shares in ${folder} (the primes take a few seconds)`)
  await run('key-gen', ['deal', '--out-dir', folder, ...ACCOUNTS.flatMap((a) => ['--account', a])], { show: true })

  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  let gateway = await startGateway(port)
  say(`gateway at ${url}, process ${gateway.process.pid}`)
  const service = await startService(url)
  say(`sign-service, process ${service.process.pid}: it holds service_key_shares.json and opens no port`)

  const client = ['--gateway', url, '--key-shares', join(folder, 'client_key_shares.json')]
  for (let i = 0; i < 10; i++) {
    if (i === 5) {
      await gateway.stop('SIGKILL')
      running.delete(gateway)
      gateway = await startGateway(port)
      say(`gateway killed and started again, process ${gateway.process.pid}`)
    }
    const account = ACCOUNTS[i % 2] as string
    const message = `payment ${i + 1} of 10`
    const [what, args, digest] =
      i % 4 < 2 ? [`message "${message}"`, ['--message', message], hashMessage(message)] : transfer(i)
    const at = performance.now()
    const { stdout } = await run('wallet-mpc', ['sign', '--account', account, '--json', ...client, ...args], {})
    const signed = JSON.parse(stdout) as Signed
    verify(signed, account, digest)
    say(`${String(i + 1).padStart(2)}  ${account.padEnd(8)} ${Math.round(performance.now() - at)} ms  ${what}`)
    process.stdout.write(`    address   ${signed.address}\n    signature ${signed.signature}\n`)
  }
  await service.stop()
  await gateway.stop()
  say(
    `10 signatures, each valid under libsecp256k1 and ethers; ${Math.round((performance.now() - started) / 1000)} s in all`,
  )
}

/** An EIP-1559 transfer, signed by its digest. */
function transfer(nonce: number): [what: string, args: string[], digest: string] {
  const tx = Transaction.from({
    type: 2,
    chainId: 1,
    nonce,
    to: '0x000000000000000000000000000000000000dEaD',
    value: 10n ** 16n,
    gasLimit: 21_000n,
    maxFeePerGas: 50n * 10n ** 9n,
    maxPriorityFeePerGas: 10n ** 9n,
  })
  return [`transfer with nonce ${nonce}`, ['--digest', tx.unsignedHash], tx.unsignedHash]
}

/** Throws unless two other libraries accept the signature for what we asked to be signed. */
function verify(s: Signed, account: string, digest: string): void {
  const compact = bytes(s.r + s.s.slice(2))
  const need = (ok: boolean, what: string): void => {
    if (!ok) throw new Error(`signature of ${account}: ${what}`)
  }
  need(s.account === account && s.digest === digest, 'another account or digest than asked for')
  need(
    libsecp256k1.verify(bytes(digest), bytes(s.publicKey), compact, true),
    'libsecp256k1 refuses it, or s is not low',
  )
  const recovered = libsecp256k1.recover(bytes(digest), compact, s.recovery as 0 | 1 | 2 | 3, true)
  need(recovered !== null && Buffer.from(recovered).equals(bytes(s.publicKey)), 'another key is recovered')
  need(recoverAddress(digest, s.signature) === s.address, 'ethers recovers another address')
}

function bytes(hex: string): Buffer {
  return Buffer.from(hex.slice(2), 'hex')
}

async function startGateway(port: number): Promise<Program> {
  const url = `http://127.0.0.1:${port}`
  const program = await startProgram([join(PROGRAMS, 'sign-gateway.js'), '--port', String(port)], {
    readyUrl: `${url}/health`,
  })
  running.add(program)
  return program
}

async function startService(url: string): Promise<Program> {
  const config = join(folder, 'sign-service.yaml')
  // The demo signs a transaction by its digest, which a policy has to allow.
  await writeFile(
    config,
    `gateway:\n  url: "${url}"\nmpc:\n  key_share_file: "${join(folder, 'service_key_shares.json')}"\npolicy:\n  allow_raw_digest: true\n`,
  )
  const program = await startProgram([join(PROGRAMS, 'sign-service.js'), config], { readyText: '"serving"' })
  running.add(program)
  return program
}

function run(program: string, args: readonly string[], o: { readonly show?: boolean }): Promise<{ stdout: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(PROGRAMS, `${program}.js`), ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (d: string) => {
      stdout += d
    })
    child.stderr.setEncoding('utf8').on('data', (d: string) => {
      stderr += d
      if (o.show) process.stderr.write(d)
    })
    child.once('error', reject)
    child.once('close', (code) =>
      code === 0 ? resolve({ stdout }) : reject(new Error(`${program} ended with code ${code}: ${stderr.trim()}`)),
    )
    interrupted.catch(() => child.kill('SIGKILL'))
  })
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
