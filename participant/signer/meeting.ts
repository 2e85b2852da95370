/**
 * What every signing and presigning begins with: the signers meet in the room, agree that they were invited to the same,
 * and make the session id from everybody's nonce. Whoever wrote the invitation differs from the others in nothing else.
 */
import { equalBytes } from '../base/bytes.ts'
import { DecodeError, ProtocolAbort, StateError } from '../base/errors.ts'
import type { Random } from '../base/random.ts'
import { linkSignals } from '../base/signals.ts'
import type { KeyShare } from '../key-share/key-share.ts'
import type { Channel } from '../party/channel.ts'
import { type Connection, openConnection } from '../party/connection.ts'
import type { ProtocolRounds } from '../party/party.ts'
import type { Trace } from '../party/trace.ts'
import { viewed } from '../party/view.ts'
import { convicts } from '../protocols/evidence.ts'
import { type SessionContext, sessionOf } from '../protocols/session-context.ts'
import { decode } from '../wire/codec.ts'
import { decodePacket, verifyEnvelope } from '../wire/envelope.ts'
import type { Work } from '../zk/work.ts'
import type { Evidence } from './evidence-file.ts'
import { type Invitation, invitationHash, join, meetRounds } from './invitation.ts'
import { type Locks, locksAfter } from './locks.ts'

export interface MeetingOptions {
  readonly share: KeyShare
  readonly meeting: Uint8Array
  readonly invitation: Invitation
  readonly channel: Channel
  /** From now. */
  readonly deadlineMs: number
  readonly signal: AbortSignal
  readonly random: Random
  readonly work: Work
  readonly locks: Locks
  readonly trace?: Trace
  /** What can be shown to others when a peer made the session abort. Called before the error is thrown. */
  readonly onEvidence?: (evidence: readonly Evidence[]) => void
}

/** The public side of the session that follows. Throws ProtocolAbort, PeerStopped or TransportError. */
export async function meet(o: MeetingOptions, purpose: string, digest?: Uint8Array): Promise<SessionContext> {
  const { share, invitation, random } = o
  const { identity, roster, epoch, level, core, aux, account } = share
  const { signers } = invitation
  const mine = { invitation: invitationHash(o.meeting, invitation), nonce: random.bytes(32) }
  const ending = linkSignals([o.signal])
  const meeting = openConnection({
    ...common(o),
    signal: ending.signal,
    session: o.meeting,
    protocols: [meetRounds],
    deadlineMs: o.deadlineMs,
    mayRestart: true,
  })
  let wasHere = false
  const stopLooking = o.channel.subscribe(
    (raw) => {
      if (!isOtherJoin(raw, o, mine.nonce)) return
      wasHere = true
      ending.abort()
    },
    () => undefined,
  )
  const joined = await meeting
    .run(async (party) => {
      const p = party(meetRounds.protocol)
      await p.broadcast(join, mine)
      const got = await p.collect(join)
      if (got.values().some((j) => !equalBytes(j.message.invitation, mine.invitation))) {
        throw new ProtocolAbort('signers were invited to different things', [])
      }
      return got
    })
    .finally(() => {
      stopLooking()
      ending.release()
      // whether or not the others' joins are here as well
      if (!wasHere) return
      throw new StateError('this side took part before it was restarted: nothing is resumed', {
        reason: 'SESSION_DEAD',
      })
    })
  const nonces = new Map([
    [identity.id, mine.nonce],
    ...joined.entries().map(([id, j]): [string, Uint8Array] => [id, j.message.nonce]),
  ])
  return {
    purpose,
    level,
    roster,
    threshold: core.threshold,
    account,
    epoch,
    signers,
    nonces,
    feldman: core.feldman,
    aux: new Map([...aux.peers, [identity.id, aux]]),
    ...(digest === undefined ? {} : { digest }),
  }
}

/**
 * A join of ours that this process did not send: the others may have taken it, with a nonce that is lost (attacks.md,
 * row 44). Nobody else can sign one.
 */
function isOtherJoin(raw: Uint8Array, { share, meeting }: MeetingOptions, nonce: Uint8Array): boolean {
  try {
    const packet = decodePacket(raw)
    if (packet.kind !== 'clear') return false
    const e = packet.envelope
    const { id, verifyKey } = share.identity
    const isJoin = e.from === id && e.protocol === meetRounds.protocol && e.round === join.name && e.to === ''
    if (!isJoin || !equalBytes(e.session, meeting) || !verifyEnvelope(e, verifyKey)) return false
    return !equalBytes(decode(viewed(join.codec), e.body).message.nonce, nonce)
  } catch (e) {
    if (e instanceof DecodeError) return false
    throw e
  }
}

/** Our end of the session that the signers agreed on. */
export function openSession(
  o: MeetingOptions,
  context: SessionContext,
  protocols: readonly ProtocolRounds[],
  deadlineMs: number,
): Connection {
  return openConnection({
    ...common(o),
    session: sessionOf(context),
    protocols,
    deadlineMs,
    convicts: (fault) => convicts(fault, context),
  })
}

/** Hands out evidence and locks what has to be locked, then throws the error as it was. */
export async function settleFailure(
  { share, locks, onEvidence }: Pick<MeetingOptions, 'share' | 'locks' | 'onEvidence'>,
  context: SessionContext,
  error: unknown,
): Promise<never> {
  if (error instanceof ProtocolAbort && error.faults.length > 0) {
    onEvidence?.(error.faults.map((fault) => ({ fault, context })))
  }
  const { account, signers } = context
  const about = { account, self: share.identity.id, signers, session: sessionOf(context) }
  // a lock that can't be written holds in memory; why the session failed is what the caller has to hear
  for (const lock of locksAfter(error, about)) await locks.add(lock).catch(() => undefined)
  throw error
}

function common({ share, invitation, channel, random, work, signal, trace }: MeetingOptions) {
  const { identity, roster, epoch, level } = share
  const traced = trace === undefined ? {} : { trace }
  return { identity, roster, signers: invitation.signers, epoch, level, channel, random, work, signal, ...traced }
}
