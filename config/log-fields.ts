/**
 * An allow list for the fields of log lines. A field that is not on it does not reach a line, nor does a value that could
 * bring others along: text, finite numbers, booleans, and lists of these are all that is written, and text is cut.
 */

type Plain = string | number | boolean
type Fields = Readonly<Record<string, unknown>>

export const TEXT_LIMIT = 1000
export const LIST_LIMIT = 100

/** What is left of an object with these names. */
export function onlyFields(names: readonly string[]): (fields: Fields) => Record<string, Plain | readonly Plain[]> {
  const allowed = new Set(names)
  return (fields) => {
    const kept: Record<string, Plain | readonly Plain[]> = {}
    for (const name of Object.keys(fields)) {
      const value = allowed.has(name) ? keptOf(fields[name]) : undefined
      if (value !== undefined) kept[name] = value
    }
    return kept
  }
}

function keptOf(value: unknown): Plain | readonly Plain[] | undefined {
  if (!Array.isArray(value)) return plainOf(value)
  return value.slice(0, LIST_LIMIT).flatMap((item) => plainOf(item) ?? [])
}

function plainOf(value: unknown): Plain | undefined {
  if (typeof value === 'string') return value.slice(0, TEXT_LIMIT)
  if (typeof value === 'boolean' || Number.isFinite(value)) return value as Plain
  return undefined
}
