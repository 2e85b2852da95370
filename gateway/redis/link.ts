/**
 * Keeps one connection to Redis, and knows when there is none.
 *
 * A connection over which nothing comes back any more looks like one on which nothing happens, so each second asks for a
 * sign of life; after three without an answer the connection is ended and another one made. Seconds are counted in turns of
 * the timer, in which answers are read too: a process that was itself stopped for a while does not blame Redis.
 *
 * Each new connection is checked (server-facts.ts) before it is used, and the facts that a script is told are those of the
 * process at the other end of the connection that carries it.
 */
import type { Buffer } from 'node:buffer'
import type { Logger } from '../../config/logger.ts'
import { type Connection, type ConnectionOptions, connect, type Reply } from './connection.ts'
import { AwayError, describe, isNetworkError, messageOf, StoreStartError } from './link-errors.ts'
import type { Script } from './script.ts'
import { readFacts, type ServerFacts, UnfitServerError } from './server-facts.ts'

export interface LinkTiming {
  readonly pingMs: number
  readonly connectTimeoutMs: number
  readonly pauseMinMs: number
  readonly pauseMaxMs: number
  /** How long the first connection is tried for, while Redis is not there or still loads. */
  readonly startMs: number
}

export const LINK_TIMING: LinkTiming = {
  pingMs: 1_000,
  connectTimeoutMs: 2_500,
  pauseMinMs: 100,
  pauseMaxMs: 1_000,
  startMs: 8_000,
}

const MAX_SILENT_PINGS = 3
/** Facts can be changed while Redis runs (CONFIG SET); they are read again after so many pings. */
const PINGS_BETWEEN_FACTS = 10

export interface LinkOptions {
  readonly connection: Omit<ConnectionOptions, 'connectTimeoutMs'>
  readonly logger: Logger
  readonly timing: LinkTiming
  /** Called when rooms must be looked at again: after a loss, or when their slots have moved. By key, which those are. */
  readonly onBack: (concerns: (key: string) => boolean) => void
  readonly onLost?: () => void
}

/** What the store asks of Redis, be it one (Link) or a cluster (cluster.ts). */
export interface Links {
  readonly isUp: boolean
  /** Whether the one that has this key is there. */
  isUpFor(key: string): boolean
  /** Keys of one scope can be used in one script. */
  scopeOf(key: string): number
  run(script: Script, keys: readonly string[], args: readonly (string | Buffer)[]): Promise<Reply>
  runPlain(script: Script, keys: readonly string[], args: readonly string[]): Promise<Reply>
  subscribe(channels: readonly string[], listener: (message: Buffer) => void): Promise<() => Promise<void>>
  /** Rejects when a script without keys can't be run. */
  check(script: Script): Promise<void>
  close(): void
}

interface Live {
  readonly connection: Connection
  facts: ServerFacts
}

export class Link implements Links {
  readonly #options: LinkOptions
  #live: Live | undefined
  #isClosed = false
  #wake: () => void = () => {}
  /** Why there is no connection, as last seen; for the operator. */
  problem = ''

  private constructor(options: LinkOptions) {
    this.#options = options
  }

  /** Rejects with StoreStartError when Redis can't be used, or is not there for as long as a start may take. */
  static async open(options: LinkOptions): Promise<Link> {
    const link = new Link(options)
    const giveUpAtMs = performance.now() + options.timing.startMs
    for (;;) {
      try {
        await link.#connect()
        return link
      } catch (error) {
        const mayPass = error instanceof UnfitServerError ? error.isTemporary : isNetworkError(error)
        if (!mayPass || performance.now() > giveUpAtMs) {
          const { host, port } = options.connection
          throw new StoreStartError(`Redis at ${host} port ${port}: ${describe(error)}`)
        }
        await link.#pause(options.timing.pauseMinMs)
      }
    }
  }

  /** One that comes when its Redis does. */
  static start(options: LinkOptions): Link {
    const link = new Link(options)
    void link.#comeBack()
    return link
  }

  get isUp(): boolean {
    return this.#live !== undefined
  }

  isUpFor(): boolean {
    return this.isUp
  }

  scopeOf(): number {
    return 0
  }

  get isCluster(): boolean {
    return this.#live?.facts.isCluster === true
  }

