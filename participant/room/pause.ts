/** Pauses between attempts: they double up to a limit, with jitter so that clients of one gateway don't move in step. */
import { bytesToBigint } from '../base/bytes.ts'
import type { Random } from '../base/random.ts'

export interface Pauses {
  /** The next pause in ms: uniform in the upper half of min·2^k, at most max. */
  next(): number
  /** After a success. */
  reset(): void
}

export function pauses(minMs: number, maxMs: number, random: Random): Pauses {
  let ceilingMs = minMs
  return {
    next() {
      const fraction = Number(bytesToBigint(random.bytes(4))) / 2 ** 32
      const ms = (ceilingMs / 2) * (1 + fraction)
      ceilingMs = Math.min(2 * ceilingMs, maxMs)
      return Math.round(ms)
    },
    reset() {
      ceilingMs = minMs
    },
  }
}

/** Resolves after `ms`, or at once when the signal aborts. Leaves no timer and no listener. */
export function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) return resolve()
    const done = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal?.addEventListener('abort', done)
  })
}

/** Runs the work with a signal that aborts after `ms` or with the outer one. Leaves no timer and no listener. */
export async function limited<T>(
  ms: number,
  outer: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController()
  const abort = (): void => controller.abort()
  const timer = setTimeout(abort, ms)
  outer?.addEventListener('abort', abort)
  if (outer?.aborted === true) abort()
  try {
    return await work(controller.signal)
  } finally {
    clearTimeout(timer)
    outer?.removeEventListener('abort', abort)
  }
}
