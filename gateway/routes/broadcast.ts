/**
 * POST /rooms/{id}/broadcast: any UTF-8 body without CR and NUL. 200 when it is in the room's log, with `Event-ID`, the id
 * of its event, and an empty body.
 *
 *   TTL: n                seconds for which anybody will want it (RFC 8030); without it, it stays while the room lives
 *   Idempotency-Key: k    published once, however often it comes; for clients whose answer was lost
 */
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { claimsOtherSender } from '../auth/sender.ts'
import { type Body, readBody } from '../body.ts'
import { type Eventual, whenKnown } from '../eventual.ts'
import { bodyProblem } from '../frame.ts'
import { isIdempotencyKey } from '../idempotency.ts'
import { refusals } from '../refusal.ts'
import type { PublishOptions } from '../store.ts'
import type { AppOptions, RoomRequest } from './context.ts'

export function broadcast(request: RoomRequest, options: AppOptions): Eventual<Response> {
  const { incoming, refuse } = request
  const ttl = incoming.headers['ttl']
  if (ttl !== undefined && !/^\d{1,8}$/.test(String(ttl))) return refuse(refusals.badTtl())
  const key = incoming.headers['idempotency-key']
  if (key !== undefined && !isIdempotencyKey(String(key))) return refuse(refusals.badIdempotencyKey())
  const ttlSeconds = ttl === undefined ? undefined : Number(ttl)
  const idempotencyKey = key === undefined ? undefined : String(key)
  return readBody(incoming, options.config.limits.body_bytes).then((body) =>
    publish(body, { ttlSeconds, idempotencyKey, pass: request.granted.pass }, request, options),
  )
}

function publish(
  body: Body,
  publishOptions: PublishOptions,
  { outgoing, roomId, granted, refuse }: RoomRequest,
  { config, store, logger, meter, clock, isClosing }: AppOptions,
): Eventual<Response> {
  if (body === 'too large') return refuse(refusals.bodyTooLarge(config.limits.body_bytes))
  if (body === 'incomplete') return refuse(refusals.bodyIncomplete())
  const problem = bodyProblem(body)
  if (problem !== undefined) {
    return refuse(problem === 'not UTF-8' ? refusals.bodyNotUtf8() : refusals.bodyHasControl())
  }
  if (granted.sender !== undefined && claimsOtherSender(body, granted.sender)) return refuse(refusals.forgedSender())
  // The streams have ended: nobody would hear it.
  if (isClosing()) return refuse(refusals.shuttingDown())
  // The client's upload is not ours to answer for: time counts from its last byte.
  const startedAtMs = clock.nowMs()
  return whenKnown(store.publish(roomId, body, publishOptions), (published) => {
    if (!published.ok) return refuse(published.refusal)
    const { id, isRepeat } = published.value
    logger.debug({ room: roomId, bytes: body.length, isRepeat }, 'broadcast')
    outgoing.writeHead(200, { 'content-length': 0, 'event-id': id }).end()
    if (!isRepeat) meter.published(body.length, clock.nowMs() - startedAtMs)
    return RESPONSE_ALREADY_SENT
  })
}
