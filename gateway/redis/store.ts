/**
 * The store of many gateways: every room lives in Redis, and each gateway mirrors those that it has streams of.
 *
 * While Redis is away, what needs it is refused with `store_unavailable`; streams stay open, and go on without a gap when
 * it is back. A room that has streams on any gateway is not idle: each tells Redis how many it has, at once when the number
 * changes and again before the room could become idle.
 */
import type { Buffer } from 'node:buffer'
import type { Logger } from '../../config/logger.ts'
import type { GatewayConfig } from '../../config/schema.ts'
import type { Clock } from '../clock.ts'
import type { Meter } from '../hooks.ts'
import { refusals } from '../refusal.ts'
import { Room } from '../room.ts'
import { passProblem } from '../rooms.ts'
import type { Found, Pass, Published, PublishOptions, RoomState, Store } from '../store.ts'
import { Cluster } from './cluster.ts'
import { LINK_TIMING, Link, type LinkOptions, type Links } from './link.ts'
import { Mirror } from './mirror.ts'
import { connectionOptions } from './settings.ts'
import { SharedRooms } from './shared-rooms.ts'

const TURN_MS = 1_000
/** A mirror without streams stays so many turns, for a reader that comes back. */
const UNUSED_TURNS = 3
/** How many rooms are asked about at once. */
const AT_ONCE = 64
const FAREWELL_MS = 500

export interface RedisStoreOptions {
  readonly config: GatewayConfig
  readonly clock: Clock
  readonly meter: Meter
  readonly logger: Logger
}

/** Rejects with ConfigError or StoreStartError. */
export async function redisStore(options: RedisStoreOptions): Promise<Store> {
  const connection = await connectionOptions(options.config.store)
  let store: RedisStore | undefined
  const link = await openLinks({
    connection,
    logger: options.logger,
    timing: LINK_TIMING,
    onBack: (concerns) => void store?.rejoin(concerns),
  })
  store = new RedisStore(options, link)
  return store
}

async function openLinks(options: LinkOptions): Promise<Links> {
  const link = await Link.open(options)
  if (!link.isCluster) return link
  link.close()
  return Cluster.open(options)
}

class RedisStore implements Store {
  readonly #mirrors = new Map<string, Mirror>()
  readonly #link: Links
  readonly #shared: SharedRooms
  readonly #options: RedisStoreOptions
  readonly #refreshMs: number
  readonly #timer: ReturnType<typeof setInterval>
  #bytes = 0
  #subscribers = 0
  #isTurning = false

