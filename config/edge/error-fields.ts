/**
 * What the log says of an exception: its name, its code, and where it happened. Not its message and none of its own
 * fields: those quote what could not be handled, which may be an address with a token in it or a piece of a body.
 */
export interface ErrorFields {
  readonly error: string
  readonly code?: string
  readonly at?: readonly string[]
}

const MAX_FRAMES = 8

export function errorFields(error: unknown): ErrorFields {
  if (!(error instanceof Error)) return { error: typeof error }
  const { code } = error as NodeJS.ErrnoException
  // The stack begins with the message, which may have lines of its own; a frame is all that looks like one.
  const at = (error.stack ?? '')
    .replace(error.message, '')
    .split('\n')
    .flatMap((line) => /^ {4}at ((?:async )?[\w$.<> [\]]*\(?(?:file:|node:|\/)[^\s()]+\)?)$/.exec(line)?.[1] ?? [])
    .slice(0, MAX_FRAMES)
  return {
    error: error.constructor.name,
    ...(typeof code === 'string' && /^[A-Z][A-Z0-9_]{0,63}$/.test(code) && { code }),
    ...(at.length > 0 && { at }),
  }
}
