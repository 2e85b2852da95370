/**
 * Reads audit logs from their first line on and says where the chain breaks. Bytes are compared, not text: a carriage return,
 * or a byte that stands for the same sign, is a change. A log that is being written to can be read as well.
 */
import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { follow, type Head, LINE_LIMIT, parseHead, START } from './chain.ts'
import { headFile } from './writer.ts'

export interface Verified {
  readonly head: Head
  /** Undefined when nothing is wrong. */
  readonly problem: string | undefined
}

export interface VerifyOptions {
  /** The log must hold this line; without it, the head file beside the last file is compared when it is there. */
  readonly expected?: Head | undefined
  /** The head of the files before, where those are elsewhere. */
  readonly after?: Head | undefined
  /** Between looks for the rest of a line that is being written now. */
  readonly restMs?: number
}

const REST_MS = 100
const REST_TRIES = 5
const LINE_FEED = 0x0a

/** Several files are one log, the oldest first. */
export async function verifyAuditLog(paths: readonly string[], o: VerifyOptions = {}): Promise<Verified> {
  let head = o.after ?? START
  // before the log: what is written in between is more than the head knows, and never less
  const wanted = o.expected ?? (await keptHead(paths.at(-1) ?? ''))
  let seen = wanted === undefined || wanted.seq <= head.seq
  for (const path of paths) {
    let number = 0
    try {
      for await (const line of linesOf(path, o.restMs ?? REST_MS)) {
        number += 1
        const next = typeof line === 'string' ? line : followBytes(head, line)
        if (typeof next === 'string') return { head, problem: `${path}: line ${number}: ${next}` }
        head = next
        if (wanted !== undefined && head.seq === wanted.seq) {
          if (head.hash !== wanted.hash)
            return { head, problem: `${path}: line ${number}: not the line that was expected` }
          seen = true
        }
      }
    } catch (e) {
      return { head, problem: `${path}: can't be read (${(e as NodeJS.ErrnoException).code ?? 'unknown error'})` }
    }
  }
  const problem = seen
    ? undefined
    : `ends at line ${head.seq}, expected line ${wanted?.seq}: lines are missing at the end`
  return { head, problem }
}

function followBytes(head: Head, line: Buffer): ReturnType<typeof follow> {
  if (line.length > LINE_LIMIT) return 'no line of an audit log'
  const text = line.toString('utf8')
  return Buffer.from(text).equals(line) ? follow(head, text) : 'changed'
}

/** Each line without its line feed; what is wrong with the last one when it has none. */
async function* linesOf(path: string, restMs: number): AsyncGenerator<Buffer | 'cut off'> {
  let rest: Buffer = Buffer.alloc(0)
  let read = 0
  for (let tries = 0; tries === 0 || (rest.length > 0 && tries <= REST_TRIES); tries++) {
    if (tries > 0) await new Promise((resolve) => setTimeout(resolve, restMs))
    for await (const chunk of createReadStream(path, { start: read })) {
      read += (chunk as Buffer).length
      rest = Buffer.concat([rest, chunk as Buffer])
      for (let end = rest.indexOf(LINE_FEED); end !== -1; end = rest.indexOf(LINE_FEED)) {
        yield rest.subarray(0, end)
        rest = rest.subarray(end + 1)
      }
      if (rest.length > LINE_LIMIT) yield rest
    }
  }
  if (rest.length > 0) yield 'cut off'
}

async function keptHead(path: string): Promise<Head | undefined> {
  try {
    return parseHead(await readFile(headFile(path), 'utf8'))
  } catch {
    return undefined
  }
}
