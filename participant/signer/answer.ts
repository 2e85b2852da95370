/**
 * What a service does with one invitation from a peer: judge it, then take part, or say why not. Everything that a peer
 * can make it spend is bounded: signings by `Admission`, refusals at a time by their number.
 */
import { bytesToHex } from '../base/bytes.ts'
import { culprits, MpcError, StateError } from '../base/errors.ts'
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
import { type Ask, meetingBytes, meetingRoom, meetRounds, type ReceivedInvitation } from './invitation.ts'
import { type Grounds, judge, type Refusal } from './judging.ts'
import { digestOf } from './payload.ts'
import { type PoolKey, type Presigned, poolName } from './pool.ts'
import { answerPacket, refusalPacket } from './presigned.ts'
import { REPLY_ROOM } from './replies.ts'
import { runPresigning, runSigning } from './signing.ts'

export type ServiceEvent =
  | { readonly at: 'listening' | 'reconnecting' }
  | {
      /** Ignored: an invitation that would be refused, but too many refusals are under way. */
      readonly at: 'invited' | 'refused' | 'ignored' | 'signed' | 'presigned' | 'failed'
      readonly kind: Ask['kind']
      /** See `sessionTag`. */
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
  readonly grounds: Grounds
  readonly admission: Admission
  readonly trace?: Trace
  readonly sessionMs: number
  emit(event: ServiceEvent): void
  readonly onEvidence?: (evidence: readonly Evidence[]) => void
}

const REFUSAL_MS = 10_000
/** At a time; who is refused needs an answer, and who floods us does not. */
const REFUSALS_LIMIT = 32
const ANSWERS_LIMIT = 256

const PLACES = {
  BUSY: 'too many signings at once',
  TOO_MANY_FAILURES: 'too many signings with this party failed in the last minute',
} as const

export interface Answering {
  /** Answers one invitation. Never rejects. */
  answer(got: ReceivedInvitation, share: KeyShare, signal: AbortSignal): Promise<void>
  /** Posts an answer again that the gateway may have lost; it says the same. Never rejects. */
  repeat(got: ReceivedInvitation, signal: AbortSignal): Promise<void>
}

/** What a session is called in events: the first 8 hex digits of the meeting id. */
export function sessionTag({ meeting }: Pick<ReceivedInvitation, 'meeting'>): string {
  return bytesToHex(meeting).slice(0, 8)
}

