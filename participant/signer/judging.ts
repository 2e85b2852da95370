/**
 * Whether a service takes part in what a peer asks of it: the checks that come before anything is done. The host is asked
 * last, since what it decides may cost something that it can't take back: a permit is used up, a limit is nearer.
 */
import { MpcError } from '../base/errors.ts'
import type { KeyShare } from '../key-share/key-share.ts'
import type { PartyId } from '../party/roster.ts'
import { GONE } from './ask-presigned.ts'
import type { Authority } from './authority.ts'
import { invitationProblem, type ReceivedInvitation } from './invitation.ts'
import { findLock, type Locks } from './locks.ts'
import { digestOf, type Payload } from './payload.ts'
import type { PresignaturePool } from './pool.ts'

export interface SignRequest {
  readonly account: string
  readonly from: PartyId
  readonly signers: readonly PartyId[]
  readonly payload: Payload
  /** What we would sign, hashed by ourselves. */
  readonly digest: Uint8Array
  /** The permit and approvals that came with it; nothing about them is checked yet. */
  readonly authority?: Authority
  /**
   * Which try of one request it is. When the answer to the one from a presignature is lost, its initiator asks again for a
   * signature from the start, until the same deadline: a host that counts requests can tell that it is no new one.
   */
  readonly attempt?: { readonly isPresigned: boolean; readonly deadline: bigint }
}

/** A presignature is no signature yet: what is signed with it is decided when that is known. */
export type PresignRequest = Omit<SignRequest, 'payload' | 'digest' | 'authority' | 'attempt'>

export interface Refusal {
  /** 1 to 32 capital letters and underscores. */
  readonly code: string
  /** One line of printable ASCII for the person who asked, at most 200 characters. */
  readonly message: string
}

export interface Decisions {
  /** Undefined to take part. Errors thrown here refuse with code INTERNAL. */
  decide(request: SignRequest): Refusal | undefined | Promise<Refusal | undefined>
  /** The same for presignatures; without it, everybody who may ask gets them. */
  decidePresign?(request: PresignRequest): Refusal | undefined | Promise<Refusal | undefined>
}

export interface Grounds extends Decisions {
  readonly locks: Locks
  readonly pool: PresignaturePool | undefined
  /** Takes the presignature that is asked for out of the pool; false when it is not there. True when absent. */
  readonly claim?: () => Promise<boolean>
}

export async function judge(
  { from, invitation }: ReceivedInvitation,
  share: KeyShare,
  { locks, pool, claim, ...host }: Grounds,
): Promise<Refusal | undefined> {
  const { account, signers, ask, authority } = invitation
  if (share.account !== account) return refusal('ACCOUNT_UNKNOWN', 'this side has no share of that account')
  const problem = invitationProblem(share, from, invitation)
  if (problem !== undefined) return refusal(problem, 'the invitation does not fit the key share of this side')
  if (Number(invitation.deadline) <= Date.now())
    return refusal('EXPIRED', 'the deadline has passed on this side: do the clocks agree?')
  if ((await findLock(locks, account, share.identity.id, signers)) !== undefined)
    return refusal('LOCKED', 'a signature between these parties failed: an operator has to clear the lock')
  if (ask.kind !== 'sign' && pool === undefined) return refusal('NO_POOL', 'this side keeps no presignatures')
  const request = { account, from, signers }
  try {
    if (ask.kind === 'presign') {
      if (pool?.hasPlace({ account, signers, owner: ask.owner }) === false)
        return refusal('POOL_FULL', 'this side has enough presignatures')
      return await host.decidePresign?.(request)
    }
    const { payload } = ask
    // a digest of somebody's choice goes with a nonce that was made after it (attacks.md, row 46)
    if (ask.kind === 'sign-presigned' && payload.kind === 'digest')
      return refusal('PRESIGNED_DIGEST', 'a bare digest is not signed with a presignature')
    const digest = hashed(payload)
    if (digest === undefined) return refusal('PAYLOAD_MALFORMED', 'that is no transaction, or no typed data')
    if (ask.kind === 'sign-presigned' && (await claim?.()) === false)
      return refusal(GONE, 'this side does not have that presignature any more')
    const attempt = { isPresigned: ask.kind === 'sign-presigned', deadline: invitation.deadline }
    return await host.decide({
      ...request,
      payload,
      digest,
      attempt,
      ...(authority === undefined ? {} : { authority }),
    })
  } catch {
    return refusal('INTERNAL', 'the policy could not decide')
  }
}

/** Undefined when it can't be parsed. */
function hashed(payload: Payload): Uint8Array | undefined {
  try {
    return digestOf(payload)
  } catch (e) {
    if (e instanceof MpcError) return undefined
    throw e
  }
}

function refusal(code: string, message: string): Refusal {
  return { code, message }
}
