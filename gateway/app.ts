/**
 * The HTTP interface of the gateway:
 *
 *   GET  /rooms/{id}/subscribe         the room's history, then live, as an event stream
 *   POST /rooms/{id}/broadcast         any UTF-8 body without CR and NUL; 200 when it is in the room's log, where it
 *                                      stays while the room lives, or for the seconds of a TTL header (RFC 8030)
 *   POST /rooms/{id}/issue_unique_idx  {"unique_idx": n}, counting from 1
 *   GET  /health                       {"status": "ok", …}
 *
 * Streams and broadcasts are answered on Node's own response (one prepared buffer a message) rather than through a web
 * stream each: that halves the throughput and hides how much a slow reader has piled up.
 */
import type { HttpBindings } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { type Context, Hono } from 'hono'
import type { Logger } from '../config/logger.ts'
import type { GatewayConfig } from '../config/schema.ts'
import { readBody } from './body.ts'
import { allowOrigin, allowPreflight } from './cors.ts'
import { bodyProblem, parseEventId, retryFrame } from './frame.ts'
import { refusalResponse, refusals } from './refusal.ts'
import { parseRoomId } from './room-id.ts'
import type { Clock, Rooms } from './rooms.ts'

export interface AppOptions {
  readonly config: GatewayConfig
  readonly rooms: Rooms
  readonly logger: Logger
  readonly clock: Clock
  /** True once the gateway is shutting down; new streams are then ended at once, so that clients come back later. */
  readonly isClosing: () => boolean
}

type Environment = { Bindings: HttpBindings }
type Handled = Context<Environment>

const RETRY_MS = [500, 1500] as const
/** After a shutdown clients stay away a little longer, and over a wider window. */
export const RETRY_AFTER_CLOSE_MS = [1000, 4000] as const

export function createApp(options: AppOptions): Hono<Environment> {
  const { config, rooms, logger, clock } = options
  const startedAtMs = clock.nowMs()
  const app = new Hono<Environment>({ getPath: (_request, context) => rawPath(context?.env?.incoming.url ?? '/') })

  app.use(async (c, next) => {
    const { incoming, outgoing } = c.env
    outgoing.on('error', () => {}) // an answer that fails must not end the process; 'close' follows
    allowOrigin(outgoing, incoming.headers.origin, config.server.cors_origins)
    if (c.req.method !== 'OPTIONS') return next()
    allowPreflight(outgoing)
    return c.body(null, 204)
  })

  app.get('/rooms/:id/subscribe', (c) => {
    // Hono routes HEAD as GET, but a stream has nothing to say to it.
    if (c.req.method !== 'GET') return refusalResponse(refusals.wrongMethod('GET'))
    return subscribe(c, options)
  })
  app.post('/rooms/:id/broadcast', (c) => broadcast(c, options))
  app.post('/rooms/:id/issue_unique_idx', (c) => {
    const id = roomIdOf(c, config)
    if (id === undefined) return refusalResponse(refusals.badRoomId(config.limits.room_id_length))
    const room = rooms.open(id)
    return room.ok ? c.json({ unique_idx: room.value.issueIndex() }) : refusalResponse(room.refusal)
  })
  app.get('/health', (c) =>
    c.json({
      status: 'ok',
      rooms: rooms.size,
      subscribers: rooms.subscribers,
      uptime_seconds: Math.floor((clock.nowMs() - startedAtMs) / 1000),
    }),
  )

  app.all('/rooms/:id/subscribe', () => refusalResponse(refusals.wrongMethod('GET')))
  app.all('/rooms/:id/broadcast', () => refusalResponse(refusals.wrongMethod('POST')))
  app.all('/rooms/:id/issue_unique_idx', () => refusalResponse(refusals.wrongMethod('POST')))
  app.all('/health', () => refusalResponse(refusals.wrongMethod('GET')))
  app.notFound(() => refusalResponse(refusals.notFound()))
  app.onError((error, c) => {
    logger.error({ err: error }, 'request failed')
    if (!c.env.outgoing.headersSent) return refusalResponse(refusals.internal())
    c.env.outgoing.destroy()
    return RESPONSE_ALREADY_SENT
  })
  return app
}

function subscribe(c: Handled, { config, rooms, logger, isClosing }: AppOptions): Response {
  const { incoming, outgoing } = c.env
  const id = roomIdOf(c, config)
  if (id === undefined) return refusalResponse(refusals.badRoomId(config.limits.room_id_length))
  const eventId = incoming.headers['last-event-id'] ?? c.req.query('last_event_id')
  const lastSeen = eventId === undefined ? undefined : parseEventId(String(eventId))
  if (lastSeen === 'unreadable') return refusalResponse(refusals.badEventId())
  // Behind an unfinished answer on the same connection nothing could be sent, and nobody would tell when it closes.
  if (outgoing.socket === null) return refusalResponse(refusals.pipelined())
  const admitted = rooms.admit(id)
  if (!admitted.ok) return refusalResponse(admitted.refusal)

  const room = admitted.value
  const knownEpoch = incoming.headers['room-epoch']
  const sameRoom = knownEpoch === undefined || knownEpoch === room.epoch
  const from = sameRoom ? room.firstIdAfter(lastSeen) : 0
  outgoing.writeHead(200, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
    'room-epoch': room.epoch,
    'room-resumed-from': String(from),
  })
  if (isClosing()) {
    outgoing.end(retryFrame(...RETRY_AFTER_CLOSE_MS))
    return RESPONSE_ALREADY_SENT
  }
  outgoing.write(retryFrame(...RETRY_MS))
  logger.debug({ room: id, from }, 'subscribed')
  outgoing.once('close', () => logger.debug({ room: id }, 'unsubscribed'))
  rooms.subscribe(room, outgoing, from, (why) => logger.warn({ why }, 'cut off a slow subscriber'))
  return RESPONSE_ALREADY_SENT
}

async function broadcast(c: Handled, { config, rooms, logger }: AppOptions): Promise<Response> {
  const { incoming, outgoing } = c.env
  const id = roomIdOf(c, config)
  if (id === undefined) return refusalResponse(refusals.badRoomId(config.limits.room_id_length))
  const ttl = incoming.headers['ttl']
  if (ttl !== undefined && !/^\d{1,8}$/.test(String(ttl))) return refusalResponse(refusals.badTtl())
  const body = await readBody(incoming, config.limits.body_bytes)
  if (body === 'too large') return refusalResponse(refusals.bodyTooLarge(config.limits.body_bytes))
  if (body === 'incomplete') return refusalResponse(refusals.bodyIncomplete())
  const problem = bodyProblem(body)
  if (problem !== undefined) {
    return refusalResponse(problem === 'not UTF-8' ? refusals.bodyNotUtf8() : refusals.bodyHasControl())
  }
  const published = rooms.publish(id, body, ttl === undefined ? undefined : Number(ttl))
  if (!published.ok) return refusalResponse(published.refusal)
  logger.debug({ room: id, bytes: body.length }, 'broadcast')
  outgoing.writeHead(200, { 'content-length': 0 }).end()
  return RESPONSE_ALREADY_SENT
}

/** The second segment of the path as it came, decoded once and checked. */
function roomIdOf(c: Handled, config: GatewayConfig): string | undefined {
  return parseRoomId(c.req.path.split('/')[2] ?? '', config.limits.room_id_length)
}

/** Path of a request target without query, still percent-encoded: decoding it here would decode the room id twice. */
function rawPath(target: string): string {
  const path = target.replace(/^https?:\/\/[^/?#]*/i, '').split(/[?#]/, 1)[0] ?? ''
  return path === '' ? '/' : path
}
