/**
 * Holding a lease. It is taken when nobody has it, when it was given back, or when it has not changed for as long as its
 * holder wrote into it, by our own watch: nobody else's clock is asked. It is renewed by writing over the version that was
 * read, so of two that write at the same time one is refused.
 *
 * A renewal counts from before it was sent. Others can take the lease `durationMs` after they saw it at the earliest, so a
 * holder that stops `deadlineMs` after it sent its last renewal has stopped before, by the difference of the two.
 */
import type { Failed, LeaseApi } from './api.ts'
import { type LeaseRecord, newLease, releasedLease, takenLease } from './record.ts'
import { type Clocks, type Stopwatch, SYSTEM_CLOCKS, startStopwatch } from './stopwatch.ts'

/** The lease is somebody else's, or could not be asked for. */
export class LeaseError extends Error {
  override readonly name = 'LeaseError'
  readonly code = 'LEASE'
}

export interface HeldLease {
  /** By the clock, now. Once false it stays false. */
  isHeld(): boolean
  /** Resolves with why it is held no more. Never rejects; never resolves after `release`. */
  readonly lost: Promise<string>
  /** For anybody to take from now on. The caller has stopped doing what the lease is for. */
  release(): Promise<void>
}

export type LeaseEvent =
  | { readonly at: 'waiting'; readonly holder: string }
  | { readonly at: 'acquired' | 'released' }
  | { readonly at: 'renewed' }
  | { readonly at: 'not renewed' | 'no answer'; readonly why: string }
  | { readonly at: 'lost'; readonly why: string }

export interface LeaseOptions {
  readonly api: LeaseApi
  /** Of this process and of no other, also not of the one before it. */
  readonly identity: string
  readonly durationMs: number
  readonly deadlineMs: number
  readonly renewMs: number
  /** How long to wait for somebody else's lease, and for an API that doesn't answer. */
  readonly waitMs: number
  readonly signal: AbortSignal
  readonly onEvent: (event: LeaseEvent) => void
  readonly clocks?: Clocks
}

/** Resolves once it is held. Throws LeaseError when it isn't in time, or never will be. */
export async function acquireLease(o: LeaseOptions): Promise<HeldLease> {
  const { api, onEvent, clocks = SYSTEM_CLOCKS } = o
  const waiting = startStopwatch(clocks)
  let seen: { readonly version: string; readonly watch: Stopwatch } | undefined
  let told: string | undefined
  for (;;) {
    const sent = startStopwatch(clocks)
    const found = await api.get()
    let why: string
    if (found.is === 'failed') {
      requireHope(found)
      onEvent({ at: 'no answer', why: found.why })
      why = found.why
    } else if (found.is === 'lease' && found.lease.holder !== undefined && found.lease.holder !== o.identity) {
      const { holder, version } = found.lease
      if (seen?.version !== version) seen = { version, watch: startStopwatch(clocks) }
      if (seen.watch.leastMs() >= Math.max(o.durationMs, found.lease.durationMs ?? 0)) {
        const taken = await write(o, found.lease)
        if (taken !== undefined) return hold(o, taken, sent)
      } else if (told !== holder) {
        told = holder
        onEvent({ at: 'waiting', holder })
      }
      why = `held by ${JSON.stringify(holder)}`
    } else {
      const taken = await write(o, found.is === 'lease' ? found.lease : undefined)
      if (taken !== undefined) return hold(o, taken, sent)
      why = 'taken by another at the same moment'
    }
    if (waiting.mostMs() >= o.waitMs) throw new LeaseError(`lease ${nameOf(api)}: ${why}`)
    await pause(Math.min(o.renewMs, 1000), o.signal)
    if (o.signal.aborted) throw new LeaseError(`lease ${nameOf(api)}: stopped while waiting for it; ${why}`)
  }
}

