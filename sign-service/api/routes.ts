/**
 * The routes of the interface, each with what it takes and what it answers: the one table from which requests are checked
 * and the OpenAPI document is made.
 */
import { z } from 'zod'
import { fromBase64, toBase64 } from '../../participant/base/bytes.ts'
import { DecodeError } from '../../participant/base/errors.ts'
import { type Batch, batchCodec } from '../../participant/exchange/batch.ts'
import { decode, encode } from '../../participant/wire/codec.ts'
import type { Right } from './caller.ts'
import { ApiError, type ErrorCode } from './errors.ts'
import type { Step } from './sessions.ts'

const account = z.string().min(1).max(256).describe('Account id.')
const sessionId = z
  .string()
  .regex(/^[A-Za-z0-9_-]{22}$/)
  .describe('From the answer to start.')
const sequence = z
  .int()
  .min(1)
  .max(1_000_000)
  .describe('1 for the first step after start, one more for each further one.')
const clientSession = z
  .string()
  .regex(/^[A-Za-z0-9_-]{22,64}$/)
  .optional()
  .describe(
    'Random, fresh for each session: a start that comes again, because its answer was lost, gets the same answer.',
  )
const clientMessage = z
  .string()
  .max(8 * 1024 * 1024)
  .describe('Base64: packets of the client’s participant and the rooms it listens to.')

const step = z.strictObject({ sessionId, sequence, clientMessage })
const stepReply = z.strictObject({
  requestId: z.string(),
  sessionId,
  status: z.enum(['CONTINUE', 'DONE']),
  serverMessage: z.string().describe('Base64: packets for the client’s participant.'),
  serverPartial: z
    .string()
    .optional()
    .describe(
      'Base64: the last packet of the service when a signature is done, with its partial signature. The client combines.',
    ),
})

export const schemas = {
  signStart: z.strictObject({ account, clientSession, clientMessage }),
  step,
  createStart: z.strictObject({
    account,
    room: z
      .string()
      .regex(/^[A-Za-z0-9._-]{1,100}$/)
      .describe('Name of the ceremony, fresh for each.'),
    clientSession,
    clientMessage,
  }),
  recoverStart: z.strictObject({
    account,
    party: z.string().min(1).max(32).describe('Name of the party whose share was recovered.'),
    issuedAt: z.int().min(0).describe('Unix time in ms at which the proof was made.'),
    proof: z
      .string()
      .max(4096)
      .describe('Base64: proof of knowledge of the share, signed with the party’s identity key.'),
  }),
  getPublicKey: z.strictObject({ account }),
  stepReply,
  recoverReply: z.strictObject({
    requestId: z.string(),
    account,
    party: z.string(),
    fits: z.literal(true),
    publicKey: z.string(),
    epoch: z.int(),
  }),
  publicKeyReply: z.strictObject({
    requestId: z.string(),
    account,
    publicKey: z.string().describe('Compressed, hexadecimal.'),
    address: z.string().describe('Ethereum, EIP-55.'),
    curve: z.literal('secp256k1'),
    threshold: z.int(),
    parties: z.array(z.string()),
    epoch: z.int(),
    fingerprint: z.string(),
  }),
  sessionReply: z.strictObject({
    requestId: z.string(),
    sessionId,
    purpose: z.enum(['sign', 'createAccount']),
    status: z.enum(['CONTINUE', 'DONE']),
    steps: z.int(),
    ageSeconds: z.int(),
  }),
  healthReply: z.strictObject({
    requestId: z.string(),
    status: z.enum(['ok', 'degraded']),
    accounts: z.int(),
    sessions: z.int(),
    gateway: z.enum(['ok', 'unreachable']),
    uptimeSeconds: z.int(),
  }),
  liveReply: z.strictObject({ requestId: z.string(), status: z.literal('ok') }),
  readyReply: z.strictObject({ requestId: z.string(), status: z.literal('ready') }),
}

export interface Route {
  readonly method: 'get' | 'post'
  /** With `{name}` for a part that is taken from the path. */
  readonly path: string
  readonly summary: string
  /** Undefined: for everybody who can connect. */
  readonly right: Right | undefined
  readonly body?: z.ZodObject
  readonly reply: z.ZodObject
  /** Beyond those that every route has. */
  readonly errors: readonly ErrorCode[]
}

const SESSION_ERRORS = ['INVALID_SESSION', 'MPC_TIMEOUT', 'TOO_MANY_REQUESTS'] as const

