/** Worker threads for proofs that count the exponents they raise something to, by where they do it. */
import { isMainThread, Worker, workerData } from 'node:worker_threads'
import type { WorkerEvents, WorkerHandle } from '../participant/zk/work-pool.ts'
import type { Reply } from '../participant/zk/worker.ts'
import { watchArithmetic } from './timing-watch.ts'

/** In OpenSSL, and in BigInt; shared between threads. */
export type Counts = Int32Array<SharedArrayBuffer>

/** For `workerPool`; `setting` is what the thread has in WALLET_MPC_ENGINE. */
export function watchedThread(counts: Counts, setting: string): (events: WorkerEvents) => WorkerHandle {
  const [tsx, source] = [import.meta.resolve('tsx/esm/api'), import.meta.url]
  const start = `import(${JSON.stringify(tsx)}).then((tsx) => { tsx.register(); return import(${JSON.stringify(source)}) })`
  return ({ onReply, onEnd }) => {
    const env = { ...process.env, WALLET_MPC_ENGINE: setting }
    const thread = new Worker(start, { eval: true, env, workerData: { counts } })
    thread.on('message', (reply: Reply) => onReply(reply))
    thread.on('exit', onEnd)
    return {
      post: (request, transfer) => thread.postMessage(request, transfer),
      hold: (busy) => (busy ? thread.ref() : thread.unref()),
      async end() {
        await thread.terminate()
      },
    }
  }
}

/** In the thread: watch, then be the worker. */
if (!isMainThread) {
  const { counts } = workerData as { readonly counts: Counts }
  const { openssl, bigint } = watchArithmetic()
  for (const [i, seen] of [openssl, bigint].entries()) {
    seen.add = (exponent) => {
      Set.prototype.add.call(seen, exponent)
      Atomics.store(counts, i, seen.size)
      return seen
    }
  }
  await import('../participant/zk/worker.node.ts')
}
