/** What the handlers of all routes work with, and the way every request to a room takes before it reaches one. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { HttpBindings } from '@hono/node-server'
import type { Context } from 'hono'
import type { Logger } from '../../config/logger.ts'
import type { GatewayConfig } from '../../config/schema.ts'
import type { Mint } from '../auth/auth.ts'
import type { Clock } from '../clock.ts'
import { allowOrigin } from '../cors.ts'
import { type Eventual, whenKnown } from '../eventual.ts'
import type { Action, Admission, Authorize, Granted, Meter, MintOwner } from '../hooks.ts'
import { type Refusal, refusalResponse, refusals } from '../refusal.ts'
import { parseRoomId } from '../room-id.ts'
import type { Store } from '../store.ts'
import type { Watch } from '../watch.ts'

export interface AppOptions {
  readonly config: GatewayConfig
  readonly store: Store
  readonly logger: Logger
  readonly clock: Clock
  readonly authorize: Authorize
  readonly admission: Admission
  readonly meter: Meter
  readonly mintOwner: MintOwner
  readonly mint: Mint
  readonly watch: Watch
  /** Whose request this is, as far as the network tells. */
  readonly addressOf: (incoming: IncomingMessage) => string
  /** True once the gateway is shutting down; new streams are then ended at once, so that clients come back later. */
  readonly isClosing: () => boolean
}

export type Environment = { Bindings: HttpBindings }
export type Handled = Context<Environment>

/** A request for one room that may be served. */
export interface RoomRequest {
  readonly incoming: IncomingMessage
  readonly outgoing: ServerResponse
  readonly roomId: string
  readonly granted: Granted
  /** The answer that refuses it. */
  readonly refuse: (refusal: Refusal) => Response
}

/** One that came through the router. */
export interface RoutedRequest extends RoomRequest {
  readonly c: Handled
}

/** Counts and answers. */
export function refuserOf({ meter }: AppOptions): (refusal: Refusal) => Response {
  return (refusal) => {
    meter.refused(refusal.code)
    return refusalResponse(refusal)
  }
}

/** The same for a request that has not been counted as one of its caller yet: beyond the limit, it is told that instead. */
export function countingRefuser(
  options: AppOptions,
): (caller: string, action: Action | 'other', refusal: Refusal) => Response {
  const { admission } = options
  const refuse = refuserOf(options)
  return (caller, action, refusal) => refuse(admission.request(caller, action) ?? refusal)
}

/**
 * Room id, authorization, rate limit: what costs nothing comes first. Gives the request, or the answer that refuses it.
 * Refused or not, it counts as a request of its caller. `path` is still percent-encoded, and has the room in its second
 * segment.
 */
export function guard(options: AppOptions, action: Action) {
  const { config, authorize, admission, addressOf } = options
  const refuse = refuserOf(options)
  const refuseCounting = countingRefuser(options)
  return (incoming: IncomingMessage, outgoing: ServerResponse, path: string): Eventual<RoomRequest | Response> => {
    const roomId = parseRoomId(path.split('/')[2] ?? '', config.limits.room_id_length)
    if (roomId === undefined) {
      return refuseCounting(addressOf(incoming), action, refusals.badRoomId(config.limits.room_id_length))
    }
    return whenKnown(authorize(incoming, action, roomId), (granted): RoomRequest | Response => {
      if (!granted.ok) return refuseCounting(granted.caller, action, granted.refusal)
      const limited = admission.request(granted.value.caller, action)
      if (limited !== undefined) return refuse(limited)
      return { incoming, outgoing, roomId, granted: granted.value, refuse }
    })
  }
}

/** A route of the router that is guarded. */
export function guarded(
  options: AppOptions,
  action: Action,
  handle: (request: RoutedRequest, options: AppOptions) => Eventual<Response>,
): (c: Handled) => Promise<Response> {
  const admit = guard(options, action)
  return async (c) => {
    const { incoming, outgoing } = c.env as { incoming: IncomingMessage; outgoing: ServerResponse }
    const request = await admit(incoming, outgoing, c.req.path)
    return request instanceof Response ? request : handle({ ...request, c }, options)
  }
}

/** What every answer needs, whichever way its request came. Twice is as good as once. */
export function prepare(incoming: IncomingMessage, outgoing: ServerResponse, { config }: AppOptions): void {
  outgoing.on('error', ignore) // an answer that fails must not end the process; 'close' follows
  // at debug an answer that has been given comes by again for its line in the log
  if (!outgoing.headersSent) allowOrigin(outgoing, incoming.headers.origin, config.server.cors_origins)
}

function ignore(): void {}
