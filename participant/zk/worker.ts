/**
 * What a worker does: the jobs of a pool one after the other, and at most one search for a prime in between. Isomorphic:
 * worker.node.ts ties it to Node's threads.
 *
 * Buffers are transferred, never copied, so that nothing of a job stays in a queue; each side overwrites what it has
 * read. The moduli of the jobs are kept (see `keyCache`).
 */
import { bigintToBytes, bitLength } from '../base/bytes.ts'
import { systemRandom } from '../base/random.ts'
import { yieldToEventLoop } from '../base/turns.ts'
import { type PrimalityTests, searchPrime } from '../math/prime-search.ts'
import { runJob } from './job.ts'
import { keyCache } from './job-format.ts'

export type Request =
  | { readonly at: 'job'; readonly id: number; readonly job: ArrayBuffer }
  | { readonly at: 'search'; readonly id: number; readonly safe: boolean; readonly bits: number }
  | { readonly at: 'stop'; readonly id: number }

export type Reply =
  | { readonly at: 'ready' }
  | { readonly at: 'result'; readonly id: number; readonly result: ArrayBuffer }
  | { readonly at: 'progress'; readonly id: number; readonly candidates: number }
  | { readonly at: 'prime'; readonly id: number; readonly prime: ArrayBuffer }

export type Post<T> = (message: T, transfer: ArrayBuffer[]) => void

/** A job waits for so much of a search, and for a single test. */
const TURN_MS = 4
const PROGRESS_MS = 200

/** The listener for requests. `tests` are those of BigInt when left out. */
export function worker(post: Post<Reply>, tests?: PrimalityTests): (request: Request) => void {
  const keys = keyCache()
  const searches = new Map<number, AbortController>()

  async function search({ id, safe, bits }: Extract<Request, { at: 'search' }>): Promise<void> {
    const stopping = new AbortController()
    searches.set(id, stopping)
    let reportedMs = Date.now()
    const onProgress = ({ candidates }: { readonly candidates: number }): void => {
      if (Date.now() - reportedMs < PROGRESS_MS) return
      reportedMs = Date.now()
      post({ at: 'progress', id, candidates }, [])
    }
    const given = { random: systemRandom, signal: stopping.signal, turn: yieldToEventLoop, turnMs: TURN_MS, onProgress }
    try {
      const p = await searchPrime({ bits, safe, ...given, ...(tests === undefined ? {} : { tests }) })
      const prime = bufferOf(bigintToBytes(p, Math.ceil(bitLength(p) / 8)))
      post({ at: 'prime', id, prime }, [prime])
    } catch (e) {
      // any other error ends this worker, and the pool starts a new one
      if (!stopping.signal.aborted) throw e
    } finally {
      searches.delete(id)
    }
  }

  return (request) => {
    switch (request.at) {
      case 'job': {
        const result = bufferOf(runJob(new Uint8Array(request.job), keys))
        return post({ at: 'result', id: request.id, result }, [result])
      }
      case 'search':
        return void search(request)
      case 'stop':
        return searches.get(request.id)?.abort()
      default:
        return request satisfies never
    }
  }
}

/** The buffer of bytes that fill it. */
export function bufferOf(bytes: Uint8Array): ArrayBuffer {
  return bytes.buffer as ArrayBuffer
}
