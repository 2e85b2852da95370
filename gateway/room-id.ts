/**
 * Room ids: percent-decoded exactly once, then visible characters only.
 *
 * Ids are compared code point by code point. Two ids that look alike would be two rooms, so what can't be seen (control,
 * format and ignorable characters, every kind of space) is refused; `%2F`, a backslash, `.` and `..` are refused because
 * proxies rewrite paths that have them.
 */
const VISIBLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S}]+$/u
/** What most ids are made of; nothing in them needs decoding or a closer look. */
const PLAIN = /^[A-Za-z0-9_-]+$/
const REFUSED = /[/\\\p{Default_Ignorable_Code_Point}]/u

/** The id in a raw path segment, or undefined when it isn't one. `maxLength` counts characters (code points). */
export function parseRoomId(segment: string, maxLength: number): string | undefined {
  if (segment.length <= maxLength && PLAIN.test(segment)) return segment
  // No character is longer than 12 in percent-encoded form; refuse before decoding.
  if (segment.length > maxLength * 12) return undefined
  const id = decodeOnce(segment)
  if (id === undefined || id === '.' || id === '..') return undefined
  if (!VISIBLE.test(id) || REFUSED.test(id)) return undefined
  return Array.from(id).length <= maxLength ? id : undefined
}

function decodeOnce(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment)
  } catch {
    return undefined
  }
}
