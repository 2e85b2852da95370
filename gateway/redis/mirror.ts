/**
 * A room of Redis as this process shows it to the streams it has: the same Room as in memory, fed from Redis.
 *
 * It listens to the room's channel first, then asks what the next id is, then takes what comes. Every message carries its id,
 * so that one that is known already is passed over, and one that is too far ahead only says that the log must be read. Reading
 * ends at the last id of the same moment in Redis: ids that it doesn't bring have expired.
 *
 * Redis has the log. Here is only what came while a stream was not live yet, and not much of that; what a stream lacks is read
 * for it (past.ts). A short log is read at once, for the stream that the mirror is made for.
 *
 * What this gateway says itself isn't sent back to it: the answer brings the id, and the body is here. Answers and messages
 * come in one order (not in a cluster), but an answer takes a moment longer to get here, so that a message can be early.
 *
 * When the room turns out to be another one (its epoch has changed) or none, the mirror is over: its streams end with a
 * reset, and whoever comes next gets a new mirror.
 */
import type { Buffer } from 'node:buffer'
import type { Clock } from '../clock.ts'
import { messageFrame } from '../frame.ts'
import { refusals } from '../refusal.ts'
import type { Room } from '../room.ts'
import type { Found, Pass } from '../store.ts'
import type { ReadPast } from '../subscriber.ts'
import { EarlyMessages } from './early.ts'
import type { Links } from './link.ts'
import { type LiveMessage, parseLiveMessage } from './live-message.ts'
import { PAST_BYTES, PastReads, reachOf } from './past.ts'
import type { Part, Presence, SharedRooms } from './shared-rooms.ts'

/** Of a room's messages here, while a stream is not live. */
const MAX_HELD_BYTES = 1_048_576

export interface MirrorOptions {
  readonly id: string
  readonly link: Links
  readonly shared: SharedRooms
  readonly clock: Clock
  readonly makeRoom: (epoch: string, isPrivate: boolean, readPast: ReadPast) => Room
  /** The mirror holds so many bytes more, or less. */
  readonly onBytes: (change: number) => void
  /** Whether all mirrors hold as much as they may. */
  readonly isFull: () => boolean
  readonly onOver: (mirror: Mirror) => void
}

export class Mirror {
  /** Streams of the other gateways, as last heard. */
  others = 0
  /** The streams that the others were last told of, and when. */
  told: { readonly streams: number; readonly atMs: number } | undefined
  /** Turns of the timer without any stream. */
  unusedTurns = 0
  /** Settles when the log is here for the first time. */
  readonly opened: Promise<Found<Room>>
  readonly #options: MirrorOptions
  #room: Room | undefined
  #filling: Promise<Found<void>> | undefined
  readonly #early = new EarlyMessages()
  /** The next id, as a message said that came early. */
  #wantedNextId = 0
  readonly #past = new PastReads((from) => this.#readPast(from))
  /** Held here, as last told. */
  #bytes = 0
  #leave: () => Promise<void> = () => Promise.resolve()
  #isOver = false

  /** Makes the room when it is absent. */
  constructor(options: MirrorOptions, pass: Pass) {
    this.#options = options
    this.opened = this.#open(pass)
  }

  get id(): string {
    return this.#options.id
  }

  get isOver(): boolean {
    return this.#isOver
  }

  get room(): Room | undefined {
    return this.#room
  }

  async #open(pass: Pass): Promise<Found<Room>> {
    const filled = await this.#join(pass, true)
    const room = this.#room
    if (filled.ok && room !== undefined && !this.#isOver) return { ok: true, value: room }
    this.end()
    return filled.ok ? { ok: false, refusal: refusals.storeUnavailable() } : filled
  }

  /** After the connection came back: what was missed is read, and the streams go on. */
  async rejoin(): Promise<void> {
    await this.opened
    if (this.#isOver) return
    this.#leaveFor(() => Promise.resolve())
    await this.#join('*', false)
    this.#room?.advance()
  }

  /** Two that rejoin at once leave one subscription. */
  #leaveFor(next: () => Promise<void>): void {
    void this.#leave().catch(() => {})
    this.#leave = next
  }

  async #join(pass: Pass, makes: boolean): Promise<Found<void>> {
    const { link, shared, id } = this.#options
    try {
      this.#leaveFor(await link.subscribe(shared.channelsOf(id), (message) => this.#receive(message)))
    } catch {
      return { ok: false, refusal: refusals.storeUnavailable() }
    }
    if (this.#isOver) void this.#leave().catch(() => {})
    return this.#fill(pass, makes)
  }

  /** Reads what is missing. One that runs already has begun in time for what made this one necessary. */
  fill(): Promise<Found<void>> {
    return this.#fill('*', false)
  }

