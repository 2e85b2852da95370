/**
 * Several masters of a Redis Cluster as if they were one Redis: a link (link.ts) for each, and a table of who has which
 * slot. All keys and channels of a room are in one slot, so a room is wherever its slot is.
 *
 * Why not the library's own cluster client: it sends what was not answered again after a reconnection, moves waiting
 * commands between connections, and does not tell us on which process of Redis a script has run. What is promised rests on
 * these three (store.ts), so the links stay as they are and this file only chooses one.
 *
 * MOVED, ASK, TRYAGAIN and CLUSTERDOWN say that nothing was done, so these are asked again for a while; whatever else goes
 * wrong is told as it is. ASK is not followed: a script names five keys of which a room seldom has all, and both nodes
 * refuse such a script until the slot has moved.
 *
 * The table is asked for each second, and at once when it proves wrong. What a master says of its own slots counts more
 * than what the others say of them.
 */
import type { Buffer } from 'node:buffer'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect, type Reply } from './connection.ts'
import { Link, type LinkOptions, type Links } from './link.ts'
import { AwayError, StoreStartError } from './link-errors.ts'
import type { Script } from './script.ts'
import { readRanges, type SlotRange, slotOf } from './slots.ts'

const REFRESH_MS = 1_000
/** How long something that Redis did not do is asked again. */
const PATIENCE_MS = 3_000
const PAUSE_MS = 50
const NOT_DONE = /^(MOVED|ASK|TRYAGAIN|CLUSTERDOWN)\b/

export class Cluster implements Links {
  readonly #options: LinkOptions
  readonly #links = new Map<string, Link>()
  #owners: readonly (string | undefined)[] = []
  #refreshing: Promise<void> | undefined
  readonly #timer: ReturnType<typeof setInterval>

  private constructor(options: LinkOptions) {
    this.#options = options
    this.#timer = setInterval(() => void this.#refresh(), REFRESH_MS)
  }

  /** Through one node of it. Rejects with StoreStartError unless every slot has a master that can be used. */
  static async open(options: LinkOptions): Promise<Cluster> {
    const cluster = new Cluster(options)
    const giveUpAtMs = performance.now() + options.timing.startMs
    while (!cluster.#isWhole) {
      await cluster.#refresh()
      if (performance.now() > giveUpAtMs) {
        const { host, port } = options.connection
        const away = [...cluster.#links].filter(([, link]) => !link.isUp)
        const why = away.map(([address, { problem }]) => `${address}: ${problem}`).join('; ')
        cluster.close()
        throw new StoreStartError(
          `the cluster of Redis at ${host} port ${port}: ${why === '' ? 'not every slot has a master' : why}`,
        )
      }
      await sleep(PAUSE_MS)
    }
    return cluster
  }

  get #isWhole(): boolean {
    return this.#owners.length > 0 && this.#owners.every((owner) => owner !== undefined && this.#links.get(owner)?.isUp)
  }

  get isUp(): boolean {
    return [...this.#links.values()].some((link) => link.isUp)
  }

  isUpFor(key: string): boolean {
    const owner = this.#owners[slotOf(key)]
    return owner !== undefined && this.#links.get(owner)?.isUp === true
  }

  scopeOf(key: string): number {
    return slotOf(key)
  }

  run(script: Script, keys: readonly string[], args: readonly (string | Buffer)[]): Promise<Reply> {
    return this.#routed(keys[0] ?? '', (link) => link.run(script, keys, args))
  }

  runPlain(script: Script, keys: readonly string[], args: readonly string[]): Promise<Reply> {
    return this.#routed(keys[0] ?? '', (link) => link.runPlain(script, keys, args))
  }

  /** One master is enough: rooms of the others are refused meanwhile, those of this one are not. */
  async check(script: Script): Promise<void> {
    await Promise.any([...this.#links.values()].map((link) => link.check(script)))
  }

  subscribe(channels: readonly string[], listener: (message: Buffer) => void): Promise<() => Promise<void>> {
    return this.#routed(channels[0] ?? '', (link) => link.subscribe(channels, listener))
  }

  close(): void {
    clearInterval(this.#timer)
    for (const link of this.#links.values()) link.close()
  }

  async #routed<T>(key: string, ask: (link: Link) => Promise<T>): Promise<T> {
    const slot = slotOf(key)
    const giveUpAtMs = performance.now() + PATIENCE_MS
    for (;;) {
      const link = this.#links.get(this.#owners[slot] ?? '')
      if (link === undefined) throw new AwayError('no master has this slot')
      try {
        return await ask(link)
      } catch (error) {
        const text = error instanceof Error ? error.message : ''
        if (!NOT_DONE.test(text) || performance.now() > giveUpAtMs) throw error
      }
      await this.#refresh()
      await sleep(PAUSE_MS)
    }
  }

  #refresh(): Promise<void> {
    this.#refreshing ??= this.#readTable().finally(() => {
      this.#refreshing = undefined
    })
    return this.#refreshing
  }

  async #readTable(): Promise<void> {
    const owners: (string | undefined)[] = new Array(16_384).fill(undefined)
    const set = ({ from, to, owner }: SlotRange) => owners.fill(owner, from, to + 1)
    const answers = await this.#askAll()
    if (answers.length === 0) return
    for (const { ranges } of answers) for (const range of ranges) set(range)
    for (const { ranges, address } of answers) for (const range of ranges) if (range.owner === address) set(range)
    this.#use(owners)
  }

  /** The tables of all masters that answer, or when none does, that of the node in the configuration. */
  async #askAll(): Promise<readonly { readonly address: string; readonly ranges: readonly SlotRange[] }[]> {
    const tables = await Promise.all(
      [...this.#links].map(async ([address, link]) => {
        try {
          const host = address.slice(0, address.lastIndexOf(':'))
          return { address, ranges: readRanges(await link.query('CLUSTER', 'SLOTS'), host) }
        } catch {
          return { address, ranges: [] }
        }
      }),
    )
    const known = tables.filter(({ ranges }) => ranges.length > 0)
    if (known.length > 0) return known
    const { connection: where, timing } = this.#options
    try {
      const seed = await connect({ ...where, connectTimeoutMs: timing.connectTimeoutMs }, () => {})
      const giveUp = setTimeout(() => seed.close(), timing.connectTimeoutMs)
      try {
        return [{ address: '', ranges: readRanges(await seed.query('CLUSTER', 'SLOTS'), where.host) }]
      } finally {
        clearTimeout(giveUp)
        seed.close()
      }
    } catch {
      return []
    }
  }

  /** Links for the masters that there are, and a look at the rooms whose slot has another master now. */
  #use(owners: readonly (string | undefined)[]): void {
    const before = this.#owners
    this.#owners = owners
    const masters = new Set(owners.filter((owner) => owner !== undefined))
    for (const address of masters) if (!this.#links.has(address)) this.#links.set(address, this.#start(address))
    for (const [address, link] of this.#links) {
      if (masters.has(address)) continue
      link.close()
      this.#links.delete(address)
    }
    if (before.length > 0 && owners.some((owner, slot) => owner !== before[slot])) {
      this.#options.logger.info({ masters: masters.size }, 'slots of the cluster have moved')
      this.#options.onBack((key) => owners[slotOf(key)] !== before[slotOf(key)])
    }
  }

  #start(address: string): Link {
    const colon = address.lastIndexOf(':')
    const where = { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) }
    return Link.start({
      ...this.#options,
      connection: { ...this.#options.connection, ...where, database: 0, listensApart: true },
      onBack: () => this.#options.onBack((key) => this.#owners[slotOf(key)] === address),
      onLost: () => void this.#refresh(),
    })
  }
}
