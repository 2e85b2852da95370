/**
 * One room of a participant's own, in which others answer its requests: subscribed once, at the first request, so that a
 * signature from a presignature needs no connection of its own.
 */
import { bytesToHex } from '../base/bytes.ts'
import { TransportError } from '../base/errors.ts'
import type { Random } from '../base/random.ts'
import type { Gateway, Room } from '../room/gateway.ts'
import { Transcript } from '../wire/transcript.ts'

export const REPLY_ROOM = /^replies-[0-9a-f]{32}$/

type Listener = (raw: Uint8Array) => void

export class Replies {
  readonly id: string
  readonly #gateway: Gateway
  readonly #signal: AbortSignal
  readonly #listeners = new Set<Listener>()
  readonly #restarts = new Set<() => void>()
  #room: Room | undefined

  constructor(gateway: Gateway, random: Random, signal: AbortSignal) {
    const seed = random.bytes(32)
    this.id = `replies-${bytesToHex(new Transcript('reply room').bytes('seed', seed).digest().slice(0, 16))}`
    this.#gateway = gateway
    this.#signal = signal
  }

  /** Calls `listener` with every packet until it is taken off by what this returns; `onRestart` when the room was lost. */
  listen(listener: Listener, onRestart: () => void): () => void {
    this.#open()
    this.#listeners.add(listener)
    this.#restarts.add(onRestart)
    return () => {
      this.#listeners.delete(listener)
      this.#restarts.delete(onRestart)
    }
  }

  /** Resolves when answers would be heard. Throws TransportError when the gateway refuses the room. */
  async ready(): Promise<void> {
    await this.#open().ready
  }

  #open(): Room {
    if (this.#signal.aborted) throw new TransportError('participant is closed')
    if (this.#room !== undefined) return this.#room
    const room = this.#gateway.openRoom(this.id, { signal: this.#signal, keepLog: false })
    this.#room = room
    room.onRestart(() => {
      for (const again of [...this.#restarts]) again()
    })
    room.subscribe(
      (raw) => {
        for (const listener of [...this.#listeners]) listener(raw)
      },
      () => {
        // refused or ended: the next request opens another
        room.close()
        if (this.#room === room) this.#room = undefined
      },
    )
    return room
  }
}
