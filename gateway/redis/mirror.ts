/**
 * A room of Redis as this process shows it to the streams it has: the same Room as in memory, fed from Redis.
 *
 * It listens to the room's channel first, then reads the log, then takes what comes. Every message carries its id, so that
 * one that is known already is passed over, and one that is too far ahead only says that the log must be read again. Reading
 * ends at the last id of the same moment in Redis: ids that it doesn't bring have expired.
 *
 * What this gateway says itself isn't sent back to it: the answer brings the id, and the body is here. Answers and messages
 * come in one order (not in a cluster), but an answer takes a moment longer to get here. So a message that is too far ahead first waits
 * for the broadcasts that are on their way.
 *
 * When the room turns out to be another one (its epoch has changed) or none, the mirror is over: its streams end with a
 * reset, and whoever comes next gets a new mirror.
 */
import type { Buffer } from 'node:buffer'
import type { Clock } from '../clock.ts'
import { messageFrame, retryFrame } from '../frame.ts'
import { refusals } from '../refusal.ts'
import type { Room } from '../room.ts'
import type { Found, Pass } from '../store.ts'
import type { Links } from './link.ts'
import { type LiveMessage, parseLiveMessage, type RoomMessage } from './live-message.ts'
import type { Presence, SharedRooms } from './shared-rooms.ts'

/** For readers that another gateway may have more memory for. */
const RETRY_MS = [500, 1500] as const

/** Of messages that wait for one before them. Further ones are read. */
const MAX_EARLY = 256

export interface MirrorOptions {
  readonly id: string
  readonly link: Links
  readonly shared: SharedRooms
  readonly clock: Clock
  readonly makeRoom: (epoch: string, isPrivate: boolean) => Room
  /** Whether this process has memory for so many bytes more; they count as taken then. */
  readonly takeBytes: (bytes: number) => boolean
  readonly freeBytes: (bytes: number) => void
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
  /** Messages by id for which one before them is missing. */
  readonly #early = new Map<number, RoomMessage>()
  /** Own broadcasts that went to Redis while this mirror was here, and those of them that are answered. */
  #asked = 0
  #answered = 0
  /** When so many are answered and a message is still missing, the log is read. */
  #readsAfter = 0
  /** The next id, as a message said that came too early. */
  #wantedNextId = 0
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
      this.#room ??= makeRoom(part.epoch, part.isPrivate)
      for (const { id: messageId, body, ttlMs } of part.messages) {
        if (!this.#take(this.#room, messageId, body, ttlMs)) return { ok: false, refusal: refusals.gatewayFull() }
      }
      const last = part.messages.at(-1)?.id
      if (last === undefined || last + 1 >= part.nextId) {
        this.#room.skipTo(part.nextId)
        if (this.#room.nextId >= this.#wantedNextId) return { ok: true, value: undefined }
      }
    }
    return { ok: false, refusal: refusals.storeUnavailable() }
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
    this.#asked += 1
  }

  /** It was answered, or never will be; what it became was heard before. */
  isAnswered(): void {
    this.#answered += 1
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
      if (message.kind === 'message' && this.#early.size < MAX_EARLY) this.#early.set(message.id, message)
    } else if (message.epoch !== room.epoch) {
      // The last words of the room before this one are nothing new.
      if (message.kind !== 'gone') this.end()
    } else if (message.kind !== 'message') {
      if (message.kind === 'gone') this.end()
    } else if (message.id === room.nextId) {
      this.#take(room, message.id, message.body, message.ttlMs)
      this.#takeEarly()
    } else if (message.id > room.nextId) {
      if (this.#early.size === 0) this.#readsAfter = this.#asked
      if (this.#early.size >= MAX_EARLY) {
        this.#wantedNextId = Math.max(this.#wantedNextId, message.id + 1)
        void this.fill()
        return
      }
      this.#early.set(message.id, message)
      this.#takeEarly()
    }
  }

  /** Those whose turn it is. For one that is still missing the log is read, unless it may be an own one. */
  #takeEarly(): void {
    const early = this.#early
    const room = this.#room
    if (early.size === 0 || room === undefined) return
    for (let next = early.get(room.nextId); next !== undefined && !this.#isOver; next = early.get(room.nextId)) {
      early.delete(next.id)
      if (next.epoch === room.epoch) this.#take(room, next.id, next.body, next.ttlMs)
      else break
    }
    for (const [id, { epoch }] of early) if (id < room.nextId || epoch !== room.epoch) early.delete(id)
    if (early.size === 0 || this.#isOver || this.#answered < this.#readsAfter) return
    for (const id of early.keys()) this.#wantedNextId = Math.max(this.#wantedNextId, id + 1)
    void this.fill()
  }

  /** False when there is no memory for it: then the mirror is over, and its readers are sent to another gateway. */
  #take(room: Room, id: number, body: Buffer, ttlMs: number | undefined): boolean {
    if (id < room.nextId) return true
    const { takeBytes, clock } = this.#options
    this.expire()
    const frame = messageFrame(id, body)
    if (!takeBytes(frame.length)) {
      this.#finish()
      for (const subscriber of room.subscribers) subscriber.end(retryFrame(...RETRY_MS))
      return false
    }
    room.append(frame, ttlMs === undefined ? undefined : clock.nowMs() + ttlMs, id)
    return true
  }

  /** Forgets the messages whose time has passed. */
  expire(): void {
    const freed = this.#room?.expire(this.#options.clock.nowMs()) ?? 0
    if (freed > 0) this.#options.freeBytes(freed)
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
    this.#options.freeBytes(this.#room?.bytes ?? 0)
    this.#options.onOver(this)
  }
}
