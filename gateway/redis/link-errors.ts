/** Why there is no connection to Redis, or none that can be used, in words for an operator. */
import { UnfitServerError } from './server-facts.ts'

/** There is no connection now, or it ended before the answer came: what was asked may have been done all the same. */
export class AwayError extends Error {
  override readonly name = 'AwayError'
}

/** Redis can't be used, for the operator who starts a gateway. */
export class StoreStartError extends Error {
  override readonly name = 'StoreStartError'
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : ''
}

export function isNetworkError(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return ['ECONNREFUSED', 'ECONNRESET', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'EAI_AGAIN'].includes(code ?? '')
}

const UNTRUSTED: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_SIGNATURE_FAILURE',
])

/** For the operator. Fixed texts and system codes: what the server says is not repeated. */
export function describe(error: unknown): string {
  if (error instanceof UnfitServerError || error instanceof AwayError) return error.message
  const text = messageOf(error)
  if (/^NOAUTH|HELLO must be called with the client already authenticated/.test(text)) return 'it asks for a password'
  if (/^WRONGPASS|invalid password|without any password configured/i.test(text))
    return 'it refuses the user or the password'
  if (/^NOPERM/.test(text)) return 'the user may not run the commands that are needed'
  if (/unknown command.*HELLO|NOPROTO/i.test(text)) return 'Redis 7.0 or newer is needed, this one is older than 6.0'
  const { code } = error as NodeJS.ErrnoException
  if (code === 'ECONNREFUSED') return 'connection refused'
  if (code === 'ENOTFOUND') return 'the host name is unknown'
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return 'its certificate is for another name than redis_url has'
  if (code !== undefined && UNTRUSTED.has(code))
    return 'no authority that is trusted has signed its certificate (redis_ca_file)'
  return code ?? 'no usable answer'
}
