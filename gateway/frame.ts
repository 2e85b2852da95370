/**
 * The bytes of an event stream (WHATWG HTML, "Server-sent events"), and the event id a client resumes from.
 *
 * A message is serialised once, when it enters its room, and the same buffer goes to every subscriber. The stream format
 * ends a line at LF, CR or CRLF and gives the reader LF for each, so a body with CR can't be passed on unchanged: such a
 * body is refused at the door, and LF becomes one `data:` line each, which the reader joins with LF again.
 */
import { Buffer, isUtf8 } from 'node:buffer'
import { randomInt } from 'node:crypto'

const EVENT_NAME = 'new-message'
const END_OF_EVENT = Buffer.from('\n\n')
const CR = 0x0d
const LF = 0x0a
const NUL = 0x00

/** A comment; readers ignore it, proxies and clients see that the stream is alive. */
export const KEEP_ALIVE: Buffer = Buffer.from(':\n\n')

/** Why a body can't travel as an event, or undefined when it can. */
export function bodyProblem(body: Buffer): 'not UTF-8' | 'CR or NUL' | undefined {
  if (!isUtf8(body)) return 'not UTF-8'
  return body.includes(CR) || body.includes(NUL) ? 'CR or NUL' : undefined
}

/** The whole event for one message. The body must have passed `bodyProblem`; a leading BOM in it is kept. */
export function messageFrame(id: number, body: Buffer): Buffer {
  const head = `event: ${EVENT_NAME}\nid: ${id}\ndata: `
  const data = body.includes(LF) ? prefixLines(body) : body
  const frame = Buffer.allocUnsafeSlow(head.length + data.length + END_OF_EVENT.length)
  frame.write(head, 'latin1')
  frame.set(data, head.length)
  frame.set(END_OF_EVENT, head.length + data.length)
  return frame
}

/** Inserts `data: ` after each LF. One byte is one character in latin1, so the other bytes come back as they were. */
function prefixLines(body: Buffer): Buffer {
  return Buffer.from(body.toString('latin1').replaceAll('\n', '\ndata: '), 'latin1')
}

/** Tells the reader how long to wait before it reconnects: at random, so that not all come back in the same moment. */
export function retryFrame(fromMs: number, toMs: number): Buffer {
  return Buffer.from(`retry: ${randomInt(fromMs, toMs)}\n\n`)
}

/**
 * Tells the reader that what it asked for is gone: it is sent on from `resumedFrom` in the room of this epoch, or the
 * room is gone, with null. The empty `id:` makes a standard reader forget its last id. With that id it would come back
 * in the middle of a room it has never read, once that room has grown so far.
 */
export function resetFrame(epoch: string | null, resumedFrom: number): Buffer {
  return Buffer.from(`event: reset\nid:\ndata: ${JSON.stringify({ epoch, resumed_from: resumedFrom })}\n\n`)
}

/** The id in a Last-Event-ID: decimal digits up to 2^53 − 1. Anything else, empty text included, is 'unreadable'. */
export function parseEventId(text: string): number | 'unreadable' {
  if (!/^\d{1,16}$/.test(text)) return 'unreadable'
  const id = Number(text)
  return Number.isSafeInteger(id) ? id : 'unreadable'
}
