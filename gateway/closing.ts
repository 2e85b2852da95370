/**
 * Which connections have an answer under way, so that a gateway that closes waits for those and for no others.
 *
 * Node's own server.close() destroys idle connections at once, those included whose last bytes are still on their way,
 * and waits for those on which nothing ever came, as browsers open them in advance. Here the first are let finish and the
 * second are closed. A connection on which half a request has come is neither: it keeps the grace period.
 */
import { Server } from 'node:net'

/** For requests that were on their way when closing began; then what has sent none is closed. */
const LAST_REQUESTS_MS = 50

interface Use {
  answers: number
  /** What had been read when the last answer was done; more is the beginning of a request. */
  bytesRead: number
}

/** A socket, or an HTTP/2 session. */
export interface Connection {
  readonly bytesRead: number
  once(event: 'close', done: () => void): unknown
  /** After what is under way. */
  destroySoon(): void
  destroy(): void
}

interface Answer {
  on(event: 'close', done: () => void): unknown
}

export class OpenConnections {
  readonly #open = new Map<Connection, Use>()
  #isClosing = false

  /** Must be called for each connection before its first request. */
  add(socket: Connection): void {
    this.#open.set(socket, { answers: 0, bytesRead: 0 })
    socket.once('close', () => this.#open.delete(socket))
  }

  /** A request has come on the connection, and this will be its answer. */
  began(socket: Connection, answer: Answer): void {
    const use = this.#open.get(socket)
    if (use === undefined) return
    use.answers += 1
    answer.on('close', () => {
      use.answers -= 1
      use.bytesRead = socket.bytesRead
      if (this.#isClosing && use.answers === 0) socket.destroySoon()
    })
  }

  /**
   * Stops accepting, closes the connections that wait for nothing, and each other one after its last answer. Resolves
   * when all have gone. What is left after `graceMs` is cut.
   */
  async closeServer(server: Server, graceMs: number, endStreams: () => void): Promise<void> {
    this.#isClosing = true
    // Not the method of its own class, which destroys connections as told above.
    const closed = new Promise<void>((resolve) => Server.prototype.close.call(server, () => resolve()))
    endStreams()
    const closeIdle = setTimeout(() => {
      for (const [socket, { answers, bytesRead }] of this.#open) {
        if (answers === 0 && socket.bytesRead === bytesRead) socket.destroySoon()
      }
    }, LAST_REQUESTS_MS)
    const giveUp = setTimeout(() => {
      for (const socket of this.#open.keys()) socket.destroy()
    }, graceMs)
    await closed
    clearTimeout(closeIdle)
    clearTimeout(giveUp)
    // Nothing is left to close but the timer with which Node's HTTP server looks for slow requests.
    server.close()
  }
}