export function answering(ctx: AnswerContext): Answering {
  const { gateway, random, work, grounds, onEvidence } = ctx
  let refusals = 0
  /** Presignings that run, by what they are for: their owner may be ready to use the result before we are. */
  const presigning = new Map<string, Promise<unknown>>()
  /** The last answers made from presignatures, by meeting. */
  const answers = new Map<string, Uint8Array>()

  /** Into the room for answers of whoever asked. */
  async function reply(reply: string, packet: Uint8Array, got: ReceivedInvitation, signal: AbortSignal): Promise<void> {
    // nobody makes us post into other rooms
    if (!REPLY_ROOM.test(reply)) return
    const deadlineMs = Math.max(1, Math.min(Number(got.invitation.deadline) - Date.now(), ctx.sessionMs))
    await gateway.post(reply, packet, { signal, deadlineMs, ttlSeconds: Math.ceil(deadlineMs / 1000) })
  }

  async function refuse(got: ReceivedInvitation, share: KeyShare, r: Refusal, signal: AbortSignal): Promise<void> {
    const { identity, roster, epoch, level } = share
    const { ask } = got.invitation
    const stop = { reason: r.code, message: r.message.slice(0, 200) }
    if (ask.kind === 'sign-presigned')
      return reply(ask.reply, refusalPacket(share, got.meeting, got.from, stop, random), got, signal)
    // The refusal goes to whoever asked, and to nobody else.
    const signers = roster.members.map((m) => m.id).filter((id) => id === got.from || id === identity.id)
    const ending = linkSignals([signal])
    const room = gateway.openRoom(meetingRoom(got.meeting), { signal: ending.signal, keepLog: false })
    const common = { identity, roster, signers, epoch, level, random, work, signal: ending.signal }
    try {
      await openConnection({
        ...common,
        session: got.meeting,
        channel: room,
        protocols: [meetRounds],
        deadlineMs: REFUSAL_MS,
      }).refuse(stop)
    } finally {
      ending.abort()
      room.close()
    }
  }

  /** The presignature that is asked for, out of the pool; undefined when it is not there any more. */
  async function claim({ invitation, from }: ReceivedInvitation): Promise<Presigned | undefined> {
    const { ask, account, signers } = invitation
    if (ask.kind !== 'sign-presigned') return undefined
    const key = { account, signers, owner: from }
    const take = () => grounds.pool?.take(key, ask.presignature)
    const found = take()
    if (found !== undefined) return found
    await presigning.get(poolName(key))
    return take()
  }

  /** `presigned` is what the request is for, if it is for one. Throws what a session throws. */
  async function takePart(
    got: ReceivedInvitation,
    share: KeyShare,
    presigned: Presigned | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const { invitation, meeting } = got
    const { ask, account, signers } = invitation
    if (ask.kind === 'sign-presigned') {
      if (presigned === undefined) throw new StateError('expected a presignature')
      const packet = answerPacket(share, presigned, digestOf(ask.payload))
      const [oldest] = answers.keys()
      if (answers.size >= ANSWERS_LIMIT && oldest !== undefined) answers.delete(oldest)
      answers.set(bytesToHex(meeting), packet)
      await reply(ask.reply, packet, got, signal)
      return
    }
    const ending = linkSignals([signal])
    const room = gateway.openRoom(meetingRoom(meeting), {
      signal: ending.signal,
      logBytes: meetingBytes(signers.length),
    })
    const o = {
      share,
      meeting,
      invitation,
      channel: room,
      deadlineMs: Math.max(1, Math.min(Number(invitation.deadline) - Date.now(), ctx.sessionMs)),
      signal: ending.signal,
      random,
      work: ask.kind === 'presign' ? work.background : work,
      locks: grounds.locks,
      ...(ctx.trace === undefined ? {} : { trace: ctx.trace }),
      ...(onEvidence === undefined ? {} : { onEvidence }),
    }
    try {
      if (ask.kind === 'sign') await runSigning(o, ask.payload)
      else await keep({ account, signers, owner: ask.owner }, runPresigning(o))
    } finally {
      ending.abort()
      room.close()
    }
  }

  async function keep(key: PoolKey, making: Promise<Presigned>): Promise<void> {
    const name = poolName(key)
    const isMade = grounds.pool?.expect(key)
    const kept = making.finally(isMade).then((made) => void grounds.pool?.put(made))
    const settled = Promise.allSettled([presigning.get(name), kept])
    presigning.set(name, settled)
    try {
      await kept
    } finally {
      void settled.then(() => presigning.get(name) === settled && presigning.delete(name))
    }
  }

  return {
    async answer(got, share, signal) {
      const started = Date.now()
      const { from, invitation } = got
      const { kind } = invitation.ask
      const about = { kind, session: sessionTag(got), account: share.account, from }
      const no = async (r: Refusal): Promise<void> => {
        const isHeard = refusals < REFUSALS_LIMIT
        ctx.emit({ at: isHeard ? 'refused' : 'ignored', ...about, code: r.code })
        if (!isHeard) return
        refusals++
        await refuse(got, share, r, signal).catch(() => undefined)
        refusals--
      }
      ctx.emit({ at: 'invited', ...about })
      const place = ctx.admission.enter(from)
      if (place !== 'admitted') return no({ code: place, message: PLACES[place] })
      let refusal: Refusal | undefined
      let failed = false
      try {
        let presigned: Presigned | undefined
        const claimed = async (): Promise<boolean> => {
          presigned = await claim(got)
          return presigned !== undefined
        }
        refusal = await judge(got, share, { ...grounds, claim: claimed })
        if (refusal === undefined) {
          await takePart(got, share, presigned, signal)
          ctx.emit({ at: kind === 'presign' ? 'presigned' : 'signed', ...about, ms: Date.now() - started })
        }
      } catch (e) {
        failed = !(e instanceof StateError)
        const [code, named] = e instanceof MpcError ? [e.code, culprits(e)] : ['INTERNAL', []]
        ctx.emit({ at: 'failed', ...about, ms: Date.now() - started, code, culprits: named })
      } finally {
        ctx.admission.leave(from, { failed })
      }
      if (refusal !== undefined) await no(refusal)
    },

    async repeat(got, signal) {
      const { ask } = got.invitation
      const packet = answers.get(bytesToHex(got.meeting))
      if (packet === undefined || ask.kind !== 'sign-presigned') return
      await reply(ask.reply, packet, got, signal).catch(() => undefined)
    },
  }
}
