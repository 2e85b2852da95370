/** Whether a service takes part in what a peer asks of it: the checks that come before anything is done. */
import type { KeyShare } from '../key-share/key-share.ts'
import type { PartyId } from '../party/roster.ts'
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
}

/** A presignature is no signature yet: what is signed with it is decided when that is known. */
export type PresignRequest = Omit<SignRequest, 'payload' | 'digest'>

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
}

export async function judge(
  { from, invitation }: ReceivedInvitation,
  share: KeyShare,
  { locks, pool, ...host }: Grounds,
): Promise<Refusal | undefined> {
  const { account, signers, ask } = invitation
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
    return await host.decide({ ...request, payload, digest: digestOf(payload) })
  } catch {
    return refusal('INTERNAL', 'the policy could not decide')
  }
}

function refusal(code: string, message: string): Refusal {
  return { code, message }
}
