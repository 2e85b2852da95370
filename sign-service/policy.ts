/**
 * What the service signs. It hashes everything itself, so that it signs what it was shown; a digest that somebody else
 * computed says nothing about what it stands for, and is signed only where the operator allowed that.
 */
import type { ServiceConfig } from '../config/schema.ts'
import type { Refusal, SignRequest } from '../participant/index.ts'

/** The decision for one request: undefined to sign. */
export function policyOf(policy: ServiceConfig['policy']): (request: SignRequest) => Refusal | undefined {
  const served = policy.accounts === undefined ? undefined : new Set(policy.accounts)
  return ({ account, payload }) => {
    if (served !== undefined && !served.has(account)) {
      return { code: 'ACCOUNT_NOT_SERVED', message: 'this service does not sign for that account' }
    }
    if (payload.kind === 'digest' && !policy.allow_raw_digest) {
      return {
        code: 'RAW_DIGEST_REFUSED',
        message: 'this service signs only what it hashes itself; send the message instead of its digest',
      }
    }
    return undefined
  }
}
