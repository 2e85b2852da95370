/**
 * Every route of the gateway in one table: what it takes, what it answers, and each refusal it can give. The document at
 * /openapi.json is made of it, and openapi.test.ts compares it with the routes of the app and with real answers.
 */
import type { GatewayConfig } from '../../config/schema.ts'
import { type Refusal, refusals } from '../refusal.ts'
import type { Schema } from './schemas.ts'
import * as schemas from './schemas.ts'

export interface Parameter {
  readonly in: 'header' | 'query'
  readonly name: string
  readonly description: string
  readonly schema: Schema
}

export interface Success {
  readonly status: 200 | 201 | 204 | 503
  readonly description: string
  readonly type?: string
  readonly schema?: Schema
  readonly headers?: Readonly<Record<string, string>>
}

export interface Route {
  readonly method: 'get' | 'post' | 'delete'
  /** As OpenAPI writes it. */
  readonly path: string
  readonly name: string
  readonly summary: string
  readonly description?: string
  /** Who may use it; everybody when absent. */
  readonly token?: 'bearer' | 'status'
  readonly parameters?: readonly Parameter[]
  readonly body?: {
    readonly type: string
    readonly description: string
    readonly schema: Schema
    readonly required: boolean
  }
  readonly answers: readonly Success[]
  readonly refusals: readonly Refusal[]
}

const JSON_TYPE = 'application/json'
const digits = (description: string): Schema => ({ type: 'string', pattern: '^[0-9]+$', description })

const AUTH = [
  refusals.tokenInUrl(),
  refusals.unauthorized(),
  refusals.tokenInvalid(),
  refusals.tokenExpired(),
  refusals.tokenNotYetValid(),
  refusals.forbidden(),
  refusals.keysUnavailable(),
]

/** What every route can answer, and what answers to addresses and methods outside this table. */
export const EVERYWHERE: readonly Refusal[] = [refusals.badRequest(), refusals.internal()]
export const ELSEWHERE: readonly Refusal[] = [
  refusals.notFound(),
  refusals.wrongMethod('GET'),
  refusals.tooManyRequests(1),
]

