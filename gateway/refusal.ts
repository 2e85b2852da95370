/**
 * Everything the gateway refuses: status, stable code, and a text that says what was expected. Texts are fixed or made of
 * configured limits; nothing from a request, an exception or another room ever enters an answer.
 *
 * Codes for which waiting helps have status 429 and a Retry-After header. A full room is 409, since it stays full.
 */
export interface Refusal {
  readonly status: 400 | 404 | 405 | 409 | 413 | 429 | 500
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
  notFound: (): Refusal => ({ status: 404, code: 'not_found', message: 'there is nothing at this path' }),
  wrongMethod: (allowed: string): Refusal => ({
    status: 405,
    code: 'method_not_allowed',
    message: `this path takes ${allowed}`,
    headers: { allow: `${allowed}, OPTIONS` },
  }),
  internal: (): Refusal => ({ status: 500, code: 'internal', message: 'the gateway failed to answer' }),
} as const

/** `{"error": {"code", "message"}}`, the body of every refusal. */
export function refusalResponse({ status, code, message, headers }: Refusal): Response {
  return Response.json({ error: { code, message } }, { status, ...(headers && { headers }) })
}
