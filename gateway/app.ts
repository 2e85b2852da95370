/**
 * The HTTP interface of the gateway (docs/gateway-api.md):
 *
 *   GET    /rooms/{id}/subscribe         routes/subscribe.ts
 *   POST   /rooms/{id}/broadcast         routes/broadcast.ts
 *   POST   /rooms/{id}/issue_unique_idx  routes/issue-index.ts
 *   GET, POST, DELETE /rooms/{id}        routes/room.ts
 *   POST   /rooms/{id}/tokens            routes/tokens.ts
 *   GET    /health                       {"status": "ok", …}
 *   GET    /livez, /readyz, /openapi.json, /  routes/seen.ts
 *
 * Streams and broadcasts are answered on Node's own response (one prepared buffer a message) rather than through a web
 * stream each: that halves the throughput and hides how much a slow reader has piled up. Most of them don't come here at
 * all (routes/direct.ts).
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { Hono } from 'hono'
import { errorFields } from '../config/edge/error-fields.ts'
import { accessLog, requestId } from './access-log.ts'
import { allowPreflight } from './cors.ts'
import { type Refusal, refusals } from './refusal.ts'
import { broadcast } from './routes/broadcast.ts'
import {
  type AppOptions,
  countingRefuser,
  type Environment,
  guarded,
  type Handled,
  prepare,
  refuserOf,
} from './routes/context.ts'
import { orDecided } from './routes/direct.ts'
import { issueIndex } from './routes/issue-index.ts'
import { createRoom, removeRoom, roomState } from './routes/room.ts'
import { addSeenRoutes } from './routes/seen.ts'
import { subscribe } from './routes/subscribe.ts'
import { mintToken } from './routes/tokens.ts'

export function createApp(options: AppOptions): Hono<Environment> {
  const { store, logger, clock, addressOf } = options
  const startedAtMs = clock.nowMs()
  const refuse = refuserOf(options)
  const refuseCounting = countingRefuser(options)
  const elsewhere = (refusal: Refusal) => (c: Handled) =>
    refuseCounting(addressOf(c.env.incoming as IncomingMessage), 'other', refusal)
  const app = new Hono<Environment>({ getPath: (_request, context) => rawPath(context?.env?.incoming.url ?? '/') })

  app.use(async (c, next) => {
    const { incoming, outgoing } = c.env as { incoming: IncomingMessage; outgoing: ServerResponse }
    prepare(incoming, outgoing, options)
    if (c.req.method !== 'OPTIONS') return next()
    allowPreflight(outgoing)
    return c.body(null, 204)
  })

  app.use(accessLog(options))

  const subscribeTo = orDecided(guarded(options, 'subscribe', subscribe))
  app.get('/rooms/:id/subscribe', (c) => {
    // Hono routes HEAD as GET, but a stream has nothing to say to it.
    if (c.req.method !== 'GET') return elsewhere(refusals.wrongMethod('GET'))(c)
    return subscribeTo(c)
  })
  app.post('/rooms/:id/broadcast', orDecided(guarded(options, 'publish', broadcast)))
  app.post('/rooms/:id/issue_unique_idx', guarded(options, 'index', issueIndex))
  app.get('/rooms/:id', guarded(options, 'state', roomState))
  app.post('/rooms/:id', guarded(options, 'create', createRoom))
  app.delete('/rooms/:id', guarded(options, 'remove', removeRoom))
  app.post('/rooms/:id/tokens', guarded(options, 'mint', mintToken))
  app.get('/health', (c) =>
    c.json({
      status: 'ok',
      rooms: store.size,
      subscribers: store.subscribers,
      uptime_seconds: Math.floor((clock.nowMs() - startedAtMs) / 1000),
    }),
  )

  app.all('/rooms/:id/subscribe', elsewhere(refusals.wrongMethod('GET')))
  app.all('/rooms/:id/broadcast', elsewhere(refusals.wrongMethod('POST')))
  app.all('/rooms/:id/issue_unique_idx', elsewhere(refusals.wrongMethod('POST')))
  app.all('/rooms/:id/tokens', elsewhere(refusals.wrongMethod('POST')))
  app.all('/rooms/:id', elsewhere(refusals.wrongMethod('GET, POST, DELETE')))
  app.all('/health', elsewhere(refusals.wrongMethod('GET')))
  addSeenRoutes(app, options)
  app.notFound(elsewhere(refusals.notFound()))
  app.onError((error, c) => {
    logger.error({ request: requestId(c.env.outgoing as ServerResponse), ...errorFields(error) }, 'request failed')
    if (!c.env.outgoing.headersSent) return refuse(refusals.internal())
    c.env.outgoing.destroy()
    return RESPONSE_ALREADY_SENT
  })
  return app
}

/** Path of a request target without query, still percent-encoded: decoding it here would decode the room id twice. */
function rawPath(target: string): string {
  const path = target.replace(/^https?:\/\/[^/?#]*/i, '').split(/[?#]/, 1)[0] ?? ''
  return path === '' ? '/' : path
}
