/**
 * What has been signed for, on disk: value, for the limits of a day, and permits, which count once. One file of lines that
 * is only appended to. A line is on the disk before anything is signed because of it, and nothing takes it back: a signing
 * that fails later has spent its value and its permit all the same.
 *
 * One line has everything about one request, so that a crash leaves all of it or none. Only the last line can be torn; it was
 * never acknowledged and is cut off. Any other line that doesn't fit its checksum stops the service, since a limit that
 * forgot something is none. Requests that come together share one write and one sync.
 *
 * A second process on the same folder is found out by the size and identity of the file after each write.
 */
import { constants } from 'node:fs'
import { type FileHandle, mkdir, open, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { StateError } from '../../participant/index.ts'
import { writeFileAtomic } from '../../participant/key-share/file.node.ts'
import { type Entry, formatLine, parseLine } from './journal-line.ts'

export const DAY_MS = 86_400_000
/** A clock that was set back must not make a used permit fresh. */
const PERMIT_MEMORY_MS = 3_600_000
/** Entries that matter; more are refused. */
const ENTRIES_LIMIT = 200_000
/** Lines that no longer matter before the file is written anew. */
const STALE_LIMIT = 20_000
const FILE_LIMIT = 256 * 1024 * 1024

export interface Journal {
  /** Wei of the last 24 hours by this rule for this account, without what has this digest: signing it again is the same. */
  spent(rule: string, account: string, exceptDigest: string, nowMs: number): bigint
  /** Unless it was used by this attempt, which comes again. */
  isUsed(permit: string, attempt?: string): boolean
  /**
   * Counts at once, for every request that is judged after it, and resolves when it would survive a crash. Throws
   * StateError when it would not: then nothing may be signed.
   */
  record(entry: Entry): Promise<void>
  /** Resolves when what is on disk is known: at once, but for the time after a failure. Throws StateError. */
  ready(): Promise<void>
  close(): Promise<void>
}

interface Waiting {
  readonly entry: Entry
  readonly done: (error?: StateError) => void
}

/** Throws StateError when the file can't be read, or holds what no journal does. */
export async function openJournal(path: string, now: () => number = Date.now): Promise<Journal> {
  const journal = new FileJournal(path, now)
  await journal.ready()
  return journal
}

class FileJournal implements Journal {
  readonly #path: string
  readonly #now: () => number
  /** By rule and account, then by digest. */
  #spent = new Map<string, Map<string, { readonly at: number; readonly wei: bigint }>>()
  #permits = new Map<string, { readonly expires: number; readonly attempt: string | undefined }>()
  #file: FileHandle | undefined
  #size = 0
  #lines = 0
  /** Entries that are being written, and those that wait for the next write. */
  #batch: readonly Waiting[] = []
  #waiting: Waiting[] = []
  #writing: Promise<void> | undefined
  #opening: Promise<void> | undefined
  /** Permits after which those that matter no more are looked for. */
  #nextSweep = 0
  #isClosed = false

  constructor(path: string, now: () => number) {
    this.#path = path
    this.#now = now
  }

  async ready(): Promise<void> {
    if (this.#file !== undefined || this.#isClosed) return
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined
    })
    await this.#opening
  }

  async #open(): Promise<void> {
    await naming(this.#path, () => mkdir(dirname(this.#path), { recursive: true, mode: 0o700 }))
    const text = await this.#content()
    // what is not in the file any more was never there
    this.#spent = new Map()
    this.#permits = new Map()
    const whole = text.slice(0, text.lastIndexOf('\n') + 1)
    const lines = whole.split('\n').slice(0, -1)
    lines.forEach((line, i) => {
      this.#apply(parseLine(line) ?? this.#broken(i + 1))
    })
    // what waits for its write counts already
    for (const { entry } of [...this.#batch, ...this.#waiting]) this.#apply(entry)
    this.#forget()
    const file = await naming(this.#path, () => open(this.#path, constants.O_RDWR | constants.O_APPEND))
    this.#lines = lines.length
    this.#size = Buffer.byteLength(whole)
    try {
      await naming(this.#path, async () => {
        await file.truncate(this.#size)
        await file.sync()
        await syncFolder(dirname(this.#path))
      })
      this.#file = file
    } catch (e) {
      await file.close()
      throw e
    }
  }

  spent(rule: string, account: string, exceptDigest: string, nowMs: number): bigint {
    let sum = 0n
    for (const [digest, { at, wei }] of this.#spent.get(keyOf(rule, account)) ?? []) {
      // an entry from the future counts: the clock was set back
      if (digest !== exceptDigest && at > nowMs - DAY_MS) sum += wei
    }
    return sum
  }

  isUsed(permit: string, attempt?: string): boolean {
    const used = this.#permits.get(permit)
    return used !== undefined && (attempt === undefined || used.attempt !== attempt)
  }

  record(entry: Entry): Promise<void> {
    this.#forget()
    if (this.#count() >= ENTRIES_LIMIT) {
      return Promise.reject(new StateError(`${this.#path}: expected at most ${ENTRIES_LIMIT} requests in a day`))
    }
    this.#apply(entry)
    return new Promise((resolve, reject) => {
      this.#waiting.push({
        entry,
        done: (error) => (error === undefined ? resolve() : reject(error)),
      })
      this.#writing ??= this.#writeAll()
    })
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.#writing
    await this.#file?.close()
    this.#file = undefined
  }

  async #writeAll(): Promise<void> {
    // those of this turn go together
    await Promise.resolve()
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0)
      this.#batch = batch
      try {
        await this.#write(batch.map((w) => formatLine(w.entry)))
        for (const { done } of batch) done()
      } catch (cause) {
        await this.#abandon()
        const error = new StateError(`${this.#path}: can't be written`, { cause })
        for (const { done } of batch) done(error)
      } finally {
        this.#batch = []
      }
    }
    // in the same turn as the look at what waits: whoever comes next starts another
    this.#writing = undefined
  }

  async #write(lines: readonly string[]): Promise<void> {
    await this.ready()
    if (this.#lines > 2 * this.#count() + STALE_LIMIT) await this.#compact()
    const file = this.#file
    if (file === undefined) throw new StateError(`${this.#path}: not open`)
    const bytes = Buffer.from(lines.join(''))
    await file.appendFile(bytes)
    await file.datasync()
    this.#size += bytes.length
    this.#lines += lines.length
    await this.#requireAlone(file)
  }

  /** Throws StateError when the file has more in it than this object put there, or isn't the one of its name any more. */
  async #requireAlone(file: FileHandle): Promise<void> {
    const [own, named] = await Promise.all([file.stat(), stat(this.#path)])
    if (own.ino !== named.ino || own.dev !== named.dev || own.size !== this.#size) {
      throw new StateError(`${this.#path}: written by another process`)
    }
  }

  /** The file, with only what still matters. */
  async #compact(): Promise<void> {
    if (this.#file !== undefined) await this.#requireAlone(this.#file)
    const entries: Entry[] = []
    for (const [key, digests] of this.#spent) {
      const [rule = '', account = ''] = JSON.parse(key) as string[]
      for (const [digest, { at, wei }] of digests) {
        entries.push({ at, spent: { rule, account, digest, wei: wei.toString() } })
      }
    }
    for (const [id, { expires, attempt }] of this.#permits) {
      entries.push({ at: 0, permit: { id, expires, ...(attempt === undefined ? {} : { attempt }) } })
    }
    const lines = entries.map(formatLine)
    await this.#abandon()
    await writeFileAtomic(this.#path, lines.join(''), { force: true })
    this.#file = await open(this.#path, constants.O_RDWR | constants.O_APPEND)
    this.#lines = lines.length
    this.#size = Buffer.byteLength(lines.join(''))
  }

  /** The next write opens it again and reads what is there. */
  async #abandon(): Promise<void> {
    const file = this.#file
    this.#file = undefined
    await file?.close().catch(() => undefined)
  }

  async #content(): Promise<string> {
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NONBLOCK
    const file = await naming(this.#path, () => open(this.#path, flags, 0o600))
    try {
      const { size, mode } = await file.stat()
      if (size > FILE_LIMIT) throw new StateError(`${this.#path}: expected at most ${FILE_LIMIT} bytes`)
      if ((mode & 0o077) !== 0) throw new StateError(`${this.#path}: expected a file that only its owner can use`)
      return await file.readFile('utf8')
    } finally {
      await file.close()
    }
  }

  #broken(line: number): never {
    throw new StateError(`${this.#path}: line ${line} is damaged; see docs/policy.md before you change or remove it`)
  }

  #apply({ at, spent, permit }: Entry): void {
    if (permit !== undefined) {
      const { id, attempt } = permit
      const expires = Math.max(permit.expires, this.#permits.get(id)?.expires ?? 0)
      // an attempt that has come again does not come once more
      this.#permits.set(id, { expires, attempt })
    }
    if (spent === undefined) return
    const key = keyOf(spent.rule, spent.account)
    const digests = this.#spent.get(key) ?? new Map<string, { at: number; wei: bigint }>()
    this.#spent.set(key, digests)
    // again at the end: the order is that of time
    digests.delete(spent.digest)
    digests.set(spent.digest, { at, wei: BigInt(spent.wei) })
  }

  /** Takes out what matters no more. */
  #forget(): void {
    const now = this.#now()
    for (const [key, digests] of this.#spent) {
      for (const [digest, { at }] of digests) {
        if (at > now - 2 * DAY_MS) break
        digests.delete(digest)
      }
      if (digests.size === 0) this.#spent.delete(key)
    }
    if (this.#permits.size < this.#nextSweep) return
    for (const [id, { expires }] of this.#permits) {
      if (1000 * expires < now - PERMIT_MEMORY_MS) this.#permits.delete(id)
    }
    this.#nextSweep = 2 * this.#permits.size + 1000
  }

  #count(): number {
    let count = this.#permits.size
    for (const digests of this.#spent.values()) count += digests.size
    return count
  }
}

function keyOf(rule: string, account: string): string {
  return JSON.stringify([rule, account])
}

/** So that a new file is found under its name after a crash. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, constants.O_RDONLY)
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

async function naming<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (e) {
    if (e instanceof StateError) throw e
    const { code } = e as NodeJS.ErrnoException
    throw new StateError(`${path}: can't be used (${code ?? 'unknown error'})`, { cause: e })
  }
}
