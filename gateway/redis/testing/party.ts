/**
 * A client as participants are: it reads a room through whichever gateway it is given, comes back with the last id and
 * epoch when its stream ends, and posts with an Idempotency-Key until it has a 200.
 */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Reset, type Stream, subscribe } from '../../testing/client.ts'

type Pick = () => { readonly url: string }

export class Reader {
  /** All events, over all streams. A doubled or missing id is left for the test to find. */
  readonly events: { readonly id: number; readonly data: string }[] = []
  readonly resets: Reset[] = []
  readonly #pick: Pick
  readonly #room: string
  #stream: Stream | undefined
  #isClosed = false
  #epoch: string | undefined
  #lastId: number | undefined
  readonly done: Promise<void>

  constructor(room: string, pick: Pick) {
    this.#room = room
    this.#pick = pick
    this.done = this.#run()
  }

  get epoch(): string | undefined {
    return this.#epoch
  }

  get isConnected(): boolean {
    return this.#stream !== undefined
  }

  get data(): readonly string[] {
    return this.events.map(({ data }) => data)
  }

  /** Loses the connection, and comes back. */
  drop(): void {
    this.#stream?.close()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.drop()
    await this.done
  }

  async #run(): Promise<void> {
    while (!this.#isClosed) {
      try {
        await this.#read()
      } catch {
        // refused or cut connections are tried again
      }
      await sleep(20)
    }
  }

  async #read(): Promise<void> {
    const headers: Record<string, string> = {}
    if (this.#lastId !== undefined) headers['last-event-id'] = String(this.#lastId)
    if (this.#epoch !== undefined) headers['room-epoch'] = this.#epoch
    const stream = await subscribe(this.#pick(), this.#room, { headers })
    if (stream.status !== 200) return
    this.#stream = stream
    this.#epoch = String(stream.headers['room-epoch'])
    if (this.#isClosed) stream.close()
    await stream.ended
    this.#stream = undefined
    this.events.push(...stream.events)
    this.resets.push(...stream.resets)
    this.#lastId = stream.events.at(-1)?.id ?? this.#lastId
    if (stream.resets.at(-1)?.epoch === null) this.#lastId = undefined
  }

  /** With those of the stream that is still open. */
  get all(): readonly { readonly id: number; readonly data: string }[] {
    return [...this.events, ...(this.#stream?.events ?? [])]
  }
}

/** Resolves with the epoch once a gateway has said 200. */
export async function postSurely(pick: Pick, room: string, body: string): Promise<void> {
  const key = randomUUID()
  for (;;) {
    try {
      const response = await fetch(`${pick().url}/rooms/${room}/broadcast`, {
        method: 'POST',
        body,
        headers: { 'idempotency-key': key },
        signal: AbortSignal.timeout(5_000),
      })
      await response.arrayBuffer()
      if (response.status === 200) return
    } catch {
      // as a lost answer: asked again with the same key
    }
    await sleep(50)
  }
}
