/**
 * A line of the journal: one request that may be signed, with the checksum that tells it from a damaged one.
 *
 *   <8 hex digits of SHA-256> {"at":…,"spent":{…},"permit":{…}}\n
 */
import { createHash } from 'node:crypto'
import { z } from 'zod'

const entrySchema = z.strictObject({
  at: z.number().int().nonnegative(),
  spent: z
    .strictObject({ rule: z.string(), account: z.string(), digest: z.string(), wei: z.string().regex(/^[0-9]{1,78}$/) })
    .optional(),
  /** `attempt` names the request that has used it, as long as that may come again as a signature from the start. */
  permit: z
    .strictObject({ id: z.string(), expires: z.number().int().nonnegative(), attempt: z.string().optional() })
    .optional(),
})

/** One request that may be signed. */
export type Entry = z.infer<typeof entrySchema>

export function formatLine(entry: Entry): string {
  const json = JSON.stringify(entry)
  return `${checksum(json)} ${json}\n`
}

/** Undefined when it is damaged. */
export function parseLine(line: string): Entry | undefined {
  const [sum, json] = [line.slice(0, 8), line.slice(9)]
  if (line[8] !== ' ' || checksum(json) !== sum) return undefined
  try {
    return entrySchema.safeParse(JSON.parse(json)).data
  } catch {
    return undefined
  }
}

function checksum(json: string): string {
  return createHash('sha256').update(json).digest('hex').slice(0, 8)
}
