/**
 * One connection to a room's event stream, from connecting to its end, on the `eventsource` package.
 *
 * An EventSource reconnects by itself after some failures, at a fixed pace, and stops for good after others (any
 * status but 200). Here each is used for one connection and closed at its first error, so that room.ts decides
 * about the next one. Its `fetch` is ours: it sees status and headers, adds where to resume, and watches the bytes,
 * since keep-alive comments never become events.
 */
import { EventSource, type FetchLike, type FetchLikeResponse } from 'eventsource'
import { type Link, type Refusal, readRefusal } from './link.ts'

/** Where the room stands: the last id received and the epoch that it belongs to. */
export interface Position {
  readonly lastId: number | undefined
  readonly epoch: string | undefined
}

export interface StreamOptions {
  readonly room: string
  readonly signal: AbortSignal
  readonly position: () => Position
  /** The gateway has another room under this name; the position is to be forgotten and this epoch to be kept. */
  readonly onRestart: (epoch: string) => void
  readonly onOpen: (head: { readonly epoch: string | undefined }) => void
  readonly onMessage: (id: number | undefined, text: string) => void
}

export type StreamEnd =
  | { readonly kind: 'lost'; readonly reason: string }
  | { readonly kind: 'refused'; readonly refusal: Refusal }

/** A second restart in one connection ends it, so that the pause between connections bounds what a restart costs. */
const RESETS_LIMIT = 1

/** Longest text between two events that is buffered. */
const PENDING_LIMIT = 4 * 1024 * 1024

const EPOCH = /^[\x21-\x7e]{1,128}$/

/** Resolves when the connection has ended, for whatever reason; never rejects. Nothing of it is left then. */
export function runStream(link: Link, o: StreamOptions): Promise<StreamEnd> {
  return new Promise((resolve) => {
    const { idleMs, attemptMs } = link.timing
    let isOver = false
    let failure: StreamEnd | undefined
    let limitMs = attemptMs
    let lastByteMs = performance.now()
    let pendingBytes = 0
    let resets = 0

    const finish = (end: StreamEnd): void => {
      if (isOver) return
      isOver = true
      clearTimeout(timer)
      o.signal.removeEventListener('abort', onAbort)
      source.close()
      // an EventSource sets its own reconnection timer just after it has told of an error; closing again clears it
      queueMicrotask(() => source.close())
      resolve(end)
    }
    const onAbort = (): void => finish({ kind: 'lost', reason: 'closed' })
    const watch = (): void => {
      const leftMs = limitMs - (performance.now() - lastByteMs)
      if (leftMs <= 0) finish({ kind: 'lost', reason: limitMs === idleMs ? 'silent connection' : 'no answer' })
      else timer = setTimeout(watch, leftMs)
    }
    let timer = setTimeout(watch, limitMs)

    const fetchStream: FetchLike = async (_url, init) => {
      const signal = init.signal as AbortSignal
      const response = await connect(link, o, signal)
      if (response.status !== 200) {
        failure = { kind: 'refused', refusal: await readRefusal(response) }
      } else if (response.headers.get('content-type')?.startsWith('text/event-stream') !== true) {
        failure = { kind: 'lost', reason: 'answer is no event stream' }
      } else if (!isOver) {
        lastByteMs = performance.now()
        limitMs = idleMs
        o.onOpen({ epoch: epochOf(response) })
      }
      return watched(response, (length) => {
        lastByteMs = performance.now()
        pendingBytes += length
        if (pendingBytes <= PENDING_LIMIT) return
        failure = { kind: 'lost', reason: 'event too long' }
        throw new RangeError('event too long')
      })
    }
    const source = new EventSource(link.urlOf('rooms', o.room, 'subscribe'), { fetch: fetchStream })
    source.addEventListener('new-message', ({ lastEventId, data }) => {
      pendingBytes = 0
      // the rest of a chunk is still dispatched after closing
      if (!isOver) o.onMessage(parseId(lastEventId), String(data))
    })
    source.addEventListener('reset', ({ data }) => {
      const epoch = restartedAs(String(data), o.position())
      if (isOver || epoch === undefined) return
      resets++
      o.onRestart(epoch)
      if (resets > RESETS_LIMIT) finish({ kind: 'lost', reason: 'reset again' })
    })
    source.addEventListener('error', () => finish(failure ?? { kind: 'lost', reason: 'connection ended' }))
    o.signal.addEventListener('abort', onAbort)
    if (o.signal.aborted) onAbort()
  })
}

/**
 * The epoch that a `reset` event begins, or undefined when there is nothing to forget: we stand at the beginning of that
 * room already, since the head of the answer names it too, or the room is gone, and the next connection finds another.
 */
function restartedAs(text: string, { lastId, epoch: known }: Position): string | undefined {
  let data: { readonly epoch?: unknown } | null
  try {
    data = JSON.parse(text) as typeof data
  } catch {
    return undefined
  }
  const epoch = data?.epoch
  if (typeof epoch !== 'string' || !EPOCH.test(epoch)) return undefined
  return epoch === known && lastId === undefined ? undefined : epoch
}

/** Resumes at the position, or from the beginning if the room turns out to be another one. */
async function connect(link: Link, o: StreamOptions, signal: AbortSignal): Promise<Response> {
  for (;;) {
    const position = o.position()
    const response = await request(link, o.room, position, signal)
    const epoch = epochOf(response)
    const isKnown = epoch === undefined || position.epoch === undefined || epoch === position.epoch
    if (response.status !== 200 || isKnown) return response
    // forgets the id, so the second round is the last
    o.onRestart(epoch)
    // a gateway that knows of epochs starts from the beginning by itself
    if (position.lastId === undefined || response.headers.get('room-resumed-from') === '0') return response
    await response.body?.cancel()
  }
}

async function request(link: Link, room: string, { lastId, epoch }: Position, signal: AbortSignal): Promise<Response> {
  try {
    const headers: Record<string, string> = { ...(await link.headers(room)), accept: 'text/event-stream' }
    if (lastId !== undefined) headers['last-event-id'] = String(lastId)
    if (lastId !== undefined && epoch !== undefined) headers['room-epoch'] = epoch
    const url = link.urlOf('rooms', room, 'subscribe')
    return await link.fetch(url, { headers, signal, redirect: 'manual', cache: 'no-store' })
  } catch (cause) {
    // an EventSource takes any error with the name AbortError for its own closing, and stays silent
    throw new Error('no connection', { cause })
  }
}

function epochOf(response: Response): string | undefined {
  const epoch = response.headers.get('room-epoch')
  return epoch !== null && EPOCH.test(epoch) ? epoch : undefined
}

/** Ids are whole numbers below 2^53; anything else is no id. */
function parseId(text: string): number | undefined {
  if (!/^(0|[1-9]\d{0,15})$/.test(text)) return undefined
  const id = Number(text)
  return Number.isSafeInteger(id) ? id : undefined
}

/** The response with its body's chunks announced; `onChunk` may throw to end the stream. */
function watched(response: Response, onChunk: (length: number) => void): FetchLikeResponse {
  const { body, status, headers, url } = response
  const getReader = (stream: ReadableStream<Uint8Array>) => {
    const reader = stream.getReader()
    return {
      async read() {
        const chunk = await reader.read()
        if (!chunk.done) onChunk(chunk.value.length)
        return chunk
      },
      cancel: () => reader.cancel(),
    }
  }
  return { status, headers, url, redirected: false, body: body === null ? null : { getReader: () => getReader(body) } }
}
