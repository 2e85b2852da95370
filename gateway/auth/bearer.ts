/**
 * The token of a request: `Authorization: Bearer <token>` and nothing else. Addresses end up in the logs of proxies and
 * in browser histories, so a token in one is refused rather than used, even where no token is needed (RFC 6750, 5.3).
 */
import type { IncomingMessage } from 'node:http'
import { refusals } from '../refusal.ts'
import type { Found } from '../store.ts'

const HEADER = 'authorization'
const MAX_TOKEN_LENGTH = 8_192
/** RFC 6750's b64token. */
const BEARER = /^Bearer +([A-Za-z0-9._~+/-]+=*)$/i
const IN_URL = new Set(['token', 'access_token', 'auth', 'authorization', 'bearer', 'jwt', 'id_token'])

/** The token, undefined without one. A header that is no such token is refused: it was meant to be one. */
export function bearerOf({ url = '', rawHeaders }: IncomingMessage): Found<string | undefined> {
  if (hasTokenInUrl(url)) return { ok: false, refusal: refusals.tokenInUrl() }
  let value: string | undefined
  let count = 0
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string
    if (name.length !== HEADER.length || name.toLowerCase() !== HEADER) continue
    value = rawHeaders[i + 1] ?? ''
    count += 1
  }
  if (value === undefined) return { ok: true, value: undefined }
  const token = count === 1 && value.length <= MAX_TOKEN_LENGTH ? BEARER.exec(value)?.[1] : undefined
  return token === undefined ? { ok: false, refusal: refusals.unauthorized() } : { ok: true, value: token }
}

function hasTokenInUrl(url: string): boolean {
  const at = url.indexOf('?')
  if (at < 0) return false
  // a hash is no part of a request's address, but nothing stops a client from sending one
  for (const name of new URLSearchParams(url.slice(at + 1).replaceAll('#', '&')).keys()) {
    if (IN_URL.has(name.trim().toLowerCase())) return true
  }
  return false
}
