/**
 * GET /rooms/{id}/subscribe: the room's history, then live, as an event stream.
 *
 *   Last-Event-ID: n      resumes after n; ?last_event_id=n does the same for clients that can't set headers. The header
 *                         wins; the one that counts must be a decimal id
 *   Room-Epoch: e         the room that n belongs to
 *
 * The head says `Room-Epoch` and `Room-Resumed-From`. When what was asked for is gone, the first event is a `reset`.
 */
import { randomInt } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { parseEventId, resetFrame, retryFrame } from '../frame.ts'
import { refusals } from '../refusal.ts'
import type { Subscriber } from '../subscriber.ts'
import type { AppOptions, RoomRequest } from './context.ts'

const RETRY_MS = [500, 1500] as const
/** After a shutdown clients stay away a little longer, and over a wider window. */
export const RETRY_AFTER_CLOSE_MS = [1000, 4000] as const

/** The longest time that a timer of the platform can run. */
const MAX_TIMER_MS = 2 ** 31 - 1

export async function subscribe(request: RoomRequest, options: AppOptions): Promise<Response> {
  const { incoming, outgoing, roomId, granted, refuse } = request
  const { config, store, logger, admission, isClosing } = options
  const lastSeen = lastSeenOf(incoming)
  if (lastSeen === 'unreadable') return refuse(refusals.badEventId())
  // Behind an unfinished answer on the same connection nothing could be sent, and nobody would tell when it closes.
  if (outgoing.socket === null) return refuse(refusals.pipelined())
  const followed = await store.follow(roomId, granted.pass, lastSeen)
  if (!followed.ok) return refuse(followed.refusal)

  // From here on nothing awaits: no message and no end of the connection can come in between.
  if (outgoing.destroyed || outgoing.socket === undefined) return RESPONSE_ALREADY_SENT
  const room = followed.value
  if (room.subscribers.size >= config.limits.subscribers_per_room) return refuse(refusals.tooManySubscribers())
  const place = admission.stream(granted.caller)
  if (!place.ok) return refuse(place.refusal)
  outgoing.once('close', place.value)

  const { from, isReset } = room.startAfter(lastSeen, incoming.headers['room-epoch']?.toString())
  if (incoming.httpVersionMajor === 1) endsWithConnection(outgoing)
  outgoing.writeHead(200, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
    'room-epoch': room.epoch,
    'room-resumed-from': String(from),
  })
  if (isClosing()) {
    outgoing.end(retryFrame(...RETRY_AFTER_CLOSE_MS))
    return RESPONSE_ALREADY_SENT
  }
  outgoing.write(retryFrame(...RETRY_MS))
  if (isReset) outgoing.write(resetFrame(room.epoch, from))
  logger.debug({ room: roomId, from, isReset }, 'subscribed')
  outgoing.once('close', () => logger.debug({ room: roomId }, 'unsubscribed'))
  const subscriber = room.subscribe(outgoing, from, (why) => logger.warn({ why }, 'cut off a slow subscriber'))
  const endsAtMs = Math.min(granted.expiresAtMs ?? Number.POSITIVE_INFINITY, lifeEndMs(config.limits.stream_seconds))
  if (endsAtMs !== Number.POSITIVE_INFINITY) endAt(endsAtMs, subscriber, outgoing)
  return RESPONSE_ALREADY_SENT
}

/**
 * An HTTP/1.1 answer whose end is that of its connection (RFC 9112, 6.3) instead of one in chunks: an event is then one
 * write of the buffer that all readers share, which takes a third off the cost of a delivery. Nobody loses by it, since a
 * reader drops an event that has not ended, and a stream is the last answer on its connection anyway.
 */
function endsWithConnection(outgoing: ServerResponse): void {
  outgoing.removeHeader('content-length')
  outgoing.removeHeader('transfer-encoding')
  outgoing.setHeader('connection', 'close')
}

function lastSeenOf({ headers, url = '' }: IncomingMessage): number | 'unreadable' | undefined {
  const text = headers['last-event-id']?.toString() ?? queryOf(url).get('last_event_id')
  return text === null ? undefined : parseEventId(text)
}

function queryOf(url: string): URLSearchParams {
  const [, query = ''] = /^[^?#]*\?([^#]*)/.exec(url) ?? []
  return new URLSearchParams(query)
}

/** When a stream that begins now has lived long enough: at random in the last fifth, so that not all end together. */
function lifeEndMs(streamSeconds: number): number {
  if (streamSeconds === 0) return Number.POSITIVE_INFINITY
  return Date.now() + randomInt(800 * streamSeconds, 1000 * streamSeconds + 1)
}

/** Ends the stream cleanly when its grant ends, so that the reader comes back with a new one or not at all. */
function endAt(timeMs: number, subscriber: Subscriber, outgoing: ServerResponse): void {
  const wait = (): void => {
    const leftMs = timeMs - Date.now()
    if (leftMs <= 0) subscriber.end(retryFrame(...RETRY_MS))
    else timer = setTimeout(wait, Math.min(leftMs, MAX_TIMER_MS))
  }
  let timer: ReturnType<typeof setTimeout> | undefined
  outgoing.once('close', () => clearTimeout(timer))
  wait()
}
