/** A server that is measured: started, waited for, and ended by the bench. */
import { type ChildProcess, spawn } from 'node:child_process'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { cpuUs, pssKib, rssKib } from './process-figures.ts'

export interface Server {
  readonly port: number
  readonly pid: number
  /** Lines of the head of every request that it asks for. */
  readonly headers: string
  /** Lines of the head of a broadcast. */
  readonly publishHeaders: string
  /** A path to ask for first on the connection of a stream. */
  readonly firstAsk?: string
  /** CPU of it and of what it needs (Redis) so far, in µs. */
  cpuUs(): number
  pssKib(): number
  rssKib(): number
  /** JS heap in use after a collection, in bytes; undefined where there is none. */
  heapBytes(): Promise<number | undefined>
  /** Asks it to stop; ms until it had ended. */
  stop(signal?: 'SIGTERM' | 'SIGKILL'): Promise<number>
}

export interface ServerOptions {
  readonly command: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  readonly port: number
  readonly headers?: string
  readonly publishHeaders?: string
  readonly firstAsk?: string
  /** Processes that belong to it; they are ended after it. */
  readonly helpers?: readonly Server[]
  /** It is a Node program that has loaded PROBE. */
  readonly isProbed?: boolean
}

/** Node flags for a program that is asked for its heap. */
export const PROBE: readonly string[] = [
  '--expose-gc',
  '--import',
  `data:text/javascript,${encodeURIComponent(
    "process.on('message', () => { gc(); process.send(process.memoryUsage().heapUsed) }); process.channel?.unref()",
  )}`,
]

const START_MS = 30_000
const STOP_MS = 15_000

export async function startServer(o: ServerOptions): Promise<Server> {
  const child = spawn(o.command, o.args, {
    // Where no configuration file lies that would be taken.
    cwd: o.cwd ?? tmpdir(),
    env: { ...process.env, ...o.env },
    stdio: ['ignore', 'pipe', 'pipe', ...(o.isProbed === true ? ['ipc' as const] : [])],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-4000)
    })
  }
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  child.once('error', (error) => {
    output += error.message
  })
  const helpers = o.helpers ?? []
  const stop = async (signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<number> => {
    const start = performance.now()
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
      child.kill(signal)
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
      await ended
      clearTimeout(timer)
    }
    const ms = performance.now() - start
    for (const helper of helpers) await helper.stop()
    return ms
  }
  const stopAt = Date.now() + START_MS
  while (!(await listens(o.port))) {
    if (child.exitCode !== null || child.pid === undefined || Date.now() > stopAt) {
      await stop()
      throw new Error(`${o.command} did not start: ${output.trim()}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  const pid = child.pid as number
  return {
    port: o.port,
    pid,
    headers: o.headers ?? '',
    publishHeaders: o.publishHeaders ?? '',
    ...(o.firstAsk !== undefined && { firstAsk: o.firstAsk }),
    cpuUs: () => cpuUs(pid) + helpers.reduce((sum, helper) => sum + helper.cpuUs(), 0),
    pssKib: () => pssKib(pid),
    rssKib: () => rssKib(pid),
    heapBytes: () => (o.isProbed === true ? askHeap(child) : Promise.resolve(undefined)),
    stop,
  }
}

function askHeap(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('message', (heap) => resolve(Number(heap)))
    child.send('heap', (error) => {
      if (error !== null) reject(error)
    })
  })
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
