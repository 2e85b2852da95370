/** The owner's side of a signature from a presignature: one request, one answer. */
import { PeerStopped, TransportError } from '../base/errors.ts'
import { memberOf, type PartyId } from '../party/roster.ts'
import type { Signature } from '../protocols/material.ts'
import { presignedContext, sessionOf } from '../protocols/session-context.ts'
import { type Gateway, inboxRoom } from '../room/gateway.ts'
import type { Envelope } from '../wire/envelope.ts'
import type { Authority } from './authority.ts'
import { makeInvitation, sealInvitation } from './invitation.ts'
import { type MeetingOptions, settleFailure } from './meeting.ts'
import { digestOf, type Payload } from './payload.ts'
import type { Presigned } from './pool.ts'
import { finish, openAnswer } from './presigned.ts'
import type { Replies } from './replies.ts'

/** The reason of a peer that has no such presignature: it was restarted, or the presignature is too old. */
export const GONE = 'PRESIGNATURE_GONE'

export interface AskOptions
  extends Pick<MeetingOptions, 'share' | 'random' | 'signal' | 'locks' | 'onEvidence' | 'deadlineMs'> {
  readonly presigned: Presigned
  readonly peer: PartyId
  readonly payload: Payload
  readonly authority?: Authority
  /** Unix time in ms at which the request is given up, whatever it is made from. */
  readonly stopAt: number
  readonly gateway: Gateway
  readonly replies: Replies
  /** How long to wait for the answer before the caller makes a signature without the presignature. */
  readonly answerMs: number
}

/**
 * Undefined when the peer does not have its part any more or does not answer in time: the presignature is then lost, and
 * nothing made from ours has left. Throws PeerStopped when the peer refuses, ProtocolAbort naming it, TransportError when
 * cancelled.
 */
export async function signPresigned(o: AskOptions): Promise<Signature | undefined> {
  const { share, presigned, peer, payload, gateway, replies, random, signal } = o
  const digest = digestOf(payload)
  const context = presignedContext(presigned.context, digest)
  const meeting = random.bytes(32)
  const { signers } = presigned.context
  const ask = { kind: 'sign-presigned', payload, presignature: presigned.id, reply: replies.id } as const
  const invitation = makeInvitation(share, signers, ask, o.stopAt, o.authority)
  const at = { share, meeting, session: sessionOf(context), peer }

  let answer: Envelope | undefined
  try {
    answer = await answered(
      o,
      (raw) => openAnswer(raw, at),
      () => {
        const packet = sealInvitation(share, meeting, peer, invitation, random)
        const inbox = inboxRoom(memberOf(share.roster, peer).verifyKey)
        const ttlSeconds = Math.ceil(o.deadlineMs / 1000)
        return gateway.post(inbox, packet, { signal, deadlineMs: o.answerMs, ttlSeconds })
      },
    )
  } catch (e) {
    if (e instanceof PeerStopped && e.reason === GONE) return undefined
    throw e
  }
  if (answer === undefined) return undefined
  try {
    return finish(presigned, digest, answer)
  } catch (e) {
    return settleFailure(o, context, e)
  }
}

/** The first answer that `open` takes; undefined when none comes in time. */
function answered(
  { replies, answerMs, signal }: AskOptions,
  open: (raw: Uint8Array) => Envelope | undefined,
  post: () => Promise<void>,
): Promise<Envelope | undefined> {
  return new Promise((resolve, reject) => {
    const end = (settle: () => void): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
      stopListening()
      settle()
    }
    const onAbort = (): void => end(() => reject(new TransportError('cancelled')))
    // a gateway that can't be reached, or loses the request, is left to the way without a presignature
    const ask = (): void => void post().catch(() => undefined)
    const timer = setTimeout(() => end(() => resolve(undefined)), answerMs)
    const stopListening = replies.listen((raw) => {
      try {
        const found = open(raw)
        if (found !== undefined) end(() => resolve(found))
      } catch (e) {
        end(() => reject(e))
      }
    }, ask)
    signal.addEventListener('abort', onAbort)
    if (signal.aborted) return onAbort()
    replies.ready().then(ask, () => end(() => resolve(undefined)))
  })
}
