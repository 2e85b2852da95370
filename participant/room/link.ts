/**
 * What every request to one gateway has in common: address, headers, time limits, and how its refusals are read.
 *
 * Nothing that the gateway says is trusted: answers are read up to a limit, and of a refusal only the status and a
 * code of a fixed form reach a message. Redirects are not followed, since headers may carry a token.
 */
import { TransportError, UsageError } from '../base/errors.ts'
import { type Random, systemRandom } from '../base/random.ts'

export interface GatewayOptions {
  /** http or https, without credentials, query or fragment; may have a path. */
  readonly url: string
  /** The platform's when absent. */
  readonly fetch?: typeof fetch
  /** For jitter. */
  readonly random?: Random
  /**
   * Asked for each attempt, so that a token can be renewed; a refusal with 401 is therefore tried again. It is told the
   * room that the request is about, so that each room can have a token of its own.
   */
  readonly headers?: (room?: string) => Promise<Readonly<Record<string, string>>> | Readonly<Record<string, string>>
  readonly trace?: (event: RoomEvent) => void
  readonly timing?: Partial<Timing>
}

export interface Timing {
  /** A connection on which not a byte came for this long is given up; the gateway says something every 15 s. */
  readonly idleMs: number
  /** For one request, and for the head of a stream. */
  readonly attemptMs: number
  /** The first pause after a failure, and the longest. */
  readonly pauseMinMs: number
  readonly pauseMaxMs: number
  /** How long after connecting a posted packet must have come back before it is posted again. */
  readonly confirmMs: number
}

const TIMING: Timing = { idleMs: 45_000, attemptMs: 10_000, pauseMinMs: 250, pauseMaxMs: 10_000, confirmMs: 2_000 }

/** For logs and tests; nothing in it is secret. */
export type RoomEvent = { readonly room: string } & (
  | { readonly at: 'open'; readonly resumedAfter: number | undefined }
  | { readonly at: 'lost'; readonly reason: string; readonly pauseMs: number }
  | { readonly at: 'ignored'; readonly reason: 'duplicate' | 'no base64' | 'too long' }
  /** The gateway left out messages before this id. */
  | { readonly at: 'gap'; readonly id: number }
  /** The room is a new one of the same name: its history is gone. */
  | { readonly at: 'restarted' }
  | { readonly at: 'posted again' }
  | { readonly at: 'post failed'; readonly reason: string; readonly pauseMs: number }
  | { readonly at: 'closed'; readonly reason: string }
)

export interface Link {
  readonly fetch: typeof fetch
  readonly headers: (room?: string) => Promise<Readonly<Record<string, string>>>
  /** Whether the headers may be others at the next attempt. */
  readonly renews: boolean
  readonly random: Random
  readonly timing: Timing
  readonly trace: (event: RoomEvent) => void
  /** The address of a room's action, or of `health`. */
  readonly urlOf: (...path: readonly string[]) => string
}

/** Throws UsageError when the URL is not of the documented form. */
export function makeLink(o: GatewayOptions): Link {
  const base = parseUrl(o.url)
  return {
    // called as a plain function: browsers refuse fetch as a method of anything but their global object
    fetch: (input, init) => (o.fetch ?? globalThis.fetch)(input, init),
    headers: async (room) => (o.headers === undefined ? {} : await o.headers(room)),
    renews: o.headers !== undefined,
    random: o.random ?? systemRandom,
    timing: { ...TIMING, ...o.timing },
    trace: (event) => {
      try {
        o.trace?.(event)
      } catch {
        // a log that fails ends no session
      }
    },
    urlOf: (...path) => `${base}/${path.map(encodeURIComponent).join('/')}`,
  }
}

function parseUrl(text: string): string {
  let url: URL
  try {
    url = new URL(text)
  } catch {
    throw new UsageError('gateway url: expected an absolute http or https URL')
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw new UsageError('gateway url: expected http or https')
  if (url.username !== '' || url.password !== '') throw new UsageError('gateway url: expected no credentials in it')
  if (url.search !== '' || url.hash !== '') throw new UsageError('gateway url: expected no query and no fragment')
  return url.origin + url.pathname.replace(/\/+$/, '')
}

/** Throws UsageError for ids that have no place in a path. */
export function requireRoomId(id: string): void {
  // a URL with the segment . or .. is another URL, however it is encoded
  if (id === '' || id === '.' || id === '..')
    throw new UsageError('room id: expected at least one character, not . or ..')
  try {
    encodeURIComponent(id)
  } catch {
    throw new UsageError('room id: expected well-formed text')
  }
}

/** The answer was not 200. */
export interface Refusal {
  readonly status: number
  /** The gateway's stable code, when it gave one. */
  readonly code: string | undefined
  /** How long it asks us to wait, at most a minute. */
  readonly retryAfterMs: number
}

const REFUSAL_LIMIT = 4096
const RETRY_AFTER_LIMIT_S = 60

/** Reads and drops the body. */
export async function readRefusal(response: Response): Promise<Refusal> {
  const retryAfter = response.headers.get('retry-after') ?? ''
  const seconds = /^\d{1,6}$/.test(retryAfter) ? Math.min(Number(retryAfter), RETRY_AFTER_LIMIT_S) : 0
  let code: string | undefined
  try {
    const body = JSON.parse(await readText(response, REFUSAL_LIMIT)) as {
      readonly error?: { readonly code?: unknown }
    } | null
    const named = body?.error?.code
    if (typeof named === 'string' && /^[a-z0-9_]{1,40}$/.test(named)) code = named
  } catch {
    // no JSON, or the connection broke: the status says enough
  }
  return { status: response.status, code, retryAfterMs: 1000 * seconds }
}

/**
 * Whether it may be otherwise later: timeouts, rate limits, whatever is wrong on the gateway's side, and a token that is
 * not or no longer good where another may take its place.
 */
export function isTransient({ status }: Refusal, renews = false): boolean {
  return status === 408 || status === 425 || status === 429 || status >= 500 || (status === 401 && renews)
}

export function describeRefusal({ status, code }: Refusal): string {
  // browsers show a redirect that isn't followed as status 0
  if (status === 0 || (status >= 300 && status < 400)) return 'gateway: answered with a redirect, which is not followed'
  return code === undefined
    ? `gateway: refused with status ${status}`
    : `gateway: refused with status ${status}, ${code}`
}

export function refusalError(refusal: Refusal): TransportError {
  return new TransportError(describeRefusal(refusal))
}

/** The body as text; what is beyond `limit` bytes is not read. */
export async function readText(response: Response, limit: number): Promise<string> {
  const reader = response.body?.getReader()
  if (reader === undefined) return ''
  const decoder = new TextDecoder()
  let text = ''
  for (let length = 0; ; ) {
    const { done, value } = await reader.read()
    if (done) return text + decoder.decode()
    length += value.length
    if (length > limit) {
      await reader.cancel()
      return text
    }
    text += decoder.decode(value, { stream: true })
  }
}
