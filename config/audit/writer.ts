/**
 * Appends to the audit log. A line is on the disk when `append` resolves; lines that come at the same time share one
 * fsync. The head is written after them, so it is never ahead of the log.
 *
 * A line that a crash cut off was never confirmed to anybody: it is taken off at the next start, and that is recorded.
 */
import { type FileHandle, mkdir, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type Fields, fitting, formatHead, type Head, headOf, LINE_LIMIT, link, parseHead, START } from './chain.ts'

export interface AuditLog {
  readonly head: Head
  /**
   * Rejects with AuditError when the line could not be made durable; no later line is taken then. Also for fields that are
   * too long for a line, without harm to later ones; lists that are too long are recorded by their length.
   */
  append(event: string, fields: Fields): Promise<void>
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
    heads = await open(headFile(path), 'a+', 0o600)
  } catch (e) {
    throw new AuditError(`${path}: can't be opened (${codeOf(e)})`)
  }
  const found = await lastLine(file, path)
  let head = found.head
  const known = parseHead(await heads.readFile('utf8'))
  if (known !== undefined && (known.seq > head.seq || (known.seq === head.seq && known.hash !== head.hash))) {
    throw new AuditError(`${path}: ends before line ${known.seq}, which ${headFile(path)} knows: lines are missing`)
  }

  let waiting: Waiting[] = []
  let writing: Promise<void> | undefined
  let failed: AuditError | undefined

  const write = async (): Promise<void> => {
    while (waiting.length > 0) {
      const batch = waiting
      waiting = []
      let next = head
      const lines = batch.map(({ event, fields, time }) => {
        const made = link(next, time, event, fields)
        next = made.head
        return `${made.line}\n`
      })
      try {
        await file.appendFile(lines.join(''))
        await file.datasync()
        head = next
        await heads.truncate(0)
        await heads.appendFile(formatHead(head))
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
