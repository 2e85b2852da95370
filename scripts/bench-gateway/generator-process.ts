/** Starts the load generator and gives it its orders. */
import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Orders } from './generator.ts'
import { cpuUs } from './process-figures.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
/** Longer than anything that it is told to do. */
const ANSWER_MS = 180_000

export interface Generator {
  order<At extends keyof Orders>(at: At, ...o: Parameters<Orders[At]>): Promise<ReturnType<Orders[At]>>
  cpuUs(): number
  stop(): Promise<void>
}

export function startGenerator(): Generator {
  const child = spawn(process.execPath, ['--import', 'tsx', 'scripts/bench-gateway/generator.ts'], {
    cwd: ROOT,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  return {
    order: (at, ...[o]) => answer(child, at, o),
    cpuUs: () => cpuUs(child.pid ?? 0),
    async stop() {
      child.kill('SIGKILL')
      await ended
    },
  }
}

function answer<T>(child: ChildProcess, at: string, o: unknown): Promise<T> {
  return new Promise((resolve, reject) => {
    const done = (): void => {
      clearTimeout(timer)
      child.off('message', onMessage)
      child.off('close', onClose)
    }
    const timer = setTimeout(() => {
      done()
      reject(new Error(`the load generator did not finish '${at}' in ${ANSWER_MS / 1000} s`))
    }, ANSWER_MS)
    const onMessage = ({ value, error }: { value?: unknown; error?: string }): void => {
      done()
      if (error === undefined) resolve(value as T)
      else reject(new Error(error))
    }
    const onClose = (): void => {
      done()
      reject(new Error('the load generator ended'))
    }
    child.on('message', onMessage)
    child.on('close', onClose)
    child.send({ at, o })
  })
}
