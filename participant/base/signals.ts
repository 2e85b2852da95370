/**
 * One AbortSignal out of several, and a time limit. In place of AbortSignal.any and AbortSignal.timeout, which refer to
 * each other weakly: on Node 20 the composite can be collected while somebody waits for it, and then never fires. A
 * session that waits for ever is what we exist to prevent.
 */

export interface Linked {
  readonly signal: AbortSignal
  abort(): void
  /** Lets go of the sources and the timer. The signal stays as it is. */
  release(): void
}

/** Aborts with the first of the sources, after `timeoutMs`, or by `abort`. Keep it until `release`. */
export function linkSignals(sources: readonly (AbortSignal | undefined)[], timeoutMs?: number): Linked {
  const controller = new AbortController()
  const abort = (): void => {
    release()
    controller.abort()
  }
  const timer = timeoutMs === undefined ? undefined : setTimeout(abort, timeoutMs)
  const release = (): void => {
    clearTimeout(timer)
    for (const s of sources) s?.removeEventListener('abort', abort)
  }
  for (const s of sources) s?.addEventListener('abort', abort)
  if (sources.some((s) => s?.aborted === true)) abort()
  return { signal: controller.signal, abort, release }
}
