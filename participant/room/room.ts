/**
 * A room as a party sees it: everything in it from the beginning, without loss, over as many connections as it takes.
 *
 * It reconnects for ever, resumes after the last id it has, and gives up only when the gateway refuses for good, when
 * the room outgrows its limits, or when it is closed. When the gateway has lost the room (another epoch), it starts
 * from the beginning of the new one and posts its own packets again; the others do the same, and whoever sees a packet
 * twice ignores it. The same holds for packets that the gateway took but never showed.
 *
 * Without a log (`keepLog: false`, for a room that lives as long as its owner) packets go to whoever is subscribed when
 * they come and are then forgotten; nothing is posted again.
 */
import { fromBase64, toBase64 } from '../base/bytes.ts'
import { DecodeError, InternalError, MpcError, TransportError, UsageError } from '../base/errors.ts'
import type { Channel } from '../party/channel.ts'
import { describeRefusal, isTransient, type Link, type RoomEvent, refusalError, requireRoomId } from './link.ts'
import { idempotencyKey, PacketLog, packetKey } from './packet-log.ts'
import { pauses, sleep } from './pause.ts'
import { postText } from './request.ts'
import { runStream } from './stream.ts'

export interface Room extends Channel {
  readonly id: string
  /** Resolves with the first connection; rejects with TransportError when the room closes before. */
  readonly ready: Promise<void>
  /** Called each time the gateway turns out to have lost the room. Returns the function that ends it. */
  onRestart(callback: () => void): () => void
  /** What the gateway said if it does not let us in now with our token, which is tried again and again. */
  readonly refusal?: string | undefined
  /** Ends everything that belongs to the room; subscribers and pending posts get a TransportError. */
  close(): void
}

export interface RoomOptions {
  readonly signal?: AbortSignal | undefined
  /** True when absent. */
  readonly keepLog?: boolean
  /** The most bytes of packets that a log keeps; more end the room. 64 MB by default. */
  readonly logBytes?: number
}

/** Longest text of a message: base64 of the largest packet is below 710,000 characters. */
const TEXT_LIMIT = 800 * 1024
const PACKET_LIMIT = (TEXT_LIMIT / 4) * 3

/** A connection that lasted this long was a success, even if nothing came. */
const STEADY_MS = 5_000

interface Subscriber {
  readonly onPacket: (packet: Uint8Array) => void
  readonly onClosed: (error: Error) => void
  next: number
  isDone: boolean
}

/** A packet that this room posted, for posting it again. */
interface Own {
  readonly text: string
  /** Under which the present room takes it once. */
  key: string
  isPosted: boolean
  /** It came back, in the present epoch. */
  isShown: boolean
}

type Detail<E> = E extends unknown ? Omit<E, 'room'> : never

export class GatewayRoom implements Room {
  readonly id: string
  readonly ready: Promise<void>
  readonly #link: Link
  readonly #log: PacketLog | undefined
  readonly #own = new Map<string, Own>()
  readonly #subscribers = new Set<Subscriber>()
  readonly #restartCallbacks = new Set<() => void>()
  readonly #ending = new AbortController()
  readonly #sending = new Set<AbortController>()
  #resolveReady: () => void = () => {}
  #rejectReady: (error: Error) => void = () => {}
  readonly #outer: AbortSignal | undefined
  #closed: Error | undefined
  #lastId: number | undefined
  #epoch: string | undefined
  #openedMs: number | undefined
  #refusal: string | undefined
  #progressed = false
  #confirmTimer: ReturnType<typeof setTimeout> | undefined

