/** A host for running a program inside a test: arguments and input go in, what it printed comes out. */
import { Readable, Writable } from 'node:stream'
import type { Host } from './program.ts'

export interface TestHost extends Host {
  readonly output: { stdout: string; stderr: string }
  /** What SIGINT and SIGHUP do. */
  interrupt(): void
  reload(): void
}

export interface TestHostOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly stdin?: string | Readable
  readonly isTTY?: boolean
}

export function testHost(argv: readonly string[], o: TestHostOptions = {}): TestHost {
  const asked = new AbortController()
  const listeners: (() => void)[] = []
  const output = { stdout: '', stderr: '' }
  const { isTTY = false, stdin = '' } = o
  const input = typeof stdin === 'string' ? Readable.from([Buffer.from(stdin)]) : stdin
  return {
    argv,
    env: o.env ?? {},
    stdin: Object.assign(input, { isTTY }),
    stdout: collect((text) => (output.stdout += text), isTTY),
    stderr: collect((text) => (output.stderr += text), isTTY),
    signal: asked.signal,
    output,
    interrupt: () => asked.abort(),
    onReload: (listener) => void listeners.push(listener),
    reload: () => {
      for (const listener of listeners) listener()
    },
  }
}

function collect(add: (text: string) => void, isTTY: boolean) {
  const stream = new Writable({
    decodeStrings: false,
    write(chunk: unknown, _encoding, done) {
      add(String(chunk))
      done()
    },
  })
  return Object.assign(stream, { isTTY, columns: 80 })
}

export interface Ended {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs to the end. */
export async function runIn(host: TestHost, program: (host: Host) => Promise<number>): Promise<Ended> {
  const exitCode = await program(host)
  return { exitCode, ...host.output }
}
