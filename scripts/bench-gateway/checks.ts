/**
 * What has to be true of every stream: all streams of a room see the same messages in the same order, each sender's
 * without a gap, whole, and once; and ids count 0, 1, 2, … where the server's ids are numbers.
 */
import type { Buffer } from 'node:buffer'
import { numberOf, senderOf } from './body.ts'

export interface Faults {
  doubled: number
  outOfOrder: number
  /** Wrong length or content. */
  damaged: number
}

export function noFaults(): Faults {
  return { doubled: 0, outOfOrder: 0, damaged: 0 }
}

const NUMBERS = 1e10

/** The messages of one room in the order of the first stream that saw each; the others are compared with it. */
export class RoomCheck {
  readonly #order: number[] = []

  agrees(position: number, sender: number, number: number): boolean {
    const code = sender * NUMBERS + number
    if (position === this.#order.length) this.#order.push(code)
    return this.#order[position] === code
  }
}

export class StreamCheck {
  readonly #room: RoomCheck
  readonly #faults: Faults
  readonly #bodyBytes: number | undefined
  /** By sender: the number that its next message has. */
  readonly #next = new Map<number, number>()
  #count = 0

  /** `bodyBytes` is the length that every body has, when they all have the same. */
  constructor(room: RoomCheck, faults: Faults, bodyBytes?: number) {
    this.#room = room
    this.#faults = faults
    this.#bodyBytes = bodyBytes
  }

  /** Messages that came for the first time. */
  get count(): number {
    return this.#count
  }

  /** Checks the message in `bytes` from `start` up to `end`; who sent it, or −1 when it is damaged or came before. */
  take(id: number, bytes: Buffer, start: number, end: number): number {
    const [sender, number] = [senderOf(bytes, start), numberOf(bytes, start, end)]
    if (sender < 0 || number < 0 || (this.#bodyBytes !== undefined && end - start !== this.#bodyBytes)) {
      this.#faults.damaged += 1
      return -1
    }
    const expected = this.#next.get(sender) ?? 0
    if (number < expected) {
      this.#faults.doubled += 1
      return -1
    }
    this.#next.set(sender, number + 1)
    const position = this.#count
    this.#count += 1
    const agrees = this.#room.agrees(position, sender, number)
    if (number > expected || !agrees || (id >= 0 && id !== position)) this.#faults.outOfOrder += 1
    return sender
  }
}
