/**
 * A gateway for a party that can only do request and response: what it posts goes with the next request to the service,
 * and what the service says comes with the answers. For the participant it is a gateway like any other; the protocol is
 * the same.
 *
 * One exchange at a time, with the rooms of all sessions in it. It begins with the first packet, lasts until the service
 * says that all is answered, and begins again with the next. An answer that was lost is fetched again: requests are
 * numbered, and the service repeats its last one.
 */
import { bytesToHex, fromBase64, toBase64 } from '../base/bytes.ts'
import { DecodeError, TransportError } from '../base/errors.ts'
import { linkSignals } from '../base/signals.ts'
import type { Gateway, Room } from '../room/gateway.ts'
import { type GatewayOptions, makeLink, requireRoomId } from '../room/link.ts'
import { packetKey } from '../room/packet-log.ts'
import { decode, encode } from '../wire/codec.ts'
import { type Addressed, BATCH_LIMIT, batchCodec } from './batch.ts'
import { type Reply, request } from './request.ts'

export interface ExchangeOptions extends GatewayOptions {
  /** Which routes: `/v1/{purpose}/start` and `/step`. */
  readonly purpose: 'sign' | 'createAccount'
  /** Sent with `start`, for example the account. */
  readonly start?: Readonly<Record<string, unknown>>
  /** Ends everything. */
  readonly signal?: AbortSignal
}

interface Post {
  readonly addressed: Addressed
  resolve(): void
  reject(error: Error): void
}

class ExchangeRoom implements Room {
  readonly id: string
  readonly ready = Promise.resolve()
  readonly #post: (packet: Uint8Array) => Promise<void>
  readonly #onClose: () => void
  readonly #subscribers = new Set<{ onPacket(packet: Uint8Array): void; onClosed(error: Error): void }>()
  readonly #log: Uint8Array[] = []
  readonly #known = new Set<string>()
  readonly #keepLog: boolean
  #isClosed = false

  constructor(id: string, keepLog: boolean, post: (packet: Uint8Array) => Promise<void>, onClose: () => void) {
    this.id = id
    this.#keepLog = keepLog
    this.#post = post
    this.#onClose = onClose
  }

  onRestart(): () => void {
    return () => undefined
  }

