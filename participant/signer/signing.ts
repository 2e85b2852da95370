/**
 * One signing, as every signer runs it: meet in the room, agree on the session id from everybody's nonce, presign, sign.
 * The initiator and those invited differ only in who wrote the invitation.
 */
import { equalBytes } from '../base/bytes.ts'
import { ProtocolAbort } from '../base/errors.ts'
import type { Random } from '../base/random.ts'
import type { KeyShare } from '../key-share/key-share.ts'
import type { Channel } from '../party/channel.ts'
import { openConnection } from '../party/connection.ts'
import type { Trace } from '../party/trace.ts'
import { convicts } from '../protocols/evidence.ts'
import type { Signature } from '../protocols/material.ts'
import { presign } from '../protocols/presign/protocol.ts'
import { presignRounds } from '../protocols/presign/rounds.ts'
import { type SessionContext, sessionOf } from '../protocols/session-context.ts'
import { sign, signRounds } from '../protocols/sign/protocol.ts'
import type { Work } from '../zk/work.ts'
import type { Evidence } from './evidence-file.ts'
import { type Invitation, invitationHash, join, meetRounds } from './invitation.ts'
import { type Locks, locksAfter } from './locks.ts'
import { digestOf } from './payload.ts'

export type SigningStep = 'inviting' | 'joined' | 'presigning' | 'signing'

export interface SigningOptions {
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
  readonly onStep?: (step: SigningStep) => void
  /** What can be shown to others when a peer made the signing abort. Called before the error is thrown. */
  readonly onEvidence?: (evidence: readonly Evidence[]) => void
}

/** Throws ProtocolAbort, PeerStopped or TransportError. */
export async function runSigning(o: SigningOptions): Promise<Signature> {
  const { share, invitation, random, work, signal, channel } = o
  const { identity, roster, epoch, level, core, aux, account } = share
  const { signers } = invitation
  const stopAt = Date.now() + o.deadlineMs
  const trace = o.trace === undefined ? {} : { trace: o.trace }
  const common = { identity, roster, signers, epoch, level, channel, random, work, signal, ...trace }

  const mine = { invitation: invitationHash(o.meeting, invitation), nonce: random.bytes(32) }
  const meeting = openConnection({
    ...common,
    session: o.meeting,
    protocols: [meetRounds],
    deadlineMs: o.deadlineMs,
    mayRestart: true,
  })
  const joined = await meeting.run(async (party) => {
    const p = party(meetRounds.protocol)
    await p.broadcast(join, mine)
    const got = await p.collect(join)
    if (got.values().some((j) => !equalBytes(j.message.invitation, mine.invitation))) {
      throw new ProtocolAbort('signers were invited to different things', [])
    }
    return got
  })
  o.onStep?.('joined')

  const digest = digestOf(invitation.payload)
  const nonces = new Map([
    [identity.id, mine.nonce],
    ...joined.entries().map(([id, j]): [string, Uint8Array] => [id, j.message.nonce]),
  ])
  const context: SessionContext = {
    purpose: 'sign',
    level,
    roster,
    threshold: core.threshold,
    account,
    epoch,
    signers,
    nonces,
    feldman: core.feldman,
    aux: new Map([...aux.peers, [identity.id, aux]]),
    digest,
  }
  const rounds = presignRounds(level, signers.length)
  const deadlineMs = Math.max(0, stopAt - Date.now())
  const connection = openConnection({
    ...common,
    session: sessionOf(context),
    protocols: [rounds, signRounds],
    deadlineMs,
    convicts: (fault) => convicts(fault, context),
  })
  const signature = connection.run(async (party) => {
    o.onStep?.('presigning')
    const presignature = await presign({ core, aux, signers, rounds }, party(rounds.protocol))
    o.onStep?.('signing')
    return sign({ presignature, digest }, party(signRounds.protocol))
  })
  return signature.catch(async (e: unknown) => {
    if (e instanceof ProtocolAbort && e.faults.length > 0) o.onEvidence?.(e.faults.map((fault) => ({ fault, context })))
    const about = { account, self: identity.id, signers, session: sessionOf(context) }
    // a lock that can't be written holds in memory; why the signing failed is what the caller has to hear
    for (const lock of locksAfter(e, about)) await o.locks.add(lock).catch(() => undefined)
    throw e
  })
}
