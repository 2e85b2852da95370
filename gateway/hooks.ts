/**
 * What can be put between a request and its room: who may do what (auth/), how much of it (limits/), and who counts
 * (metrics/). Tests that need none of it use those at the end.
 */
import type { IncomingMessage } from 'node:http'
import type { Eventual } from './eventual.ts'
import type { Refusal } from './refusal.ts'
import type { Found, Pass } from './store.ts'

/**
 * `mint` asks for a token of the room, `status` for the operator's page, which belongs to no room; the others are the
 * routes of app.ts.
 */
export type Action = 'subscribe' | 'publish' | 'index' | 'state' | 'remove' | 'create' | 'mint' | 'status'

export interface Granted {
  /** Whom limits are counted for: the token's subject, or the remote address when there are no tokens. */
  readonly caller: string
  /** What opens private rooms. */
  readonly pass: Pass
  /** When the grant ends, by the clock of the day. A stream ends with it. */
  readonly expiresAtMs?: number | undefined
  /** The only index that messages may claim as their `sender`, where that can be read; undefined for any. */
  readonly sender?: number | undefined
}

/** A request that may not be served, and whom it is counted for. */
export interface Denied {
  readonly ok: false
  readonly refusal: Refusal
  readonly caller: string
}

export type Judged = { readonly ok: true; readonly value: Granted } | Denied

/** Never rejects for what a client sent: that is a refusal. */
export type Authorize = (incoming: IncomingMessage, action: Action, roomId: string) => Eventual<Judged>

export interface Admission {
  /** 'other' is what belongs to no room: refused paths and methods, the document. */
  request(caller: string, action: Action | 'other'): Refusal | undefined
  /** Takes a place for one stream; the value gives it back, and is called once. */
  stream(caller: string): Found<() => void>
}

/** Makes the token with which the creator of a private room rules it; undefined when this gateway has no tokens. */
export type MintOwner = (roomId: string, epoch: string) => Promise<string | undefined>

/** What waits for the reader of a stream. */
export interface Lag {
  /** Written, and not yet taken by the connection. */
  readonly bytes: number
  /** Of the history it catches up with, not yet written. */
  readonly messages: number
}

/** A stream that can be asked how far behind its reader is. */
export interface Reader {
  lag(): Lag
}

export interface Meter {
  /** One broadcast was answered with 200. */
  published(bytes: number, ms: number): void
  /** Events written to streams. */
  delivered(count: number, bytes: number): void
  opened(reader: Reader): void
  closed(reader: Reader): void
  /** A stream was ended because of its reader. */
  cutOff(why: string): void
  refused(code: string): void
  /** A connection was closed as it came. */
  dropped(): void
}

const NO_RELEASE: Found<() => void> = { ok: true, value: () => {} }

export const unlimited: Admission = { request: () => undefined, stream: () => NO_RELEASE }

export const noMeter: Meter = {
  published: () => {},
  delivered: () => {},
  opened: () => {},
  closed: () => {},
  cutOff: () => {},
  refused: () => {},
  dropped: () => {},
}
