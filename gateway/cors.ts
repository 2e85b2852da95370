/**
 * CORS by the configured list of origins. Headers are put on Node's response itself, because a stream is written there
 * too and never passes through a `Response` object that middleware could add to.
 */
import type { ServerResponse } from 'node:http'

const ALLOWED_METHODS = 'GET, POST, DELETE, OPTIONS'
const ALLOWED_HEADERS = 'Authorization, Content-Type, Last-Event-ID, Idempotency-Key, Room-Epoch, TTL'
const EXPOSED_HEADERS = 'Event-ID, Request-ID, Room-Epoch, Room-Resumed-From, Retry-After'
const PREFLIGHT_SECONDS = 600

/** Adds what a page of this origin needs to read the answer. An origin that isn't listed gets nothing. */
export function allowOrigin(outgoing: ServerResponse, origin: string | undefined, allowed: readonly string[]): void {
  if (allowed.length === 0) return
  const everyone = allowed.includes('*')
  if (!everyone) outgoing.setHeader('vary', 'Origin')
  if (origin === undefined || !(everyone || allowed.includes(origin))) return
  outgoing.setHeader('access-control-allow-origin', everyone ? '*' : origin)
  outgoing.setHeader('access-control-expose-headers', EXPOSED_HEADERS)
}

/** The rest of the answer to a preflight request whose origin was allowed. */
export function allowPreflight(outgoing: ServerResponse): void {
  if (!outgoing.hasHeader('access-control-allow-origin')) return
  outgoing.setHeader('access-control-allow-methods', ALLOWED_METHODS)
  outgoing.setHeader('access-control-allow-headers', ALLOWED_HEADERS)
  outgoing.setHeader('access-control-max-age', String(PREFLIGHT_SECONDS))
}
