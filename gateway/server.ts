/**
 * A gateway that runs: the socket, its time limits, the one timer, and a shutdown that leaves every client able to resume.
 *
 * Closing stops accepting, ends each stream with a `retry:` of its own, lets requests in flight finish, and after a grace
 * period closes what is left (closing.ts). Node never finishes closing a server with open streams by itself.
 */
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { performance } from 'node:perf_hooks'
import type { SecureContextOptions } from 'node:tls'
import { getRequestListener } from '@hono/node-server'
import { addresses } from '../config/edge/address.ts'
import { errorFields } from '../config/edge/error-fields.ts'
import type { MetricsServer } from '../config/edge/metrics-server.ts'
import type { Logger } from '../config/logger.ts'
import type { GatewayConfig } from '../config/schema.ts'
import { createApp } from './app.ts'
import { openAuth } from './auth/auth.ts'
import type { Clock } from './clock.ts'
import { OpenConnections } from './closing.ts'
import { createStore } from './create-store.ts'
import { retryFrame } from './frame.ts'
import type { Admission, Authorize, Meter, MintOwner } from './hooks.ts'
import { createAdmission } from './limits/admission.ts'
import { limitConnections } from './limits/connections.ts'
import { logOpenFiles } from './limits/open-files.ts'
import { Counts } from './metrics/counts.ts'
import { openMetrics } from './metrics/open.ts'
import { refusalCodes } from './openapi/document.ts'
import { refusalResponse, refusals } from './refusal.ts'
import type { AppOptions } from './routes/context.ts'
import { directly } from './routes/direct.ts'
import { RETRY_AFTER_CLOSE_MS } from './routes/subscribe.ts'
import type { Store } from './store.ts'
import { connectionOf, createTlsServer, readTls, type TlsServer } from './tls.ts'
import { createWatch, openConnections } from './watch.ts'

export interface GatewayOptions {
  readonly config: GatewayConfig
  readonly logger: Logger
  readonly clock?: Clock
  /** The one that the configuration asks for when absent. Closed with the gateway. */
  readonly store?: Store
  readonly authorize?: Authorize
  readonly admission?: Admission
  readonly meter?: Meter
  readonly mintOwner?: MintOwner
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
  /** Where /metrics is, when it is enabled. */
  readonly metricsUrl: string | undefined
  status(): GatewayStatus
  /** Forgets idle rooms now instead of at the next keep-alive. */
  sweep(): void
  /** Reads the files of tokens, keys and certificates again. Never rejects: what is wrong is logged and changes nothing. */
  reload(): Promise<void>
  /** Closes within the grace period. Calling it again waits for the same closing. */
  close(): Promise<void>
}

const TIMEOUTS: Timeouts = { headersMs: 10_000, requestMs: 30_000, checkMs: 2_000, closeGraceMs: 2_000 }
const MAX_HEADER_BYTES = 16_384
const KEEP_ALIVE_CONNECTION_MS = 65_000

/**
 * Listens and resolves once it does. Rejects with Node's error when it can't, for example EADDRINUSE, and with ConfigError
 * when a file that the configuration names is not what it should be.
 */
