/**
 * Appends to the audit log. A line is on the disk when `append` resolves; lines that come at the same time share one
 * fsync. The head is written after them, so it is never ahead of the log.
 *
 * A line that a crash cut off was never confirmed to anybody: it is taken off at the next start, and that is recorded.
 *
 * A file that was moved away is gone on with in a new one, on demand: its first line follows the last one of the old.
 */
import { constants, writeSync } from 'node:fs'
import { type FileHandle, mkdir, open, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type Fields, fitting, formatHead, type Head, headOf, LINE_LIMIT, link, parseHead, START } from './chain.ts'

export interface AuditLog {
  readonly head: Head
  /**
   * Rejects with AuditError when the line could not be made durable; no later line is taken then. Also for fields that are
   * too long for a line, without harm to later ones; lists that are too long are recorded by their length.
   */
  append(event: string, fields: Fields): Promise<void>
  /** Begins a new file if the old one was moved away. Rejects with AuditError when that can't be; the old one goes on then. */
  reopen(): Promise<void>
  close(): Promise<void>
}

/** The message names the file and what is wrong; nothing of what was to be written. */
export class AuditError extends Error {
  override readonly name = 'AuditError'
}

interface Waiting {
  readonly event: string
  readonly fields: Fields
  readonly time: string
  resolve(): void
  reject(error: Error): void
}

export function headFile(path: string): string {
  return `${path}.head`
}

/** Opens or makes the log, 0600. AuditError when its end is no line of a log, or the head knows lines that are not there. */
export async function openAuditLog(path: string, now: () => Date = () => new Date()): Promise<AuditLog> {
  let file: FileHandle
  let heads: FileHandle
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    file = await open(path, 'a+', 0o600)
    heads = await open(headFile(path), constants.O_RDWR | constants.O_CREAT, 0o600)
  } catch (e) {
    throw new AuditError(`${path}: can't be opened (${codeOf(e)})`)
  }
  const found = await lastLine(file, path)
  let head = found.head
  const known = parseHead(await heads.readFile('utf8'))
  if (known !== undefined && (known.seq > head.seq || (known.seq === head.seq && known.hash !== head.hash))) {
    throw new AuditError(
      `${path}: ends before line ${known.seq}, which ${headFile(path)} knows: lines are missing, or the file was moved away`,
    )
  }
  if (known === undefined) await heads.truncate(0)

  let waiting: Waiting[] = []
  let reopening: Pick<Waiting, 'resolve' | 'reject'>[] = []
  let writing: Promise<void> | undefined
  let failed: AuditError | undefined

  const reopen = async (): Promise<void> => {
    const asked = reopening
    reopening = []
    try {
      const next = await successor(file, path)
      if (next !== undefined) {
        // before what waits: the first line says that this is no beginning
        waiting.unshift({ event: 'log continued', fields: {}, time: now().toISOString(), resolve() {}, reject() {} })
        await file.close()
        file = next
      }
      for (const each of asked) each.resolve()
    } catch (e) {
      const problem = e instanceof AuditError ? e : new AuditError(`${path}: can't be opened (${codeOf(e)})`)
      for (const each of asked) each.reject(problem)
    }
  }
  const write = async (): Promise<void> => {
    while (waiting.length > 0 || reopening.length > 0) {
      if (reopening.length > 0) await reopen()
      if (waiting.length === 0) continue
      const batch = waiting
      waiting = []
      let next = head
      const lines = batch.map(({ event, fields, time }) => {
        const made = link(next, time, event, fields)
        next = made.head
        return `${made.line}\n`
      })
      try {
        writeAll(file, lines.join(''))
        await file.datasync()
        head = next
        // over the old one, which is never longer: there is no moment without a head
        writeAll(heads, formatHead(head), 0)
        for (const w of batch) w.resolve()
      } catch (e) {
        failed = new AuditError(`${path}: can't be written (${codeOf(e)})`)
        for (const w of [...batch, ...waiting]) w.reject(failed)
        waiting = []
      }
    }
    writing = undefined
  }

  const log: AuditLog = {
    get head() {
      return head
    },
    append(event, fields) {
      if (failed !== undefined) return Promise.reject(failed)
      const fits = fitting(fields)
      if (fits === undefined) return Promise.reject(new AuditError(`${path}: too much for one line`))
      return new Promise((resolve, reject) => {
        waiting.push({ event, fields: fits, time: now().toISOString(), resolve, reject })
        // lines of one turn go together
        writing ??= Promise.resolve().then(write)
      })
    },
    reopen: () =>
      failed !== undefined
        ? Promise.reject(failed)
        : new Promise((resolve, reject) => {
            reopening.push({ resolve, reject })
            writing ??= Promise.resolve().then(write)
          }),
    async close() {
      await writing
      await heads.datasync().catch(() => undefined)
      await file.close()
      await heads.close()
    },
  }
  if (found.cutBytes > 0) await log.append('log repaired', { cutBytes: found.cutBytes })
  return log
}

/**
 * Here and not in another thread: into memory it is far less work than the way there and back, twice for a signature. What
 * waits for the disk is `datasync`.
 */
function writeAll({ fd }: FileHandle, text: string, at?: number): void {
  const bytes = Buffer.from(text)
  for (let done = 0; done < bytes.length; ) {
    done += writeSync(fd, bytes, done, bytes.length - done, at === undefined ? null : at + done)
  }
}

/** A new file when there is none any more where the old one was; undefined while it is still there. */
async function successor(old: FileHandle, path: string): Promise<FileHandle | undefined> {
  const before = await old.stat()
  const found = await stat(path).catch((e: unknown) => {
    if (codeOf(e) === 'ENOENT') return undefined
    throw e
  })
  if (found?.ino === before.ino && found.dev === before.dev) return undefined
  if (found !== undefined) throw new AuditError(`${path}: is another file now; expected none after a rotation`)
  const file = await open(path, 'ax+', 0o600)
  const folder = await open(dirname(path))
  await folder.sync().finally(() => folder.close())
  return file
}

/** The head of the log; what a crash left of an unfinished line is cut off. */
async function lastLine(file: FileHandle, path: string): Promise<{ readonly head: Head; readonly cutBytes: number }> {
  const { size } = await file.stat()
  const length = Math.min(size, LINE_LIMIT)
  const { buffer } = await file.read({ buffer: Buffer.alloc(length), position: size - length })
  const end = buffer.lastIndexOf(0x0a) + 1
  const cutBytes = length - end
  if (cutBytes > 0 && end === 0 && size > LINE_LIMIT) throw new AuditError(`${path}: its last line is too long`)
  if (cutBytes > 0) await file.truncate(size - cutBytes)
  if (size - cutBytes === 0) return { head: START, cutBytes }
  const line = buffer.subarray(0, end - 1)
  const head = headOf(line.subarray(line.lastIndexOf(0x0a) + 1).toString('utf8'))
  if (head === undefined) throw new AuditError(`${path}: its last line is no line of an audit log`)
  return { head, cutBytes }
}

function codeOf(e: unknown): string {
  return (e as NodeJS.ErrnoException).code ?? 'unknown error'
}
