/**
 * A connection that publishes, one request at a time, and is kept open. The answer's head is looked at for the status and
 * the length of what follows, and for nothing else.
 */
import { Buffer } from 'node:buffer'
import { connect, type Socket } from 'node:net'

const END_OF_HEAD = Buffer.from('\r\n\r\n')
const LENGTH = /\r\ncontent-length: *(\d+)/i

export class Lane {
  readonly #socket: Socket
  #onAnswer: (() => void) | undefined
  #onFailure: (why: Error) => void
  #rest: Buffer | undefined

  constructor(port: number, onFailure: (why: Error) => void) {
    this.#onFailure = onFailure
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true })
    this.#socket.on('data', (bytes: Buffer) => this.#read(bytes))
    this.#socket.on('error', (error) => this.#fail(error.message))
    this.#socket.on('close', () => this.#fail('the connection was closed'))
  }

  /** Sends a request as it stands. `onAnswer` is called when it has been answered with a status below 300. */
  send(request: Buffer, onAnswer: () => void): void {
    this.#onAnswer = onAnswer
    this.#socket.write(request)
  }

  /** Resets the connection, wherever it is. */
  breakOff(): void {
    this.#socket.resetAndDestroy()
  }

  close(): void {
    this.#onFailure = () => {}
    this.#socket.destroy()
  }

  #read(bytes: Buffer): void {
    const all = this.#rest === undefined ? bytes : Buffer.concat([this.#rest, bytes])
    const end = all.indexOf(END_OF_HEAD)
    this.#rest = all
    if (end < 0) return
    const head = all.toString('latin1', 0, end)
    const length = Number(LENGTH.exec(head)?.[1] ?? Number.NaN)
    if (!head.startsWith('HTTP/1.1 2') || Number.isNaN(length)) {
      this.#fail(`a broadcast was answered with ${head.slice(0, 40)} ${all.toString('latin1', end + 4, end + 200)}`)
      return
    }
    if (all.length < end + 4 + length) return
    this.#rest = undefined
    const onAnswer = this.#onAnswer
    this.#onAnswer = undefined
    onAnswer?.()
  }

  #fail(why: string): void {
    this.#onFailure(new Error(why))
    this.#onFailure = () => {}
  }
}