  constructor(link: Link, id: string, { signal, keepLog = true, logBytes }: RoomOptions) {
    requireRoomId(id)
    this.#link = link
    this.id = id
    this.#log = keepLog ? new PacketLog(logBytes) : undefined
    this.ready = new Promise<void>((resolve, reject) => {
      this.#resolveReady = resolve
      this.#rejectReady = reject
    })
    // whoever doesn't ask needn't handle it
    this.ready.catch(() => {})
    this.#outer = signal
    signal?.addEventListener('abort', this.#onOuterAbort)
    if (signal?.aborted === true) this.#onOuterAbort()
    this.#run().catch((cause: unknown) => this.#end(new InternalError('room: its loop ended', { cause })))
  }

  get refusal(): string | undefined {
    return this.#refusal
  }

  async post(packet: Uint8Array): Promise<void> {
    if (this.#closed !== undefined) throw this.#closed
    if (packet.length > PACKET_LIMIT) throw new UsageError(`packet: expected at most ${PACKET_LIMIT} bytes`)
    const text = toBase64(packet)
    const key = packetKey(packet)
    const own = this.#own.get(key) ?? { text, key: this.#newKey(text), isPosted: false, isShown: false }
    if (this.#log !== undefined) this.#own.set(key, own)
    try {
      await this.#send(own)
      own.isPosted = true
    } catch (e) {
      if (!own.isPosted) this.#own.delete(key)
      throw this.#closed ?? e
    }
  }

  subscribe(onPacket: (packet: Uint8Array) => void, onClosed: (error: Error) => void): () => void {
    const subscriber: Subscriber = { onPacket, onClosed, next: 0, isDone: false }
    this.#subscribers.add(subscriber)
    queueMicrotask(() => {
      this.#catchUp(subscriber)
      if (this.#closed !== undefined) this.#dismiss(subscriber, this.#closed)
    })
    return () => {
      subscriber.isDone = true
      this.#subscribers.delete(subscriber)
    }
  }

  onRestart(callback: () => void): () => void {
    const entry = (): void => callback()
    this.#restartCallbacks.add(entry)
    return () => void this.#restartCallbacks.delete(entry)
  }

  close(): void {
    this.#end(new TransportError('room is closed'))
  }

  readonly #onOuterAbort = (): void => this.#end(new TransportError('cancelled'))

  #trace(event: Detail<RoomEvent>): void {
    this.#link.trace({ room: this.id, ...event })
  }

  async #run(): Promise<void> {
    const { pauseMinMs, pauseMaxMs } = this.#link.timing
    const pause = pauses(pauseMinMs, pauseMaxMs, this.#link.random)
    const { signal } = this.#ending
    while (!signal.aborted) {
      this.#openedMs = undefined
      this.#progressed = false
      const end = await runStream(this.#link, {
        room: this.id,
        signal,
        position: () => ({ lastId: this.#lastId, epoch: this.#epoch }),
        onRestart: (epoch) => this.#restart(epoch),
        onOpen: ({ epoch }) => this.#open(epoch),
        onMessage: (id, text) => this.#receive(id, text),
      })
      if (signal.aborted) return
      clearTimeout(this.#confirmTimer)
      if (end.kind === 'refused' && !isTransient(end.refusal, this.#link.renews) && end.refusal.status !== 204) {
        this.#end(refusalError(end.refusal))
        return
      }
      if (this.#progressed || performance.now() - (this.#openedMs ?? Number.POSITIVE_INFINITY) >= STEADY_MS)
        pause.reset()
      this.#refusal = end.kind === 'refused' && end.refusal.status === 401 ? describeRefusal(end.refusal) : undefined
      const pauseMs = Math.max(pause.next(), end.kind === 'refused' ? end.refusal.retryAfterMs : 0)
      this.#trace({ at: 'lost', reason: end.kind === 'lost' ? end.reason : describeRefusal(end.refusal), pauseMs })
      await sleep(pauseMs, signal)
    }
  }

  #open(epoch: string | undefined): void {
    if (epoch !== undefined) this.#epoch = epoch
    this.#refusal = undefined
    this.#openedMs = performance.now()
    this.#trace({ at: 'open', resumedAfter: this.#lastId })
    this.#resolveReady()
    clearTimeout(this.#confirmTimer)
    if (this.#log !== undefined) {
      this.#confirmTimer = setTimeout(() => this.#postAgain((own) => !own.isShown), this.#link.timing.confirmMs)
    }
  }

  #restart(epoch: string): void {
    this.#trace({ at: 'restarted' })
    this.#epoch = epoch
    this.#lastId = undefined
    for (const own of this.#own.values()) {
      own.isShown = false
      own.key = this.#newKey(own.text)
    }
    this.#postAgain(() => true)
    for (const callback of this.#restartCallbacks) queueMicrotask(callback)
  }

  #postAgain(wanted: (own: Own) => boolean): void {
    for (const own of this.#own.values()) {
      // one that is still being posted keeps trying by itself
      if (!own.isPosted || !wanted(own)) continue
      this.#trace({ at: 'posted again' })
      // refused or closed: whoever posted it first was told that it is there, and a deadline ends the session
      this.#send(own).catch(() => {})
    }
  }

  #newKey(text: string): string {
    return idempotencyKey(text, this.#link.random)
  }

  async #send({ text, key }: Own): Promise<void> {
    // a signal for each: platforms warn when many listen to the same one
    const controller = new AbortController()
    this.#sending.add(controller)
    try {
      await postText(this.#link, this.id, 'broadcast', text, { signal: controller.signal, key })
    } finally {
      this.#sending.delete(controller)
    }
  }

  #receive(id: number | undefined, text: string): void {
    if (id !== undefined) {
      if (this.#lastId !== undefined && id <= this.#lastId) {
        this.#trace({ at: 'ignored', reason: 'duplicate' })
        return
      }
      if (id !== (this.#lastId ?? -1) + 1) this.#trace({ at: 'gap', id })
      this.#lastId = id
    }
    this.#progressed = true
    const packet = parsePacket(text)
    if (typeof packet === 'string') {
      this.#trace({ at: 'ignored', reason: packet })
      return
    }
    if (this.#log === undefined) {
      for (const subscriber of [...this.#subscribers]) this.#deliver(subscriber, packet)
      return
    }
    const key = packetKey(packet)
    const own = this.#own.get(key)
    if (own !== undefined) own.isShown = true
    const added = this.#log.add(key, packet)
    if (added === 'known') this.#trace({ at: 'ignored', reason: 'duplicate' })
    if (added === 'full') this.#end(new TransportError('room: more packets than a session may have'))
    if (added !== 'added') return
    for (const subscriber of [...this.#subscribers]) this.#catchUp(subscriber)
  }

  #catchUp(subscriber: Subscriber): void {
    while (!subscriber.isDone) {
      const packet = this.#log?.at(subscriber.next)
      if (packet === undefined) return
      subscriber.next++
      this.#deliver(subscriber, packet)
    }
  }

  /** What a subscriber throws ends its own subscription only. */
  #deliver(subscriber: Subscriber, packet: Uint8Array): void {
    if (subscriber.isDone) return
    try {
      subscriber.onPacket(packet)
    } catch (cause) {
      const error = cause instanceof MpcError ? cause : new InternalError('subscriber failed on a packet', { cause })
      queueMicrotask(() => this.#dismiss(subscriber, error))
    }
  }

  #dismiss(subscriber: Subscriber, error: Error): void {
    if (subscriber.isDone) return
    subscriber.isDone = true
    this.#subscribers.delete(subscriber)
    subscriber.onClosed(error)
  }

  #end(error: Error): void {
    if (this.#closed !== undefined) return
    this.#closed = error
    this.#trace({ at: 'closed', reason: error.message })
    this.#outer?.removeEventListener('abort', this.#onOuterAbort)
    clearTimeout(this.#confirmTimer)
    this.#rejectReady(error)
    this.#ending.abort()
    for (const controller of this.#sending) controller.abort()
    for (const subscriber of [...this.#subscribers]) {
      queueMicrotask(() => {
        this.#catchUp(subscriber)
        this.#dismiss(subscriber, error)
      })
    }
  }
}

function parsePacket(text: string): Uint8Array | 'no base64' | 'too long' {
  if (text.length > TEXT_LIMIT) return 'too long'
  try {
    return fromBase64(text)
  } catch (e) {
    if (e instanceof DecodeError) return 'no base64'
    throw e
  }
}
