/**
 * One request until it is answered: tried again after network errors, timeouts, 408, 425, 429 and 5xx, with pauses,
 * until its deadline or its signal; after a 401 too where the token may have been renewed. Any other refusal ends it at once.
 */
import { TransportError, UsageError } from '../base/errors.ts'
import { describeRefusal, isTransient, type Link, type Refusal, readRefusal, readText, refusalError } from './link.ts'
import { limited, pauses, sleep } from './pause.ts'

export interface RequestOptions {
  readonly signal?: AbortSignal | undefined
  /** From now; without it, the request is tried until the signal aborts. */
  readonly deadlineMs?: number | undefined
}

export interface PostOptions extends RequestOptions {
  /** How long anybody will want the packet, in whole seconds; without it, it stays while the room lives. */
  readonly ttlSeconds?: number
}

/** Beside what a caller may set. */
interface SendOptions extends PostOptions {
  /** The gateway takes the text once under this key. One that doesn't know of keys takes it each time. */
  readonly key?: string
}

/** An answer longer than this is cut: the gateway's own are below 100 bytes. */
const ANSWER_LIMIT = 4096

/**
 * POSTs the text to the room and gives the answer. TransportError: refused for good, deadline passed, or cancelled.
 * When it fails in another way than by a refusal, the gateway may have taken the text all the same.
 */
export async function postText(
  link: Link,
  room: string,
  action: 'broadcast' | 'issue_unique_idx',
  text: string,
  { signal, deadlineMs, ttlSeconds, key }: SendOptions,
): Promise<string> {
  if (deadlineMs !== undefined && !(deadlineMs > 0)) throw new UsageError('deadline: expected a positive number of ms')
  const endMs = deadlineMs === undefined ? Number.POSITIVE_INFINITY : performance.now() + deadlineMs
  const url = link.urlOf('rooms', room, action)
  const own: Record<string, string> = { 'content-type': 'text/plain;charset=utf-8' }
  if (ttlSeconds !== undefined) own['ttl'] = String(ttlSeconds)
  if (key !== undefined) own['idempotency-key'] = key
  const pause = pauses(link.timing.pauseMinMs, link.timing.pauseMaxMs, link.random)
  const isCancelled = (): boolean => signal?.aborted === true
  let refused: TransportError | undefined
  for (;;) {
    if (isCancelled()) throw new TransportError('cancelled')
    const leftMs = endMs - performance.now()
    // that the token was refused until the end says more than that the end came
    if (leftMs <= 0 && refused !== undefined) throw refused
    if (leftMs <= 0) throw new TransportError('gateway: no answer before the deadline')
    const answer = await attempt(link, room, url, text, own, Math.min(leftMs, link.timing.attemptMs), signal)
    if (typeof answer === 'string') return answer
    if (answer !== undefined && !isTransient(answer, link.renews)) throw refusalError(answer)
    if (answer !== undefined) refused = answer.status === 401 ? refusalError(answer) : undefined
    const pauseMs = Math.max(pause.next(), answer?.retryAfterMs ?? 0)
    const reason = answer === undefined ? 'gateway: no answer' : describeRefusal(answer)
    if (!isCancelled()) link.trace({ at: 'post failed', room, reason, pauseMs })
    await sleep(Math.min(pauseMs, Math.max(endMs - performance.now(), 0)), signal)
  }
}

/** The answer's text, a refusal, or undefined when there was no answer. */
async function attempt(
  link: Link,
  room: string,
  url: string,
  body: string,
  own: Readonly<Record<string, string>>,
  timeoutMs: number,
  outer: AbortSignal | undefined,
): Promise<string | Refusal | undefined> {
  try {
    return await limited(timeoutMs, outer, async (signal) => {
      const headers = { ...(await link.headers(room)), ...own }
      const response = await link.fetch(url, {
        method: 'POST',
        body,
        headers,
        signal,
        redirect: 'manual',
        cache: 'no-store',
      })
      return response.status === 200 ? await readText(response, ANSWER_LIMIT) : await readRefusal(response)
    })
  } catch {
    // the platforms' errors for refused, reset and timed-out connections have nothing in common
    return undefined
  }
}

/** One attempt at /health. TransportError unless the gateway says that it is well. */
export async function checkHealth(link: Link, outer: AbortSignal | undefined): Promise<void> {
  const refusal = await limited(link.timing.attemptMs, outer, async (signal) => {
    const headers = await link.headers()
    const response = await link.fetch(link.urlOf('health'), { headers, signal, redirect: 'manual', cache: 'no-store' })
    if (response.status !== 200) return readRefusal(response)
    await readText(response, ANSWER_LIMIT)
    return undefined
  }).catch((cause: unknown) => {
    throw new TransportError(outer?.aborted === true ? 'cancelled' : 'gateway: no answer', [], { cause })
  })
  if (refusal !== undefined) throw refusalError(refusal)
}
