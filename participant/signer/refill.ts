/**
 * Keeps the pool between its water marks in the background: one presigning at a time, only while nobody waits for a
 * signature, and after a failure not again at once.
 */
import { MpcError } from '../base/errors.ts'
import type { PoolKey, PresignaturePool } from './pool.ts'

export interface RefillOptions {
  readonly pool: PresignaturePool
  /** Refilled when fewer than `low` are left, up to `high`. */
  readonly low: number
  readonly high: number
  readonly signal: AbortSignal
  /** Makes one, and puts it into the pool; throws what a session throws. */
  presign(key: PoolKey): Promise<void>
  /** Whether nobody waits for us. */
  isIdle(): boolean
  /** After a failure: the code of the error, and the pause before the next try. */
  readonly onPause?: (key: PoolKey, code: string, ms: number) => void
  /** Between two tries after failures; for tests. */
  readonly pauseMs?: { readonly min: number; readonly max: number }
}

const PAUSE_MS = { min: 1_000, max: 60_000 }
/** Between two looks at whether somebody waits for us. */
const IDLE_MS = 5

export interface Refill {
  /** From now on this key is kept full, and is looked at now. */
  watch(key: PoolKey): void
}

export function startRefill(o: RefillOptions): Refill {
  const { min, max } = o.pauseMs ?? PAUSE_MS
  const watched = new Map<string, { readonly key: PoolKey; failures: number; isPaused: boolean }>()
  let isRunning = false

  /** The next key that has too few, and may be tried; those being filled stay in line until they are full. */
  const filling = new Set<string>()
  const next = () => {
    for (const [name, w] of watched) {
      const size = o.pool.size(w.key)
      if (size < o.low) filling.add(name)
      if (size >= o.high) filling.delete(name)
      if (filling.has(name) && !w.isPaused) return w
    }
    return undefined
  }

  async function run(): Promise<void> {
    for (let w = next(); w !== undefined && !o.signal.aborted; w = next()) {
      while (!o.isIdle() && !o.signal.aborted) await sleep(IDLE_MS, o.signal)
      if (o.signal.aborted) return
      try {
        await o.presign(w.key)
        w.failures = 0
      } catch (e) {
        const failed = w
        const ms = Math.min(max, min * 2 ** w.failures++)
        w.isPaused = true
        o.onPause?.(w.key, e instanceof MpcError ? e.code : 'INTERNAL', ms)
        void sleep(ms, o.signal).then(() => {
          failed.isPaused = false
          start()
        })
      }
    }
  }

  function start(): void {
    if (isRunning || o.signal.aborted) return
    isRunning = true
    void run().finally(() => {
      isRunning = false
    })
  }

  return {
    watch(key) {
      const name = JSON.stringify(key)
      if (!watched.has(name)) watched.set(name, { key, failures: 0, isPaused: false })
      start()
    },
  }
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done)
  })
}
