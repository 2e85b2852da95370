/**
 * A sender as a participant is one: it posts until it is told 200, on a new connection and maybe to another gateway
 * whenever one breaks, always with the same Idempotency-Key, so that the message is in the room once.
 */
import { Buffer } from 'node:buffer'
import { bodyOf } from './body.ts'
import { Lane } from './lane.ts'

export interface PosterOptions {
  /** Asked for each connection. */
  readonly port: () => number
  readonly roomId: string
  readonly sender: number
  readonly headers?: string
  /** Bytes of the next body. */
  readonly bodyBytes: () => number
  /** Whether to break the connection right after this request has been written. */
  readonly breaks?: () => boolean
}

const RETRY_MS = 20
const ANSWER_MS = 10_000

export class Poster {
  readonly #o: PosterOptions
  #lane: Lane | undefined
  #onFailure: (why: Error) => void = () => {}
  #number = 0
  retries = 0
  lastFailure = ''

  constructor(o: PosterOptions) {
    this.#o = o
  }

  /** Resolves when the next message has been answered with 200; rejects when that takes longer than `deadlineMs`. */
  async post(deadlineMs: number): Promise<void> {
    const { roomId, sender, headers = '', bodyBytes } = this.#o
    const number = this.#number
    const body = bodyOf(bodyBytes(), sender, number)
    const head =
      `POST /rooms/${roomId}/broadcast HTTP/1.1\r\nHost: bench\r\n${headers}` +
      `Idempotency-Key: ${sender}-${number}\r\nContent-Length: ${body.length}\r\n\r\n`
    const request = Buffer.concat([Buffer.from(head), body])
    const stopAt = Date.now() + deadlineMs
    for (;;) {
      if (await this.#attempt(request)) break
      if (Date.now() > stopAt) throw new Error(`a message was not taken in ${deadlineMs} ms: ${this.lastFailure}`)
      this.retries += 1
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
    }
    this.#number += 1
  }

  close(): void {
    this.#lane?.close()
  }

  #attempt(request: Buffer): Promise<boolean> {
    return new Promise((resolve) => {
      const end = (isAnswered: boolean, why = ''): void => {
        clearTimeout(timer)
        if (!isAnswered) {
          this.lastFailure = why
          this.#lane?.close()
          this.#lane = undefined
        }
        resolve(isAnswered)
      }
      const timer = setTimeout(() => end(false, 'no answer'), ANSWER_MS)
      this.#onFailure = (error) => end(false, error.message)
      this.#lane ??= new Lane(this.#o.port(), (error) => this.#onFailure(error))
      this.#lane.send(request, () => end(true))
      if (this.#o.breaks?.() === true) this.#lane.breakOff()
    })
  }
}