export const ROUTES = {
  signStart: {
    method: 'post',
    path: '/v1/sign/start',
    summary: 'Begins a signature: the first packets of the client, among them its invitation.',
    right: 'sign',
    body: schemas.signStart,
    reply: schemas.stepReply,
    errors: ['ACCOUNT_NOT_FOUND', ...SESSION_ERRORS],
  },
  signStep: {
    method: 'post',
    path: '/v1/sign/step',
    summary: 'Goes on with it. A step that comes again gets the same answer.',
    right: 'sign',
    body: schemas.step,
    reply: schemas.stepReply,
    errors: SESSION_ERRORS,
  },
  createStart: {
    method: 'post',
    path: '/v1/createAccount/start',
    summary: 'Begins the key generation of a new account, with the client and this service as its parties.',
    right: 'createAccount',
    body: schemas.createStart,
    reply: schemas.stepReply,
    errors: ['ACCOUNT_EXISTS', 'KEYSTORE_ERROR', ...SESSION_ERRORS],
  },
  createStep: {
    method: 'post',
    path: '/v1/createAccount/step',
    summary: 'Goes on with it.',
    right: 'createAccount',
    body: schemas.step,
    reply: schemas.stepReply,
    errors: ['KEYSTORE_ERROR', 'MPC_ERROR', ...SESSION_ERRORS],
  },
  recoverStart: {
    method: 'post',
    path: '/v1/recover/start',
    summary: 'Checks that a recovered key share of another party fits the account.',
    right: 'recover',
    body: schemas.recoverStart,
    reply: schemas.recoverReply,
    errors: ['ACCOUNT_NOT_FOUND', 'MPC_PARTY_MISSING', 'MPC_INVALID_SHARE', 'RECOVERY_FAILED'],
  },
  getPublicKey: {
    method: 'post',
    path: '/v1/getPublicKey',
    summary: 'Public facts of an account.',
    right: 'read',
    body: schemas.getPublicKey,
    reply: schemas.publicKeyReply,
    errors: ['ACCOUNT_NOT_FOUND'],
  },
  session: {
    method: 'get',
    path: '/v1/sessions/{id}',
    summary: 'Where a session of this caller is.',
    right: 'read',
    reply: schemas.sessionReply,
    errors: ['INVALID_SESSION'],
  },
  health: {
    method: 'get',
    path: '/v1/health',
    summary: 'How the service is.',
    right: 'read',
    reply: schemas.healthReply,
    errors: [],
  },
  livez: {
    method: 'get',
    path: '/livez',
    summary: 'The process answers.',
    right: undefined,
    reply: schemas.liveReply,
    errors: [],
  },
  readyz: {
    method: 'get',
    path: '/readyz',
    summary: 'Shares are loaded and the gateway answers.',
    right: undefined,
    reply: schemas.readyReply,
    errors: ['UNAVAILABLE'],
  },
} as const satisfies Readonly<Record<string, Route>>

/** Throws ApiError naming the field. */
export function parseBody<T extends z.ZodObject>(schema: T, value: unknown): z.output<T> {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const [issue] = result.error.issues
  const unknown = issue?.code === 'unrecognized_keys' ? issue.keys[0] : undefined
  const field = [...(issue?.path ?? []).map(String), ...(unknown === undefined ? [] : [unknown])]
    .join('.')
    .replace(/[^\x20-\x7e]/g, '?')
    .slice(0, 100)
  const what = unknown === undefined ? (issue?.message ?? 'not as documented') : 'unknown field'
  throw new ApiError('INVALID_REQUEST', field === '' ? 'body: expected a JSON object' : `${field}: ${what}`, {
    details: field === '' ? {} : { field },
  })
}

/** Throws ApiError. */
export function parseClientMessage(text: string): Batch {
  try {
    return decode(batchCodec, fromBase64(text))
  } catch (e) {
    if (!(e instanceof DecodeError)) throw e
    throw new ApiError('INVALID_REQUEST', 'clientMessage: expected base64 of packets', {
      details: { field: 'clientMessage' },
    })
  }
}

export function stepBody(requestId: string, s: Step, isSigning: boolean): z.output<typeof stepReply> {
  const serverMessage = toBase64(encode(batchCodec, { listen: [], packets: s.packets }))
  const last = s.packets.at(-1)
  const hasPartial = isSigning && s.status === 'DONE' && last !== undefined
  const partial = hasPartial ? { serverPartial: toBase64(last.packet) } : {}
  return { requestId, sessionId: s.sessionId, status: s.status, serverMessage, ...partial }
}
