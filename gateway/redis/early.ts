/**
 * Messages of a room for which one before them is missing. Most often that one is an own broadcast, whose answer takes a
 * moment longer to get here than what others say: so what was on its way when the first of these came is waited for before
 * the log is read.
 */
import type { RoomMessage } from './live-message.ts'

/** Further ones are read. */
const MAX_EARLY = 256

export class EarlyMessages {
  readonly #byId = new Map<number, RoomMessage>()
  /** Own broadcasts that went to Redis, and those of them that are answered. */
  #asked = 0
  #answered = 0
  /** When so many are answered and a message is still missing, the log is read. */
  #readsAfter = 0

  get isEmpty(): boolean {
    return this.#byId.size === 0
  }

  /** A broadcast of this gateway goes to Redis. */
  asks(): void {
    this.#asked += 1
  }

  /** It was answered, or never will be. */
  isAnswered(): void {
    this.#answered += 1
  }

  /** False when there are too many already. */
  add(message: RoomMessage): boolean {
    if (this.#byId.size >= MAX_EARLY) return false
    if (this.#byId.size === 0) this.#readsAfter = this.#asked
    this.#byId.set(message.id, message)
    return true
  }

  /** The message with this id, of the room of this epoch, if it is here. */
  take(id: number, epoch: string): RoomMessage | undefined {
    const message = this.#byId.get(id)
    if (message === undefined) return undefined
    this.#byId.delete(id)
    return message.epoch === epoch ? message : undefined
  }

  /** Drops what is known by now, and what another room said. */
  prune(nextId: number, epoch: string): void {
    for (const [id, message] of this.#byId) if (id < nextId || message.epoch !== epoch) this.#byId.delete(id)
  }

  /** The next id as these messages tell it, when it is time to read the log up to it. */
  get missingBelow(): number | undefined {
    if (this.#byId.size === 0 || this.#answered < this.#readsAfter) return undefined
    return Math.max(...this.#byId.keys()) + 1
  }
}
