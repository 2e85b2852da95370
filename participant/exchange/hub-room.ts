/** One room of a hub: what was said in it, who listens inside, and which visits are to hear of it. */
import type { TransportError } from '../base/errors.ts'
import { packetKey } from '../room/packet-log.ts'

export interface HubRoomOptions {
  /** Undefined for a room that the inside opened first. */
  readonly owner: string | undefined
  readonly bytes: number
  readonly now: () => number
}

const PACKETS_LIMIT = 20_000
const UNFETCHED_LIMIT = 2_000

interface Listener {
  readonly onPacket: (packet: Uint8Array) => void
  readonly onClosed: (error: Error) => void
}

/** A visit in this room. */
export interface Observer {
  /** Packets of the inside that it has fetched, counted from the room's beginning. */
  readonly position: number
  /** There is something new to fetch. */
  onSaid(): void
  /** The inside has answered: by a packet without coming in, or by having been in and left. */
  onAnswered(): void
}

export class HubRoom {
  readonly owner: string | undefined
  readonly observers = new Set<Observer>()
  readonly #limit: number
  readonly #now: () => number
  readonly #listeners = new Set<Listener>()
  /** For whoever inside comes later. */
  readonly #all: Uint8Array[] = []
  /** What the inside said and some visit has not fetched, after `#fetched` packets that all have. */
  #unfetched: Uint8Array[] = []
  #fetched = 0
  readonly #known = new Set<string>()
  #bytes = 0
  #inside = 0
  #usedAtMs: number

  constructor({ owner, bytes, now }: HubRoomOptions) {
    this.owner = owner
    this.#limit = bytes
    this.#now = now
    this.#usedAtMs = now()
  }

  /** Whether somebody inside has it open. */
  get isBusy(): boolean {
    return this.#inside > 0
  }

  get isInbox(): boolean {
    return this.owner === undefined
  }

  isOpenTo(caller: string): boolean {
    return this.isInbox ? this.isBusy : this.owner === caller
  }

  isUnused(oldestMs: number): boolean {
    return this.#inside === 0 && this.observers.size === 0 && this.#usedAtMs <= oldestMs
  }

  /** One more inside. Returns the function that leaves; it can be called again. */
  enter(): () => void {
    this.#inside += 1
    let isIn = true
    return () => {
      if (!isIn) return
      isIn = false
      this.#inside -= 1
      this.#usedAtMs = this.#now()
      if (this.#inside === 0) for (const observer of [...this.observers]) observer.onAnswered()
    }
  }

  /** Where a visit begins that comes now. */
  get start(): number {
    return this.#fetched
  }

  /** What the inside said from this position on. */
  saidSince(position: number): readonly Uint8Array[] {
    return this.#unfetched.slice(position - this.#fetched)
  }

  /** Forgets what every visit has fetched. */
  trim(): void {
    const least = Math.min(...[...this.observers].map((o) => o.position))
    if (!Number.isFinite(least) || least <= this.#fetched) return
    this.#unfetched = this.#unfetched.slice(least - this.#fetched)
    this.#fetched = least
  }

  /** 'full' when the packet has no place; what is there already is not kept twice. */
  say(packet: Uint8Array, by: 'inside' | 'visit'): 'taken' | 'known' | 'full' {
    this.#usedAtMs = this.#now()
    if (this.isInbox) {
      for (const listener of [...this.#listeners]) listener.onPacket(packet)
      return 'taken'
    }
    // from outside the room: an answer, which nobody inside waits for
    const isAnswer = by === 'inside' && !this.isBusy
    if (!isAnswer) {
      const kept = this.#keep(packet)
      if (kept !== 'taken') return kept
    }
    if (by === 'inside') {
      if (this.#unfetched.length >= UNFETCHED_LIMIT) return 'full'
      this.#unfetched.push(packet)
      for (const observer of [...this.observers]) {
        observer.onSaid()
        if (isAnswer) observer.onAnswered()
      }
    }
    return 'taken'
  }

  #keep(packet: Uint8Array): 'taken' | 'known' | 'full' {
    const key = packetKey(packet)
    if (this.#known.has(key)) return 'known'
    if (this.#bytes + packet.length > this.#limit || this.#known.size >= PACKETS_LIMIT) return 'full'
    this.#known.add(key)
    this.#bytes += packet.length
    this.#all.push(packet)
    for (const listener of [...this.#listeners]) listener.onPacket(packet)
    return 'taken'
  }

  listen(onPacket: (packet: Uint8Array) => void, onClosed: (error: Error) => void): () => void {
    let isOpen = true
    const listener: Listener = { onPacket: (packet) => isOpen && onPacket(packet), onClosed }
    // in a later turn, as from a network; in order with what comes meanwhile
    const before = [...this.#all]
    let next = 0
    const replay: Listener = { onPacket: (packet) => before.push(packet), onClosed }
    this.#listeners.add(replay)
    queueMicrotask(() => {
      while (next < before.length) listener.onPacket(before[next++] as Uint8Array)
      this.#listeners.delete(replay)
      if (isOpen) this.#listeners.add(listener)
    })
    return () => {
      isOpen = false
      this.#listeners.delete(replay)
      this.#listeners.delete(listener)
    }
  }

  end(error: TransportError): void {
    for (const listener of [...this.#listeners]) listener.onClosed(error)
    this.#listeners.clear()
  }
}
