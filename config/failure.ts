/**
 * Any error as one line for a terminal, at most one line of advice, and an exit code.
 *
 * Errors with a known `code` were written for people and hold no secrets. Of everything else only the kind is told:
 * its message was written by somebody who didn't know what it would be shown with. Stack traces are never shown.
 */
import { EXIT_INTERNAL, exitCodeFor } from './exit-codes.ts'

/** A mistake on the command line. `hint` is what to do about it. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
  readonly code = 'USAGE'
  readonly hint: string | undefined
  constructor(message: string, hint?: string) {
    super(message)
    this.hint = hint
  }
}

/** The error, with a line of advice for `failureOf`. */
export function withHint<E extends Error>(error: E, hint: string): E & { readonly hint: string } {
  return Object.assign(error, { hint })
}

export interface Failure {
  readonly exitCode: number
  readonly message: string
  readonly hint: string | undefined
}

const LINE_LIMIT = 1000

export function failureOf(error: unknown): Failure {
  const { code, hint, message } = partsOf(error)
  const exitCode = exitCodeFor(code)
  if (exitCode === EXIT_INTERNAL && code !== 'INTERNAL') {
    return { exitCode, message: `internal error (${kindOf(error)})`, hint: undefined }
  }
  const shown = oneLine(`${typeof message === 'string' ? message : ''}${blame(error)}`)
  return { exitCode, message: shown, hint: typeof hint === 'string' ? oneLine(hint) : undefined }
}

/** `name: message`, and `hint: …` below it when there is one. */
export function failureText(name: string, { message, hint }: Pick<Failure, 'message' | 'hint'>): string {
  return `${name}: ${message}\n${hint === undefined ? '' : `hint: ${hint}\n`}`
}

/** Control and format characters out, so that no text from outside can start a line or steer the terminal. */
export function oneLine(text: string): string {
  const line = text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]+/gu, ' ').trim()
  return line.length > LINE_LIMIT ? `${line.slice(0, LINE_LIMIT)}…` : line
}

interface Parts {
  readonly code: string | undefined
  readonly message?: unknown
  readonly hint?: unknown
  readonly faults?: unknown
}

function partsOf(error: unknown): Parts {
  if (!(error instanceof Error)) return { code: undefined }
  const { code, hint, faults } = error as {
    readonly code?: unknown
    readonly hint?: unknown
    readonly faults?: unknown
  }
  return { code: typeof code === 'string' ? code : undefined, message: error.message, hint, faults }
}

/** Who broke a protocol, as far as the message doesn't say so already. */
function blame(error: unknown): string {
  const { code, message, faults } = partsOf(error)
  if (code !== 'ABORT' || !Array.isArray(faults)) return ''
  if (faults.length === 0) return '; nobody can be named'
  const names = new Set(faults.map((f: { readonly culprit: string }) => f.culprit))
  const unnamed = [...names].filter((name) => typeof message !== 'string' || !message.includes(name))
  return unnamed.length === 0 ? '' : `; at fault: ${unnamed.join(', ')}`
}

/** The error's class, and the system's code where there is one: names from code, never values. */
function kindOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  const { code } = error as { readonly code?: unknown }
  const kind = error.constructor.name
  return typeof code === 'string' && /^[A-Z][A-Z0-9_]{1,40}$/.test(code) ? `${kind}, ${code}` : kind
}
