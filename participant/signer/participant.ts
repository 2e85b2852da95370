/**
 * What a host uses: a participant with its accounts, that signs with others and serves when others ask. Participants
 * are symmetric; any of them may start a signing.
 */
import { StateError, UsageError } from '../base/errors.ts'
import { type Random, systemRandom } from '../base/random.ts'
import { linkSignals } from '../base/signals.ts'
import type { KeyShare } from '../key-share/key-share.ts'
import type { Point } from '../math/curve.ts'
import { fingerprint, type PartyId } from '../party/roster.ts'
import type { Trace } from '../party/trace.ts'
import { type Gateway, inboxRoom } from '../room/gateway.ts'
import { inProcess, type Work } from '../zk/work.ts'
import { ethereumAddress, type SignResult } from './describe.ts'
import type { Evidence } from './evidence-file.ts'
import { invitationProblem, makeInvitation, meetingBytes, meetingRoom, sealInvitation } from './invitation.ts'
import { findLock, type Locks, memoryLocks } from './locks.ts'
import { digestOf, type Payload } from './payload.ts'
import { type ServeOptions, type Service, serve } from './serve.ts'
import { runSigning, type SigningStep } from './signing.ts'

export interface ParticipantOptions {
  /** By account id. Accounts may have different rosters. */
  readonly keyShares: ReadonlyMap<string, KeyShare>
  readonly gateway: Gateway
  readonly random?: Random
  readonly work?: Work
  readonly trace?: Trace
  /** Locks that outlive the process; without them a restart forgets that a signature failed. */
  readonly locks?: Locks
}

export interface AccountInfo {
  readonly account: string
  readonly publicKey: Point
  /** Ethereum, EIP-55. */
  readonly address: string
  readonly threshold: number
  readonly epoch: number
  readonly self: PartyId
  readonly members: readonly PartyId[]
  /** Of the roster, for people to compare. */
  readonly fingerprint: string
}

export interface SignOptions {
  readonly account: string
  readonly payload: Payload
  /** Exactly threshold members with ourselves; may be left out when all members are needed, or ours come first. */
  readonly signers?: readonly PartyId[]
  readonly deadlineMs: number
  readonly signal?: AbortSignal
  readonly onStep?: (step: SigningStep) => void
  /** What can be shown to others when a peer made the signing abort; `formatEvidence` makes a file of it. */
  readonly onEvidence?: (evidence: readonly Evidence[]) => void
}

export interface Participant {
  accounts(): readonly AccountInfo[]
  /**
   * A signature over the payload, verified under the account's public key. Throws UsageError for an unknown account or
   * impossible signers, StateError with reason LOCKED, TransportError naming who was waited for, PeerStopped when somebody refused, ProtocolAbort with
   * the culprits.
   */
  sign(o: SignOptions): Promise<SignResult>
  /** Takes part when others ask, until it is stopped. */
  serve(o: ServeOptions): Service
  /** Ends every signing and every service of this participant. */
  close(): void
}

/** Without the refusal of test levels, for tests; hosts use `createParticipant`. */
export function openParticipant(o: ParticipantOptions): Participant {
  const { keyShares, gateway, random = systemRandom, work = inProcess, locks = memoryLocks() } = o
  const closing = new AbortController()
  const trace = o.trace === undefined ? {} : { trace: o.trace }

  return {
    accounts: () => [...keyShares.values()].map(infoOf),

    async sign({ account, payload, deadlineMs, onStep, onEvidence, ...rest }) {
      if (closing.signal.aborted) throw new StateError('participant is closed')
      if (!(deadlineMs > 0 && deadlineMs <= 86_400_000)) throw new UsageError('deadline: expected up to a day, in ms')
      const share = keyShares.get(account)
      if (share === undefined) throw new UsageError('account: expected one of this participant')
      const signers = rest.signers ?? defaultSigners(share)
      const digest = digestOf(payload)
      const meeting = random.bytes(32)
      const invitation = makeInvitation(share, signers, payload, Date.now() + deadlineMs)
      if (invitationProblem(share, share.identity.id, invitation) !== undefined) {
        throw new UsageError(`signers: expected ${share.core.threshold} members in roster order, ourselves among them`)
      }

      const { id } = share.identity
      const lock = await findLock(locks, account, id, signers)
      if (lock !== undefined) {
        const what = `a signature of account "${account}" with ${lock.peer} failed (${lock.code})`
        throw new StateError(`locked: ${what}; nothing is signed with it until an operator clears the lock`, {
          reason: 'LOCKED',
        })
      }

      // One signal for the room, the invitations and the protocol: whatever fails first ends all of it.
      const ending = linkSignals([closing.signal, rest.signal])
      const { signal } = ending
      const room = gateway.openRoom(meetingRoom(meeting), { signal, logBytes: meetingBytes(signers.length) })
      // An inbox lives as long as its owner: an invitation must not stay in it longer than it matters.
      const ttlSeconds = Math.ceil(deadlineMs / 1000)
      const invite = async (): Promise<void> => {
        for (const id of signers.filter((s) => s !== share.identity.id)) {
          const member = share.roster.members.find((m) => m.id === id)
          if (member === undefined) throw new UsageError('signers: expected members of the roster')
          const packet = sealInvitation(share, meeting, id, invitation, random)
          await gateway.post(inboxRoom(member.verifyKey), packet, { signal, deadlineMs, ttlSeconds })
        }
      }
      // A gateway that restarts has lost the invitations too; a second one of the same meeting is ignored.
      room.onRestart(() => void invite().catch(() => undefined))
      onStep?.('inviting')
      try {
        const signing = runSigning({
          share,
          meeting,
          invitation,
          channel: room,
          deadlineMs,
          signal,
          random,
          work,
          locks,
          ...trace,
          ...(onStep === undefined ? {} : { onStep }),
          ...(onEvidence === undefined ? {} : { onEvidence }),
        })
        // a gateway that takes the invitation and never says so keeps nobody from a signature that is there
        const signature = await Promise.race([signing, invite().then(() => signing)])
        return { account, publicKey: share.core.publicKey, digest, signature }
      } finally {
        ending.abort()
        room.close()
      }
    },

    serve: (options) => serve({ keyShares, gateway, random, work, locks, signal: closing.signal, ...trace }, options),
    close: () => closing.abort(),
  }
}

function infoOf({ account, core, epoch, identity, roster }: KeyShare): AccountInfo {
  return {
    account,
    publicKey: core.publicKey,
    address: ethereumAddress(core.publicKey),
    threshold: core.threshold,
    epoch,
    self: identity.id,
    members: roster.members.map((m) => m.id),
    fingerprint: fingerprint(roster),
  }
}

/** Ourselves and the first others, in roster order. */
function defaultSigners({ roster, identity, core }: KeyShare): readonly PartyId[] {
  const ids = roster.members.map((m) => m.id)
  const chosen = new Set([identity.id, ...ids.filter((id) => id !== identity.id).slice(0, core.threshold - 1)])
  return ids.filter((id) => chosen.has(id))
}
