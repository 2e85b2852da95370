/**
 * So many at a time, the others in the order in which they came. Signatures that are made from the start share the cores:
 * all at once, none of a hundred would be there by its deadline.
 */
import { TransportError } from '../base/errors.ts'

export class Places {
  readonly #count: number
  readonly #waiting = new Set<() => void>()
  #taken = 0

  constructor(count: number) {
    this.#count = count
  }

  /**
   * Gives a place back when it is called for the first time. TransportError when `stopAt`, Unix time in ms, passes or the
   * signal aborts before there is a place.
   */
  async take(stopAt: number, signal: AbortSignal): Promise<() => void> {
    if (this.#taken >= this.#count) await this.#turn(stopAt, signal)
    else this.#taken++
    let isTaken = true
    return () => {
      if (!isTaken) return
      isTaken = false
      this.#leave()
    }
  }

  #turn(stopAt: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        clearTimeout(timer)
        signal.removeEventListener('abort', onAbort)
        this.#waiting.delete(enter)
        settle()
      }
      const enter = (): void => end(resolve)
      const fail = (why: string): void => end(() => reject(new TransportError(`${why}; ${this.#count} signings run`)))
      const onAbort = (): void => fail('cancelled while waiting for a place')
      const timer = setTimeout(
        () => fail('deadline passed while waiting for a place'),
        Math.max(0, stopAt - Date.now()),
      )
      signal.addEventListener('abort', onAbort)
      this.#waiting.add(enter)
      if (signal.aborted) onAbort()
    })
  }

  /** The place goes to whoever has waited longest. */
  #leave(): void {
    const [next] = this.#waiting
    if (next === undefined) this.#taken--
    else next()
  }
}
