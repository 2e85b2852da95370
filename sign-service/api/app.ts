/**
 * The HTTP interface. Every answer is JSON with a request id; every refusal has a code of errors.ts. What a caller may is
 * looked at before the body is read, and the body is read up to a limit.
 */
import { randomUUID } from 'node:crypto'
import type { HttpBindings } from '@hono/node-server'
import { type Context, Hono } from 'hono'
import type { z } from 'zod'
import type { AccountInfo } from '../../participant/signer/participant.ts'
import { currentIds, inRequest, type Log } from '../log.ts'
import { type Caller, type CallerChecks, callerOf, currentCaller, requireRight } from './caller.ts'
import { ApiError, errorResponse } from './errors.ts'
import type { Limits } from './limits.ts'
import { openApiDocument } from './openapi.ts'
import { readJson } from './read-json.ts'
import { parseBody, parseClientMessage, ROUTES, type Route, type schemas, stepBody } from './routes.ts'
import type { Purpose, Sessions } from './sessions.ts'

export interface AppOptions {
  readonly checks: CallerChecks
  readonly limits: Limits
  readonly sessions: Sessions
  readonly bodyBytes: number
  readonly version: string
  readonly log: Log
  /** Undefined when there is no such account, or it is not served. */
  account(id: string): AccountInfo | undefined
  readonly accounts: () => number
  /** Starts our part of the ceremony in this room; undefined when new accounts are not made here. Throws ApiError. */
  readonly createAccount: ((account: string, room: string, caller: string) => void) | undefined
  /** Throws ApiError. */
  recover(request: z.output<typeof schemas.recoverStart>): { readonly publicKey: string; readonly epoch: number }
  /** True when the gateway answers. */
  gatewayAnswers(): Promise<boolean>
  readonly nowMs: () => number
  onRequest(route: string, status: number, ms: number, code: string | undefined): void
}

export type Environment = { Bindings: HttpBindings; Variables: { requestId: string; caller?: string } }
type Handled = Context<Environment>

interface Asked {
  readonly c: Handled
  readonly requestId: string
  readonly caller: Caller
  readonly body: unknown
}

