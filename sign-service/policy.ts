/**
 * What the service signs. It hashes everything itself, so that it signs what it was shown; a digest that somebody else
 * computed says nothing about what it stands for, and is signed only where the operator allowed that.
 */
import type { ServiceConfig } from '../config/schema.ts'
import type { PresignRequest, Refusal, SignRequest } from '../participant/index.ts'

export interface Policy {
  /** Undefined to sign. */
  decide(request: SignRequest): Refusal | undefined
  /** Undefined to make a presignature; what is signed with it is decided when that is known. */
  decidePresign(request: PresignRequest): Refusal | undefined
}

export function policyOf(policy: ServiceConfig['policy']): Policy {
  const served = policy.accounts === undefined ? undefined : new Set(policy.accounts)
  const decidePresign = ({ account }: PresignRequest): Refusal | undefined =>
    served === undefined || served.has(account)
      ? undefined
      : { code: 'ACCOUNT_NOT_SERVED', message: 'this service does not sign for that account' }
  const decide = (request: SignRequest): Refusal | undefined => {
    const notServed = decidePresign(request)
    if (notServed !== undefined) return notServed
    if (request.payload.kind === 'digest' && !policy.allow_raw_digest) {
      return {
        code: 'RAW_DIGEST_REFUSED',
        message: 'this service signs only what it hashes itself; send the message instead of its digest',
      }
    }
    return undefined
  }
  return { decide, decidePresign }
}
