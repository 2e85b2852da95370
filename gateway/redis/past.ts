/**
 * The log of a room, in parts, for streams that begin before what a mirror holds. Streams that want the same part at the
 * same time share one question: after a restart many come at once.
 */
import { Buffer } from 'node:buffer'
import { messageFrame } from '../frame.ts'
import type { Past } from '../subscriber.ts'
import type { Part } from './shared-rooms.ts'

/** Of messages in one part, which may wait in memory for each stream. At least one message comes, however long. */
export const PAST_BYTES = 65_536

export class PastReads {
  readonly #read: (from: number) => Promise<Part | undefined>
  /** By the id that a part begins with. */
  readonly #onTheirWay = new Map<number, Promise<Past | undefined>>()

  /** `read` gives undefined when the room can't be read now, and never rejects. */
  constructor(read: (from: number) => Promise<Part | undefined>) {
    this.#read = read
  }

  from(id: number): Promise<Past | undefined> {
    const known = this.#onTheirWay.get(id)
    if (known !== undefined) return known
    const asked = this.#ask(id)
    this.#onTheirWay.set(id, asked)
    return asked
  }

  async #ask(id: number): Promise<Past | undefined> {
    const part = await this.#read(id)
    this.#onTheirWay.delete(id)
    if (part === undefined) return undefined
    const frames = part.messages.map((message) => messageFrame(message.id, message.body))
    return { frames: Buffer.concat(frames), count: frames.length, next: reachOf(part) }
  }
}

/** The part has all messages before this id: ids without a message have expired. */
export function reachOf({ messages, nextId }: Part): number {
  const last = messages.at(-1)?.id
  return last === undefined ? nextId : last + 1
}
