/** What the scripts answer, and what of it is a refusal. */
import type { Logger } from '../../config/logger.ts'
import { type Refusal, refusals } from '../refusal.ts'
import type { Reply } from './connection.ts'
import { AwayError } from './link-errors.ts'

/** Every script but PUBLISH answers with a list that begins with a word. */
export type Answer = readonly [string, ...Reply[]]

const REFUSALS: Readonly<Record<string, () => Refusal>> = {
  private: refusals.privateRoom,
  gone: refusals.roomGone,
  full: refusals.roomFull,
  reused: refusals.idempotencyKeyReused,
  exists: refusals.roomExists,
  'not owner': refusals.notTheOwner,
}

/** Undefined for a word that refuses nothing. */
export function refusalOf(word: string): Refusal | undefined {
  return REFUSALS[word]?.()
}

export function answerOf(reply: Reply): Answer {
  const [word, ...rest] = listOf(reply)
  return [String(word), ...rest]
}

export function listOf(reply: Reply | undefined): readonly Reply[] {
  if (!Array.isArray(reply)) throw new Error('unexpected answer of a script')
  return reply as readonly Reply[]
}

/** Redis said no, or nothing. Its own words stay in the log. */
export function failure(error: unknown, logger: Logger): Refusal {
  if (error instanceof AwayError) return refusals.storeUnavailable()
  const message = error instanceof Error ? error.message : ''
  if (message.startsWith('OOM')) return refusals.gatewayFull()
  return scriptFailed(/^[A-Z]{2,20}\b/.exec(message)?.[0] ?? 'unknown', logger)
}

export function scriptFailed(code: string, logger: Logger): Refusal {
  logger.error({ code }, 'Redis refused a script')
  return refusals.storeUnavailable()
}
