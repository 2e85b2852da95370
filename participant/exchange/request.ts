/**
 * One request of an exchange until it is answered: tried again after network errors, timeouts, 408, 425, 429 and 5xx, as
 * long as somebody wants the answer. Any other refusal ends it.
 */
import { TransportError } from '../base/errors.ts'
import { isTransient, type Link, readText } from '../room/link.ts'
import { limited, pauses, sleep } from '../room/pause.ts'

export interface Reply {
  readonly sessionId: string
  readonly status: 'CONTINUE' | 'DONE'
  readonly serverMessage: string
}

export interface RequestOptions {
  readonly path: readonly string[]
  readonly body: Readonly<Record<string, unknown>>
  readonly signal: AbortSignal
}

/** The service answers when there is something to say, and at the latest after ten seconds. */
const ATTEMPT_MS = 25_000
/** Four of a megabyte of packets in base64. */
const ANSWER_LIMIT = 6 * 1024 * 1024

/** TransportError: refused for good, or cancelled. */
export async function request(link: Link, o: RequestOptions): Promise<Reply> {
  const pause = pauses(link.timing.pauseMinMs, link.timing.pauseMaxMs, link.random)
  for (;;) {
    if (o.signal.aborted) throw new TransportError('cancelled')
    const answer = await attempt(link, o)
    if (typeof answer === 'object' && 'serverMessage' in answer) return answer
    if (answer !== undefined && !isTransient({ ...answer, retryAfterMs: 0 })) {
      const code = answer.code === undefined ? '' : `, ${answer.code}`
      throw new TransportError(`service: refused with status ${answer.status}${code}`)
    }
    await sleep(pause.next(), o.signal)
  }
}

async function attempt(
  link: Link,
  { path, body, signal: outer }: RequestOptions,
): Promise<Reply | { readonly status: number; readonly code: string | undefined } | undefined> {
  try {
    return await limited(ATTEMPT_MS, outer, async (signal) => {
      const response = await link.fetch(link.urlOf(...path), {
        method: 'POST',
        body: JSON.stringify(body),
        headers: { ...(await link.headers()), 'content-type': 'application/json' },
        signal,
        redirect: 'manual',
        cache: 'no-store',
      })
      const text = await readText(response, ANSWER_LIMIT)
      return response.status === 200 ? replyOf(text) : { status: response.status, code: codeOf(text) }
    })
  } catch (e) {
    if (e instanceof TransportError) throw e
    return undefined
  }
}

function replyOf(text: string): Reply {
  const { sessionId, status, serverMessage } = parsed(text)
  const isReply =
    typeof sessionId === 'string' &&
    sessionId.length <= 128 &&
    (status === 'CONTINUE' || status === 'DONE') &&
    typeof serverMessage === 'string'
  if (!isReply) throw new TransportError('service: expected sessionId, status and serverMessage as its answer')
  return { sessionId, status, serverMessage }
}

function codeOf(text: string): string | undefined {
  const { error } = parsed(text)
  const code = typeof error === 'object' && error !== null ? (error as { readonly code?: unknown }).code : undefined
  return typeof code === 'string' && /^[A-Z_]{1,40}$/.test(code) ? code : undefined
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}
