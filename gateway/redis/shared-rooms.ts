/**
 * The scripts as calls: what goes in, what comes out, and a refusal where Redis says that something can't be. A call that
 * may make a room is first made without the right to; when there is no room, a place among all rooms is taken and the
 * call repeated with a fresh epoch.
 *
 * When the connection ends before an answer, the answer is `store_unavailable`, never ok: what was asked may have been
 * done, and asking again with the same Idempotency-Key finds out.
 */
import type { Buffer } from 'node:buffer'
import { randomBytes } from 'node:crypto'
import type { Logger } from '../../config/logger.ts'
import type { GatewayConfig } from '../../config/schema.ts'
import { type Refusal, refusals } from '../refusal.ts'
import type { Found, Pass, PublishOptions, RoomState } from '../store.ts'
import { type Answer, answerOf, failure, listOf, refusalOf } from './answers.ts'
import type { Reply } from './connection.ts'
import { type RoomKeys, registryKey, roomKeys } from './keys.ts'
import type { Links } from './link.ts'
import { type OnAnswer, Publisher } from './publisher.ts'
import type { Script } from './script.ts'
import * as scripts from './scripts.ts'

/** Of the log, in one answer of Redis. At least one message comes, however long. */
const READ_BYTES = 1_048_576
const NAMES_PER_KEEP = 500

export interface Part {
  readonly epoch: string
  readonly isPrivate: boolean
  readonly nextId: number
  /** Streams of other instances. */
  readonly others: number
  readonly messages: readonly { readonly id: number; readonly body: Buffer; readonly ttlMs: number | undefined }[]
}

export interface Presence {
  readonly epoch: string
  readonly nextId: number
  readonly others: number
  /** Whether this gateway is among those that are told of messages. */
  readonly isTold: boolean
}

export interface ReadOptions {
  readonly pass: Pass
  /** Whether a room that is absent is made. */
  readonly makes: boolean
  readonly from: number
  /** Of messages at most, but at least one. */
  readonly bytes?: number
  readonly knownEpoch?: string | undefined
  readonly knownNextId?: number
}

export interface SharedRoomsOptions {
  readonly link: Links
  readonly limits: GatewayConfig['limits']
  readonly keyPrefix: string
  readonly logger: Logger
  /** How long the other gateways count the streams of this one without hearing of them again. */
  readonly presenceMs: number
}

type Args = readonly (string | Buffer)[]

export class SharedRooms {
  /** This process, as the others count it. */
  readonly instance = randomBytes(9).toString('base64url')
  readonly #options: SharedRoomsOptions
  readonly #idleMs: number
  readonly #used = new Set<string>()
  readonly #publisher: Publisher