export function routes({ limits }: Pick<GatewayConfig, 'limits'>): readonly Route[] {
  const room = [
    refusals.badRoomId(limits.room_id_length),
    ...AUTH,
    refusals.tooManyRequests(1),
    refusals.storeUnavailable(),
  ]
  const opening = [
    ...room,
    refusals.privateRoom(),
    refusals.roomGone(),
    refusals.tooManyRooms(),
    refusals.gatewayFull(),
  ]
  const changing = [...opening, refusals.shuttingDown()]
  return [
    {
      method: 'get',
      path: '/rooms/{id}/subscribe',
      name: 'subscribe',
      summary: 'The room’s history, then live, as an event stream',
      description:
        'Events: `new-message` with `id` and one `data` line for each line of the body; `reset` with an empty id and ' +
        '`{"epoch", "resumed_from"}` when what was asked for is gone; comments to keep the connection alive; `retry`.',
      token: 'bearer',
      parameters: [
        { in: 'header', name: 'Last-Event-ID', description: 'Resumes after it', schema: digits('Id of an event') },
        { in: 'header', name: 'Room-Epoch', description: 'The room that the id belongs to', schema: schemas.EPOCH },
        {
          in: 'query',
          name: 'last_event_id',
          description: 'For clients that can’t set headers; the header wins',
          schema: digits('Id of an event'),
        },
      ],
      answers: [
        {
          status: 200,
          description: 'The stream',
          type: 'text/event-stream',
          schema: { type: 'string' },
          headers: {
            'Room-Epoch': 'The room’s epoch',
            'Room-Resumed-From': 'Id of the first event that can follow',
          },
        },
      ],
      refusals: [
        ...opening,
        refusals.badEventId(),
        refusals.pipelined(),
        refusals.tooManySubscribers(),
        refusals.tooManyStreams(),
      ],
    },
    {
      method: 'post',
      path: '/rooms/{id}/broadcast',
      name: 'broadcast',
      summary: 'Sends a message to everybody in the room, the sender included',
      token: 'bearer',
      parameters: [
        {
          in: 'header',
          name: 'TTL',
          description: 'Seconds for which anybody will want it; without it, it stays while the room lives',
          schema: { type: 'string', pattern: '^[0-9]{1,8}$' },
        },
        {
          in: 'header',
          name: 'Idempotency-Key',
          description: 'Published once, however often it comes with this key',
          schema: { type: 'string', pattern: '^[!-~]{1,128}$' },
        },
      ],
      body: {
        type: 'text/plain',
        description: 'UTF-8 without CR and NUL, of any content type',
        schema: { type: 'string', maxLength: limits.body_bytes },
        required: false,
      },
      answers: [
        { status: 200, description: 'It is in the room’s log', headers: { 'Event-ID': 'The id of its event' } },
      ],
      refusals: [
        ...changing,
        refusals.badTtl(),
        refusals.badIdempotencyKey(),
        refusals.bodyTooLarge(limits.body_bytes),
        refusals.bodyIncomplete(),
        refusals.bodyNotUtf8(),
        refusals.bodyHasControl(),
        refusals.forgedSender(),
        refusals.idempotencyKeyReused(),
        refusals.roomFull(),
      ],
    },
    {
      method: 'post',
      path: '/rooms/{id}/issue_unique_idx',
      name: 'issueUniqueIndex',
      summary: 'An index that nobody else in the room gets',
      token: 'bearer',
      answers: [{ status: 200, description: 'The index', type: JSON_TYPE, schema: schemas.INDEX }],
      refusals: changing,
    },
    {
      method: 'get',
      path: '/rooms/{id}',
      name: 'roomState',
      summary: 'What the room holds, in numbers; makes none',
      token: 'bearer',
      answers: [{ status: 200, description: 'The state', type: JSON_TYPE, schema: schemas.ROOM }],
      refusals: [...room, refusals.privateRoom(), refusals.roomGone(), refusals.noSuchRoom()],
    },
    {
      method: 'post',
      path: '/rooms/{id}',
      name: 'createRoom',
      summary: 'Makes a private room, which opens with tokens of its own only',
      token: 'bearer',
      answers: [{ status: 201, description: 'The room is there', type: JSON_TYPE, schema: schemas.CREATED }],
      refusals: [...room, refusals.roomExists(), refusals.tooManyRooms(), refusals.shuttingDown()],
    },
    {
      method: 'delete',
      path: '/rooms/{id}',
      name: 'removeRoom',
      summary: 'Forgets the room and ends its streams',
      token: 'bearer',
      answers: [{ status: 204, description: 'The room is gone' }],
      refusals: [...room, refusals.privateRoom(), refusals.roomGone(), refusals.noSuchRoom(), refusals.notTheOwner()],
    },
    {
      method: 'post',
      path: '/rooms/{id}/tokens',
      name: 'mintToken',
      summary: 'One more token of a private room, for its owner to pass on',
      token: 'bearer',
      body: { type: JSON_TYPE, description: 'What it is for', schema: schemas.TOKEN_REQUEST, required: true },
      answers: [{ status: 201, description: 'The token', type: JSON_TYPE, schema: schemas.TOKEN }],
      refusals: [
        ...room,
        refusals.privateRoom(),
        refusals.roomGone(),
        refusals.bodyTooLarge(limits.body_bytes),
        refusals.bodyIncomplete(),
        refusals.badMint('what was expected'),
      ],
    },
    {
      method: 'get',
      path: '/health',
      name: 'health',
      summary: 'That the process answers, with some counts',
      answers: [{ status: 200, description: 'It does', type: JSON_TYPE, schema: schemas.HEALTH }],
      refusals: [],
    },
    {
      method: 'get',
      path: '/livez',
      name: 'live',
      summary: 'That the process answers; restart it when it does not',
      answers: [{ status: 200, description: 'It does', type: JSON_TYPE, schema: schemas.LIVE }],
      refusals: [],
    },
    {
      method: 'get',
      path: '/readyz',
      name: 'ready',
      summary: 'Whether messages can be taken now; send no requests while they can not',
      answers: [
        { status: 200, description: 'They can', type: JSON_TYPE, schema: schemas.READINESS },
        { status: 503, description: 'They can not', type: JSON_TYPE, schema: schemas.READINESS },
      ],
      refusals: [],
    },
    {
      method: 'get',
      path: '/openapi.json',
      name: 'openapi',
      summary: 'This document',
      answers: [{ status: 200, description: 'It', type: JSON_TYPE, schema: { type: 'object' } }],
      refusals: [refusals.tooManyRequests(1)],
    },
    {
      method: 'get',
      path: '/',
      name: 'status',
      summary: 'Live counts for the operator, as a page',
      description:
        'With auth.mode token or jwt it takes a token with the right `status`, as a bearer or as the password of HTTP ' +
        'Basic (over TLS or loopback). In open mode it is there for direct connections from the same machine only.',
      token: 'status',
      answers: [{ status: 200, description: 'The page', type: 'text/html', schema: { type: 'string' } }],
      refusals: [...AUTH, refusals.tooManyRequests(1), refusals.notFound()],
    },
  ]
}

/** The route of a path as the log names it; undefined for one that is none of ours. */
export function routeOf(path: string): string | undefined {
  const segments = path.split('/')
  return TEMPLATES.find(
    (template) =>
      template.length === segments.length && template.every((name, i) => name === '{id}' || name === segments[i]),
  )?.join('/')
}

const TEMPLATES = [
  ...new Set(routes({ limits: { room_id_length: 1, body_bytes: 1 } as GatewayConfig['limits'] }).map((r) => r.path)),
].map((path) => path.split('/'))
