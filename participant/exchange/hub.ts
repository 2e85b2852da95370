/**
 * Rooms in this process, between a participant that serves (inside) and callers that come with requests and fetch what
 * was said (visits). The participant uses `gateway` like any other.
 *
 * A room that the inside opened before anybody else is its inbox: it takes packets from every caller and keeps none. Any
 * other room belongs to the caller that named it first, and nobody else gets in.
 */
import { TransportError } from '../base/errors.ts'
import type { Gateway, Room } from '../room/gateway.ts'
import { HubRoom } from './hub-room.ts'
import { type NoRoom, Visit } from './visit.ts'

export interface HubLimits {
  /** Rooms that one caller may have at a time, and all callers. */
  readonly roomsPerCaller: number
  readonly rooms: number
  /** Bytes of packets in one room; more are refused. */
  readonly roomBytes: number
  /** How long a room stays when nobody inside has it open and no visit uses it. */
  readonly roomIdleMs: number
}

const LIMITS: HubLimits = { roomsPerCaller: 256, rooms: 10_000, roomBytes: 16 * 1024 * 1024, roomIdleMs: 60_000 }

export class Hub {
  readonly gateway: Gateway
  readonly #limits: HubLimits
  readonly #rooms = new Map<string, HubRoom>()
  readonly #visits = new Set<Visit>()
  readonly #now: () => number

  constructor(limits: Partial<HubLimits> = {}, now: () => number = () => performance.now()) {
    this.#limits = { ...LIMITS, ...limits }
    this.#now = now
    this.gateway = {
      openRoom: (id, o = {}) => this.#openInside(id, o.signal),
      post: async (id, packet) => {
        // an answer for somebody who has gone is nobody's
        this.#rooms.get(id)?.say(packet, 'inside')
      },
      health: async () => undefined,
      issueIndex: async () => {
        throw new TransportError('exchange: gives out no indexes')
      },
    }
  }

  get rooms(): number {
    return this.#rooms.size
  }

  /** One caller's exchange, from its first request to the last answer. End it with `close`. */
  visit(caller: string): Visit {
    const visit = new Visit({
      room: (id) => this.#roomFor(id, caller),
      onClose: () => this.#visits.delete(visit),
    })
    this.#visits.add(visit)
    return visit
  }

  /** Gives a room to a caller before the inside opens it. False when it is somebody else's, or there are too many. */
  claim(id: string, caller: string): boolean {
    const room = this.#roomFor(id, caller)
    return typeof room !== 'string' && !room.isInbox
  }

  /** Forgets rooms that nobody uses; called now and then. */
  sweep(): void {
    const oldest = this.#now() - this.#limits.roomIdleMs
    for (const [id, room] of this.#rooms) if (room.isUnused(oldest)) this.#rooms.delete(id)
  }

  /** Ends all visits and tells the inside that its rooms are closed. */
  close(): void {
    for (const visit of this.#visits) visit.close()
    for (const room of this.#rooms.values()) room.end(new TransportError('exchange: closed'))
    this.#rooms.clear()
  }

  #roomFor(id: string, caller: string): HubRoom | NoRoom {
    const known = this.#rooms.get(id)
    if (known !== undefined) return known.isOpenTo(caller) ? known : 'refused'
    this.sweep()
    let own = 0
    for (const room of this.#rooms.values()) if (room.owner === caller) own++
    if (own >= this.#limits.roomsPerCaller || this.#rooms.size >= this.#limits.rooms) return 'too many'
    return this.#add(id, caller)
  }

  #add(id: string, owner: string | undefined): HubRoom {
    const room = new HubRoom({ owner, bytes: this.#limits.roomBytes, now: this.#now })
    this.#rooms.set(id, room)
    return room
  }

  #openInside(id: string, signal: AbortSignal | undefined): Room {
    const room = this.#rooms.get(id) ?? this.#add(id, undefined)
    const leave = room.enter()
    const subscriptions = new Set<() => void>()
    const close = (): void => {
      for (const end of subscriptions) end()
      subscriptions.clear()
      leave()
    }
    signal?.addEventListener('abort', close, { once: true })
    if (signal?.aborted === true) close()
    return {
      id,
      ready: Promise.resolve(),
      onRestart: () => () => undefined,
      post: async (packet) => {
        if (signal?.aborted === true) throw new TransportError('exchange: closed')
        room.say(packet, 'inside')
      },
      subscribe(onPacket, onClosed) {
        const end = room.listen(onPacket, onClosed)
        subscriptions.add(end)
        return () => {
          subscriptions.delete(end)
          end()
        }
      },
      close,
    }
  }
}
