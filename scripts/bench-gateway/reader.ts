/**
 * A stream as a participant reads it: when it ends, for whatever reason, it comes back with the id of the last event it
 * has, to the same gateway or to another one of the same store, and checks that it misses nothing.
 */
import type { Buffer } from 'node:buffer'
import { connect, type Socket } from 'node:net'
import { type Faults, type RoomCheck, StreamCheck } from './checks.ts'
import { StreamReader } from './event-stream.ts'

export interface ReaderOptions {
  /** Asked for each connection. */
  readonly port: () => number
  readonly roomId: string
  readonly room: RoomCheck
  readonly faults: Faults
  readonly headers?: string
  /** How long to stay away, by what the gateway said (`retry:`). */
  readonly pauseMs: (retryMs: number) => number
  /** Whether to say in the query where to go on, as browsers of old do. */
  readonly usesQuery?: () => boolean
  /** A message came for the first time. */
  readonly onMessage?: () => void
  /** The room is another one than before: what its messages are compared with. Without it a reset is a fault. */
  readonly onReset?: () => RoomCheck
}

export class Reader {
  readonly #o: ReaderOptions
  #check: StreamCheck
  #socket: Socket | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  #lastId = -1
  #epoch: string | undefined
  #retryMs = 1000
  #isOpen = false
  #isClosed = false
  #isDropped = false
  connections = 0
  /** Connections that the other side ended. */
  ended = 0
  refusals = 0
  resets = 0

  constructor(o: ReaderOptions) {
    this.#o = o
    this.#check = new StreamCheck(o.room, o.faults)
    this.#connect()
  }

  get count(): number {
    return this.#check.count
  }

  /** Whether the gateway has begun to answer on the present connection. */
  get isOpen(): boolean {
    return this.#isOpen
  }

  /** Ends the connection, politely or by a reset, and comes back. */
  drop(how: 'close' | 'reset'): void {
    this.#isDropped = true
    if (how === 'close') this.#socket?.destroy()
    else this.#socket?.resetAndDestroy()
  }

  /** Takes nothing for a while. */
  stall(ms: number): void {
    const socket = this.#socket
    if (socket === undefined) return
    socket.pause()
    setTimeout(() => socket.resume(), ms)
  }

  /** For good. */
  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
    this.#socket?.destroy()
  }

  #connect(): void {
    const socket = connect({ port: this.#o.port(), host: '127.0.0.1', noDelay: true })
    this.#socket = socket
    this.#isDropped = false
    this.connections += 1
    const reader = new StreamReader({
      onHead: (status, headers) => {
        if (status !== 200) {
          this.refusals += 1
          socket.destroy()
          return
        }
        this.#isOpen = true
        this.#epoch = headers.get('room-epoch')
      },
      onMessage: (id, bytes, start, end) => this.#onMessage(id, bytes, start, end),
      onRetry: (ms) => {
        this.#retryMs = ms
      },
      onOther: (name) => {
        if (name === 'reset') this.#onReset()
      },
    })
    socket.on('data', (bytes: Buffer) => reader.push(bytes))
    socket.on('error', () => {}) // 'close' follows
    socket.on('close', () => {
      this.#isOpen = false
      if (this.#isClosed) return
      if (!this.#isDropped) this.ended += 1
      this.#timer = setTimeout(() => this.#connect(), this.#o.pauseMs(this.#retryMs))
    })
    const usesQuery = this.#lastId >= 0 && this.#o.usesQuery?.() === true
    const query = usesQuery ? `?last_event_id=${this.#lastId}` : ''
    const resume = this.#lastId < 0 || usesQuery ? '' : `Last-Event-ID: ${this.#lastId}\r\n`
    const epoch = this.#epoch === undefined ? '' : `Room-Epoch: ${this.#epoch}\r\n`
    const { roomId, headers = '' } = this.#o
    socket.write(
      `GET /rooms/${roomId}/subscribe${query} HTTP/1.1\r\nHost: bench\r\nAccept: text/event-stream\r\n` +
        `${headers}${resume}${epoch}\r\n`,
    )
  }

  #onReset(): void {
    this.resets += 1
    this.#lastId = -1
    const room = this.#o.onReset?.()
    if (room !== undefined) this.#check = new StreamCheck(room, this.#o.faults)
  }

  #onMessage(id: number, bytes: Buffer, start: number, end: number): void {
    this.#lastId = id
    if (this.#check.take(id, bytes, start, end) >= 0) this.#o.onMessage?.()
  }
}
