/** Whether the gateway answers, for probes: one question at a time, and an answer counts for a second. */
import type { Gateway } from '../participant/index.ts'

export interface GatewayCheck {
  /** Never rejects. */
  ask(): Promise<boolean>
  close(): void
}

const FRESH_MS = 1_000
const TIME_LIMIT_MS = 2_000

export function gatewayCheck(gateway: Gateway): GatewayCheck {
  const closing = new AbortController()
  let last: { readonly ok: boolean; readonly atMs: number } | undefined
  let running: Promise<boolean> | undefined

  const check = async (): Promise<boolean> => {
    const limit = new AbortController()
    const stop = (): void => limit.abort()
    const timer = setTimeout(stop, TIME_LIMIT_MS)
    closing.signal.addEventListener('abort', stop)
    try {
      await gateway.health(limit.signal)
      return true
    } catch {
      return false
    } finally {
      clearTimeout(timer)
      closing.signal.removeEventListener('abort', stop)
    }
  }

  return {
    ask() {
      if (last !== undefined && performance.now() - last.atMs < FRESH_MS) return Promise.resolve(last.ok)
      running ??= check()
        .then((ok) => {
          last = { ok, atMs: performance.now() }
          return ok
        })
        .finally(() => {
          running = undefined
        })
      return running
    },
    close: () => closing.abort(),
  }
}
