/**
 * Puts the interface together: a hub, a participant that serves behind it, the sessions of callers, and the socket. The
 * participant is one of its own, with the same shares, locks, policy and limits as the one that answers in rooms, so that
 * what is decided about a request does not depend on the way it came.
 */
import { randomUUID } from 'node:crypto'
import { fetchedKeySet, readKeySet } from '../../config/edge/keys.ts'
import { ConfigError } from '../../config/load.ts'
import type { ServiceConfig } from '../../config/schema.ts'
import { readKeptFile } from '../../config/secret-file.ts'
import { fromBase64 } from '../../participant/base/bytes.ts'
import { DecodeError } from '../../participant/base/errors.ts'
import type { Hub } from '../../participant/exchange/hub.ts'
import type { KeyShare, SecurityLevel } from '../../participant/index.ts'
import type { Keep } from '../../participant/signer/ceremony.ts'
import type { AccountInfo } from '../../participant/signer/participant.ts'
import { checkRecovery } from '../../participant/signer/recovery.ts'
import type { Work } from '../../participant/zk/work.ts'
import { inRequest, type Log } from '../log.ts'
import { createApp } from './app.ts'
import type { CallerChecks } from './caller.ts'
import { creatingAccounts } from './create-account.ts'
import { ApiError, errorResponse, rawErrorResponse } from './errors.ts'
import { Limits } from './limits.ts'
import { type ApiServer, listen, type TlsFiles } from './server.ts'
import { Sessions } from './sessions.ts'

export interface ApiOptions {
  readonly config: ServiceConfig
  readonly log: Log
  readonly version: string
  readonly level: SecurityLevel
  /** Ours in the rosters of new accounts. */
  readonly name: string
  readonly work: Work
  /** Rooms of the interface; the host's participant serves on its gateway. */
  readonly hub: Hub
  share(account: string): KeyShare | undefined
  info(account: string): AccountInfo | undefined
  readonly accounts: () => number
  gatewayAnswers(): Promise<boolean>
  /** Where the share of a new account goes; undefined when none can be kept. */
  readonly keep: ((account: string) => Keep) | undefined
  onRequest(route: string, status: number, ms: number, code: string | undefined): void
  onCreated(ms: number, code: string | undefined): void
  /** Asked when an answer is ready: false when this service may say nothing any more. */
  readonly mayAnswer?: () => boolean
}

const PROOF_AGE_MS = 5 * 60_000
const CREATE_LIMIT = 4
const CREATE_MS = 180_000
const MAX_FILE_BYTES = 1_048_576

/** Throws ConfigError for files that can't be used, and Node's error when the address can't be listened on. */
export async function openApi(o: ApiOptions): Promise<ApiServer> {
  const { config, log, hub } = o
  const { api, server, limits } = config
  const nowMs = (): number => performance.now()
  const ending = new AbortController()
  const sessions = new Sessions(hub, {
    sessions: 4 * limits.max_sessions,
    sessionsPerCaller: api.sessions_per_caller,
    sessionMs: Math.max(CREATE_MS, 1000 * limits.session_seconds),
    idleMs: 60_000,
    leftMs: 10_000,
    waitMs: 1000 * api.wait_seconds,
  })
  const { keep } = o
  const creating =
    !api.create_accounts || keep === undefined
      ? undefined
      : creatingAccounts({
          hub,
          name: o.name,
          level: o.level,
          deadlineMs: CREATE_MS,
          work: o.work,
          limit: CREATE_LIMIT,
          keep,
          onEnd: (account, ms, code) => {
            o.onCreated(ms, code)
            const fields = { account, ms: Math.round(ms) }
            if (code === undefined) log.info(fields, 'account created')
            else log.warn({ ...fields, code }, 'account not created')
          },
          onProgress: (account, { at }) => log.debug({ account, step: at }, 'creating an account'),
          signal: ending.signal,
        })
  const app = createApp({
    checks: await callerChecks(config),
    limits: new Limits({
      requestsPerSecond: api.requests_per_second,
      requestBurst: api.request_burst,
      accountPerSecond: api.account_requests_per_second,
      accountBurst: api.account_request_burst,
      allowedAddresses: api.allowed_addresses,
      nowMs,
    }),
    sessions,
    bodyBytes: api.body_bytes,
    version: o.version,
    log,
    account: o.info,
    accounts: o.accounts,
    createAccount: creating && ((account, room, caller) => creating.start(account, room, caller)),
    recover: (request) => recover(o, request),
    gatewayAnswers: o.gatewayAnswers,
    nowMs,
    onRequest: o.onRequest,
  })
  const tls = await tlsFiles(config)
  const onUnreadable = (): string => {
    const requestId = randomUUID()
    const e = new ApiError('INVALID_REQUEST', 'expected a request of HTTP/1.1 within the limits of its head')
    inRequest(requestId, () => log.info({ status: e.status, code: e.code }, 'refused request'))
    o.onRequest('unreadable', e.status, 0, e.code)
    return rawErrorResponse(requestId, e)
  }
  const { host, port } = server
  const listening = await listen(answering(app, o.mayAnswer), {
    host,
    port,
    tls,
    connections: api.connections,
    onUnreadable,
  })
  const timer = setInterval(() => sessions.sweep(), 5_000)
  return {
    ...listening,
    async close(graceMs) {
      clearInterval(timer)
      ending.abort()
      const closing = listening.close(graceMs)
      // what waits is answered now, with what there is
      sessions.close()
      await closing
    },
  }
}