export async function startGateway(options: GatewayOptions): Promise<RunningGateway> {
  const { config, logger } = options
  const clock = options.clock ?? { nowMs: () => performance.now() }
  const timeouts = { ...TIMEOUTS, ...options.timeouts }
  const counts = new Counts(refusalCodes(config))
  const meter = options.meter ?? counts
  const auth = await openAuth({ config, logger, clock })
  const tls = await readTls(config.tls)
  const store = options.store ?? (await createStore({ config, clock, meter, logger }))
  const remote = addresses(config.server.trusted_proxies)
  const connections = new OpenConnections()
  let closing: Promise<void> | undefined
  const isClosing = () => closing !== undefined
  const watch = createWatch({ counts, store, clock, logger, isClosing, connections: () => openConnections(server) })

  const appOptions: AppOptions = {
    config,
    store,
    logger,
    clock,
    authorize: options.authorize ?? auth.authorize,
    admission: options.admission ?? createAdmission(config.limits, clock),
    meter,
    mintOwner: options.mintOwner ?? auth.mintOwner,
    mint: auth.mint,
    watch,
    addressOf: remote.callerOf,
    isClosing,
  }
  const answer = getRequestListener(createApp(appOptions).fetch, {
    hostname: config.server.host,
    overrideGlobalObjects: false,
    // Only for requests the adapter itself can't make sense of; the app answers all others.
    errorHandler: () => {
      meter.refused('bad_request')
      return refusalResponse(refusals.badRequest())
    },
  })
  const server = createHttpServer(directly(appOptions, answer), config.limits, timeouts, connections, tls)
  limitConnections(server, config.limits.connections_per_address, remote, () => meter.dropped())
  server.on('drop', () => meter.dropped())
  let metrics: MetricsServer | undefined
  try {
    if (config.metrics.enabled) metrics = await openMetrics({ config, store, watch, logger, isClosing })
    await listen(server, config.server.host, config.server.port)
  } catch (error) {
    await metrics?.close()
    await store.close()
    throw error
  }
  server.on('error', (error) => logger.error(errorFields(error), 'server error'))

  const timer = setInterval(() => {
    store.keepAlive()
    store.sweep()
    watch.rate.note(clock.nowMs(), counts.messages)
  }, config.limits.keep_alive_seconds * 1000)

  const { port } = server.address() as AddressInfo
  const url = `${tls === undefined ? 'http' : 'https'}://${config.server.host.includes(':') ? `[${config.server.host}]` : config.server.host}:${port}`
  logger.info({ url, ...(metrics !== undefined && { metrics: metrics.url }) }, 'listening')
  auth.warn()
  logOpenFiles(config.limits.connections, logger)

  const shutDown = async () => {
    logger.info({ rooms: store.size, subscribers: store.subscribers }, 'closing')
    clearInterval(timer)
    await connections.closeServer(server, timeouts.closeGraceMs, () => {
      store.endAll(() => retryFrame(...RETRY_AFTER_CLOSE_MS))
    })
    await store.close()
    await metrics?.close()
    logger.info('closed')
  }

  return {
    url,
    port,
    metricsUrl: metrics?.url,
    status: () => ({ rooms: store.size, subscribers: store.subscribers, bytes: store.bytes }),
    sweep: () => store.sweep(),
    async reload() {
      await auth.reload()
      if ('reload' in server) await server.reload(config.tls, logger)
    },
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
  connections: OpenConnections,
  tls: SecureContextOptions | undefined,
): Server | TlsServer {
  const listener: RequestListener = (incoming, outgoing) => {
    connections.began(connectionOf(incoming), outgoing)
    answer(incoming, outgoing)
  }
  // No 'clientError' listener: Node's own answer (400, 408 or 431) knows whether an answer has already begun.
  const server =
    tls === undefined ? createPlainServer(timeouts, listener) : createSecure(tls, timeouts, connections, listener)
  server.maxConnections = limits.connections
  server.on('connection', (socket) => connections.add(socket))
  // A body that was announced as too large is refused before the client sends it.
  server.on('checkContinue', (incoming, outgoing) => {
    if (Number(incoming.headers['content-length'] ?? 0) <= limits.body_bytes) outgoing.writeContinue()
    listener(incoming, outgoing)
  })
  return server
}

function createPlainServer(timeouts: Timeouts, listener: RequestListener): Server {
  return createServer(
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
}

function createSecure(
  context: SecureContextOptions,
  timeouts: Timeouts,
  connections: OpenConnections,
  listener: RequestListener,
): TlsServer {
  const { headersMs, requestMs, checkMs } = timeouts
  const limits = { headersMs, requestMs, checkMs, idleMs: KEEP_ALIVE_CONNECTION_MS, maxHeaderBytes: MAX_HEADER_BYTES }
  return createTlsServer({ context, connections, ...limits }, listener)
}

function listen(server: Server | TlsServer, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port }, () => {
      server.off('error', reject)
      resolve()
    })
  })
}
