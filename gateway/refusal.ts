/**
 * Everything the gateway refuses: status, stable code, and a text that says what was expected. Texts are fixed or made of
 * configured limits; nothing from a request, an exception or another room ever enters an answer.
 *
 * Codes for which waiting helps have status 429 and a Retry-After header. A full room is 409, since it stays full.
 */
export interface Refusal {
  readonly status: 400 | 401 | 403 | 404 | 405 | 409 | 410 | 413 | 429 | 500 | 503
  readonly code: string
  readonly message: string
  readonly headers?: Readonly<Record<string, string>>
}

const RETRY_SOON = { 'retry-after': '5' }

export const refusals = {
  badRequest: (): Refusal => ({ status: 400, code: 'bad_request', message: 'the request is malformed' }),
  badRoomId: (maxLength: number): Refusal => ({
    status: 400,
    code: 'bad_room_id',
    message: `a room id has 1 to ${maxLength} visible characters, no space and no slash`,
  }),
  badEventId: (): Refusal => ({
    status: 400,
    code: 'bad_last_event_id',
    message: 'Last-Event-ID is the decimal id of the last event received',
  }),
  badTtl: (): Refusal => ({ status: 400, code: 'bad_ttl', message: 'TTL is a whole number of seconds' }),
  badIdempotencyKey: (): Refusal => ({
    status: 400,
    code: 'bad_idempotency_key',
    message: 'an Idempotency-Key has 1 to 128 visible ASCII characters',
  }),
  idempotencyKeyReused: (): Refusal => ({
    status: 409,
    code: 'idempotency_key_reused',
    message: 'this Idempotency-Key was used in this room with another body',
  }),
  pipelined: (): Refusal => ({
    status: 400,
    code: 'pipelined_subscribe',
    message: 'a subscription is the only request in flight on its connection',
  }),
  bodyTooLarge: (maxBytes: number): Refusal => ({
    status: 413,
    code: 'body_too_large',
    message: `a body has at most ${maxBytes} bytes`,
  }),
  bodyNotUtf8: (): Refusal => ({ status: 400, code: 'body_not_utf8', message: 'a body is valid UTF-8' }),
  bodyHasControl: (): Refusal => ({
    status: 400,
    code: 'body_has_cr_or_nul',
    message: 'a body has no CR and no NUL, which event streams cannot carry',
  }),
  bodyIncomplete: (): Refusal => ({ status: 400, code: 'body_incomplete', message: 'the body ended early' }),
  roomFull: (): Refusal => ({ status: 409, code: 'room_full', message: 'the history of this room is full' }),
  gatewayFull: (): Refusal => ({
    status: 429,
    code: 'gateway_full',
    message: 'the history of all rooms is full',
    headers: RETRY_SOON,
  }),
  tooManyRooms: (): Refusal => ({
    status: 429,
    code: 'too_many_rooms',
    message: 'there are too many rooms',
    headers: RETRY_SOON,
  }),
  tooManySubscribers: (): Refusal => ({
    status: 429,
    code: 'too_many_subscribers',
    message: 'there are too many subscribers in this room',
    headers: RETRY_SOON,
  }),
  tooManyRequests: (retryAfterSeconds: number): Refusal => ({
    status: 429,
    code: 'too_many_requests',
    message: 'too many requests from this caller in a short time',
    headers: { 'retry-after': String(retryAfterSeconds) },
  }),
  tooManyStreams: (): Refusal => ({
    status: 429,
    code: 'too_many_streams',
    message: 'this caller has too many subscriptions at once',
    headers: RETRY_SOON,
  }),
  tokenInUrl: (): Refusal => ({
    status: 400,
    code: 'token_in_url',
    message: 'a token is sent as Authorization: Bearer, never in the address; consider that one as given away',
  }),
  unauthorized: (): Refusal => ({
    status: 401,
    code: 'unauthorized',
    message: 'expected one header Authorization: Bearer with a token',
    headers: { 'www-authenticate': 'Bearer realm="sign-gateway"' },
  }),
  tokenInvalid: (): Refusal => ({
    status: 401,
    code: 'token_invalid',
    message: 'this gateway does not know the token',
    headers: { 'www-authenticate': 'Bearer realm="sign-gateway", error="invalid_token"' },
  }),
  tokenExpired: (): Refusal => ({
    status: 401,
    code: 'token_expired',
    message: 'the token has expired',
    headers: { 'www-authenticate': 'Bearer realm="sign-gateway", error="invalid_token"' },
  }),
  tokenNotYetValid: (): Refusal => ({
    status: 401,
    code: 'token_not_yet_valid',
    message: 'the token is not valid yet',
    headers: { 'www-authenticate': 'Bearer realm="sign-gateway", error="invalid_token"' },
  }),
  forbidden: (): Refusal => ({
    status: 403,
    code: 'forbidden',
    message: 'the token does not allow this in this room',
    headers: { 'www-authenticate': 'Bearer realm="sign-gateway", error="insufficient_scope"' },
  }),
  forgedSender: (): Refusal => ({
    status: 403,
    code: 'forged_sender',
    message: 'the sender of this body is not the index of the token',
  }),
  keysUnavailable: (): Refusal => ({
    status: 503,
    code: 'keys_unavailable',
    message: 'the keys that tokens are checked with are not available now',
    headers: RETRY_SOON,
  }),
  storeUnavailable: (): Refusal => ({
    status: 503,
    code: 'store_unavailable',
    message: 'the store of all rooms did not answer; what was asked for may have been done',
    headers: { 'retry-after': '1' },
  }),
  shuttingDown: (): Refusal => ({
    status: 503,
    code: 'shutting_down',
    message: 'this gateway is shutting down; nothing was done',
    headers: { 'retry-after': '1' },
  }),
  badMint: (expected: string): Refusal => ({ status: 400, code: 'bad_token_request', message: expected }),
  noSuchRoom: (): Refusal => ({ status: 404, code: 'no_such_room', message: 'there is no such room' }),
  roomExists: (): Refusal => ({ status: 409, code: 'room_exists', message: 'there is a room of this id' }),
  privateRoom: (): Refusal => ({
    status: 403,
    code: 'private_room',
    message: 'this room opens with a token of its own only',
  }),
  roomGone: (): Refusal => ({ status: 410, code: 'room_gone', message: 'the room that this token is for is gone' }),
  notTheOwner: (): Refusal => ({
    status: 403,
    code: 'not_the_owner',
    message: 'a room is removed with the token of its owner',
  }),
  notFound: (): Refusal => ({ status: 404, code: 'not_found', message: 'there is nothing at this path' }),
  wrongMethod: (allowed: string): Refusal => ({
    status: 405,
    code: 'method_not_allowed',
    message: `this path takes ${allowed}`,
    headers: { allow: `${allowed}, OPTIONS` },
  }),
  internal: (): Refusal => ({ status: 500, code: 'internal', message: 'the gateway failed to answer' }),
} as const

const answered = new WeakMap<Response, Refusal>()

/** `{"error": {"code", "message"}}`, the body of every refusal. */
export function refusalResponse(refusal: Refusal): Response {
  const { status, code, message, headers } = refusal
  const response = Response.json({ error: { code, message } }, { status, ...(headers && { headers }) })
  answered.set(response, refusal)
  return response
}

/** What an answer made here refuses; undefined for every other answer. */
export function refusalIn(response: Response): Refusal | undefined {
  return answered.get(response)
}