  /** The run id of the process at the other end and whether it is durable come before `args`. */
  async run(script: Script, keys: readonly string[], args: readonly (string | Buffer)[]): Promise<Reply> {
    const live = this.#required()
    return this.#settled(
      live,
      live.connection.run(script, keys, [live.facts.runId, live.facts.isDurable ? '1' : '0', ...args]),
    )
  }

  /** A script that is not about one room. */
  async runPlain(script: Script, keys: readonly string[], args: readonly string[]): Promise<Reply> {
    const live = this.#required()
    return this.#settled(live, live.connection.run(script, keys, args))
  }

  async check(script: Script): Promise<void> {
    await this.runPlain(script, [], [])
  }

  async query(...command: readonly string[]): Promise<Reply> {
    const live = this.#required()
    return this.#settled(live, live.connection.query(...command))
  }

  /** For as long as this connection lasts. The value ends it before. */
  async subscribe(channels: readonly string[], listener: (message: Buffer) => void): Promise<() => Promise<void>> {
    const live = this.#required()
    return this.#settled(live, live.connection.subscribe(channels, listener))
  }

  close(): void {
    this.#isClosed = true
    this.#live?.connection.close()
    this.#live = undefined
    this.#wake()
  }

  #required(): Live {
    if (this.#live === undefined) throw new AwayError('Redis is away')
    return this.#live
  }

  /** An answer that didn't come because the connection ended is told from one that Redis gave. */
  async #settled<T>(live: Live, pending: Promise<T>): Promise<T> {
    try {
      return await pending
    } catch (error) {
      // Redis itself answers with an error whose first word is a code; READONLY: another node is the master now.
      if (this.#live === live && /^READONLY/.test(messageOf(error))) this.#lose(live, 'Redis is a replica now')
      if (this.#live !== live) throw new AwayError('the connection to Redis ended before the answer')
      throw error
    }
  }

  async #connect(): Promise<void> {
    const { connection: where, timing } = this.#options
    let live: Live | undefined
    let isLost = false
    const connection = await connect({ ...where, connectTimeoutMs: timing.connectTimeoutMs }, () => {
      isLost = true
      if (live !== undefined) this.#lose(live, 'the connection to Redis ended')
    })
    const giveUp = setTimeout(() => connection.close(), timing.connectTimeoutMs)
    try {
      live = { connection, facts: await readFacts(connection) }
    } catch (error) {
      connection.close()
      throw error
    } finally {
      clearTimeout(giveUp)
    }
    if (this.#isClosed || isLost) {
      connection.close()
      throw new AwayError('the connection to Redis ended')
    }
    this.#live = live
    if (!live.facts.isDurable) {
      this.#options.logger.warn(
        'this Redis does not wait for its disk (appendonly yes, appendfsync always): when it restarts, rooms begin anew',
      )
    }
    void this.#watch(live)
  }

  async #watch(live: Live): Promise<void> {
    let unanswered = 0
    for (let turn = 1; this.#live === live; turn++) {
      const asksFacts = turn % PINGS_BETWEEN_FACTS === 0
      unanswered += 1
      const asked = asksFacts
        ? Promise.all([readFacts(live.connection), live.connection.ping()]).then(([facts]) => {
            live.facts = facts
          })
        : live.connection.ping()
      asked.then(
        () => {
          unanswered = 0
        },
        (error: unknown) => this.#lose(live, describe(error)),
      )
      await this.#pause(this.#options.timing.pingMs)
      if (unanswered >= MAX_SILENT_PINGS) this.#lose(live, 'Redis does not answer')
    }
  }

  #lose(live: Live, why: string): void {
    if (this.#live !== live) return
    this.#live = undefined
    live.connection.close()
    this.#options.logger.warn({ why, port: this.#options.connection.port }, 'lost Redis')
    this.#wake()
    this.#options.onLost?.()
    void this.#comeBack()
  }

  async #comeBack(): Promise<void> {
    const { timing, logger, onBack } = this.#options
    let pauseMs = timing.pauseMinMs
    let told = ''
    while (!this.#isClosed) {
      try {
        await this.#connect()
        logger.info({ port: this.#options.connection.port }, 'Redis is back')
        onBack(() => true)
        return
      } catch (error) {
        const why = describe(error)
        this.problem = why
        if (why !== told && !this.#isClosed) logger.warn({ why }, 'Redis is not there')
        told = why
      }
      await this.#pause(pauseMs * (0.5 + Math.random() / 2))
      pauseMs = Math.min(2 * pauseMs, timing.pauseMaxMs)
    }
  }

  /** Cut short when the connection is lost or the link closed. */
  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer)
        resolve()
      }
      const timer = setTimeout(done, ms)
      this.#wake = done
    })
  }
}