/** Undefined when somebody was faster, or nobody knows. */
async function write(o: LeaseOptions, before: LeaseRecord | undefined): Promise<LeaseRecord | undefined> {
  const about = { holder: o.identity, durationSeconds: Math.ceil(o.durationMs / 1000), now: new Date() }
  const { api } = o
  const answer =
    before === undefined
      ? await api.create(newLease({ ...about, name: api.name, namespace: api.namespace }))
      : await api.update(takenLease(before, about))
  if (answer.is === 'lease' && answer.lease.holder === o.identity) return answer.lease
  if (answer.is === 'failed') {
    requireHope(answer)
    o.onEvent({ at: 'no answer', why: answer.why })
  }
  return undefined
}

function hold(o: LeaseOptions, taken: LeaseRecord, sentAt: Stopwatch): HeldLease {
  const { api, onEvent, clocks = SYSTEM_CLOCKS } = o
  let [record, renewed] = [taken, sentAt]
  let state: 'held' | 'lost' | 'released' = 'held'
  let tellLost: (why: string) => void = () => undefined
  const lost = new Promise<string>((resolve) => {
    tellLost = resolve
  })
  const ending = new AbortController()
  const lose = (why: string): void => {
    if (state !== 'held') return
    state = 'lost'
    ending.abort()
    onEvent({ at: 'lost', why })
    tellLost(why)
  }
  const isHeld = (): boolean => {
    if (state === 'held' && renewed.mostMs() >= o.deadlineMs) lose('not renewed in time')
    return state === 'held'
  }

  const renew = async (): Promise<void> => {
    const sent = startStopwatch(clocks)
    const answer = await api.update(
      takenLease(record, { holder: o.identity, durationSeconds: Math.ceil(o.durationMs / 1000), now: new Date() }),
    )
    // an answer that came too late is none: somebody else may have it by now
    if (!isHeld()) return
    if (answer.is === 'lease' && answer.lease.holder === o.identity) {
      ;[record, renewed] = [answer.lease, sent]
      onEvent({ at: 'renewed' })
      return
    }
    onEvent({ at: 'not renewed', why: whyOf(answer) })
    await lookAgain()
  }
  /** A renewal that was not answered may have been written, and then the next one would be refused. */
  const lookAgain = async (): Promise<void> => {
    const found = await api.get()
    if (!isHeld()) return
    if (found.is === 'missing') return lose('removed from the cluster')
    if (found.is !== 'lease') return
    if (found.lease.holder !== o.identity) return lose(`taken by ${JSON.stringify(found.lease.holder ?? 'nobody')}`)
    record = found.lease
  }
  const renewing = (async () => {
    while (isHeld()) {
      await pause(o.renewMs, ending.signal)
      if (isHeld()) await renew()
    }
  })()
  // looks at the clock more often than renewals come
  const timer = setInterval(isHeld, Math.max(50, Math.min(o.renewMs, (o.durationMs - o.deadlineMs) / 4, 250)))
  timer.unref()
  ending.signal.addEventListener('abort', () => clearInterval(timer))
  onEvent({ at: 'acquired' })
  return {
    isHeld,
    lost,
    async release() {
      if (!isHeld()) return
      state = 'released'
      ending.abort()
      await renewing
      // a renewal that was on its way may have been written after all
      for (let tries = 0; tries < 2; tries++) {
        const answer = await api.update(releasedLease(record, new Date()))
        if (answer.is === 'lease') return onEvent({ at: 'released' })
        const found = answer.is === 'conflict' ? await api.get() : undefined
        if (found?.is !== 'lease' || found.lease.holder !== o.identity) return
        record = found.lease
      }
    },
  }
}

function whyOf(answer: { readonly is: string; readonly why?: string }): string {
  return answer.why ?? answer.is
}

function nameOf({ namespace, name }: LeaseApi): string {
  return `${namespace}/${name}`
}

/** Throws for what will be refused again. */
function requireHope({ why, isFinal }: Failed): void {
  if (!isFinal) return
  throw withHint(new LeaseError(`lease: the Kubernetes API: ${why}`))
}

function withHint(error: LeaseError): LeaseError {
  return Object.assign(error, {
    hint: 'may the service account get, create and update this lease? See deploy/kubernetes',
  })
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done, { once: true })
  })
}
