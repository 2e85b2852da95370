/**
 * One line of log for every request that was refused, and for every other one at debug: method, route, status, code and
 * the id that the answer carries as `Request-ID`, so that somebody who was refused can be found in the log.
 *
 * The route is the one of our table, never the address that was asked for, which has a room id and may have anything in
 * it. No header and no body is looked at. Whoever sends refused requests by the thousand writes no thousand lines: there
 * are so many a second, and the next line says how many were left out.
 */
import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { MiddlewareHandler } from 'hono'
import type { Logger } from '../config/logger.ts'
import type { Clock } from './clock.ts'
import { routeOf } from './openapi/routes.ts'
import { refusalIn } from './refusal.ts'
import type { Environment } from './routes/context.ts'
import { decidedRequestStartedAtMs } from './routes/direct.ts'

const REQUEST_ID = 'request-id'
const ID_BYTES = 9
const LINES_PER_SECOND = 50

export interface AccessLogOptions {
  readonly logger: Logger
  readonly clock: Clock
  /** Whose request it is, as far as the network tells. */
  readonly addressOf: (incoming: IncomingMessage) => string
}

export function accessLog({ logger, clock, addressOf }: AccessLogOptions): MiddlewareHandler<Environment> {
  const allowance = new Allowance(clock)
  return async (c, next) => {
    const nowMs = clock.nowMs()
    await next()
    const refusal = refusalIn(c.res)
    const isDebug = logger.isLevelEnabled('debug')
    if (refusal === undefined && !isDebug) return
    const { incoming, outgoing } = c.env as { incoming: IncomingMessage; outgoing: ServerResponse }
    const startedAtMs = decidedRequestStartedAtMs(incoming) ?? nowMs
    const entry = {
      request: requestId(outgoing),
      method: incoming.method,
      route: routeOf(c.req.path) ?? 'none',
      status: refusal?.status ?? (outgoing.headersSent ? outgoing.statusCode : c.res.status),
      ms: Math.round(clock.nowMs() - startedAtMs),
    }
    if (refusal === undefined) {
      logger.debug(entry, 'answered')
      return
    }
    const skipped = allowance.take()
    if (skipped === undefined && !isDebug) return
    logger.info(
      {
        ...entry,
        code: refusal.code,
        from: addressOf(incoming),
        ...(skipped !== undefined && skipped > 0 && { skipped }),
      },
      'refused',
    )
  }
}

/** The id of the request in answer and log; made when it is first asked for. An id that came with it counts for nothing. */
export function requestId(outgoing: ServerResponse): string {
  const known = outgoing.getHeader(REQUEST_ID)
  if (typeof known === 'string') return known
  const id = randomBytes(ID_BYTES).toString('base64url')
  if (!outgoing.headersSent) outgoing.setHeader(REQUEST_ID, id)
  return id
}

/** So many lines in a second of the clock. */
class Allowance {
  readonly #clock: Clock
  #second = Number.NEGATIVE_INFINITY
  #taken = 0
  #skipped = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** How many lines were left out before this one, or undefined when this one is left out as well. */
  take(): number | undefined {
    const second = Math.floor(this.#clock.nowMs() / 1000)
    if (second !== this.#second) this.#taken = 0
    this.#second = second
    if (this.#taken >= LINES_PER_SECOND) {
      this.#skipped += 1
      return undefined
    }
    this.#taken += 1
    const skipped = this.#skipped
    this.#skipped = 0
    return skipped
  }
}
