/**
 * Brings messages to Redis, several in one script: those that came while others were on their way. Without load each goes
 * at once and alone; under load the price of a script, and of the way there and back, is shared by many.
 *
 * Messages of one room stay in their order (while its slot moves to another master, two scripts may change places), and each
 * is answered for itself. Where there are several masters, each slot has scripts of its own.
 */
import { Buffer } from 'node:buffer'
import { createHash, randomBytes } from 'node:crypto'
import type { Logger } from '../../config/logger.ts'
import type { GatewayConfig } from '../../config/schema.ts'
import { messageFrame } from '../frame.ts'
import { type Refusal, refusals } from '../refusal.ts'
import type { Found, Pass, Published, PublishOptions } from '../store.ts'
import { failure, refusalOf, scriptFailed } from './answers.ts'
import type { Reply } from './connection.ts'
import { type RoomKeys, roomKeys } from './keys.ts'
import type { Links } from './link.ts'
import { OUTCOMES, PUBLISH } from './publish-script.ts'

/** Of one script: Redis does nothing else meanwhile. At least one message goes, however long. */
const MAX_MESSAGES = 24
const MAX_BYTES = 1_048_576
/** Of one scope, on their way at a time, when there are enough messages: Redis works on one while the other is answered. */
const MAX_SCRIPTS = 2
/** What an Idempotency-Key counts beside its own characters, as in memory. */
const BYTES_PER_KEY = 200
const BYTES_AROUND = messageFrame(0, Buffer.alloc(0)).length - 1

export interface PublisherOptions {
  readonly link: Links
  readonly limits: GatewayConfig['limits']
  readonly keyPrefix: string
  readonly logger: Logger
  /** This process, which is not told of what it has said itself. */
  readonly instance: string
  /** Takes a place among all rooms. Gives the refusal when there is none. */
  readonly reserve: (roomId: string) => Promise<Refusal | undefined>
  /** The room was there. */
  readonly onUsed: (roomId: string) => void
}

export type OnAnswer = (answer: Found<Published>) => void

interface Message {
  readonly roomId: string
  readonly pass: Pass
  readonly keys: RoomKeys
  /** Body, and what else the script wants of it. */
  readonly args: readonly [Buffer, string]
  readonly onAnswer: OnAnswer
}

interface Scope {
  readonly waiting: Message[]
  /** Scripts that are on their way. */
  scripts: number
}

/** Messages of one room with one pass. */
type Group = [Message, ...Message[]]

export class Publisher {
  readonly #options: PublisherOptions
  /** By scope, for as long as a script of it is on its way. */
  readonly #scopes = new Map<number, Scope>()

  constructor(options: PublisherOptions) {
    this.#options = options
  }

  /** `onAnswer` is called in the order in which Redis took the messages of a room, and must not throw. */
  publish(roomId: string, body: Buffer, options: PublishOptions, onAnswer: OnAnswer): void {
    const { link, keyPrefix } = this.#options
    const { ttlSeconds, idempotencyKey, pass } = options
    const ttl = ttlSeconds === undefined ? '' : String(1000 * ttlSeconds)
    const key = idempotencyKey === undefined ? '' : ` ${hashOf(body)} ${idempotencyKey}`
    const args = [body, `${bytesWithoutId(body)} ${ttl}${key}`] as const
    const keys = roomKeys(keyPrefix, roomId)
    const message = { roomId, pass, keys, args, onAnswer }
    const scope = link.scopeOf(keys.room)
    const state = this.#scopes.get(scope) ?? { waiting: [], scripts: 0 }
    this.#scopes.set(scope, state)
    state.waiting.push(message)
    this.#work(scope, state)
  }

