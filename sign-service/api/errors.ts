/**
 * Everything the interface refuses: a stable code, its HTTP status, and a text that says what was expected. Nothing from an
 * exception, a key share or another session enters an answer.
 */
import { STATUS_CODES } from 'node:http'

const STATUS = {
  INVALID_REQUEST: 400,
  UNAUTHORIZED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  INVALID_SESSION: 404,
  ACCOUNT_NOT_FOUND: 404,
  ACCOUNT_EXISTS: 409,
  BODY_TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
  TOO_MANY_REQUESTS: 429,
  KEYSTORE_ERROR: 500,
  MPC_ERROR: 500,
  MPC_TIMEOUT: 504,
  MPC_PARTY_MISSING: 422,
  MPC_INVALID_SHARE: 422,
  SIGNING_ERROR: 422,
  RECOVERY_FAILED: 422,
  INTERNAL_ERROR: 500,
  UNAVAILABLE: 503,
} as const

export type ErrorCode = keyof typeof STATUS
export const ERROR_CODES = Object.keys(STATUS) as readonly ErrorCode[]

export function statusOf(code: ErrorCode): (typeof STATUS)[ErrorCode] {
  return STATUS[code]
}

/** What a client did, or what went wrong, for its answer. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly code: ErrorCode
  readonly details: Readonly<Record<string, unknown>>
  readonly headers: Readonly<Record<string, string>>

  constructor(
    code: ErrorCode,
    message: string,
    o: {
      readonly details?: Readonly<Record<string, unknown>>
      readonly headers?: Readonly<Record<string, string>>
    } = {},
  ) {
    super(message)
    this.code = code
    this.details = o.details ?? {}
    this.headers = o.headers ?? {}
  }

  get status(): (typeof STATUS)[ErrorCode] {
    return STATUS[this.code]
  }
}

export interface ErrorBody {
  readonly requestId: string
  readonly error: {
    readonly code: ErrorCode
    readonly message: string
    readonly details: Readonly<Record<string, unknown>>
  }
}

function bodyOf(requestId: string, { code, message, details }: ApiError): ErrorBody {
  return { requestId, error: { code, message, details } }
}

/** The whole answer to what was no request of HTTP; the connection ends with it. */
export function rawErrorResponse(requestId: string, e: ApiError): string {
  const body = JSON.stringify(bodyOf(requestId, e))
  const head = [
    `HTTP/1.1 ${e.status} ${STATUS_CODES[e.status]}`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
    `request-id: ${requestId}`,
    'cache-control: no-store',
    'x-content-type-options: nosniff',
    'connection: close',
  ]
  return `${head.join('\r\n')}\r\n\r\n${body}`
}

export function errorResponse(requestId: string, e: ApiError): Response {
  return Response.json(bodyOf(requestId, e), { status: e.status, headers: { ...e.headers, 'request-id': requestId } })
}
