/** Reads audit logs from their first line on and says where the chain breaks. */
import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { follow, type Head, LINE_LIMIT, parseHead, START } from './chain.ts'
import { headFile } from './writer.ts'

export interface Verified {
  readonly head: Head
  /** Undefined when nothing is wrong. */
  readonly problem: string | undefined
}

/**
 * Several files are one log, the oldest first. With `expected`, the log must hold that line with that hash; without it, the
 * head file beside the last file is compared when it is there.
 */
export async function verifyAuditLog(paths: readonly string[], expected?: Head): Promise<Verified> {
  let head = START
  const wanted = expected ?? (await keptHead(paths.at(-1) ?? ''))
  let seen = wanted === undefined || wanted.seq === 0
  for (const path of paths) {
    let number = 0
    const lines = createInterface({ input: createReadStream(path, 'utf8'), crlfDelay: Number.POSITIVE_INFINITY })
    try {
      for await (const line of lines) {
        number += 1
        const next = line.length > LINE_LIMIT ? 'no line of an audit log' : follow(head, line)
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

async function keptHead(path: string): Promise<Head | undefined> {
  try {
    return parseHead(await readFile(headFile(path), 'utf8'))
  } catch {
    return undefined
  }
}
