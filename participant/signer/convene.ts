/** How a party starts a session: it opens the room, invites the others, and takes part like everybody else. */
import { StateError, UsageError } from '../base/errors.ts'
import type { Random } from '../base/random.ts'
import { linkSignals } from '../base/signals.ts'
import type { KeyShare } from '../key-share/key-share.ts'
import { memberOf, type PartyId } from '../party/roster.ts'
import type { Trace } from '../party/trace.ts'
import { type Gateway, inboxRoom } from '../room/gateway.ts'
import { tellingRefusal } from '../room/refused.ts'
import type { Work } from '../zk/work.ts'
import type { Authority } from './authority.ts'
import type { Evidence } from './evidence-file.ts'
import { type Ask, invitationProblem, makeInvitation, meetingBytes, meetingRoom, sealInvitation } from './invitation.ts'
import { findLock, type Locks } from './locks.ts'
import type { MeetingOptions } from './meeting.ts'

export interface ConveneOptions {
  readonly share: KeyShare
  readonly signers: readonly PartyId[]
  readonly ask: Ask
  readonly authority?: Authority
  readonly deadlineMs: number
  /** Unix time in ms: the deadline that the others are told; `deadlineMs` from now when absent. */
  readonly stopAt?: number
  /** All of them end the session. */
  readonly signals: readonly (AbortSignal | undefined)[]
  readonly gateway: Gateway
  readonly random: Random
  readonly work: Work
  readonly locks: Locks
  readonly trace?: Trace
  readonly onEvidence?: (evidence: readonly Evidence[]) => void
}

/** Runs a session that we start. Throws UsageError for impossible signers, and whatever `run` throws. */
export async function convene<T>(o: ConveneOptions, run: (m: MeetingOptions) => Promise<T>): Promise<T> {
  const { share, signers, ask, deadlineMs, gateway, random, work, locks } = o
  const meeting = random.bytes(32)
  const invitation = makeInvitation(share, signers, ask, o.stopAt ?? Date.now() + deadlineMs, o.authority)
  requireSigners(share, signers)

  // One signal for the room, the invitations and the protocol: whatever fails first ends all of it.
  const ending = linkSignals(o.signals)
  const { signal } = ending
  const room = gateway.openRoom(meetingRoom(meeting), { signal, logBytes: meetingBytes(signers.length) })
  // An inbox lives as long as its owner: an invitation must not stay in it longer than it matters.
  const ttlSeconds = Math.ceil(deadlineMs / 1000)
  const invite = async (): Promise<void> => {
    for (const id of signers.filter((s) => s !== share.identity.id)) {
      const packet = sealInvitation(share, meeting, id, invitation, random)
      const inbox = inboxRoom(memberOf(share.roster, id).verifyKey)
      await gateway.post(inbox, packet, { signal, deadlineMs, ttlSeconds })
    }
  }
  // A gateway that restarts has lost the invitations too; a second one of the same meeting is ignored.
  room.onRestart(() => void invite().catch(() => undefined))
  try {
    const running = run({
      share,
      meeting,
      invitation,
      channel: room,
      deadlineMs,
      signal,
      random,
      work,
      locks,
      ...(o.trace === undefined ? {} : { trace: o.trace }),
      ...(o.onEvidence === undefined ? {} : { onEvidence: o.onEvidence }),
    })
    // a gateway that takes the invitation and never says so keeps nobody from a result that is there
    return await tellingRefusal(room, () => Promise.race([running, invite().then(() => running)]))
  } finally {
    ending.abort()
    room.close()
  }
}

/** Throws UsageError unless the account can be signed for by exactly these. */
export function requireSigners(share: KeyShare, signers: readonly PartyId[]): void {
  const self = share.identity.id
  const invitation = makeInvitation(share, signers, { kind: 'presign', owner: self }, 0)
  if (invitationProblem(share, self, invitation) !== undefined) {
    throw new UsageError(`signers: expected ${share.core.threshold} members in roster order, ourselves among them`)
  }
}

/** Throws StateError with reason LOCKED when the account is locked with one of them. */
export async function requireUnlocked(locks: Locks, share: KeyShare, signers: readonly PartyId[]): Promise<void> {
  const { account, identity } = share
  const lock = await findLock(locks, account, identity.id, signers)
  if (lock === undefined) return
  const what = `a signature of account "${account}" with ${lock.peer} failed (${lock.code})`
  throw new StateError(`locked: ${what}; nothing is signed with it until an operator clears the lock`, {
    reason: 'LOCKED',
  })
}

/** Ourselves and the first others, in roster order. */
export function defaultSigners({ roster, identity, core }: KeyShare): readonly PartyId[] {
  const ids = roster.members.map((m) => m.id)
  const chosen = new Set([identity.id, ...ids.filter((id) => id !== identity.id).slice(0, core.threshold - 1)])
  return ids.filter((id) => chosen.has(id))
}