function answering(
  app: ReturnType<typeof createApp>,
  mayAnswer: () => boolean = () => true,
): Pick<typeof app, 'fetch'> {
  return {
    fetch: async (request, env, context) => {
      const answer = await app.fetch(request, env, context)
      if (mayAnswer()) return answer
      const requestId = answer.headers.get('request-id') ?? ''
      return errorResponse(requestId, new ApiError('UNAVAILABLE', 'this service is ending'))
    },
  }
}

function recover(
  o: ApiOptions,
  request: { readonly account: string; readonly party: string; readonly issuedAt: number; readonly proof: string },
): { readonly publicKey: string; readonly epoch: number } {
  const share = o.share(request.account)
  if (share === undefined) throw new ApiError('ACCOUNT_NOT_FOUND', 'this service has no such account')
  if (Math.abs(Date.now() - request.issuedAt) > PROOF_AGE_MS) {
    throw new ApiError('RECOVERY_FAILED', 'issuedAt: expected a time of the last five minutes: do the clocks agree?')
  }
  switch (checkRecovery(share, request, proofOf(request.proof))) {
    case undefined:
      return { publicKey: share.core.publicKey.toHex(true), epoch: share.epoch }
    case 'unknown party':
      throw new ApiError('MPC_PARTY_MISSING', 'party: expected another party of the account')
    case 'malformed':
    case 'identity':
      throw new ApiError('RECOVERY_FAILED', 'proof: expected one made by that party for this account and moment')
    case 'share':
      throw new ApiError('MPC_INVALID_SHARE', 'that share is not the one of this account')
    default:
      throw new ApiError('INTERNAL_ERROR', 'the service failed to answer')
  }
}

function proofOf(text: string): Uint8Array {
  try {
    return fromBase64(text)
  } catch (e) {
    if (!(e instanceof DecodeError)) throw e
    throw new ApiError('INVALID_REQUEST', 'proof: expected base64', { details: { field: 'proof' } })
  }
}

async function callerChecks({ api }: ServiceConfig): Promise<CallerChecks> {
  const mutualTls = api.auth.includes('mtls')
  const names = api.client_names === undefined ? undefined : new Set(api.client_names)
  if (!api.auth.includes('jwt')) return { mutualTls, names, jwt: undefined }
  const { jwt_issuer: issuer, jwt_audience: audience, jwks_file, jwks_url } = api
  if (issuer === undefined || audience === undefined) throw new ConfigError('api.jwt_issuer: expected with jwt')
  const keys =
    jwks_file === undefined
      ? fetchedKeySet(jwks_url ?? '')
      : await readKeySet(jwks_file, api.jwt_algorithms, 'api.jwks_file')
  return {
    mutualTls,
    names,
    jwt: {
      keys,
      algorithms: api.jwt_algorithms,
      issuer,
      audience,
      maxLifetimeSeconds: api.jwt_max_lifetime_seconds,
      toleranceSeconds: api.clock_tolerance_seconds,
    },
  }
}

async function tlsFiles({ api }: ServiceConfig): Promise<TlsFiles | undefined> {
  if (api.cert_file === undefined || api.key_file === undefined) return undefined
  const read = (key: string, path: string, secret: boolean) =>
    readKeptFile(path, { key: `api.${key}`, maxBytes: MAX_FILE_BYTES, secret })
  return {
    cert: await read('cert_file', api.cert_file, false),
    key: await read('key_file', api.key_file, true),
    clientCa: api.client_ca_file === undefined ? undefined : await read('client_ca_file', api.client_ca_file, false),
  }
}
