/** The real programs as processes of their own, in a folder of their own, for tests that cross them. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CGGMP24_3072 } from '../participant/index.ts'
import { writeKeyShareFiles } from '../participant/key-share/file.node.ts'
import { formatKeyShares } from '../participant/key-share/format.ts'
import { dealTestShares } from '../participant/key-share/testing.ts'

export type Program = 'gateway' | 'sign-service' | 'key-gen' | 'cli'

export interface Run {
  readonly child: ChildProcess
  readonly output: { stdout: string; stderr: string }
  /** The exit code, or the name of the signal that ended the process. */
  readonly ended: Promise<number | string>
}

/** What tests look at in a line of a daemon's log. */
export interface LogLine {
  readonly msg?: unknown
  readonly url?: unknown
  readonly accounts?: unknown
  readonly parties?: unknown
  readonly code?: unknown
}

/** What programs in tests have of our own environment. */
export const PROGRAM_ENV = chosen('PATH', 'WALLET_MPC_ENGINE', 'WALLET_MPC_WORKERS')

function chosen(...names: readonly string[]): NodeJS.ProcessEnv {
  return Object.fromEntries(
    names.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  )
}

export class Workplace {
  readonly folder = mkdtempSync(join(tmpdir(), 'programs-'))
  readonly #running = new Set<ChildProcess>()

  path(name: string): string {
    return join(this.folder, name)
  }

  start(program: Program, args: readonly string[], env: Readonly<Record<string, string>> = {}): Run {
    const main = join(import.meta.dirname, '..', program, 'main.ts')
    const child = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), main, ...args], {
      cwd: this.folder,
      env: { ...PROGRAM_ENV, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    this.#running.add(child)
    const output = { stdout: '', stderr: '' }
    child.stdout.on('data', (chunk: Buffer) => (output.stdout += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()))
    const ended = once(child, 'close').then(([code, signal]) => {
      this.#running.delete(child)
      return (code ?? signal) as number | string
    })
    return { child, output, ended }
  }

  /** Runs to the end with this input. */
  async run(program: Program, args: readonly string[], stdin = '') {
    const { child, output, ended } = this.start(program, args)
    child.stdin?.end(stdin)
    return { exitCode: await ended, ...output }
  }

  /** Its URL, once it listens. */
  async startGateway(port = 0): Promise<Run & { readonly url: string }> {
    const run = this.start('gateway', ['--port', String(port)])
    const { url } = await logLine(run, 'listening')
    return { ...run, url: String(url) }
  }

  /** Real full-size shares from stored primes, in `<name>_key_shares.json`. */
  async deal(parties: readonly string[], threshold: number, accounts: readonly string[]): Promise<void> {
    const dealt = dealTestShares({ parties, threshold, accounts, level: CGGMP24_3072 })
    const files = [...dealt].map(([name, shares]) => ({
      path: this.path(`${name}_key_shares.json`),
      data: formatKeyShares(shares),
    }))
    await writeKeyShareFiles(files, { force: false })
  }

  close(): void {
    for (const child of this.#running) child.kill('SIGKILL')
    rmSync(this.folder, { recursive: true })
  }
}

const WAIT_MS = 30_000
const POLL_MS = 20

export async function until(condition: () => boolean, what: string): Promise<void> {
  const stopAt = Date.now() + WAIT_MS
  while (!condition()) {
    if (Date.now() > stopAt) assert.fail(`waited in vain for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

/** The first line of a daemon's log with this message, once it is there. */
export async function logLine({ output, child }: Run, msg: string): Promise<LogLine> {
  const find = () => linesOf(output.stdout).find((line) => line.msg === msg)
  await until(
    () => find() !== undefined || child.exitCode !== null,
    `"${msg}" in the log; there is ${output.stdout} ${output.stderr}`,
  )
  return find() ?? assert.fail(`ended before "${msg}": ${output.stdout} ${output.stderr}`)
}

/** Each line of a daemon's standard output must be one JSON object. */
export function linesOf(log: string): readonly LogLine[] {
  const whole = log.slice(0, log.lastIndexOf('\n') + 1)
  return whole
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as LogLine)
}
