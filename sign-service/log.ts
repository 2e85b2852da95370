/**
 * What a line of the service's log may have. The list is the whole of it: another field does not compile, and is left out
 * by the logger when it comes in a way that the compiler can't see.
 *
 * Whatever happens on behalf of a request runs in its context, and every line that is written there carries its ids, also
 * those of the connection to the gateway or of a lock. Lines of the daemon itself have none.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { randomUUID } from 'node:crypto'
import type { LoggerOptions } from '../config/logger.ts'

export const LOG_FIELDS = [
  // whose line it is
  'requestId',
  'session',
  'exchange',
  // who asks for what
  'account',
  'from',
  'caller',
  'kind',
  'route',
  'status',
  'ms',
  'code',
  'culprits',
  'peer',
  'since',
  'lockSession',
  // the way to the gateway
  'gateway',
  'url',
  'reason',
  'pauseMs',
  'resumedAfter',
  'id',
  // the daemon
  'accounts',
  'party',
  'parties',
  'sessions',
  'workers',
  'keys',
  'file',
  'folder',
  'step',
  'lease',
  'holder',
  'head',
  'error',
  'at',
] as const
export type LogField = (typeof LOG_FIELDS)[number]

export type LogFields = Readonly<Partial<Record<LogField, string | number | boolean | readonly string[] | undefined>>>

interface Say {
  (fields: LogFields, message: string): void
  (message: string): void
}

/** A logger that takes no other fields; the one of config/logger.ts is one. */
export type Log = Readonly<Record<'debug' | 'info' | 'warn' | 'error', Say>>

export interface Ids {
  /** Of the HTTP request; where there is none, made for the invitation. */
  readonly requestId: string
  /** First 8 hex digits of the signing session's id, as its peer knows it, or of a key generation's. */
  readonly session?: string
  /** First 8 characters of the interface's session id, which several requests belong to. */
  exchange?: string
}

const current = new AsyncLocalStorage<Ids>()

/** Of the request that is being worked for; undefined in the daemon's own time. */
export function currentIds(): Ids | undefined {
  return current.getStore()
}

/** Everything that `run` starts belongs to this request. */
export function inRequest<T>(requestId: string, run: () => T): T {
  return current.run({ requestId }, run)
}

/** Everything that `run` starts belongs to this session, and to the request that brought it. */
export function inSession<T>(session: string, run: () => T): T {
  return current.run({ requestId: randomUUID(), ...current.getStore(), session }, run)
}

/** What outlives the request that it was started by. */
export function outsideRequests<T>(run: () => T): T {
  return current.exit(run)
}

/** For `createLogger`. */
export const logOptions: Required<Pick<LoggerOptions, 'fields' | 'current'>> = {
  fields: LOG_FIELDS,
  current: () => ({ ...current.getStore() }),
}