  /** The first goes at once. What comes meanwhile goes together: when that one is back, or a script is full. */
  #work(scope: number, state: Scope): void {
    while (
      state.waiting.length > 0 &&
      (state.scripts === 0 || (state.scripts < MAX_SCRIPTS && state.waiting.length >= MAX_MESSAGES))
    ) {
      state.scripts += 1
      void this.#send(groupsOf(takeSome(state.waiting)), '', () => {
        state.scripts -= 1
        this.#work(scope, state)
      })
    }
    if (state.scripts === 0) this.#scopes.delete(scope)
  }

  /** Answers them all, but those whose room has to be made. What waits goes before that, so that Redis needn't wait. */
  async #send(groups: readonly Group[], fresh: string, isBack: () => void): Promise<void> {
    const { logger, onUsed } = this.#options
    let lines: readonly string[]
    try {
      lines = String(await this.#run(groups, fresh)).split('\n')
    } catch (error) {
      const refusal = failure(error, logger)
      isBack()
      for (const group of groups) refuse(group, refusal)
      return
    }
    isBack()
    for (const [i, group] of groups.entries()) {
      const [word = '', epoch = '', ...outcomes] = (lines[i] ?? '').split(' ')
      if (word === 'ok') {
        onUsed(group[0].roomId)
        answer(group, epoch, outcomes)
      } else if (word === 'error') {
        refuse(group, scriptFailed(epoch, logger))
      } else if (word === 'absent' && fresh === '') {
        void this.#make(group)
      } else {
        refuse(group, refusalOf(word) ?? refusals.storeUnavailable())
      }
    }
  }

  /** The room isn't there. */
  async #make(group: Group): Promise<void> {
    const refusal = await this.#options.reserve(group[0].roomId)
    if (refusal !== undefined) refuse(group, refusal)
    else await this.#send([group], randomBytes(16).toString('base64url'), () => {})
  }

  #run(groups: readonly Group[], fresh: string): Promise<Reply> {
    const { link, limits, instance } = this.#options
    const keys: string[] = []
    const args: (string | Buffer)[] = [
      String(1000 * limits.room_idle_seconds),
      String(1000 * limits.room_seconds),
      fresh,
      instance,
      String(limits.room_messages),
      String(limits.room_bytes),
      String(BYTES_PER_KEY),
      String(limits.room_keys),
    ]
    for (const group of groups) {
      const { room, log, expiring, taken } = group[0].keys
      keys.push(room, log, expiring, taken)
      args.push(group[0].pass ?? '', String(group.length))
      for (const message of group) args.push(...message.args)
    }
    return link.run(PUBLISH, keys, args)
  }
}

/** The first ones, as many as one script may take. */
function takeSome(waiting: Message[]): readonly Message[] {
  let [count, bytes] = [0, 0]
  for (const message of waiting) {
    bytes += message.args[0].length
    if (count === MAX_MESSAGES || (count > 0 && bytes > MAX_BYTES)) break
    count += 1
  }
  return waiting.splice(0, count)
}

function groupsOf(messages: readonly Message[]): readonly Group[] {
  const groups = new Map<string, Group>()
  for (const message of messages) {
    const { pass, keys } = message
    const key = pass === undefined ? keys.room : `${keys.room} ${pass}`
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [message])
    else group.push(message)
  }
  return [...groups.values()]
}

function answer(group: Group, epoch: string, outcomes: readonly string[]): void {
  for (const [i, { onAnswer }] of group.entries()) {
    const word = OUTCOMES[Number(outcomes[2 * i])] ?? ''
    const refusal = refusalOf(word)
    if (refusal !== undefined) onAnswer({ ok: false, refusal })
    else onAnswer({ ok: true, value: { id: Number(outcomes[2 * i + 1]), epoch, isRepeat: word === 'repeat' } })
  }
}

function refuse(group: Group, refusal: Refusal): void {
  for (const { onAnswer } of group) onAnswer({ ok: false, refusal })
}

function hashOf(body: Buffer): string {
  return createHash('sha256').update(body).digest('base64url')
}

/** Of the event that a body becomes. Only line feeds make it longer than the body and what is around it. */
function bytesWithoutId(body: Buffer): number {
  return body.includes('\n') ? messageFrame(0, body).length - 1 : BYTES_AROUND + body.length
}
