/**
 * What a service does with one invitation from a peer: judge it, then take part, or say why not. Everything that a peer
 * can make it spend is bounded: signings by `Admission`, refusals at a time by their number.
 */
import { bytesToHex } from '../base/bytes.ts'
import { culprits, MpcError } from '../base/errors.ts'
import type { Random } from '../base/random.ts'
import { linkSignals } from '../base/signals.ts'
import type { KeyShare } from '../key-share/key-share.ts'
import { openConnection } from '../party/connection.ts'
import type { PartyId } from '../party/roster.ts'
import type { Trace } from '../party/trace.ts'
import type { Gateway } from '../room/gateway.ts'
import type { Work } from '../zk/work.ts'
import type { Admission } from './admission.ts'
import type { Evidence } from './evidence-file.ts'
import { invitationProblem, meetingBytes, meetingRoom, meetRounds, type ReceivedInvitation } from './invitation.ts'
import { findLock, type Locks } from './locks.ts'
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
      /** Ignored: an invitation that would be refused, but too many refusals are under way. */
      readonly at: 'invited' | 'refused' | 'ignored' | 'signed' | 'failed'
      /** First 8 hex digits of the meeting id. */
      readonly session: string
      readonly account: string
      readonly from: PartyId
      readonly ms?: number
      readonly code?: string
      readonly culprits?: readonly PartyId[]
    }

export interface AnswerContext {
  readonly gateway: Gateway
  readonly random: Random
  readonly work: Work
  readonly locks: Locks
  readonly admission: Admission
  readonly trace?: Trace
  readonly sessionMs: number
  decide(request: SignRequest): Refusal | undefined | Promise<Refusal | undefined>
  emit(event: ServiceEvent): void
  readonly onEvidence?: (evidence: readonly Evidence[]) => void
}

const REFUSAL_MS = 10_000
/** At a time; who is refused needs an answer, and who floods us does not. */
const REFUSALS_LIMIT = 32

/** Answers one invitation. Never rejects. */
export type Answer = (got: ReceivedInvitation, share: KeyShare, signal: AbortSignal) => Promise<void>

export function answering(ctx: AnswerContext): Answer {
  let refusals = 0

  async function judge({ from, invitation }: ReceivedInvitation, share: KeyShare): Promise<Refusal | undefined> {
    if (share.account !== invitation.account)
      return { code: 'ACCOUNT_UNKNOWN', message: 'this side has no share of that account' }
    const problem = invitationProblem(share, from, invitation)
    if (problem !== undefined)
      return { code: problem, message: 'the invitation does not fit the key share of this side' }
    if (Number(invitation.deadline) <= Date.now())
      return { code: 'EXPIRED', message: 'the deadline has passed on this side: do the clocks agree?' }
    const { account, signers, payload } = invitation
    const lock = await findLock(ctx.locks, account, share.identity.id, signers)
    if (lock !== undefined)
      return { code: 'LOCKED', message: 'a signature between these parties failed: an operator has to clear the lock' }
    try {
      return await ctx.decide({ account, from, signers, payload, digest: digestOf(payload) })
    } catch {
      return { code: 'INTERNAL', message: 'the policy could not decide' }
    }
  }

  async function refuse(got: ReceivedInvitation, share: KeyShare, r: Refusal, signal: AbortSignal): Promise<void> {
    const { identity, roster, epoch, level } = share
    const { gateway, random, work } = ctx
    // The refusal goes to whoever asked, and to nobody else.
    const signers = roster.members.map((m) => m.id).filter((id) => id === got.from || id === identity.id)
    const ending = linkSignals([signal])
    const room = gateway.openRoom(meetingRoom(got.meeting), { signal: ending.signal, keepLog: false })
    refusals++
    try {
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
        signal: ending.signal,
      }).refuse({ reason: r.code, message: r.message.slice(0, 200) })
    } finally {
      refusals--
      ending.abort()
      room.close()
    }
  }

  async function takePart(got: ReceivedInvitation, share: KeyShare, started: number, signal: AbortSignal) {
    const { invitation, meeting } = got
    const { gateway, random, work, locks, onEvidence } = ctx
    const ending = linkSignals([signal])
    const logBytes = meetingBytes(invitation.signers.length)
    const room = gateway.openRoom(meetingRoom(meeting), { signal: ending.signal, logBytes })
    try {
      await runSigning({
        share,
        meeting,
        invitation,
        channel: room,
        deadlineMs: Math.min(Number(invitation.deadline) - started, ctx.sessionMs),
        signal: ending.signal,
        random,
        work,
        locks,
        ...(ctx.trace === undefined ? {} : { trace: ctx.trace }),
        ...(onEvidence === undefined ? {} : { onEvidence }),
      })
    } finally {
      ending.abort()
      room.close()
    }
  }

  return async (got, share, signal) => {
    const started = Date.now()
    const { from, meeting } = got
    const about = { session: bytesToHex(meeting).slice(0, 8), account: share.account, from }
    const no = async (r: Refusal): Promise<void> => {
      const isHeard = refusals < REFUSALS_LIMIT
      ctx.emit({ at: isHeard ? 'refused' : 'ignored', ...about, code: r.code })
      if (isHeard) await refuse(got, share, r, signal).catch(() => undefined)
    }
    ctx.emit({ at: 'invited', ...about })
    const place = ctx.admission.enter(from)
    if (place !== 'admitted') return no({ code: place, message: PLACES[place] })
    let refusal: Refusal | undefined
    let failed = false
    try {
      refusal = await judge(got, share)
      if (refusal === undefined) {
        await takePart(got, share, started, signal)
        ctx.emit({ at: 'signed', ...about, ms: Date.now() - started })
      }
    } catch (e) {
      failed = true
      const [code, named] = e instanceof MpcError ? [e.code, culprits(e)] : ['INTERNAL', []]
      ctx.emit({ at: 'failed', ...about, ms: Date.now() - started, code, culprits: named })
    } finally {
      ctx.admission.leave(from, { failed })
    }
    if (refusal !== undefined) await no(refusal)
  }
}

const PLACES = {
  BUSY: 'too many signings at once',
  TOO_MANY_FAILURES: 'too many signings with this party failed in the last minute',
} as const