export function createApp(o: AppOptions): Hono<Environment> {
  const app = new Hono<Environment>()
  const startedMs = o.nowMs()
  const document = openApiDocument(o.version)

  const route = (name: keyof typeof ROUTES, handle: (asked: Asked) => Promise<object> | object): void => {
    const { method, path, right, body: schema } = ROUTES[name] as Route
    const pattern = path.replace(/\{(\w+)\}/g, ':$1')
    app.on(method.toUpperCase(), pattern, async (c) => {
      const { incoming } = c.env
      const requestId = c.get('requestId')
      o.limits.requireAddress(incoming)
      let caller: Caller = { name: 'anybody', rights: new Set(), accounts: undefined }
      if (right !== undefined) {
        caller = await callerOf(incoming, o.checks, Date.now())
        c.set('caller', caller.name)
        o.limits.takeCaller(caller.name)
        requireRight(caller, right)
      }
      const body = schema === undefined ? undefined : parseBody(schema, await readJson(incoming, o.bodyBytes))
      const answer = await currentCaller.run(caller, async () => handle({ c, requestId, caller, body }))
      return c.json({ requestId, ...answer })
    })
    app.all(pattern, () => {
      throw new ApiError('METHOD_NOT_ALLOWED', `this path takes ${method.toUpperCase()}`, {
        headers: { allow: method.toUpperCase() },
      })
    })
  }

  /** A refusal is for the operator to see, an answer for who looks closer. */
  const answered = (c: Handled, started: number): void => {
    const code = c.res.headers.get('x-error-code') ?? undefined
    c.res.headers.delete('x-error-code')
    const [route, status, ms] = [c.req.routePath, c.res.status, o.nowMs() - started]
    o.onRequest(route, status, ms, code)
    const fields = { route, status, ms: Math.round(ms), code, caller: c.get('caller') }
    if (code === undefined) o.log.debug(fields, 'answered')
    else o.log.info(fields, 'refused request')
  }

  app.use(async (c, next) => {
    const [started, requestId] = [o.nowMs(), randomUUID()]
    c.set('requestId', requestId)
    await inRequest(requestId, async () => {
      await next()
      answered(c, started)
    })
    c.header('request-id', requestId)
    c.header('cache-control', 'no-store')
    c.header('x-content-type-options', 'nosniff')
  })

  const known = (caller: Caller, account: string): AccountInfo => {
    const info = o.account(account)
    if (caller.accounts?.has(account) === false) throw new ApiError('FORBIDDEN', 'the token is not for that account')
    if (info === undefined) throw new ApiError('ACCOUNT_NOT_FOUND', 'this service has no such account')
    return info
  }
  const step = async ({ c, requestId, caller, body }: Asked, purpose: Purpose): Promise<object> => {
    const { sessionId, sequence, clientMessage } = body as z.output<typeof schemas.step>
    inExchange(sessionId)
    const batch = parseClientMessage(clientMessage)
    const done = await o.sessions.step(caller.name, purpose, sessionId, sequence, batch, c.req.raw.signal)
    return stepBody(requestId, done, purpose === 'sign')
  }

  route('signStart', async ({ c, requestId, caller, body }) => {
    const { account, clientSession, clientMessage } = body as z.output<typeof schemas.signStart>
    known(caller, account)
    o.limits.takeAccount(account)
    const batch = parseClientMessage(clientMessage)
    const start = { caller: caller.name, purpose: 'sign', clientSession, batch, begin: inExchange } as const
    return stepBody(requestId, await o.sessions.start(start, c.req.raw.signal), true)
  })
  route('signStep', (asked) => step(asked, 'sign'))
  route('createStart', async ({ c, requestId, caller, body }) => {
    const { account, room, clientSession, clientMessage } = body as z.output<typeof schemas.createStart>
    if (o.createAccount === undefined) throw new ApiError('FORBIDDEN', 'this service makes no new accounts')
    requireRight(caller, 'createAccount', account)
    if (o.account(account) !== undefined) throw new ApiError('ACCOUNT_EXISTS', 'there is an account of that id')
    const batch = parseClientMessage(clientMessage)
    const begin = (id: string): void => {
      inExchange(id)
      o.createAccount?.(account, room, caller.name)
    }
    const start = { caller: caller.name, purpose: 'createAccount', clientSession, batch, begin } as const
    return stepBody(requestId, await o.sessions.start(start, c.req.raw.signal), false)
  })
  route('createStep', (asked) => step(asked, 'createAccount'))
  route('recoverStart', ({ caller, body }) => {
    const request = body as z.output<typeof schemas.recoverStart>
    known(caller, request.account)
    o.limits.takeAccount(request.account)
    return { account: request.account, party: request.party, fits: true, ...o.recover(request) }
  })
  route('getPublicKey', ({ caller, body }) => {
    const { account } = body as z.output<typeof schemas.getPublicKey>
    const info = known(caller, account)
    const { address, threshold, members: parties, epoch, fingerprint } = info
    return {
      account,
      publicKey: info.publicKey.toHex(true),
      address,
      curve: 'secp256k1',
      threshold,
      parties,
      epoch,
      fingerprint,
    }
  })
  route('session', ({ c, caller }) => o.sessions.info(caller.name, c.req.param('id') ?? ''))
  route('health', async () => {
    const gateway = (await o.gatewayAnswers()) ? 'ok' : 'unreachable'
    return {
      status: gateway === 'ok' ? 'ok' : 'degraded',
      accounts: o.accounts(),
      sessions: o.sessions.size,
      gateway,
      uptimeSeconds: Math.floor((o.nowMs() - startedMs) / 1000),
    }
  })
  route('livez', () => ({ status: 'ok' }))
  route('readyz', async () => {
    if (o.accounts() === 0) throw new ApiError('UNAVAILABLE', 'no key shares are loaded')
    if (!(await o.gatewayAnswers())) throw new ApiError('UNAVAILABLE', 'the gateway does not answer')
    return { status: 'ready' }
  })
  app.get('/openapi.json', (c) => c.json(document))

  app.notFound((c) => refused(c, new ApiError('NOT_FOUND', 'there is nothing at this path')))
  app.onError((e, c) => {
    if (e instanceof ApiError) return refused(c, e)
    o.log.error({ error: e.name }, 'request failed')
    return refused(c, new ApiError('INTERNAL_ERROR', 'the service failed to answer'))
  })
  return app
}

/** The lines of this request say from here on which session of the interface it is about. */
function inExchange(sessionId: string): void {
  const ids = currentIds()
  if (ids !== undefined) ids.exchange = sessionId.slice(0, 8)
}

function refused(c: Handled, e: ApiError): Response {
  const response = errorResponse(c.get('requestId'), e)
  response.headers.set('x-error-code', e.code)
  return response
}
