/**
 * What a token can allow, and in which rooms.
 *
 * A room pattern is an id exactly as it is compared everywhere else (decoded once, code point by code point, case
 * counts), or the beginning of ids with one `*` at the end; `*` alone is every room. Nothing else is a pattern: a language
 * of patterns is a language to make mistakes in.
 */
import { z } from 'zod'
import type { Action } from '../hooks.ts'

export const RIGHTS = ['subscribe', 'publish', 'index', 'state', 'create', 'remove', 'status'] as const
export type Right = (typeof RIGHTS)[number]

const MAX_PATTERNS = 1_000
const MAX_PATTERN_LENGTH = 1_024

export const rightsSchema = z
  .array(z.enum(RIGHTS, { error: `expected rights among ${RIGHTS.join(', ')}` }), {
    error: 'expected a list of rights',
  })
  .max(RIGHTS.length, { error: 'expected each right once' })

export const roomsSchema = z
  .array(
    z
      .string({ error: 'expected room ids' })
      .min(1, { error: 'expected room ids' })
      .max(MAX_PATTERN_LENGTH, { error: `expected at most ${MAX_PATTERN_LENGTH} characters` })
      .refine((pattern) => !pattern.slice(0, -1).includes('*'), { error: 'expected * at the end only' }),
    { error: 'expected a list of room ids' },
  )
  .max(MAX_PATTERNS, { error: `expected at most ${MAX_PATTERNS} rooms` })

/** What somebody may do who showed a token. */
export interface Identity {
  /** For limits and the log; undefined when the token names nobody. */
  readonly caller: string | undefined
  readonly rights: ReadonlySet<Right>
  readonly rooms: readonly string[]
  /** By the clock of the day; undefined for a token without end. */
  readonly expiresAtMs: number | undefined
}

export function matchesRoom(patterns: readonly string[], roomId: string): boolean {
  return patterns.some((pattern) =>
    pattern.endsWith('*') ? roomId.startsWith(pattern.slice(0, -1)) : roomId === pattern,
  )
}

export function allows({ rights, rooms }: Identity, right: Right, roomId: string): boolean {
  // the status page belongs to no room
  return rights.has(right) && (right === 'status' || matchesRoom(rooms, roomId))
}

/** An operator may look at private rooms and remove them, but neither read them nor write into them. */
export function isOperator({ rights, rooms }: Identity, action: Action): boolean {
  return (action === 'state' || action === 'remove') && rights.has(action) && rooms.includes('*')
}
