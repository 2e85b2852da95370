/**
 * The audit log: one line of JSON for each event, chained. A line holds the hash of the line before it, and the hash of its
 * own text, so that no line can be changed, taken out, put in or moved without breaking the chain at that place. What the
 * chain alone can't show is that lines at the end are missing: for that, its head (number and hash of the last line) is
 * kept in another file, and operators can keep it elsewhere.
 */
import { Buffer } from 'node:buffer'
import { createHash } from 'node:crypto'

export interface Head {
  /** Of the last line, counted from 1; 0 for an empty log. */
  readonly seq: number
  readonly hash: string
}

export const START: Head = { seq: 0, hash: '0'.repeat(64) }

export type Fields = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>

const HASH = /^[0-9a-f]{64}$/
const TAIL = /,"hash":"([0-9a-f]{64})"\}$/

/** Of one line; what reads a log takes no longer one. */
export const LINE_LIMIT = 65_536
/** Of its fields, so that the rest of the line has place. */
const FIELDS_LIMIT = 60_000

/** What fits into a line: when it is too much, lists are given by their length. Undefined when it is too much even so. */
export function fitting(fields: Fields): Fields | undefined {
  const fits = (given: Fields): boolean => Buffer.byteLength(JSON.stringify(given)) <= FIELDS_LIMIT
  if (fits(fields)) return fields
  const counted = Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, Array.isArray(value) ? `${value.length} entries` : value]),
  )
  return fits(counted) ? counted : undefined
}

/** The next line, without its line feed, and the head after it. */
export function link(
  head: Head,
  time: string,
  event: string,
  fields: Fields,
): { readonly line: string; readonly head: Head } {
  const seq = head.seq + 1
  const text = JSON.stringify({ seq, time, previous: head.hash, event, ...fields })
  const hash = digest(text)
  return { line: `${text.slice(0, -1)},"hash":"${hash}"}`, head: { seq, hash } }
}

export type LineProblem =
  | 'no line of an audit log'
  | 'changed'
  | 'out of order'
  | 'not linked to the line before'
  | 'cut off'

/** The head after this line, or what is wrong with it. */
export function follow(head: Head, line: string): Head | LineProblem {
  const found = TAIL.exec(line)
  if (found === null) return 'no line of an audit log'
  const text = `${line.slice(0, found.index)}}`
  const [, hash = ''] = found
  let facts: { readonly seq?: unknown; readonly previous?: unknown }
  try {
    facts = JSON.parse(text) as typeof facts
  } catch {
    return 'no line of an audit log'
  }
  if (digest(text) !== hash) return 'changed'
  if (facts.seq !== head.seq + 1) return 'out of order'
  return facts.previous === head.hash ? { seq: head.seq + 1, hash } : 'not linked to the line before'
}

/** The head that a line says it is; undefined when it is no line of a log. Doesn't look at what came before. */
export function headOf(line: string): Head | undefined {
  try {
    const { seq, previous } = JSON.parse(line) as { readonly seq?: unknown; readonly previous?: unknown }
    if (typeof seq !== 'number' || !Number.isSafeInteger(seq) || seq < 1) return undefined
    if (typeof previous !== 'string' || !HASH.test(previous)) return undefined
    const next = follow({ seq: seq - 1, hash: previous }, line)
    return typeof next === 'string' ? undefined : next
  } catch {
    return undefined
  }
}

export function formatHead({ seq, hash }: Head): string {
  return `${seq} ${hash}\n`
}

/** Undefined when the text is no head. */
export function parseHead(text: string): Head | undefined {
  const found = /^(\d{1,15}) ([0-9a-f]{64})\n?$/.exec(text)
  return found === null ? undefined : { seq: Number(found[1]), hash: found[2] ?? '' }
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
