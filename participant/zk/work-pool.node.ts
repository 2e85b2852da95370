/** Worker threads of Node for `workerPool`. */
import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { UsageError } from '../base/errors.ts'
import { type WorkerEvents, type WorkerHandle, type WorkerPool, workerPool } from './work-pool.ts'
import type { Reply } from './worker.ts'

export type { WorkerPool }

export interface WorkerPoolOptions {
  /**
   * Threads; with 0 everything is computed in this one. Default: the environment variable WALLET_MPC_WORKERS, else as
   * many as the machine can run at once.
   */
  readonly size?: number
}

const MAX_SIZE = 256

/**
 * A `Work` for `createParticipant` and `generateShares`, good for any number of them. The threads start at once, and
 * hold the process only while they compute. They keep prepared moduli, own secret ones for ten minutes after the last
 * use; `close` ends them. UsageError for a size that is no number from 0 to 256.
 */
export function createWorkerPool({ size = defaultSize() }: WorkerPoolOptions = {}): WorkerPool {
  if (!Number.isInteger(size) || size < 0 || size > MAX_SIZE) {
    throw new UsageError(`workers: expected a number from 0 to ${MAX_SIZE}`)
  }
  return workerPool({ size, start: startThread })
}

function defaultSize(): number {
  const { WALLET_MPC_WORKERS } = process.env
  return WALLET_MPC_WORKERS === undefined ? availableParallelism() : Number(WALLET_MPC_WORKERS)
}

/** Throws UsageError where the file of the worker is missing. */
export function startThread({ onReply, onEnd }: WorkerEvents): WorkerHandle {
  const thread = openThread()
  thread.on('message', (reply: Reply) => onReply(reply))
  // the exit that follows is what counts; an error without a listener would end the process
  thread.on('error', () => undefined)
  thread.on('messageerror', () => void thread.terminate())
  thread.on('exit', onEnd)
  return {
    post: (request, transfer) => thread.postMessage(request, transfer),
    hold: (busy) => (busy ? thread.ref() : thread.unref()),
    async end() {
      await thread.terminate()
    },
  }
}

/** Built, the worker is a file beside this one or a folder above; from source it needs what runs TypeScript here. */
function openThread(): Worker {
  if (!import.meta.url.endsWith('.ts')) {
    const built = ['./worker.js', '../worker.js'].map((path) => new URL(path, import.meta.url)).find(existsSync)
    if (built === undefined) throw new UsageError('worker.js is missing beside the library')
    return new Worker(built)
  }
  const [tsx, source] = [import.meta.resolve('tsx/esm/api'), new URL('./worker.node.ts', import.meta.url).href]
  const start = `import(${JSON.stringify(tsx)}).then((tsx) => { tsx.register(); return import(${JSON.stringify(source)}) })`
  return new Worker(start, { eval: true })
}
