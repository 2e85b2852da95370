/**
 * Whether this gateway can take messages now: the store answers within a time limit, and nobody has asked it to stop.
 *
 * Anybody may ask, so asking is made cheap: all questions of one moment share one check of the store, and its result
 * counts for a second. The answer says which part is not well, never why: an error of a store may name hosts and users.
 */
import type { Logger } from '../config/logger.ts'
import type { Clock } from './clock.ts'
import type { Store } from './store.ts'

export type StoreHealth = 'ok' | 'unavailable' | 'timeout'

export interface Readiness {
  readonly isReady: boolean
  readonly store: StoreHealth
  readonly isClosing: boolean
}

export interface ReadinessOptions {
  readonly store: Pick<Store, 'check'>
  readonly clock: Clock
  readonly logger: Logger
  readonly isClosing: () => boolean
  readonly timeLimitMs?: number
}

const TIME_LIMIT_MS = 2_000
const FRESH_MS = 1_000

export class ReadinessCheck {
  readonly #options: ReadinessOptions
  /** May take longer than its limit. */
  #pending: Promise<StoreHealth> | undefined
  #last: { readonly store: StoreHealth; readonly atMs: number } | undefined

  constructor(options: ReadinessOptions) {
    this.#options = options
  }

  /** Never rejects. */
  async ask(): Promise<Readiness> {
    const store = await this.#store()
    const isClosing = this.#options.isClosing()
    return { isReady: store === 'ok' && !isClosing, store, isClosing }
  }

  async #store(): Promise<StoreHealth> {
    const { store, clock, logger, timeLimitMs = TIME_LIMIT_MS } = this.#options
    if (this.#last !== undefined && clock.nowMs() - this.#last.atMs < FRESH_MS) return this.#last.store
    // Questions of one moment share one check, and one that hangs is waited for again rather than begun again.
    this.#pending ??= outcome(store).finally(() => {
      this.#pending = undefined
    })
    const health = await within(this.#pending, timeLimitMs)
    if (health !== (this.#last?.store ?? 'ok')) logger.warn({ store: health }, 'the state of the store has changed')
    this.#last = { store: health, atMs: clock.nowMs() }
    return health
  }
}

/** A check that throws at once is no different from one that rejects. */
async function outcome(store: Pick<Store, 'check'>): Promise<StoreHealth> {
  try {
    await store.check()
    return 'ok'
  } catch {
    return 'unavailable'
  }
}

function within(pending: Promise<StoreHealth>, timeLimitMs: number): Promise<StoreHealth> {
  return new Promise((resolve) => {
    const giveUp = setTimeout(() => resolve('timeout'), timeLimitMs)
    void pending.then((health) => {
      clearTimeout(giveUp)
      resolve(health)
    })
  })
}

/** The answer of /livez: whoever can say this is alive. */
export const LIVE = { status: 'ok' } as const

/** The answer of /readyz, with its status. */
export function readinessAnswer({ isReady, store, isClosing }: Readiness): {
  readonly status: 200 | 503
  readonly body: { readonly status: string; readonly store: StoreHealth; readonly closing: boolean }
} {
  return {
    status: isReady ? 200 : 503,
    body: { status: isReady ? 'ready' : 'not ready', store, closing: isClosing },
  }
}
