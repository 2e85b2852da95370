/**
 * Reads the answer to a subscription from a bare socket: the head, chunks, and events whose data is one line. It looks at
 * bytes where they lie and copies only what a read has cut in two, so that the load generator isn't what is measured.
 */
import { Buffer } from 'node:buffer'

const [LF, COLON] = [0x0a, 0x3a]
const [D, E, I, R] = [0x64, 0x65, 0x69, 0x72]
const [ZERO, NINE] = [0x30, 0x39]
const NONE = Buffer.alloc(0)
const MESSAGE = 'new-message'

export interface StreamHandlers {
  /** Called once, with status and headers in lower case. */
  onHead?(status: number, headers: ReadonlyMap<string, string>): void
  /** The data is `bytes` from `start` up to `end`, which are only good during the call. `id` is −1 when it isn't a number. */
  onMessage(id: number, bytes: Buffer, start: number, end: number): void
  /** An event that is no message; `data` is its first line. */
  onOther?(name: string, data: string): void
  onRetry?(ms: number): void
}

type ChunkState = 'size' | 'data' | 'end of chunk' | 'unchunked'

export class StreamReader {
  readonly #handlers: StreamHandlers
  #head: Buffer | undefined = NONE
  #state: ChunkState = 'unchunked'
  /** Bytes of the present chunk that are still to come. */
  #left = 0
  #sizeLine = ''
  /** The beginning of an event whose end hasn't come. */
  #rest: Buffer = NONE

  constructor(handlers: StreamHandlers) {
    this.#handlers = handlers
  }

  push(bytes: Buffer): void {
    if (this.#head === undefined) this.#body(bytes)
    else this.#readHead(bytes)
  }

  #readHead(bytes: Buffer): void {
    const all = Buffer.concat([this.#head ?? NONE, bytes])
    const end = all.indexOf('\r\n\r\n')
    this.#head = all
    if (end < 0) return
    this.#head = undefined
    const [statusLine = '', ...lines] = all.toString('latin1', 0, end).split('\r\n')
    const headers = new Map(lines.map((line) => headerOf(line)))
    if (headers.get('transfer-encoding') === 'chunked') this.#state = 'size'
    this.#handlers.onHead?.(Number(statusLine.split(' ')[1]), headers)
    if (all.length > end + 4) this.#body(all.subarray(end + 4))
  }

  #body(bytes: Buffer): void {
    let at = 0
    while (at < bytes.length) {
      if (this.#state === 'unchunked') {
        this.#events(at === 0 ? bytes : bytes.subarray(at))
        return
      }
      if (this.#state === 'size') {
        const lf = bytes.indexOf(LF, at)
        if (lf < 0) {
          this.#sizeLine += bytes.toString('latin1', at)
          return
        }
        this.#left = Number.parseInt(this.#sizeLine + bytes.toString('latin1', at, lf), 16)
        this.#sizeLine = ''
        this.#state = 'data'
        at = lf + 1
      } else if (this.#state === 'data') {
        const end = Math.min(bytes.length, at + this.#left)
        this.#events(bytes.subarray(at, end))
        this.#left -= end - at
        at = end
        if (this.#left === 0) {
          this.#left = 2 // the CRLF behind a chunk
          this.#state = 'end of chunk'
        }
      } else {
        const end = Math.min(bytes.length, at + this.#left)
        this.#left -= end - at
        at = end
        if (this.#left === 0) this.#state = 'size'
      }
    }
  }

  #events(bytes: Buffer): void {
    const all = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes])
    let begin = 0
    for (;;) {
      const next = this.#event(all, begin)
      if (next < 0) break
      begin = next
    }
    // A copy: what was read may be reused for the next read.
    this.#rest = begin === all.length ? NONE : Buffer.from(all.subarray(begin))
  }

  /** Hands on the event at `begin`; where the next one begins, or −1 when it isn't complete. */
  #event(all: Buffer, begin: number): number {
    let id = -1
    let dataStart = -1
    let dataEnd = -1
    let name = MESSAGE
    let retryMs = -1
    for (let at = begin; ; ) {
      const lf = all.indexOf(LF, at)
      if (lf < 0) return -1
      if (lf === at) {
        if (retryMs >= 0) this.#handlers.onRetry?.(retryMs)
        if (dataStart >= 0 && name === MESSAGE) this.#handlers.onMessage(id, all, dataStart, dataEnd)
        else if (name !== MESSAGE) this.#handlers.onOther?.(name, all.toString('latin1', dataStart, dataEnd))
        return lf + 1
      }
      const first = all[at]
      const value = valueStart(all, at, lf)
      if (first === D && dataStart < 0) {
        dataStart = value
        dataEnd = lf
      } else if (first === I) id = digits(all, value, lf)
      else if (first === E) name = all.toString('latin1', value, lf)
      else if (first === R) retryMs = digits(all, value, lf)
      at = lf + 1
    }
  }
}

function headerOf(line: string): readonly [string, string] {
  const colon = line.indexOf(':')
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
}

function valueStart(all: Buffer, at: number, end: number): number {
  const colon = all.indexOf(COLON, at)
  if (colon < 0 || colon >= end) return end
  return all[colon + 1] === 0x20 ? colon + 2 : colon + 1
}

/** The number that these bytes spell, or −1. */
export function digits(bytes: Buffer, start: number, end: number): number {
  if (start >= end) return -1
  let n = 0
  for (let at = start; at < end; at++) {
    const c = bytes[at] as number
    if (c < ZERO || c > NINE) return -1
    n = 10 * n + c - ZERO
  }
  return n
}