  constructor(options: RedisStoreOptions, link: Links) {
    const { limits, store } = options.config
    this.#options = options
    this.#link = link
    const periodMs = 1000 * Math.min(limits.keep_alive_seconds, limits.room_idle_seconds)
    this.#refreshMs = periodMs / 3
    this.#shared = new SharedRooms({
      link,
      limits,
      keyPrefix: store.key_prefix,
      logger: options.logger,
      presenceMs: Math.ceil(2 * periodMs),
    })
    this.#timer = setInterval(() => void this.#turn(), Math.min(TURN_MS, this.#refreshMs))
  }

  get size(): number {
    return this.#mirrors.size
  }

  get subscribers(): number {
    return this.#subscribers
  }

  get bytes(): number {
    return this.#bytes
  }

  create(id: string): Promise<Found<{ readonly epoch: string }>> {
    return this.#shared.create(id)
  }

  publish(id: string, body: Buffer, options: PublishOptions): Promise<Found<Published>> {
    const before = this.#mirrors.get(id)
    before?.asks()
    return new Promise((resolve, reject) => {
      this.#shared.publish(id, body, options, (found) => {
        try {
          if (found.ok && !found.value.isRepeat) {
            const { epoch, id: messageId } = found.value
            const ttlMs = options.ttlSeconds === undefined ? undefined : 1000 * options.ttlSeconds
            this.#mirrors.get(id)?.hear({ kind: 'message', epoch, id: messageId, ttlMs, body })
          }
          before?.isAnswered()
          resolve(found)
        } catch (error) {
          reject(error)
        }
      })
    })
  }

  issueIndex(id: string, pass?: Pass): Promise<Found<number>> {
    return this.#shared.issueIndex(id, pass)
  }

  async follow(id: string, pass?: Pass, lastSeen = -1): Promise<Found<Room>> {
    for (;;) {
      const known = this.#mirrors.get(id)
      const mirror = known ?? this.#mirror(id, pass)
      const opened = await mirror.opened
      // The first to come may have been refused for its own pass only.
      if (known !== undefined && (!opened.ok || known.isOver)) {
        if (!opened.ok && !this.#shared.isUp(id)) return opened
        continue
      }
      if (!opened.ok) return opened
      const room = opened.value
      const refusal = passProblem(room, pass)
      if (refusal !== undefined) return { ok: false, refusal }
      // Nobody keeps a room without streams alive, so it may have gone meanwhile.
      if (known !== undefined && room.subscribers.size === 0 && this.#shared.isUp(id)) {
        const filled = await known.fill()
        if (known.isOver) continue
        if (!filled.ok) return filled
      }
      // A reader that comes from another gateway may know what is still on its way to this one, and must not be told that
      // there is no such message. A read that runs already may have begun before it came; the second has not.
      for (let reads = 0; reads < 2 && room.nextId <= lastSeen && !mirror.isOver; reads += 1) {
        const filled = await mirror.fill()
        if (!filled.ok && !mirror.isOver) return filled
      }
      if (mirror.isOver) continue
      // Redis has what it needs, and is away.
      if (room.lacks(lastSeen + 1) && !this.#shared.isUp(id)) return { ok: false, refusal: refusals.storeUnavailable() }
      mirror.unusedTurns = 0
      mirror.expire()
      const streams = mirror.others + room.subscribers.size
      if (streams >= this.#options.config.limits.subscribers_per_room) {
        return { ok: false, refusal: refusals.tooManySubscribers() }
      }
      setImmediate(() => void this.#tellChange(mirror))
      return { ok: true, value: room }
    }
  }

  async state(id: string, pass?: Pass): Promise<Found<RoomState | undefined>> {
    const mirror = this.#mirrors.get(id)
    if (mirror !== undefined) await this.#tellChange(mirror)
    return this.#shared.state(id, pass)
  }

  async remove(id: string, pass?: Pass): Promise<Found<boolean>> {
    return this.#shared.remove(id, pass)
  }

  check(): Promise<void> {
    return this.#shared.check()
  }

  keepAlive(): void {
    for (const { room } of this.#mirrors.values()) {
      for (const subscriber of room?.subscribers ?? []) subscriber.keepAlive()
    }
  }

  sweep(): void {
    for (const mirror of this.#mirrors.values()) mirror.sweep()
  }

  endAll(lastFrame: () => Buffer): void {
    for (const { room } of this.#mirrors.values()) {
      for (const subscriber of room?.subscribers ?? []) subscriber.end(lastFrame())
    }
  }

  /** The other gateways are told that these streams are gone, if that can be done soon. */
  async close(): Promise<void> {
    clearInterval(this.#timer)
    const told = [...this.#mirrors.values()].filter(({ told }) => (told?.streams ?? 0) > 0)
    const farewell = Promise.all(told.map(({ id }) => this.#shared.tellPresence(id, 0)))
    let giveUp: ReturnType<typeof setTimeout> | undefined
    await Promise.race([farewell, new Promise((resolve) => (giveUp = setTimeout(resolve, FAREWELL_MS)))])
    clearTimeout(giveUp)
    this.#link.close()
  }

  /** After Redis was away. */
  async rejoin(concerns: (key: string) => boolean): Promise<void> {
    const mirrors = [...this.#mirrors.values()].filter(({ id }) => concerns(this.#shared.keysOf(id).room))
    await eachOf(mirrors, (mirror) => mirror.rejoin())
  }

  #mirror(id: string, pass: Pass): Mirror {
    const { config, clock, meter } = this.#options
    const mirror = new Mirror(
      {
        id,
        link: this.#link,
        shared: this.#shared,
        clock,
        makeRoom: (epoch, isPrivate, readPast) =>
          new Room({
            clock,
            meter,
            maxBufferedBytes: config.limits.subscriber_buffer_bytes,
            epoch,
            isPrivate,
            readPast,
            onStreams: (change) => {
              this.#subscribers += change
            },
          }),
        onBytes: (change) => {
          this.#bytes += change
        },
        isFull: () => this.#bytes >= config.limits.total_bytes,
        onOver: (over) => {
          if (this.#mirrors.get(id) === over) this.#mirrors.delete(id)
        },
      },
      pass,
    )
    this.#mirrors.set(id, mirror)
    return mirror
  }

  /** Drops the mirrors that nobody uses, and tells Redis of the streams of the others. */
  async #turn(): Promise<void> {
    if (this.#isTurning || !this.#link.isUp) return
    this.#isTurning = true
    const nowMs = this.#options.clock.nowMs()
    const due: Mirror[] = []
    for (const mirror of this.#mirrors.values()) {
      const streams = mirror.room?.subscribers.size
      if (streams === undefined) continue
      mirror.unusedTurns = streams === 0 ? mirror.unusedTurns + 1 : 0
      const { told } = mirror
      if (told === undefined || told.streams !== streams || nowMs - told.atMs >= this.#refreshMs) due.push(mirror)
      else if (mirror.unusedTurns > UNUSED_TURNS) mirror.end()
    }
    try {
      await eachOf(due, (mirror) => this.#tell(mirror))
      await this.#shared.keepPlaces()
    } finally {
      this.#isTurning = false
    }
  }

  async #tellChange(mirror: Mirror): Promise<void> {
    if (mirror.told?.streams !== mirror.room?.subscribers.size) await this.#tell(mirror)
  }

  async #tell(mirror: Mirror): Promise<void> {
    const { room, id } = mirror
    if (room === undefined || mirror.isOver || !this.#shared.isUp(id)) return
    const streams = room.subscribers.size
    mirror.told = { streams, atMs: this.#options.clock.nowMs() }
    const answer = await this.#shared.tellPresence(id, streams)
    if (answer.ok) mirror.compare(answer.value)
    else mirror.told = undefined
  }
}

/** Some at once, so that thousands of rooms neither wait for each other nor fill the connection. */
async function eachOf<T>(items: Iterable<T>, run: (item: T) => Promise<unknown>): Promise<void> {
  const left = [...items].values()
  const worker = async () => {
    for (const item of left) await run(item)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
}
