/**
 * Load on a gateway: streams that check everything they get, and lanes that publish, in an open loop (so many a second,
 * whatever comes back) or a closed one (so many outstanding at any time).
 *
 * A message is done when every stream of its room has the whole event, and its time runs from the moment it was due.
 */
import { Buffer } from 'node:buffer'
import { connect, type Socket } from 'node:net'
import { writeBody } from './body.ts'
import { type Faults, noFaults, RoomCheck, StreamCheck } from './checks.ts'
import { StreamReader } from './event-stream.ts'
import { Lane } from './lane.ts'

export interface Target {
  readonly port: number
  /** Lines of the head of every request, each with CRLF. */
  readonly headers?: string
  /** Lines of the head of a broadcast. */
  readonly publishHeaders?: string
  /** A path to ask for first on the connection of a stream. */
  readonly firstAsk?: string
}

export interface LoadOptions extends Target {
  readonly rooms: number
  readonly streamsPerRoom: number
  readonly lanes: number
  readonly bodyBytes: number
  /** Of the rooms' ids, so that two loads on one gateway don't meet. */
  readonly prefix: string
}

export interface Counts extends Readonly<Faults> {
  readonly published: number
  readonly delivered: number
  readonly lost: number
}

interface Room {
  readonly id: string
  readonly streams: { readonly socket: Socket; readonly check: StreamCheck }[]
  readonly check: RoomCheck
  published: number
}

interface LaneState {
  readonly lane: Lane
  readonly sender: number
  readonly numbers: number[]
  /** Of the message that is on its way. */
  dueMs: number
  missing: number
  isAnswered: boolean
  onDone: (dueMs: number) => void
}

export class Load {
  readonly #o: LoadOptions
  readonly #rooms: Room[]
  readonly #lanes: LaneState[] = []
  readonly #stalled: Socket[] = []
  readonly #template: Buffer
  #failure: Error | undefined
  #wake: () => void = () => {}
  readonly #faults = noFaults()
  #isClosing = false

