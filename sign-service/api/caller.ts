/**
 * Who asks, and what they may: from the client certificate, the bearer token, or both, as the configuration demands. The
 * caller of a request is carried to the policy's decision by the asynchronous context that the request runs in.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { IncomingMessage } from 'node:http'
import { TLSSocket } from 'node:tls'
import { errors, type JWTVerifyGetKey, jwtVerify } from 'jose'
import { z } from 'zod'
import { ApiError } from './errors.ts'

export const RIGHTS = ['sign', 'createAccount', 'recover', 'read'] as const
export type Right = (typeof RIGHTS)[number]

export interface Caller {
  /** Named in logs and limits: `cert:…`, `jwt:…`, `cert:… jwt:…` or `local`. */
  readonly name: string
  readonly rights: ReadonlySet<Right>
  /** Undefined: all. */
  readonly accounts: ReadonlySet<string> | undefined
}

export const currentCaller = new AsyncLocalStorage<Caller>()

export interface JwtChecks {
  readonly keys: JWTVerifyGetKey
  readonly algorithms: readonly string[]
  readonly issuer: string
  readonly audience: string
  readonly maxLifetimeSeconds: number
  readonly toleranceSeconds: number
}

export interface CallerChecks {
  readonly mutualTls: boolean
  /** Common names of certificates that are let in; undefined: every one that the CA signed. */
  readonly names: ReadonlySet<string> | undefined
  readonly jwt: JwtChecks | undefined
}

const claimsSchema = z.object({
  sub: z.string().min(1).max(256),
  rights: z.array(z.enum(RIGHTS)).default([]),
  accounts: z.array(z.string().min(1).max(256)).max(10_000).optional(),
})

const BEARER = /^Bearer +([A-Za-z0-9._~+/-]+=*)$/i
const MAX_TOKEN_LENGTH = 8192

/** Throws ApiError UNAUTHORIZED or FORBIDDEN. */
export async function callerOf(incoming: IncomingMessage, checks: CallerChecks, nowMs: number): Promise<Caller> {
  const certificate = checks.mutualTls ? certificateName(incoming, checks.names) : undefined
  if (checks.jwt === undefined) {
    return { name: certificate ?? 'local', rights: new Set(RIGHTS), accounts: undefined }
  }
  const byToken = await tokenCaller(incoming, checks.jwt, nowMs)
  return certificate === undefined ? byToken : { ...byToken, name: `${certificate} ${byToken.name}` }
}

/** Throws ApiError. */
export function requireRight(caller: Caller, right: Right, account?: string): void {
  if (!caller.rights.has(right)) throw new ApiError('FORBIDDEN', 'the token does not give that right')
  if (account !== undefined && caller.accounts !== undefined && !caller.accounts.has(account)) {
    throw new ApiError('FORBIDDEN', 'the token is not for that account')
  }
}

function certificateName({ socket }: IncomingMessage, names: ReadonlySet<string> | undefined): string {
  // the handshake has refused certificates of other authorities
  if (!(socket instanceof TLSSocket) || !socket.authorized) throw unauthorized('expected a client certificate')
  const { subject } = socket.getPeerCertificate()
  const name = Array.isArray(subject?.CN) ? undefined : (subject?.CN as string | undefined)
  if (name === undefined || !/^[\x21-\x7e]{1,128}$/.test(name)) {
    throw unauthorized('expected a client certificate with one common name')
  }
  if (names !== undefined && !names.has(name)) throw new ApiError('FORBIDDEN', 'that certificate is not let in')
  return `cert:${name}`
}

async function tokenCaller(incoming: IncomingMessage, o: JwtChecks, nowMs: number): Promise<Caller> {
  const given = incoming.rawHeaders.filter((_, i) => i % 2 === 1 && isAuthorization(incoming.rawHeaders[i - 1]))
  const [value] = given
  if (value === undefined) throw unauthorized('expected a bearer token')
  const token = given.length === 1 && value.length <= MAX_TOKEN_LENGTH ? BEARER.exec(value)?.[1] : undefined
  if (token === undefined) throw unauthorized('expected one bearer token')
  try {
    const { payload } = await jwtVerify(token, o.keys, {
      algorithms: [...o.algorithms],
      issuer: o.issuer,
      audience: o.audience,
      requiredClaims: ['exp', 'iss', 'aud', 'sub'],
      clockTolerance: o.toleranceSeconds,
      currentDate: new Date(nowMs),
    })
    const nowSeconds = nowMs / 1000
    const { exp = 0, iat } = payload
    if (exp <= nowSeconds) throw unauthorized('the token has expired')
    if (exp - Math.min(iat ?? nowSeconds, nowSeconds) > o.maxLifetimeSeconds)
      throw unauthorized('the token lives too long')
    const claims = claimsSchema.safeParse(payload)
    if (!claims.success) throw unauthorized('the claims of the token are not as documented')
    const { sub, rights, accounts } = claims.data
    return {
      name: `jwt:${sub}`,
      rights: new Set(rights),
      accounts: accounts === undefined ? undefined : new Set(accounts),
    }
  } catch (e) {
    if (e instanceof ApiError) throw e
    if (e instanceof errors.JWTExpired) throw unauthorized('the token has expired')
    if (e instanceof errors.JOSEError) throw unauthorized('the token is not valid')
    // the keys could not be fetched; that says nothing about the token
    throw new ApiError('UNAVAILABLE', 'tokens can’t be checked now', { headers: { 'retry-after': '2' } })
  }
}

function isAuthorization(header: string | undefined): boolean {
  return header?.toLowerCase() === 'authorization'
}

function unauthorized(message: string): ApiError {
  return new ApiError('UNAUTHORIZED', message, { headers: { 'www-authenticate': 'Bearer' } })
}