  constructor(options: SharedRoomsOptions) {
    this.#options = options
    this.#idleMs = options.limits.room_idle_seconds * 1000
    this.#publisher = new Publisher({
      ...options,
      instance: this.instance,
      reserve: (id) => this.#reserve(id),
      onUsed: (id) => this.#used.add(id),
    })
  }

  keysOf(id: string): RoomKeys {
    return roomKeys(this.#options.keyPrefix, id)
  }

  /** Whether the Redis that has this room is there. */
  isUp(id: string): boolean {
    return this.#options.link.isUpFor(this.keysOf(id).room)
  }

  /** On which this process is told what happens in a room. */
  channelsOf(id: string): readonly string[] {
    const { live } = this.keysOf(id)
    return [live, `${live}:${this.instance}`]
  }

  /** `onAnswer` is called in the order in which Redis took the messages of a room. */
  publish(id: string, body: Buffer, options: PublishOptions, onAnswer: OnAnswer): void {
    this.#publisher.publish(id, body, options, onAnswer)
  }

  async issueIndex(id: string, pass: Pass): Promise<Found<number>> {
    const answer = await this.#enter(scripts.INDEX, id, pass, [])
    return answer.ok ? ok(Number(answer.value[1])) : answer
  }

  async create(id: string): Promise<Found<{ readonly epoch: string }>> {
    const answer = await this.#enter(scripts.CREATE, id, undefined, [])
    return answer.ok ? ok({ epoch: String(answer.value[1]) }) : answer
  }

  /** The log from an id on, as much as fits into one answer. Undefined when there is no such room. */
  async read(id: string, options: ReadOptions): Promise<Found<Part | undefined>> {
    const { pass, makes, from, bytes = READ_BYTES, knownEpoch = '', knownNextId = 0 } = options
    const args = [String(from), knownEpoch, String(knownNextId), this.instance, String(bytes)]
    const answer = makes
      ? await this.#enter(scripts.READ, id, pass, args)
      : await this.#run(scripts.READ, id, pass, '', args)
    if (!answer.ok) return answer
    const [word, epoch, isPrivate, nextId, others, entries] = answer.value
    if (word === 'absent') return ok(undefined)
    return ok({
      epoch: String(epoch),
      isPrivate: isPrivate === 1,
      nextId: Number(nextId),
      others: Number(others),
      messages: messagesOf(entries),
    })
  }

  /** Undefined when there is no such room. */
  async tellPresence(id: string, streams: number): Promise<Found<Presence | undefined>> {
    const answer = await this.#run(scripts.PRESENT, id, undefined, '', [
      this.instance,
      String(streams),
      String(this.#options.presenceMs),
    ])
    if (!answer.ok) return answer
    const [word, epoch, nextId, others, isTold] = answer.value
    if (word === 'absent') return ok(undefined)
    if (streams > 0) this.#used.add(id)
    return ok({ epoch: String(epoch), nextId: Number(nextId), others: Number(others), isTold: isTold === 1 })
  }

  async state(id: string, pass: Pass): Promise<Found<RoomState | undefined>> {
    const answer = await this.#run(scripts.STATE, id, pass, '', [])
    if (!answer.ok) return answer
    const [word, epoch, isPrivate, ...numbers] = answer.value
    if (word === 'absent') return ok(undefined)
    const [subscribers = 0, first = -1, last = -1, nextId = 0, messages = 0, bytes = 0, ageSeconds = 0] =
      numbers.map(Number)
    return ok({
      epoch: String(epoch),
      isPrivate: isPrivate === 1,
      subscribers,
      firstId: first < 0 ? undefined : first,
      lastId: last < 0 ? undefined : last,
      nextId,
      messages,
      bytes,
      ageSeconds,
    })
  }

  async remove(id: string, pass: Pass): Promise<Found<boolean>> {
    const answer = await this.#run(scripts.REMOVE, id, pass, '', [])
    return answer.ok ? ok(answer.value[0] === 'ok') : answer
  }

  async check(): Promise<void> {
    await this.#options.link.check(scripts.CHECK)
  }

  /** Renews the places of the rooms that were in use since the last call. */
  async keepPlaces(): Promise<void> {
    const names = [...this.#used]
    this.#used.clear()
    const { link, keyPrefix } = this.#options
    for (let at = 0; at < names.length; at += NAMES_PER_KEEP) {
      const part = names.slice(at, at + NAMES_PER_KEEP)
      await link.runPlain(scripts.KEEP, [registryKey(keyPrefix)], [this.#placeMs(), ...part]).catch(() => {})
    }
  }

  /** A room is counted for as long as it may live since its last use, and a little longer. */
  #placeMs(): string {
    return String(this.#idleMs + Math.min(this.#idleMs, 2 * this.#options.presenceMs))
  }

  /** For what makes the room when there is none. */
  async #enter(script: Script, id: string, pass: Pass, args: Args): Promise<Found<Answer>> {
    const found = await this.#run(script, id, pass, '', args)
    if (!found.ok || found.value[0] !== 'absent') {
      if (found.ok) this.#used.add(id)
      return found
    }
    const place = await this.#reserve(id)
    if (place !== undefined) return { ok: false, refusal: place }
    return this.#run(script, id, pass, randomBytes(16).toString('base64url'), args)
  }

  async #reserve(id: string): Promise<Refusal | undefined> {
    const { link, limits, keyPrefix } = this.#options
    try {
      const keys = [registryKey(keyPrefix)]
      const reply = answerOf(await link.runPlain(scripts.RESERVE, keys, [id, String(limits.rooms), this.#placeMs()]))
      return reply[0] === 'ok' ? undefined : refusals.tooManyRooms()
    } catch (error) {
      return failure(error, this.#options.logger)
    }
  }

  async #run(script: Script, id: string, pass: Pass, fresh: string, args: Args): Promise<Found<Answer>> {
    const { link, limits } = this.#options
    const keys = this.keysOf(id)
    try {
      const reply = await link.run(
        script,
        [keys.room, keys.log, keys.expiring, keys.taken, keys.streams],
        [String(this.#idleMs), String(1000 * limits.room_seconds), fresh, pass ?? '', ...args],
      )
      const answer = answerOf(reply)
      const refusal = refusalOf(answer[0])
      return refusal === undefined ? ok(answer) : { ok: false, refusal }
    } catch (error) {
      return { ok: false, refusal: failure(error, this.#options.logger) }
    }
  }
}

function messagesOf(entries: Reply | undefined): Part['messages'] {
  const flat = listOf(entries)
  const messages: { id: number; body: Buffer; ttlMs: number | undefined }[] = []
  for (let at = 0; at + 2 < flat.length; at += 3) {
    const ttl = String(flat[at + 1])
    messages.push({
      id: Number(flat[at]),
      ttlMs: ttl === '' ? undefined : Number(ttl),
      body: flat[at + 2] as Buffer,
    })
  }
  return messages
}

function ok<T>(value: T): { readonly ok: true; readonly value: T } {
  return { ok: true, value }
}
