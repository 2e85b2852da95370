/** Child processes for the scripts: started on loopback, waited for, and ended by the script that started them. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createServer } from 'node:net'

const ROOT = new URL('..', import.meta.url)

export interface Program {
  readonly process: ChildProcess
  /** All of its standard output, once it has ended. */
  output(): Promise<string>
  /** Its standard error so far. */
  errors(): string
  readonly exited: Promise<number | null>
  /** Asks it to stop, and ends it after 8 s. */
  stop(signal?: NodeJS.Signals): Promise<void>
}

export interface StartOptions {
  /** Waits until this answers 200. */
  readonly readyUrl?: string
  /** Waits until its standard output or error has this text. */
  readonly readyText?: string
  readonly env?: NodeJS.ProcessEnv
  readonly cwd?: string
}

/** A TypeScript file is run from the sources, anything else as it is by this Node. */
export async function startProgram(args: readonly string[], o: StartOptions): Promise<Program> {
  const loader = args[0]?.endsWith('.ts') ? ['--import', 'tsx'] : []
  const child = spawn(process.execPath, [...loader, ...args], {
    cwd: o.cwd ?? ROOT,
    env: o.env ?? process.env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let out = ''
  let err = ''
  child.stdout?.setEncoding('utf8').on('data', (d: string) => {
    out += d
  })
  child.stderr?.setEncoding('utf8').on('data', (d: string) => {
    err += d
  })
  const exited = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)))
  const program: Program = {
    process: child,
    exited,
    output: () => exited.then(() => out),
    errors: () => err,
    async stop(signal = 'SIGTERM') {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill(signal)
      const timer = setTimeout(() => child.kill('SIGKILL'), 8_000)
      await exited
      clearTimeout(timer)
    },
  }
  const stopAt = Date.now() + 20_000
  const ready = async (): Promise<boolean> => {
    if (o.readyText !== undefined && !(out + err).includes(o.readyText)) return false
    return o.readyUrl === undefined || (await answers(o.readyUrl))
  }
  while (!(await ready())) {
    if (child.exitCode !== null || Date.now() > stopAt) {
      await program.stop()
      throw new Error(`${args[0]} did not start: ${err.trim() || out.trim()}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return program
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok
  } catch {
    return false
  }
}

/** A loopback port that nobody listened on a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() =>
        typeof address === 'object' && address !== null ? resolve(address.port) : reject(new Error('no port')),
      )
    })
  })
}
