/**
 * HTTPS in the process itself: HTTP/2 and HTTP/1.1 on one port, chosen by the client (ALPN).
 *
 * Node's HTTP/2 server brings none of the limits of its HTTP/1.1 server along, so they are set here: time for a request's
 * body, streams in a connection, connections that nobody uses. Certificate and key can be exchanged while it runs.
 */
import type { Buffer } from 'node:buffer'
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import type { IncomingMessage, RequestListener } from 'node:http'
import {
  constants,
  createSecureServer,
  type Http2SecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type Http2Session,
} from 'node:http2'
import type { Socket } from 'node:net'
import { createSecureContext, type SecureContextOptions } from 'node:tls'
import { ConfigError } from '../config/load.ts'
import type { Logger } from '../config/logger.ts'
import type { GatewayConfig } from '../config/schema.ts'
import { readKeptFile } from '../config/secret-file.ts'
import type { Connection, OpenConnections } from './closing.ts'

/** Forward secrecy and authenticated encryption only; TLS 1.3 has no others. */
const CIPHERS = [
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'TLS_AES_128_GCM_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':')

const MAX_FILE_BYTES = 1_048_576
/** A browser opens at most 100 by itself. */
const MAX_STREAMS_PER_CONNECTION = 128

/** What the server is made of, checked; undefined without TLS. Throws ConfigError naming key and file. */
export async function readTls(tls: GatewayConfig['tls']): Promise<SecureContextOptions | undefined> {
  const { cert_file, key_file, client_ca_file, min_version } = tls
  if (cert_file === undefined || key_file === undefined) return undefined
  const cert = await readKeptFile(cert_file, { key: 'tls.cert_file', maxBytes: MAX_FILE_BYTES, secret: false })
  const key = await readKeptFile(key_file, { key: 'tls.key_file', maxBytes: MAX_FILE_BYTES })
  const certificate = parsed('tls.cert_file', cert_file, 'a certificate in PEM', () => new X509Certificate(cert))
  const privateKey: KeyObject = parsed('tls.key_file', key_file, 'a private key in PEM, without a passphrase', () =>
    createPrivateKey(key),
  )
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new ConfigError(`tls.key_file: ${key_file}: expected the key of the certificate in tls.cert_file`)
  }
  const ca = client_ca_file === undefined ? undefined : await readAuthorities(client_ca_file)
  const context: SecureContextOptions = {
    cert,
    key,
    ciphers: CIPHERS,
    minVersion: `TLSv${min_version}`,
    ...(ca !== undefined && { ca }),
  }
  parsed('tls.cert_file', cert_file, 'a certificate chain that OpenSSL takes', () => createSecureContext(context))
  return context
}

async function readAuthorities(path: string): Promise<Buffer> {
  const ca = await readKeptFile(path, { key: 'tls.client_ca_file', maxBytes: MAX_FILE_BYTES, secret: false })
  parsed('tls.client_ca_file', path, 'certificates in PEM', () => new X509Certificate(ca))
  return ca
}

/** OpenSSL's own texts stay inside: they say nothing to a reader, and might quote the file. */
function parsed<T>(key: string, path: string, what: string, parse: () => T): T {
  try {
    return parse()
  } catch {
    throw new ConfigError(`${key}: ${path}: expected ${what}`)
  }
}

export interface TlsServerOptions {
  readonly context: SecureContextOptions
  /** For the head of a request, and for the whole of it. */
  readonly headersMs: number
  readonly requestMs: number
  readonly checkMs: number
  /** How long a connection without a request is kept. */
  readonly idleMs: number
  readonly maxHeaderBytes: number
  readonly connections: OpenConnections
}

export type TlsServer = Http2SecureServer & {
  /** Reads certificate and key again, for the connections to come. What is wrong is logged and changes nothing. */
  reload(tls: GatewayConfig['tls'], logger: Logger): Promise<void>
}

/** The HTTP/2 sessions that run, as something that can be closed when it has no answer under way. */
const sessions = new WeakMap<Http2Session, Connection>()

/** What a request came on. */
export function connectionOf(incoming: IncomingMessage): Connection {
  const { stream } = incoming as unknown as { readonly stream?: { readonly session?: Http2Session } }
  return (stream?.session && sessions.get(stream.session)) ?? incoming.socket
}

export function createTlsServer(o: TlsServerOptions, answer: RequestListener): TlsServer {
  const { context, headersMs, requestMs, checkMs, idleMs, maxHeaderBytes, connections } = o
  const asksForCertificate = context.ca !== undefined
  const server = createSecureServer(
    {
      ...context,
      allowHTTP1: true,
      requestCert: asksForCertificate,
      rejectUnauthorized: asksForCertificate,
      handshakeTimeout: headersMs,
      settings: { maxConcurrentStreams: MAX_STREAMS_PER_CONNECTION, maxHeaderListSize: maxHeaderBytes },
    },
    (incoming, outgoing) => {
      if (incoming.httpVersionMajor >= 2) limitBody(incoming, requestMs)
      serve(answer)(incoming, outgoing)
    },
  )
  // what http.createServer would take as options, for the connections that speak HTTP/1.1
  Object.assign(server, {
    headersTimeout: headersMs,
    requestTimeout: requestMs,
    connectionsCheckingInterval: checkMs,
    keepAliveTimeout: idleMs,
    maxHeaderSize: maxHeaderBytes,
    requireHostHeader: true,
  })

  server.on('connection', (socket: Socket) => socket.setNoDelay(true))
  server.on('secureConnection', (socket) => {
    if (socket.alpnProtocol !== 'h2') connections.add(socket)
  })
  server.on('session', (session) => {
    const connection: Connection = {
      // nothing is read of it that isn't a request
      bytesRead: 0,
      once: (_event, done) => session.once('close', done),
      destroySoon: () => session.close(),
      destroy: () => session.destroy(),
    }
    sessions.set(session, connection)
    connections.add(connection)
    // streams that run go on; they write something more often than this
    session.setTimeout(idleMs, () => session.close())
  })
  return Object.assign(server, {
    async reload(tls: GatewayConfig['tls'], logger: Logger) {
      try {
        const renewed = await readTls(tls)
        if (renewed !== undefined) server.setSecureContext(renewed)
        logger.info('certificate and key were read again')
      } catch (error) {
        const why = error instanceof ConfigError ? error.message : 'unknown'
        logger.error({ error: why }, 'certificate and key stay as they were')
      }
    },
  })
}

/** HTTP/2's request and response are made to look like those of HTTP/1.1; their types don't say so. */
function serve(answer: RequestListener): (incoming: Http2ServerRequest, outgoing: Http2ServerResponse) => void {
  return answer as unknown as (incoming: Http2ServerRequest, outgoing: Http2ServerResponse) => void
}

/** Ends the stream of a request whose body doesn't come to its end. */
function limitBody(incoming: Http2ServerRequest, limitMs: number): void {
  const { stream } = incoming
  if (stream.endAfterHeaders) return
  const timer = setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), limitMs)
  incoming.once('end', () => clearTimeout(timer))
  stream.once('close', () => clearTimeout(timer))
}