  async post(packet: Uint8Array): Promise<void> {
    if (this.#isClosed) throw new TransportError('exchange: the room is closed')
    await this.#post(packet)
    this.show(packet)
  }

  show(packet: Uint8Array): void {
    if (this.#isClosed) return
    if (this.#keepLog) {
      const key = packetKey(packet)
      if (this.#known.has(key)) return
      this.#known.add(key)
      this.#log.push(packet)
    }
    for (const s of [...this.#subscribers]) s.onPacket(packet)
  }

  subscribe(onPacket: (packet: Uint8Array) => void, onClosed: (error: Error) => void): () => void {
    const subscriber = { onPacket, onClosed }
    const before = [...this.#log]
    let isOpen = true
    queueMicrotask(() => {
      // nothing comes between: what is shown from here on goes to the subscriber itself
      for (const packet of [...before, ...this.#log.slice(before.length)]) if (isOpen) onPacket(packet)
      if (isOpen && !this.#isClosed) this.#subscribers.add(subscriber)
    })
    return () => {
      isOpen = false
      this.#subscribers.delete(subscriber)
    }
  }

  fail(error: Error): void {
    if (this.#isClosed) return
    this.#isClosed = true
    for (const s of [...this.#subscribers]) s.onClosed(error)
    this.#subscribers.clear()
    this.#onClose()
  }

  close(): void {
    this.fail(new TransportError('exchange: the room is closed'))
  }
}

/** Steps at a time: one that waits for news, and those that bring something and end its wait. */
const FLIGHTS = 4

/** Opens no connection yet. Throws UsageError when the URL is not of the documented form. */
export function connectExchange(o: ExchangeOptions): Gateway {
  const link = makeLink(o)
  const rooms = new Map<string, ExchangeRoom>()
  let waiting: Post[] = []
  let isRunning = false
  let onPost: () => void = () => {}
  /** Ends the requests under way when nobody is left to hear of them. */
  let ending = linkSignals([o.signal])

  const post = (room: string, packet: Uint8Array, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      const onAbort = (): void => {
        waiting = waiting.filter((p) => p !== entry)
        reject(new TransportError('cancelled'))
      }
      const settle = (how: () => void) => (): void => {
        signal?.removeEventListener('abort', onAbort)
        how()
      }
      const entry: Post = {
        addressed: { room, packet },
        resolve: settle(resolve),
        reject: (error) => settle(() => reject(error))(),
      }
      if (signal?.aborted === true || o.signal?.aborted === true) return onAbort()
      signal?.addEventListener('abort', onAbort, { once: true })
      waiting.push(entry)
      if (!isRunning) void run()
      onPost()
    })

  /** From the first packet until the service says that it is done and nothing waits, or nobody listens any more. */
  async function run(): Promise<void> {
    isRunning = true
    // packets of one turn go together
    await Promise.resolve()
    while (waiting.length > 0) {
      ending = linkSignals([o.signal])
      try {
        await runSession()
      } catch (e) {
        const error = e instanceof DecodeError ? new TransportError('service: expected packets as its answer') : e
        for (const p of waiting.splice(0)) p.reject(error as Error)
        for (const room of [...rooms.values()]) room.fail(error as Error)
      } finally {
        ending.abort()
      }
    }
    isRunning = false
  }

  async function runSession(): Promise<void> {
    const clientSession = bytesToHex(link.random.bytes(16))
    const first = await send(['v1', o.purpose, 'start'], { ...o.start, clientSession })
    let isDone = first.status === 'DONE'
    let failed: { readonly error: unknown } | undefined
    const flights = new Set<Promise<void>>()
    for (let sequence = 1; ; ) {
      // what an answer led to is posted in later turns, and another answer may come before them
      await new Promise((resolve) => setTimeout(resolve, 0))
      if (isDone || failed !== undefined) break
      if (ending.signal.aborted || (rooms.size === 0 && waiting.length === 0)) break
      if (flights.size === 0 || (waiting.length > 0 && flights.size < FLIGHTS)) {
        const flight = send(['v1', o.purpose, 'step'], { sessionId: first.sessionId, sequence })
          .then((reply) => {
            isDone ||= reply.status === 'DONE'
          })
          .catch((error: unknown) => {
            if (!ending.signal.aborted) failed ??= { error }
          })
          .finally(() => flights.delete(flight))
        flights.add(flight)
        sequence += 1
        continue
      }
      const posted = new Promise<void>((resolve) => {
        onPost = resolve
      })
      await Promise.race([...flights, posted])
    }
    onPost = () => {}
    if (failed !== undefined) throw failed.error
    // the rest brings nothing that anybody waits for, or comes at once
    if (isDone) await Promise.all(flights)
  }

  /** What waits, and the rooms that are listened to; hands out what comes back. */
  async function send(path: readonly string[], facts: Readonly<Record<string, unknown>>): Promise<Reply> {
    const sent = waiting.splice(0, BATCH_LIMIT)
    const listen = [...rooms.keys()].slice(0, BATCH_LIMIT)
    const message = encode(batchCodec, { listen, packets: sent.map((p) => p.addressed) })
    try {
      const body = { ...facts, clientMessage: toBase64(message) }
      const reply = await request(link, { path, body, signal: ending.signal })
      for (const p of sent) p.resolve()
      for (const { room, packet } of decode(batchCodec, fromBase64(reply.serverMessage)).packets) {
        rooms.get(room)?.show(packet)
      }
      return reply
    } catch (e) {
      for (const p of sent) p.reject(e as Error)
      throw e
    }
  }

  return {
    openRoom(id, { signal, keepLog = true } = {}) {
      requireRoomId(id)
      const room = new ExchangeRoom(
        id,
        keepLog,
        (packet) => post(id, packet, signal),
        () => {
          if (rooms.get(id) === room) rooms.delete(id)
          if (rooms.size === 0 && waiting.length === 0) ending.abort()
        },
      )
      rooms.set(id, room)
      signal?.addEventListener('abort', () => room.close(), { once: true })
      if (signal?.aborted === true) room.close()
      return room
    },
    async post(room, packet, { signal } = {}) {
      requireRoomId(room)
      await post(room, packet, signal)
    },
    async health(signal) {
      const response = await link.fetch(link.urlOf('livez'), { ...(signal && { signal }), redirect: 'manual' })
      await response.body?.cancel()
      if (response.status !== 200) throw new TransportError(`service: refused with status ${response.status}`)
    },
    issueIndex: async () => {
      throw new TransportError('exchange: gives out no indexes')
    },
  }
}
