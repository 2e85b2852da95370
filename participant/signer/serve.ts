/**
 * A participant that serves: it keeps a subscription to its inbox, judges each invitation, and takes part in those that
 * its host's decision allows. Every invitation from a peer gets an answer: our join, or a sealed, signed refusal.
 */
import { bytesToHex } from '../base/bytes.ts'
import { culprits, MpcError } from '../base/errors.ts'
import type { Random } from '../base/random.ts'
import { linkSignals } from '../base/signals.ts'
import type { KeyShare } from '../key-share/key-share.ts'
import { openConnection } from '../party/connection.ts'
import type { Identity, PartyId } from '../party/roster.ts'
import type { Trace } from '../party/trace.ts'
import { type Gateway, inboxRoom, type Room } from '../room/gateway.ts'
import type { Work } from '../zk/work.ts'
import {
  invitationProblem,
  isFromPeer,
  meetingRoom,
  meetRounds,
  openInvitation,
  type ReceivedInvitation,
} from './invitation.ts'
import { digestOf, type Payload } from './payload.ts'
import { runSigning } from './signing.ts'

export interface SignRequest {
  readonly account: string
  readonly from: PartyId
  readonly signers: readonly PartyId[]
  readonly payload: Payload
  /** What we would sign, hashed by ourselves. */
  readonly digest: Uint8Array
}

export interface Refusal {
  /** 1 to 32 capital letters and underscores. */
  readonly code: string
  /** One line of printable ASCII for the person who asked, at most 200 characters. */
  readonly message: string
}

export type ServiceEvent =
  | { readonly at: 'listening' | 'reconnecting' }
  | {
      readonly at: 'invited' | 'refused' | 'signed' | 'failed'
      /** First 8 hex digits of the meeting id. */
      readonly session: string
      readonly account: string
      readonly from: PartyId
      readonly ms?: number
      readonly code?: string
      readonly culprits?: readonly PartyId[]
    }

export interface ServeOptions {
  /** Undefined to take part. Errors thrown here refuse with code INTERNAL. */
  decide(request: SignRequest): Refusal | undefined | Promise<Refusal | undefined>
  /** Signings at the same time; more are refused with code BUSY. */
  readonly maxSessions: number
  /** The longest that a signing may take, whatever the invitation says. */
  readonly sessionMs: number
  readonly onEvent?: (event: ServiceEvent) => void
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
  readonly signal: AbortSignal
  readonly trace?: Trace
}

/** A meeting is remembered this long after its deadline, so that a replayed invitation is not answered twice. */
const MEMORY_MS = 600_000
const MEMORY_LIMIT = 10_000
/** Before an inbox that the gateway refused is opened again. */
const REOPEN_MS = 5_000
const REFUSAL_MS = 10_000

export function serve(ctx: ServeContext, o: ServeOptions): Service {
  const closing = new AbortController()
  const abandoning = new AbortController()
  const listening = linkSignals([ctx.signal, closing.signal]).signal
  const running = new Set<Promise<void>>()
  const seen = new Map<string, number>()
  let sessions = 0
  const emit = (event: ServiceEvent): void => o.onEvent?.(event)

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
    if (!remember(bytesToHex(got.meeting), Math.min(deadline, now + o.sessionMs))) return
    const task = answer(got, share).finally(() => running.delete(task))
    running.add(task)
  }

  async function answer(got: ReceivedInvitation, share: KeyShare): Promise<void> {
    const started = Date.now()
    const { from, invitation, meeting } = got
    const about = { session: bytesToHex(meeting).slice(0, 8), account: share.account, from }
    emit({ at: 'invited', ...about })
    const ending = linkSignals([ctx.signal, abandoning.signal])
    const { signal } = ending
    const room = ctx.gateway.openRoom(meetingRoom(meeting), { signal })
    sessions++
    try {
      const refusal = await judge(got, share)
      if (refusal !== undefined) {
        emit({ at: 'refused', ...about, code: refusal.code })
        await refuse(got, share, room, refusal, signal)
        return
      }
      const deadlineMs = Math.min(Number(invitation.deadline) - started, o.sessionMs)
      const trace = ctx.trace === undefined ? {} : { trace: ctx.trace }
      await runSigning({
        share,
        meeting,
        invitation,
        channel: room,
        deadlineMs,
        signal,
        random: ctx.random,
        work: ctx.work,
        ...trace,
      })
      emit({ at: 'signed', ...about, ms: Date.now() - started })
    } catch (e) {
      const code = e instanceof MpcError ? e.code : 'INTERNAL'
      emit({
        at: 'failed',
        ...about,
        ms: Date.now() - started,
        code,
        culprits: e instanceof MpcError ? culprits(e) : [],
      })
    } finally {
      sessions--
      ending.release()
      room.close()
    }
  }

  async function judge({ from, invitation }: ReceivedInvitation, share: KeyShare): Promise<Refusal | undefined> {
    if (share.account !== invitation.account)
      return { code: 'ACCOUNT_UNKNOWN', message: 'this side has no share of that account' }
    const problem = invitationProblem(share, from, invitation)
    if (problem !== undefined)
      return { code: problem, message: 'the invitation does not fit the key share of this side' }
    if (Number(invitation.deadline) <= Date.now())
      return { code: 'EXPIRED', message: 'the deadline has passed on this side: do the clocks agree?' }
    if (sessions > o.maxSessions) return { code: 'BUSY', message: 'too many signings at once' }
    const { account, signers, payload } = invitation
    try {
      return await o.decide({ account, from, signers, payload, digest: digestOf(payload) })
    } catch {
      return { code: 'INTERNAL', message: 'the policy could not decide' }
    }
  }

  async function refuse(
    got: ReceivedInvitation,
    share: KeyShare,
    room: Room,
    r: Refusal,
    signal: AbortSignal,
  ): Promise<void> {
    const { identity, roster, epoch, level } = share
    const { random, work } = ctx
    // The refusal goes to whoever asked, and to nobody else.
    const signers = roster.members.map((m) => m.id).filter((id) => id === got.from || id === identity.id)
    await openConnection({
      identity,
      roster,
      signers,
      session: got.meeting,
      epoch,
      level,
      channel: room,
      protocols: [meetRounds],
      random,
      work,
      deadlineMs: REFUSAL_MS,
      signal,
    }).refuse({ reason: r.code, message: r.message.slice(0, 200) })
  }

  function listen(identity: Identity, shares: ReadonlyMap<string, KeyShare>, onReady: () => void): void {
    if (listening.aborted) return
    const room = ctx.gateway.openRoom(inboxRoom(identity.verifyKey), { signal: listening, keepLog: false })
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
      return sessions
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
