/**
 * The port for those who watch: GET /metrics, /livez and /readyz, and nothing else. It has no tokens, so it listens on
 * loopback unless told otherwise; put it on an address that only the monitoring reaches. It stays open while the daemon
 * closes, so that the last minute is seen as well.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Logger } from '../logger.ts'
import { errorFields } from './error-fields.ts'

export interface MetricsServerOptions {
  readonly host: string
  readonly port: number
  readonly registry: { metrics(): Promise<string>; readonly contentType: string; clear(): void }
  /** Never rejects. */
  ready(): Promise<{ readonly status: 200 | 503; readonly body: object }>
  readonly logger: Logger
}

export interface MetricsServer {
  readonly url: string
  close(): Promise<void>
}

interface Answer {
  readonly status: number
  readonly type: string
  readonly body: string
  readonly headers?: Readonly<Record<string, string>>
}

const MAX_CONNECTIONS = 64
const MAX_HEADER_BYTES = 8_192
const TIME_LIMIT_MS = 5_000

/** The metrics port can't be opened; `cause` is Node's error. */
export class MetricsPortError extends Error {
  override readonly name = 'MetricsPortError'
}

/** Listens and resolves once it does. Rejects with MetricsPortError when it can't. */
export async function startMetricsServer(options: MetricsServerOptions): Promise<MetricsServer> {
  const { host, port, registry, logger } = options
  const server = createServer(
    { headersTimeout: TIME_LIMIT_MS, requestTimeout: TIME_LIMIT_MS, maxHeaderSize: MAX_HEADER_BYTES },
    (incoming, outgoing) => {
      answer(incoming, options).then(
        (reply) => send(outgoing, reply),
        (error: unknown) => {
          logger.error(errorFields(error), 'metrics request failed')
          send(outgoing, plain(500, 'failed'))
        },
      )
    },
  )
  server.maxConnections = MAX_CONNECTIONS
  await listen(server, host, port).catch((error: unknown) => {
    registry.clear()
    throw new MetricsPortError("can't open the metrics port", { cause: error })
  })
  server.on('error', (error) => logger.error(errorFields(error), 'metrics server error'))
  const address = server.address() as AddressInfo
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${address.port}`
  return {
    url,
    close: () =>
      new Promise((resolve) => {
        registry.clear()
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function answer({ method, url = '' }: IncomingMessage, options: MetricsServerOptions): Promise<Answer> {
  const path = url.split('?', 1)[0]
  if (path !== '/metrics' && path !== '/livez' && path !== '/readyz') return plain(404, 'there is nothing at this path')
  if (method !== 'GET') return { ...plain(405, 'this path takes GET'), headers: { allow: 'GET' } }
  if (path === '/livez') return json(200, { status: 'ok' })
  if (path === '/readyz') {
    const { status, body } = await options.ready()
    return json(status, body)
  }
  const { registry } = options
  return { status: 200, type: registry.contentType, body: await registry.metrics() }
}

const plain = (status: number, text: string): Answer => ({
  status,
  type: 'text/plain; charset=utf-8',
  body: `${text}\n`,
})
const json = (status: number, body: unknown): Answer => ({
  status,
  type: 'application/json',
  body: JSON.stringify(body),
})

function send(outgoing: ServerResponse, { status, type, body, headers }: Answer): void {
  outgoing.on('error', () => {}) // whoever asked has gone
  outgoing
    .writeHead(status, {
      ...headers,
      'content-type': type,
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    })
    .end(body)
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
