/**
 * The socket of the interface: plain HTTP on loopback, or TLS 1.3 with client certificates where the configuration asks
 * for them. Closing lets requests in flight be answered, and ends what waits.
 */
import type { Buffer } from 'node:buffer'
import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { getRequestListener } from '@hono/node-server'
import type { Hono } from 'hono'
import type { Environment } from './app.ts'

export interface TlsFiles {
  readonly cert: Buffer
  readonly key: Buffer
  /** Asks for client certificates of this authority and refuses others in the handshake. */
  readonly clientCa: Buffer | undefined
}

export interface ServerOptions {
  readonly host: string
  readonly port: number
  readonly tls: TlsFiles | undefined
  readonly connections: number
  /** What is said to a client whose bytes are no request. */
  onUnreadable(): string
}

export interface ApiServer {
  readonly url: string
  readonly port: number
  /** Refuses new connections, waits up to `graceMs` for requests in flight. */
  close(graceMs: number): Promise<void>
}

const HEADERS_MS = 10_000
const REQUEST_MS = 30_000
const MAX_HEADER_BYTES = 16_384

/** Rejects with Node's error when the address can't be listened on. */
export async function listen(
  app: Pick<Hono<Environment>, 'fetch'>,
  { host, port, tls, connections, onUnreadable }: ServerOptions,
): Promise<ApiServer> {
  const options = {
    headersTimeout: HEADERS_MS,
    requestTimeout: REQUEST_MS,
    connectionsCheckingInterval: 2_000,
    maxHeaderSize: MAX_HEADER_BYTES,
    keepAliveTimeout: 65_000,
  }
  let isClosing = false
  const answer = getRequestListener(app.fetch, { hostname: host, overrideGlobalObjects: false })
  const listener: RequestListener = (incoming, outgoing) => {
    outgoing.on('error', () => {}) // 'close' follows
    if (isClosing) outgoing.setHeader('connection', 'close')
    // an answer that was under way when closing began leaves its connection open
    outgoing.once('close', () => isClosing && server.closeIdleConnections())
    void answer(incoming, outgoing)
  }
  const server: Server =
    tls === undefined
      ? createServer(options, listener)
      : createTlsServer(
          {
            ...options,
            cert: tls.cert,
            key: tls.key,
            minVersion: 'TLSv1.3',
            ...(tls.clientCa === undefined ? {} : { ca: tls.clientCa, requestCert: true, rejectUnauthorized: true }),
          },
          listener,
        )
  server.maxConnections = connections
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port }, () => {
      server.off('error', reject)
      resolve()
    })
  })
  server.on('error', () => {}) // of single connections
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    // what was sent is no request: the answer has the form of every other, and the connection ends
    const { _httpMessage: begun } = socket as Duplex & { readonly _httpMessage?: { readonly headersSent: boolean } }
    const isLost = error.code === 'ECONNRESET' || !socket.writable || begun?.headersSent === true
    if (isLost) socket.destroy()
    else socket.end(onUnreadable(), () => socket.destroy())
  })
  const bound = (server.address() as AddressInfo).port
  const name = host.includes(':') ? `[${host}]` : host
  return {
    url: `${tls === undefined ? 'http' : 'https'}://${name}:${bound}`,
    port: bound,
    async close(graceMs) {
      isClosing = true
      // which ends idle connections
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      const giveUp = setTimeout(() => server.closeAllConnections(), graceMs)
      await closed
      clearTimeout(giveUp)
    },
  }
}
