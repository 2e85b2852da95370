/**
 * Processes that the bench asks questions: any program of ours, started with probe.ts in it, which tells its CPU time and
 * the delay of its event loop over Node's channel between parent and child.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const TASKSET = '/usr/bin/taskset'
const START_MS = 30_000
const STOP_MS = 8_000

export interface Measured {
  /** The answer to a question, of the probe or of the program itself. Rejects when the process ends before. */
  ask<T>(at: string, args?: object): Promise<T>
  /** CPU of the process so far, all threads, in ms. */
  cpuMs(): Promise<number>
  stop(): Promise<void>
}

export interface MeasuredOptions {
  readonly env?: Readonly<Record<string, string>>
  /** Waits until its output has this text; without it, until the probe answers. */
  readonly readyText?: string
  /** Runs on this core alone, where the machine can do that. */
  readonly core?: number
}

interface Answer {
  readonly id: number
  readonly value?: unknown
  readonly error?: string
}

export async function startMeasured(args: readonly string[], o: MeasuredOptions = {}): Promise<Measured> {
  const node = [process.execPath, '--import', 'tsx', '--import', './scripts/bench/probe.ts', ...args]
  const pinned = o.core === undefined || !canPin() ? node : [TASKSET, '-c', String(o.core), ...node]
  const [command = '', ...rest] = pinned
  const child = spawn(command, rest, {
    cwd: ROOT,
    env: { ...process.env, ...o.env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  const { ask, exited } = questions(child, () => output)
  const measured: Measured = {
    ask,
    cpuMs: () => ask<number>('cpu'),
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
      await exited
      clearTimeout(timer)
    },
  }
  const stopAt = Date.now() + START_MS
  try {
    await ask('cpu')
    while (o.readyText !== undefined && !output.includes(o.readyText)) {
      if (child.exitCode !== null || Date.now() > stopAt) throw new Error(`${args[0]} did not start: ${output.trim()}`)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  } catch (e) {
    await measured.stop()
    throw e
  }
  return measured
}

/** Whether a process can be held on one core here. */
export function canPin(): boolean {
  return existsSync(TASKSET)
}

function questions(child: ChildProcess, output: () => string) {
  const waiting = new Map<number, (answer: Answer) => void>()
  let ids = 0
  child.on('message', (answer: Answer) => {
    waiting.get(answer.id)?.(answer)
    waiting.delete(answer.id)
  })
  const exited = new Promise<void>((resolve) => {
    child.once('close', () => {
      for (const [id, done] of waiting) done({ id, error: `the process ended: ${output().trim()}` })
      resolve()
    })
  })
  const ask = <T>(at: string, args: object = {}): Promise<T> =>
    new Promise((resolve, reject) => {
      const id = ids++
      waiting.set(id, ({ value, error }) => (error === undefined ? resolve(value as T) : reject(new Error(error))))
      child.send({ id, at, ...args }, (error) => {
        if (error !== null) reject(error)
      })
    })
  return { ask, exited }
}
