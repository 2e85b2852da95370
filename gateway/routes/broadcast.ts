/**
 * POST /rooms/{id}/broadcast: any UTF-8 body without CR and NUL. 200 when it is in the room's log, with `Event-ID`, the id
 * of its event, and an empty body.
 *
 *   TTL: n                seconds for which anybody will want it (RFC 8030); without it, it stays while the room lives
 *   Idempotency-Key: k    published once, however often it comes; for clients whose answer was lost
 */
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { claimsOtherSender } from '../auth/sender.ts'
import { readBody } from '../body.ts'
import { bodyProblem } from '../frame.ts'
import { isIdempotencyKey } from '../idempotency.ts'
import { refusals } from '../refusal.ts'
import type { AppOptions, RoomRequest } from './context.ts'

export async function broadcast(request: RoomRequest, options: AppOptions): Promise<Response> {
  const { incoming, outgoing, roomId, granted, refuse } = request
  const { config, store, logger, meter, clock } = options
  const ttl = incoming.headers['ttl']
  if (ttl !== undefined && !/^\d{1,8}$/.test(String(ttl))) return refuse(refusals.badTtl())
  const key = incoming.headers['idempotency-key']
  if (key !== undefined && !isIdempotencyKey(String(key))) return refuse(refusals.badIdempotencyKey())
  const body = await readBody(incoming, config.limits.body_bytes)
  if (body === 'too large') return refuse(refusals.bodyTooLarge(config.limits.body_bytes))
  if (body === 'incomplete') return refuse(refusals.bodyIncomplete())
  const problem = bodyProblem(body)
  if (problem !== undefined) {
    return refuse(problem === 'not UTF-8' ? refusals.bodyNotUtf8() : refusals.bodyHasControl())
  }
  if (granted.sender !== undefined && claimsOtherSender(body, granted.sender)) return refuse(refusals.forgedSender())
  // The client's upload is not ours to answer for: time counts from its last byte.
  const startedAtMs = clock.nowMs()
  const published = await store.publish(roomId, body, {
    ttlSeconds: ttl === undefined ? undefined : Number(ttl),
    idempotencyKey: key === undefined ? undefined : String(key),
    pass: granted.pass,
  })
  if (!published.ok) return refuse(published.refusal)
  const { id, isRepeat } = published.value
  logger.debug({ room: roomId, bytes: body.length, isRepeat }, 'broadcast')
  outgoing.writeHead(200, { 'content-length': 0, 'event-id': id }).end()
  if (!isRepeat) meter.published(body.length, clock.nowMs() - startedAtMs)
  return RESPONSE_ALREADY_SENT
}