  private constructor(o: LoadOptions) {
    this.#o = o
    this.#template = Buffer.alloc(o.bodyBytes, 'x')
    this.#rooms = Array.from({ length: o.rooms }, (_, i) => ({
      id: `${o.prefix}-${i}`,
      streams: [],
      check: new RoomCheck(),
      published: 0,
    }))
  }

  /** Resolves when every stream is open. */
  static async open(o: LoadOptions): Promise<Load> {
    const load = new Load(o)
    // by and by: a listen queue is short
    for (const room of load.#rooms) {
      await load.#orFailure(Promise.all(Array.from({ length: o.streamsPerRoom }, () => load.#subscribe(room))))
    }
    for (let sender = 0; sender < o.lanes; sender++) {
      load.#lanes.push({
        lane: new Lane(o.port, (error) => load.#fail(error)),
        sender,
        numbers: load.#rooms.map(() => 0),
        dueMs: 0,
        missing: 0,
        isAnswered: true,
        onDone: () => {},
      })
    }
    return load
  }

  /**
   * `outstanding` at any time, until `count` are done; messages a second. At most `cap` are sent in a second of the clock
   * of the day, for a server that loses messages above it.
   */
  async closed(count: number, outstanding: number, cap = Number.POSITIVE_INFINITY): Promise<number> {
    const lanes = this.#lanes.slice(0, outstanding)
    const start = performance.now()
    let [sent, done] = [0, 0]
    let [second, sentInSecond] = [0, 0]
    const mustWait = (): boolean => {
      if (cap === Number.POSITIVE_INFINITY) return false
      const now = Math.floor(Date.now() / 1000)
      if (now !== second) [second, sentInSecond] = [now, 0]
      return sentInSecond >= cap
    }
    const finished = new Promise<void>((resolve) => {
      for (const [first, lane] of lanes.entries()) {
        // A room belongs to one lane when there are more rooms than lanes.
        let at = first
        const next = (): void => {
          if (sent === count) return
          if (mustWait()) {
            setTimeout(next, 1000 - (Date.now() % 1000))
            return
          }
          sent += 1
          sentInSecond += 1
          const room = at % this.#rooms.length
          at = at + lanes.length < this.#rooms.length ? at + lanes.length : first
          this.#publish(lane, room, performance.now(), onDone)
        }
        const onDone = (): void => {
          done += 1
          if (done === count) resolve()
          else next()
        }
        next()
      }
    })
    await this.#orFailure(finished)
    return (1000 * count) / (performance.now() - start)
  }

  /** `perSecond` to rooms in turn until `count` are done: ms of each from when it was due, in ascending order. */
  async steady(count: number, perSecond: number): Promise<Float64Array> {
    const took = new Float64Array(count)
    const free = [...this.#lanes]
    const waiting: { room: number; dueMs: number }[] = []
    const start = performance.now()
    let [due, done] = [0, 0]
    const finished = new Promise<void>((resolve) => {
      const send = (lane: LaneState, room: number, dueMs: number): void =>
        this.#publish(lane, room, dueMs, () => {
          took[done] = performance.now() - dueMs
          done += 1
          const next = waiting.shift()
          if (next !== undefined) send(lane, next.room, next.dueMs)
          else free.push(lane)
          if (done === count) resolve()
        })
      const tick = (): void => {
        // A timer is late by up to a millisecond, which is not the gateway's: due is when this process gets to it.
        const nowMs = performance.now()
        for (; due < count && start + (1000 * due) / perSecond <= nowMs; due++) {
          const lane = free.shift()
          const room = due % this.#rooms.length
          if (lane === undefined) waiting.push({ room, dueMs: nowMs })
          else send(lane, room, performance.now())
        }
        if (due < count && !this.#isClosing) setTimeout(tick, start + (1000 * due) / perSecond - performance.now())
      }
      tick()
    })
    await this.#orFailure(finished)
    return took.sort()
  }

  /** One more stream of the first room, that is asked for and never read. */
  stall(): Promise<void> {
    const { id } = this.#rooms[0] as Room
    return new Promise((resolve) => {
      const socket = connect({ port: this.#o.port, host: '127.0.0.1' }, () => {
        socket.write(this.#subscription(id))
        resolve()
      })
      socket.pause()
      socket.on('error', () => {}) // it is cut off
      this.#stalled.push(socket)
    })
  }

  counts(): Counts {
    let [published, delivered, expected] = [0, 0, 0]
    for (const room of this.#rooms) {
      published += room.published
      expected += room.published * room.streams.length
      for (const { check } of room.streams) delivered += check.count
    }
    return { published, delivered, lost: Math.max(0, expected - delivered), ...this.#faults }
  }

  close(): void {
    this.#isClosing = true
    for (const { lane } of this.#lanes) lane.close()
    for (const socket of this.#stalled) socket.destroy()
    for (const room of this.#rooms) for (const { socket } of room.streams) socket.destroy()
  }

  #subscribe(room: Room): Promise<void> {
    return new Promise((resolve) => {
      const socket = connect({ port: this.#o.port, host: '127.0.0.1', noDelay: true })
      const check = new StreamCheck(room.check, this.#faults, this.#o.bodyBytes)
      room.streams.push({ socket, check })
      const reader = new StreamReader({
        onHead: (status) => {
          if (status === 200) resolve()
          else this.#fail(new Error(`a subscription was answered with ${status}`))
        },
        onMessage: (id, bytes, start, end) => this.#onDelivered(check.take(id, bytes, start, end)),
      })
      const { firstAsk } = this.#o
      if (firstAsk === undefined) {
        socket.write(this.#subscription(room.id))
        socket.on('data', (bytes: Buffer) => reader.push(bytes))
      } else {
        socket.write(`GET ${firstAsk} HTTP/1.1\r\nHost: bench\r\n\r\n`)
        socket.once('data', () => {
          socket.write(this.#subscription(room.id))
          socket.on('data', (bytes: Buffer) => reader.push(bytes))
        })
      }
      socket.on('error', (error) => this.#fail(error))
      socket.on('close', () => this.#fail(new Error('a stream was closed')))
    })
  }

  #subscription(id: string): string {
    const { headers = '' } = this.#o
    return `GET /rooms/${id}/subscribe HTTP/1.1\r\nHost: bench\r\nAccept: text/event-stream\r\n${headers}\r\n`
  }

  #publish(lane: LaneState, roomAt: number, dueMs: number, onDone: (dueMs: number) => void): void {
    const room = this.#rooms[roomAt] as Room
    const number = lane.numbers[roomAt] as number
    lane.numbers[roomAt] = number + 1
    lane.dueMs = dueMs
    lane.missing = room.streams.length
    lane.isAnswered = false
    lane.onDone = onDone
    room.published += 1
    const { headers = '', publishHeaders = '', bodyBytes } = this.#o
    const head =
      `POST /rooms/${room.id}/broadcast HTTP/1.1\r\nHost: bench\r\n${headers}${publishHeaders}` +
      `Content-Length: ${bodyBytes}\r\n\r\n`
    const request = Buffer.allocUnsafe(head.length + bodyBytes)
    request.write(head, 0, 'latin1')
    this.#template.copy(request, head.length)
    writeBody(request, head.length, bodyBytes, lane.sender, number)
    lane.lane.send(request, () => {
      lane.isAnswered = true
      if (lane.missing === 0) lane.onDone(lane.dueMs)
    })
  }

  #onDelivered(sender: number): void {
    const lane = this.#lanes[sender]
    if (lane === undefined) return
    lane.missing -= 1
    if (lane.missing === 0 && lane.isAnswered) lane.onDone(lane.dueMs)
  }

  /** A failure ends what is being waited for. */
  async #orFailure(finished: Promise<unknown>): Promise<void> {
    const failed = new Promise<void>((resolve) => {
      this.#wake = resolve
      if (this.#failure !== undefined) resolve()
    })
    await Promise.race([finished, failed])
    if (this.#failure !== undefined) throw this.#failure
  }

  #fail(error: Error): void {
    if (this.#isClosing) return
    this.#failure ??= error
    this.#wake()
  }
}
