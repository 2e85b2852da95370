/**
 * One session of the signers: a signature, cold, in four rounds; or a presignature in three, for a signature later.
 */
import { StateError } from '../base/errors.ts'
import type { Signature } from '../protocols/material.ts'
import { presign } from '../protocols/presign/protocol.ts'
import { presignRounds } from '../protocols/presign/rounds.ts'
import { sessionOf } from '../protocols/session-context.ts'
import { sign, signRounds } from '../protocols/sign/protocol.ts'
import { type MeetingOptions, meet, openSession, settleFailure } from './meeting.ts'
import { digestOf, type Payload } from './payload.ts'
import type { Presigned } from './pool.ts'

export type SigningStep = 'inviting' | 'joined' | 'presigning' | 'signing'

export interface SigningOptions extends MeetingOptions {
  readonly onStep?: (step: SigningStep) => void
}

/** Throws ProtocolAbort, PeerStopped or TransportError. */
export async function runSigning(o: SigningOptions, payload: Payload): Promise<Signature> {
  const { share, invitation, onStep } = o
  const { signers } = invitation
  const stopAt = Date.now() + o.deadlineMs
  const digest = digestOf(payload)
  const context = await meet(o, 'sign', digest)
  onStep?.('joined')
  const rounds = presignRounds(share.level, signers.length)
  const connection = openSession(o, context, [rounds, signRounds], Math.max(0, stopAt - Date.now()))
  try {
    return await connection.run(async (party) => {
      onStep?.('presigning')
      const { core, aux } = share
      const presignature = await presign({ core, aux, signers, rounds }, party(rounds.protocol))
      onStep?.('signing')
      return sign({ presignature, digest }, party(signRounds.protocol))
    })
  } catch (e) {
    return settleFailure(o, context, e)
  }
}

/** Our part of a presignature for the owner that the invitation names. Throws as `runSigning` does. */
export async function runPresigning(o: SigningOptions): Promise<Presigned> {
  const { share, invitation } = o
  const { signers, ask } = invitation
  if (ask.kind !== 'presign') throw new StateError('expected an invitation to presign')
  const stopAt = Date.now() + o.deadlineMs
  const context = await meet(o, 'presign')
  const rounds = presignRounds(share.level, signers.length)
  const connection = openSession(o, context, [rounds], Math.max(0, stopAt - Date.now()))
  try {
    const { core, aux } = share
    const presignature = await connection.run((party) =>
      presign({ core, aux, signers, rounds }, party(rounds.protocol)),
    )
    return { id: sessionOf(context), owner: ask.owner, presignature, context, ...connection.told() }
  } catch (e) {
    return settleFailure(o, context, e)
  }
}
