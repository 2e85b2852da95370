/**
 * The short way for the two requests that a gateway spends its time on: past router and web objects, which cost as much
 * as everything else together, to the same guard and the same handlers.
 *
 * Only a plain request is served here: a room id that needs no decoding, no query, a host that could not be anything else.
 * And only what has been answered is done here. A refusal or an error goes the long way with the decision that was made,
 * so that there is one place that answers, logs and cleans up after it.
 */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { type Eventual, whenKnown } from '../eventual.ts'
import { broadcast } from './broadcast.ts'
import { type AppOptions, guard, type Handled, prepare, type RoomRequest } from './context.ts'
import { subscribe } from './subscribe.ts'

const PLAIN_TARGET = /^\/rooms\/[\w-][\w.-]*\/(subscribe|broadcast)$/
/** HTTP/2 has none, and goes the long way. */
const PLAIN_HOST = /^[a-z0-9._-]+(:([1-5]\d{3,4}|[6-9]\d{3}))?$/

type Serve = (incoming: IncomingMessage, outgoing: ServerResponse) => Eventual<Response>

interface Decision {
  readonly answer: Promise<Response>
  readonly startedAtMs: number
}

const decisions = new WeakMap<IncomingMessage, Decision>()

/** Serves plain requests and leaves the others to `longWay`. */
export function directly(options: AppOptions, longWay: RequestListener): RequestListener {
  const { logger, clock } = options
  const way = (
    guarded: ReturnType<typeof guard>,
    handle: (request: RoomRequest, options: AppOptions) => Eventual<Response>,
  ): Serve => {
    return (incoming, outgoing) =>
      whenKnown(guarded(incoming, outgoing, incoming.url ?? ''), (request) =>
        request instanceof Response ? request : handle(request, options),
      )
  }
  const subscribeTo = way(guard(options, 'subscribe'), subscribe)
  const broadcastTo = way(guard(options, 'publish'), broadcast)

  return (incoming, outgoing) => {
    const action = plainAction(incoming)
    if (action === undefined) return longWay(incoming, outgoing)
    const startedAtMs = clock.nowMs()
    prepare(incoming, outgoing, options)
    const answer = attempt(() => (action === 'subscribe' ? subscribeTo : broadcastTo)(incoming, outgoing))
    const handOver = (): void => {
      decisions.set(incoming, { answer, startedAtMs })
      longWay(incoming, outgoing)
    }
    answer.then((response) => {
      // At debug each request has its line in the log.
      if (response !== RESPONSE_ALREADY_SENT || logger.isLevelEnabled('debug')) handOver()
    }, handOver)
  }
}

/** A route for requests of which some have been decided already. */
export function orDecided(route: (c: Handled) => Promise<Response>): (c: Handled) => Promise<Response> {
  return (c) => decisions.get(c.env.incoming as IncomingMessage)?.answer ?? route(c)
}

/** When a request began that has been decided already. */
export function decidedRequestStartedAtMs(incoming: IncomingMessage): number | undefined {
  return decisions.get(incoming)?.startedAtMs
}

/** What it throws is the answer too. */
function attempt(serve: () => Eventual<Response>): Promise<Response> {
  try {
    return Promise.resolve(serve())
  } catch (e) {
    return Promise.reject(e)
  }
}

function plainAction({ method, url = '', headers }: IncomingMessage): 'subscribe' | 'broadcast' | undefined {
  const action = PLAIN_TARGET.exec(url)?.[1]
  if (action === undefined || !PLAIN_HOST.test(headers.host ?? '')) return undefined
  if (action === 'subscribe') return method === 'GET' ? action : undefined
  return action === 'broadcast' && method === 'POST' ? action : undefined
}
