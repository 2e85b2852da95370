/**
 * A gateway that runs: the socket, its time limits, the one timer, and a shutdown that leaves every client able to resume.
 *
 * Closing stops accepting, ends each stream with a `retry:` of its own, lets requests in flight finish, and after a grace
 * period closes what is left. Node never finishes closing a server with open streams by itself.
 */
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { performance } from 'node:perf_hooks'
import { getRequestListener } from '@hono/node-server'
import type { Logger } from '../config/logger.ts'
import type { GatewayConfig } from '../config/schema.ts'
import { createApp, RETRY_AFTER_CLOSE_MS } from './app.ts'
import { retryFrame } from './frame.ts'
import { refusalResponse, refusals } from './refusal.ts'
import { type Clock, Rooms } from './rooms.ts'

export interface GatewayOptions {
  readonly config: GatewayConfig
  readonly logger: Logger
  readonly clock?: Clock
  readonly timeouts?: Partial<Timeouts>
}

export interface Timeouts {
  /** For the head of a request, and for the whole of it with its body. Streams have no limit. */
  readonly headersMs: number
  readonly requestMs: number
  readonly checkMs: number
  /** How long closing waits for requests in flight and for readers to take their last bytes. */
  readonly closeGraceMs: number
}

export interface GatewayStatus {
  readonly rooms: number
  readonly subscribers: number
  /** History over all rooms. */
  readonly bytes: number
}

export interface RunningGateway {
  readonly url: string
  readonly port: number
  status(): GatewayStatus
  /** Forgets idle rooms now instead of at the next keep-alive. */
  sweep(): void
  /** Closes within the grace period. Calling it again waits for the same closing. */
  close(): Promise<void>
}

const TIMEOUTS: Timeouts = { headersMs: 10_000, requestMs: 30_000, checkMs: 2_000, closeGraceMs: 2_000 }
const MAX_HEADER_BYTES = 16_384
const KEEP_ALIVE_CONNECTION_MS = 65_000

/** Listens and resolves once it does. Rejects with Node's error when it can't, for example EADDRINUSE. */
export async function startGateway(options: GatewayOptions): Promise<RunningGateway> {
  const { config, logger } = options
  const clock = options.clock ?? { nowMs: () => performance.now() }
  const timeouts = { ...TIMEOUTS, ...options.timeouts }
  const rooms = new Rooms(config.limits, clock)
  let closing: Promise<void> | undefined

  const app = createApp({ config, rooms, logger, clock, isClosing: () => closing !== undefined })
  const server = createHttpServer(
    getRequestListener(app.fetch, {
      hostname: config.server.host,
      overrideGlobalObjects: false,
      // Only for requests the adapter itself can't make sense of; the app answers all others.
      errorHandler: () => refusalResponse(refusals.badRequest()),
    }),
    config.limits,
    timeouts,
    () => closing !== undefined,
  )
  await listen(server, config.server.host, config.server.port)
  server.on('error', (error) => logger.error({ err: error }, 'server error'))

  const timer = setInterval(() => {
    rooms.keepAlive()
    rooms.sweep()
  }, config.limits.keep_alive_seconds * 1000)

  const { port } = server.address() as AddressInfo
  const url = `http://${config.server.host.includes(':') ? `[${config.server.host}]` : config.server.host}:${port}`
  logger.info({ url }, 'listening')

  const shutDown = async () => {
    logger.info({ rooms: rooms.size, subscribers: rooms.subscribers }, 'closing')
    clearInterval(timer)
    const closed = new Promise<void>((resolve) => server.close(() => resolve()))
    rooms.endAll(() => retryFrame(...RETRY_AFTER_CLOSE_MS))
    const giveUp = setTimeout(() => server.closeAllConnections(), timeouts.closeGraceMs)
    await closed
    clearTimeout(giveUp)
    logger.info('closed')
  }

  return {
    url,
    port,
    status: () => ({ rooms: rooms.size, subscribers: rooms.subscribers, bytes: rooms.bytes }),
    sweep: () => rooms.sweep(),
    close: () => {
      closing ??= shutDown()
      return closing
    },
  }
}

function createHttpServer(
  answer: RequestListener,
  limits: GatewayConfig['limits'],
  timeouts: Timeouts,
  isClosing: () => boolean,
): Server {
  // Node closes connections that are idle when closing begins; the others close after the answer they are waiting for.
  // Not by closeIdleConnections: it also destroys those whose last bytes are still on their way.
  const listener: RequestListener = (incoming, outgoing) => {
    outgoing.once('finish', () => {
      if (isClosing()) incoming.socket.destroySoon()
    })
    answer(incoming, outgoing)
  }
  // No 'clientError' listener: Node's own answer (400, 408 or 431) knows whether an answer has already begun.
  const server = createServer(
    {
      headersTimeout: timeouts.headersMs,
      requestTimeout: timeouts.requestMs,
      connectionsCheckingInterval: timeouts.checkMs,
      keepAliveTimeout: KEEP_ALIVE_CONNECTION_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
      keepAlive: true,
      noDelay: true,
    },
    listener,
  )
  server.maxConnections = limits.connections
  // A body that was announced as too large is refused before the client sends it.
  server.on('checkContinue', (incoming, outgoing) => {
    if (Number(incoming.headers['content-length'] ?? 0) <= limits.body_bytes) outgoing.writeContinue()
    listener(incoming, outgoing)
  })
  return server
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port }, () => {
      server.off('error', reject)
      resolve()
    })
  })
}
