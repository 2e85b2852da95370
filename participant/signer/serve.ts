/**
 * A participant that serves: it keeps a subscription to its inbox, judges each invitation, and takes part in those that
 * its host's decision allows. Every invitation from a peer gets an answer: our join, or a sealed, signed refusal.
 */
import { bytesToHex } from '../base/bytes.ts'
import type { Random } from '../base/random.ts'
import { linkSignals } from '../base/signals.ts'
import type { KeyShare } from '../key-share/key-share.ts'
import type { Identity } from '../party/roster.ts'
import type { Trace } from '../party/trace.ts'
import { type Gateway, inboxRoom } from '../room/gateway.ts'
import type { Work } from '../zk/work.ts'
import { Admission } from './admission.ts'
import { answering, type ServiceEvent, sessionTag } from './answer.ts'
import type { Evidence } from './evidence-file.ts'
import { isFromPeer, openInvitation, type ReceivedInvitation } from './invitation.ts'
import type { Decisions } from './judging.ts'
import type { Locks } from './locks.ts'
import type { PresignaturePool } from './pool.ts'

export interface ServeOptions extends Decisions {
  /** Signings at the same time; more are refused with code BUSY. */
  readonly maxSessions: number
  /** Of one peer, so that others find a place; three quarters of all by default. */
  readonly maxSessionsPerPeer?: number
  /** Failed signings of one peer before it is refused with code TOO_MANY_FAILURES for a while; 30 by default. */
  readonly failuresPerMinute?: number
  /** The longest that a signing may take, whatever the invitation says. */
  readonly sessionMs: number
  readonly onEvent?: (event: ServiceEvent) => void
  /** Runs all that is done for one invitation; `session` is the one of its events. For ids that a host carries along. */
  readonly within?: (session: string, run: () => Promise<void>) => Promise<void>
  /** What can be shown to others when a peer made a signing abort; `formatEvidence` makes a file of it. */
  readonly onEvidence?: (evidence: readonly Evidence[]) => void
}

export interface Service {
  /** Signings that run now. */
  readonly sessions: number
  /** Resolves when every inbox is subscribed for the first time. */
  readonly ready: Promise<void>
  /** Takes no new sessions, waits up to `graceMs` for the running ones, abandons the rest. */
  stop(o?: { readonly graceMs?: number }): Promise<void>
}

export interface ServeContext {
  readonly keyShares: ReadonlyMap<string, KeyShare>
  readonly gateway: Gateway
  readonly random: Random
  readonly work: Work
  readonly locks: Locks
  readonly pool: PresignaturePool | undefined
  readonly signal: AbortSignal
  readonly trace?: Trace
}

/** A meeting is remembered this long after its deadline, so that a replayed invitation is not answered twice. */
const MEMORY_MS = 600_000
const MEMORY_LIMIT = 10_000
/** Before an inbox that the gateway refused is opened again. */
const REOPEN_MS = 5_000
const FAILURES_PER_MINUTE = 30

export function serve(ctx: ServeContext, o: ServeOptions): Service {
  const closing = new AbortController()
  const abandoning = new AbortController()
  const listening = linkSignals([ctx.signal, closing.signal]).signal
  const running = new Set<Promise<void>>()
  const seen = new Map<string, number>()
  const emit = (event: ServiceEvent): void => o.onEvent?.(event)
  const { maxSessions, maxSessionsPerPeer = Math.ceil((3 * maxSessions) / 4) } = o
  const admission = new Admission({
    maxSessions,
    maxSessionsPerPeer,
    failuresPerMinute: o.failuresPerMinute ?? FAILURES_PER_MINUTE,
  })
  const { gateway, random, work, locks, pool, trace } = ctx
  const { decidePresign, within = (_, run) => run() } = o
  const { answer, repeat } = answering({
    gateway,
    random,
    work,
    grounds: {
      locks,
      pool,
      decide: (request) => o.decide(request),
      ...(decidePresign === undefined ? {} : { decidePresign }),
    },
    admission,
    sessionMs: o.sessionMs,
    emit,
    ...(trace === undefined ? {} : { trace }),
    ...(o.onEvidence === undefined ? {} : { onEvidence: o.onEvidence }),
  })
  const taking = linkSignals([ctx.signal, abandoning.signal])

  const byIdentity = new Map<string, { readonly identity: Identity; readonly shares: Map<string, KeyShare> }>()
  for (const share of ctx.keyShares.values()) {
    const key = bytesToHex(share.identity.verifyKey)
    const entry = byIdentity.get(key) ?? { identity: share.identity, shares: new Map() }
    entry.shares.set(share.account, share)
    byIdentity.set(key, entry)
  }

  /** True the first time that a meeting is seen. */
  const remember = (meeting: string, until: number): boolean => {
    const now = Date.now()
    if (seen.has(meeting)) return false
    if (seen.size >= MEMORY_LIMIT) {
      for (const [id, t] of seen) if (t < now) seen.delete(id)
      if (seen.size >= MEMORY_LIMIT) return false
    }
    seen.set(meeting, until + MEMORY_MS)
    return true
  }

  const onInvitation = (got: ReceivedInvitation, share: KeyShare): void => {
    const now = Date.now()
    const deadline = Number(got.invitation.deadline)
    // Long past: out of the inbox's history, and nobody waits for an answer.
    if (deadline < now - MEMORY_MS) return
    if (!remember(bytesToHex(got.meeting), Math.min(deadline, now + o.sessionMs))) {
      void within(sessionTag(got), () => repeat(got, taking.signal))
      return
    }
    const task = within(sessionTag(got), () => answer(got, share, taking.signal)).finally(() => running.delete(task))
    running.add(task)
  }

  function listen(identity: Identity, shares: ReadonlyMap<string, KeyShare>, onReady: () => void): void {
    if (listening.aborted) return
    const room = gateway.openRoom(inboxRoom(identity.verifyKey), { signal: listening, keepLog: false })
    room.ready.then(
      () => {
        onReady()
        emit({ at: 'listening' })
      },
      () => undefined,
    )
    room.subscribe(
      (raw) => {
        const got = openInvitation(raw, identity)
        if (got === undefined) return
        // A peer that asks for an account which we don't have gets that answer under another roster with both in it.
        const candidates = [shares.get(got.invitation.account), ...shares.values()]
        const share = candidates.find((s) => s !== undefined && isFromPeer(s, got))
        if (share !== undefined) onInvitation(got, share)
      },
      () => {
        room.close()
        if (listening.aborted) return
        emit({ at: 'reconnecting' })
        const timer = setTimeout(() => listen(identity, shares, onReady), REOPEN_MS)
        listening.addEventListener('abort', () => clearTimeout(timer), { once: true })
      },
    )
  }

  const ready = Promise.all(
    [...byIdentity.values()].map(
      ({ identity, shares }) => new Promise<void>((resolve) => listen(identity, shares, resolve)),
    ),
  ).then(() => undefined)

  return {
    get sessions() {
      return admission.sessions
    },
    ready,
    async stop({ graceMs = 0 } = {}) {
      closing.abort()
      let timer: ReturnType<typeof setTimeout> | undefined
      const grace = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, graceMs)
      })
      await Promise.race([Promise.allSettled([...running]), grace])
      clearTimeout(timer)
      abandoning.abort()
      await Promise.allSettled([...running])
    },
  }
}
