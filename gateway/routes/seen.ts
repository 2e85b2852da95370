/**
 * What the gateway shows of itself: /livez, /readyz, /openapi.json, and the status page at `/`.
 *
 * The page is for the operator. Where there are tokens it takes one with the right `status`; a browser can send it as the
 * password of HTTP Basic, which is only taken where nobody can listen in. In open mode nobody has a token, so it is there
 * for this machine only: for a direct connection from loopback, under a name of this machine (a page of another site that
 * had its name resolved to 127.0.0.1 must not read it), and not through a proxy, whose connections are those of the world.
 */
import { Buffer } from 'node:buffer'
import type { IncomingMessage } from 'node:http'
import type { Hono } from 'hono'
import { isLoopback } from '../../config/gateway-auth.ts'
import { openApiDocument } from '../openapi/document.ts'
import { LIVE, readinessAnswer } from '../readiness.ts'
import { type Refusal, refusals } from '../refusal.ts'
import { PAGE_HEADERS, renderPage } from '../status-page.ts'
import { type AppOptions, countingRefuser, type Environment, type Handled, refuserOf } from './context.ts'
import { statusOf } from './status.ts'

const NO_STORE = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' }
const FORWARDED = ['x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'forwarded', 'via']

export function addSeenRoutes(app: Hono<Environment>, options: AppOptions): void {
  const { config, watch, admission, addressOf } = options
  const refuse = refuserOf(options)
  const refuseCounting = countingRefuser(options)
  const callerOf = (c: Handled): string => addressOf(c.env.incoming as IncomingMessage)
  let document: string | undefined

  app.get('/livez', (c) => c.json(LIVE, 200, NO_STORE))
  app.get('/readyz', async (c) => {
    const { status, body } = readinessAnswer(await watch.readiness.ask())
    return c.json(body, status, NO_STORE)
  })
  app.get('/openapi.json', (c) => {
    const limited = admission.request(callerOf(c), 'other')
    if (limited !== undefined) return refuse(limited)
    document ??= JSON.stringify(openApiDocument(config))
    return c.body(document, 200, { 'content-type': 'application/json', 'x-content-type-options': 'nosniff' })
  })
  app.get('/', async (c) => {
    const refused = await mayLook(c.env.incoming as IncomingMessage, options)
    if (refused !== undefined) return refuse(refused)
    return c.body(renderPage(await statusOf(options)), 200, PAGE_HEADERS)
  })
  for (const path of ['/livez', '/readyz', '/openapi.json', '/']) {
    app.all(path, (c) => refuseCounting(callerOf(c), 'other', refusals.wrongMethod('GET')))
  }
}

/** Why this request doesn't get the status page, if it doesn't. */
async function mayLook(incoming: IncomingMessage, options: AppOptions): Promise<Refusal | undefined> {
  const { config, authorize, admission, addressOf } = options
  if (config.auth.mode === 'open') {
    return admission.request(addressOf(incoming), 'status') ?? (isFromHere(incoming) ? undefined : refusals.notFound())
  }
  const isPrivate = isUnheard(incoming)
  const granted = await authorize(isPrivate ? withBearer(incoming) : incoming, 'status', '')
  if (granted.ok) return admission.request(granted.value.caller, 'status')
  const limited = admission.request(granted.caller, 'status')
  if (limited !== undefined) return limited
  if (granted.refusal.status !== 401 || !isPrivate) return granted.refusal
  // asks a browser for name and password
  const challenge = `Basic realm="sign-gateway", charset="UTF-8", ${granted.refusal.headers?.['www-authenticate'] ?? 'Bearer'}`
  return { ...granted.refusal, headers: { 'www-authenticate': challenge } }
}

/** From a program or a browser on this machine, without anything in between. */
function isFromHere({ socket, headers }: IncomingMessage): boolean {
  const authority = String(headers[':authority'] ?? headers.host ?? '')
  const name = authority.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1')
  return isLoopbackPeer(socket.remoteAddress) && isLoopback(name) && FORWARDED.every((header) => !(header in headers))
}

/** Over TLS, or within this machine. */
function isUnheard({ socket }: IncomingMessage): boolean {
  return ('encrypted' in socket && socket.encrypted === true) || isLoopbackPeer(socket.remoteAddress)
}

function isLoopbackPeer(address = ''): boolean {
  return isLoopback(address.replace(/^::ffff:/, ''))
}

/** The same request with the password of HTTP Basic as its bearer token; unchanged when there is no such password. */
function withBearer(incoming: IncomingMessage): IncomingMessage {
  const [, encoded] = /^Basic +([A-Za-z0-9+/]+=*)$/i.exec(incoming.headers.authorization ?? '') ?? []
  if (encoded === undefined) return incoming
  const pair = Buffer.from(encoded, 'base64').toString('utf8')
  const authorization = `Bearer ${pair.slice(pair.indexOf(':') + 1)}`
  const rawHeaders = incoming.rawHeaders.map((text, i, all) =>
    i % 2 === 1 && all[i - 1]?.toLowerCase() === 'authorization' ? authorization : text,
  )
  return Object.create(incoming, {
    headers: { value: { ...incoming.headers, authorization } },
    rawHeaders: { value: rawHeaders },
  }) as IncomingMessage
}
