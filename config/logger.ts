/**
 * The logger of every program: one JSON object a line, or one plain line for people. Daemons log to standard output,
 * command line programs to standard error. Written synchronously, so that the last line before an exit is not lost.
 */
import { type DestinationStream, type Logger, destination as openDestination, pino, stdTimeFunctions } from 'pino'
import type { LogFormat, LogLevel } from './fields.ts'

export type { Logger } from 'pino'

export interface LoggerOptions {
  readonly name: string
  readonly level: LogLevel
  readonly format: LogFormat
  /** A standard stream, or anything that takes finished lines. */
  readonly destination: 'stdout' | 'stderr' | { write(line: string): void }
}

const LEVEL_NAMES: Readonly<Record<string, string>> = {
  trace: 'TRACE',
  debug: 'DEBUG',
  info: 'INFO ',
  warn: 'WARN ',
  error: 'ERROR',
  fatal: 'FATAL',
}

export function createLogger({ name, level, format, destination }: LoggerOptions): Logger {
  const stream = typeof destination === 'string' ? standardStream(destination) : destination
  return pino(
    {
      level,
      base: { name },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    format === 'json' ? stream : { write: (line: string) => stream.write(prettyLine(line)) },
  )
}

function standardStream(which: 'stdout' | 'stderr'): DestinationStream {
  return openDestination({ dest: which === 'stdout' ? 1 : 2, sync: true })
}

/** `12:00:00.000 INFO  sign-gateway: listening url=http://…`; fields that aren't text, numbers or booleans as JSON. */
export function prettyLine(json: string): string {
  const { time, level, name, msg, ...fields } = JSON.parse(json) as Record<string, unknown>
  const clock = String(time ?? '').slice(11, 23)
  const label = LEVEL_NAMES[String(level)] ?? String(level)
  const rest = Object.entries(fields).map(([key, value]) => ` ${key}=${prettyValue(value)}`)
  return `${clock} ${label} ${String(name)}: ${oneLine(String(msg ?? ''))}${rest.join('')}\n`
}

function prettyValue(value: unknown): string {
  if (typeof value === 'string') return /^[^\s"\p{C}]+$/u.test(value) ? value : JSON.stringify(value)
  return JSON.stringify(value)
}

/** Control characters out, so that a message can't forge a second line or colour the terminal. */
function oneLine(message: string): string {
  return message.replace(/\p{Cc}+/gu, ' ')
}