  #fill(pass: Pass, makes: boolean): Promise<Found<void>> {
    this.#filling ??= this.#read(pass, makes)
      .finally(() => {
        this.#filling = undefined
      })
      .then((filled) => {
        if (filled.ok) this.#takeEarly()
        return filled
      })
    return this.#filling
  }

  async #read(pass: Pass, makes: boolean): Promise<Found<void>> {
    const { shared, id, makeRoom } = this.#options
    while (!this.#isOver) {
      const known = this.#room
      const from = known?.nextId ?? 0
      const answer = await shared.read(id, {
        pass,
        makes: makes && known === undefined,
        from,
        ...(known === undefined && { bytes: PAST_BYTES }),
        knownEpoch: known?.epoch,
        knownNextId: Math.max(from, this.#wantedNextId),
      })
      if (!answer.ok) return answer
      const part = answer.value
      if (this.#isOver) break
      if (part === undefined || (known !== undefined && known.epoch !== part.epoch)) {
        this.end()
        break
      }
      this.others = part.others
      const room = known ?? makeRoom(part.epoch, part.isPrivate, (past) => this.#past.from(past))
      this.#room = room
      for (const message of part.messages) this.#append(room, message.id, message.body, message.ttlMs)
      const isWhole = reachOf(part) >= part.nextId
      if (isWhole || known === undefined) room.skipTo(part.nextId)
      if (!isWhole && known === undefined) room.forget()
      this.#letGo(room)
      if (room.nextId >= Math.max(part.nextId, this.#wantedNextId)) return { ok: true, value: undefined }
    }
    return { ok: false, refusal: refusals.storeUnavailable() }
  }

  /** For streams that begin before what is here. */
  async #readPast(from: number): Promise<Part | undefined> {
    const { shared, id } = this.#options
    const room = this.#room
    if (room === undefined || this.#isOver) return undefined
    const { epoch, nextId } = room
    const about = { pass: '*', makes: false, from, bytes: PAST_BYTES, knownEpoch: epoch, knownNextId: nextId } as const
    const answer = await shared.read(id, about)
    if (!answer.ok) return undefined
    if (answer.value?.epoch === epoch) return answer.value
    this.end()
    return undefined
  }

  /** Called by the timer: Redis says what the next id is, whether the room is still the same, and who is told of messages. */
  compare(presence: Presence | undefined): void {
    const room = this.#room
    if (room === undefined || this.#isOver) return
    this.others = presence?.others ?? 0
    if (presence?.epoch !== room.epoch) this.end()
    else if (!presence.isTold) void this.rejoin()
    else if (presence.nextId > room.nextId) void this.fill()
  }

  /** A broadcast of this gateway goes to Redis. */
  asks(): void {
    this.#early.asks()
  }

  /** It was answered, or never will be; what it became was heard before. */
  isAnswered(): void {
    this.#early.isAnswered()
    this.#takeEarly()
  }

  #receive(bytes: Buffer): void {
    const message = parseLiveMessage(bytes)
    if (message !== undefined) this.hear(message)
  }

  /** What Redis says of the room, or of a broadcast of this gateway. */
  hear(message: LiveMessage): void {
    const room = this.#room
    if (this.#isOver) return
    if (room === undefined) {
      // Before the first read there is nothing to compare with. The read may bring this one, or not any more.
      if (message.kind === 'message') this.#early.add(message)
    } else if (message.epoch !== room.epoch) {
      // The last words of the room before this one are nothing new.
      if (message.kind !== 'gone') this.end()
    } else if (message.kind !== 'message') {
      if (message.kind === 'gone') this.end()
    } else if (message.id === room.nextId) {
      this.#take(room, message.id, message.body, message.ttlMs)
      this.#takeEarly()
    } else if (message.id > room.nextId) {
      if (this.#early.add(message)) this.#takeEarly()
      else this.#fillUpTo(message.id + 1)
    }
  }

  /** Those whose turn it is. For one that is still missing the log is read, unless it may be an own one. */
  #takeEarly(): void {
    const early = this.#early
    const room = this.#room
    if (room === undefined || early.isEmpty || this.#isOver) return
    for (let next = early.take(room.nextId, room.epoch); next; next = early.take(room.nextId, room.epoch)) {
      this.#take(room, next.id, next.body, next.ttlMs)
    }
    early.prune(room.nextId, room.epoch)
    const { missingBelow } = early
    if (missingBelow !== undefined) this.#fillUpTo(missingBelow)
  }

  #fillUpTo(nextId: number): void {
    this.#wantedNextId = Math.max(this.#wantedNextId, nextId)
    void this.fill()
  }

  #take(room: Room, id: number, body: Buffer, ttlMs: number | undefined): void {
    this.#append(room, id, body, ttlMs)
    this.#letGo(room)
  }

  #append(room: Room, id: number, body: Buffer, ttlMs: number | undefined): void {
    if (id < room.nextId) return
    room.append(messageFrame(id, body), ttlMs === undefined ? undefined : this.#options.clock.nowMs() + ttlMs, id)
  }

  /** Of the log, unless a stream may need it soon and it is not too much. */
  #letGo(room: Room): void {
    this.#count(room.bytes)
    if (!room.isHeard && room.bytes <= MAX_HELD_BYTES && !this.#options.isFull()) return
    room.forget()
    this.#count(0)
  }

  #count(bytes: number): void {
    if (bytes !== this.#bytes) this.#options.onBytes(bytes - this.#bytes)
    this.#bytes = bytes
  }

  /** Forgets the messages whose time has passed. */
  expire(): void {
    const room = this.#room
    if (room === undefined || this.#isOver) return
    room.expire(this.#options.clock.nowMs())
    this.#count(room.bytes)
  }

  /** Forgets what nobody waits for. */
  sweep(): void {
    this.expire()
    if (this.#room !== undefined && !this.#isOver) this.#letGo(this.#room)
  }

  /** The room is gone, or nobody listens any more. */
  end(): void {
    if (this.#isOver) return
    this.#finish()
    this.#room?.endForGood()
  }

  #finish(): void {
    this.#isOver = true
    void this.#leave().catch(() => {})
    this.#count(0)
    this.#options.onOver(this)
  }
}
