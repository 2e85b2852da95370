/**
 * One caller's exchange with the inside of a hub: each request puts packets into rooms and takes out what was said in
 * those that the caller listens to. A request waits until there is something, or until its time is up.
 *
 * It is over when the inside has answered each invitation, has left every room of this visit, and all of it was fetched.
 */
import { packetKey } from '../room/packet-log.ts'
import { type Addressed, BATCH_LIMIT, type Batch } from './batch.ts'
import type { HubRoom, Observer } from './hub-room.ts'

export interface VisitOptions {
  room(id: string): HubRoom | NoRoom
  onClose(): void
}

/** It belongs to somebody else, or the caller or all have as many as they may have. */
export type NoRoom = 'refused' | 'too many'

export type Refused = 'room refused' | 'too many rooms' | 'room full' | 'closed'

export interface Answer {
  readonly packets: readonly Addressed[]
  readonly isDone: boolean
}

interface Place extends Observer {
  readonly room: HubRoom
  position: number
}

/** In one answer; the rest comes with the next. */
const ANSWER_BYTES = 1024 * 1024

export class Visit {
  readonly #o: VisitOptions
  readonly #places = new Map<string, Place>()
  readonly #invitations = new Set<string>()
  #answers = 0
  #isClosed = false
  #turn = 0
  readonly #waiting = new Set<() => void>()

  constructor(o: VisitOptions) {
    this.#o = o
  }

  /** A later request ends the wait of an earlier one. Nothing is put anywhere when a room is refused. */
  async exchange(batch: Batch, waitMs: number, signal?: AbortSignal): Promise<Answer | Refused> {
    if (this.#isClosed) return 'closed'
    const refused = this.#enter(batch) ?? this.#put(batch.packets)
    if (refused !== undefined) return refused
    const turn = ++this.#turn
    this.#wake()
    await this.#until(() => this.#turn !== turn || this.#hasNews() || this.isDone, waitMs, signal)
    // what the inside says next is often ready in the same turn
    if (!this.isDone) await new Promise((resolve) => setTimeout(resolve, 0))
    return { packets: this.#take(), isDone: this.isDone }
  }

  /** The inside has answered everything; some of it may not have been fetched. */
  get isAnswered(): boolean {
    if (this.#isClosed) return true
    if (this.#answers < Math.max(1, this.#invitations.size)) return false
    return [...this.#places.values()].every(({ room }) => !room.isBusy)
  }

  get isDone(): boolean {
    return this.#isClosed || (this.isAnswered && !this.#hasNews())
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    for (const place of this.#places.values()) place.room.observers.delete(place)
    this.#places.clear()
    this.#wake()
    this.#o.onClose()
  }

  /** Listens to the rooms of the batch, and to those that it puts something into. */
  #enter({ listen, packets }: Batch): Refused | undefined {
    const ids = new Set([...listen, ...packets.map((p) => p.room)])
    const rooms = new Map<string, HubRoom>()
    for (const id of ids) {
      const room = this.#places.get(id)?.room ?? this.#o.room(id)
      if (typeof room === 'string') return why(room)
      rooms.set(id, room)
    }
    for (const [id, room] of rooms) {
      if (room.isInbox || this.#places.has(id)) continue
      const place: Place = {
        room,
        position: room.start,
        onSaid: () => this.#wake(),
        onAnswered: () => {
          this.#answers += 1
          this.#wake()
        },
      }
      this.#places.set(id, place)
      room.observers.add(place)
    }
    return undefined
  }

  #put(packets: readonly Addressed[]): Refused | undefined {
    for (const { room: id, packet } of packets) {
      const place = this.#places.get(id)
      const room = place?.room ?? this.#o.room(id)
      if (typeof room === 'string') return why(room)
      if (place === undefined) {
        const key = packetKey(packet)
        if (!this.#invitations.has(key)) {
          this.#invitations.add(key)
          room.say(packet, 'visit')
        }
      } else if (room.say(packet, 'visit') === 'full') return 'room full'
    }
    return undefined
  }

  #hasNews(): boolean {
    for (const { room, position } of this.#places.values()) if (room.saidSince(position).length > 0) return true
    return false
  }

  #take(): readonly Addressed[] {
    const packets: Addressed[] = []
    let bytes = 0
    for (const [id, place] of this.#places) {
      for (const packet of place.room.saidSince(place.position)) {
        const isFull = packets.length >= BATCH_LIMIT || (packets.length > 0 && bytes + packet.length > ANSWER_BYTES)
        if (isFull) return packets
        packets.push({ room: id, packet })
        bytes += packet.length
        place.position += 1
      }
      place.room.trim()
    }
    return packets
  }

  #wake(): void {
    for (const look of [...this.#waiting]) look()
  }

  #until(isTrue: () => boolean, waitMs: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (isTrue() || this.#isClosed || signal?.aborted === true) end()
      }
      const end = (): void => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', look)
        this.#waiting.delete(look)
        resolve()
      }
      const timer = setTimeout(end, waitMs)
      this.#waiting.add(look)
      signal?.addEventListener('abort', look)
      look()
    })
  }
}

function why(no: NoRoom): Refused {
  return no === 'refused' ? 'room refused' : 'too many rooms'
}
