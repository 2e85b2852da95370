/**
 * The logger of every program: one JSON object a line, or one plain line for people. Daemons log to standard output,
 * command line programs to standard error. Written synchronously, so that the last line before an exit is not lost.
 */
import {
  type DestinationStream,
  type LogFn,
  type Logger,
  destination as openDestination,
  pino,
  stdTimeFunctions,
} from 'pino'
import type { LogFormat, LogLevel } from './fields.ts'
import { onlyFields } from './log-fields.ts'

export type { Logger } from 'pino'

export interface LoggerOptions {
  readonly name: string
  readonly level: LogLevel
  readonly format: LogFormat
  /** A standard stream, or anything that takes finished lines. */
  readonly destination: 'stdout' | 'stderr' | { write(line: string): void }
  /** What a line may have besides time, level, name and message; anything else is left out (log-fields.ts). All when absent. */
  readonly fields?: readonly string[]
  /** Fields of every line that is written now: ids of what is going on. */
  readonly current?: () => Readonly<Record<string, unknown>>
}

const LEVEL_NAMES: Readonly<Record<string, string>> = {
  trace: 'TRACE',
  debug: 'DEBUG',
  info: 'INFO ',
  warn: 'WARN ',
  error: 'ERROR',
  fatal: 'FATAL',
}

export function createLogger({ name, level, format, destination, fields, current }: LoggerOptions): Logger {
  const stream = typeof destination === 'string' ? standardStream(destination) : destination
  const pick = fields === undefined ? undefined : onlyFields(fields)
  const logger: Logger = pino(
    {
      level,
      base: { name },
      timestamp: stdTimeFunctions.isoTime,
      formatters: {
        level: (label) => ({ level: label }),
        // sees what `mixin` adds as well
        ...(pick && { log: pick }),
      },
      ...(current && { mixin: () => ({ ...current() }) }),
      ...(pick && { hooks: { logMethod: withoutErrors } }),
    },
    format === 'json' ? stream : { write: (line: string) => stream.write(prettyLine(line)) },
  )
  if (pick !== undefined) {
    // of a child, and its children, only what a line may have as well
    const { child } = logger
    Object.assign(logger, {
      child(this: Logger, bindings: Readonly<Record<string, unknown>>): Logger {
        return child.call(this, pick(bindings)) as unknown as Logger
      },
    })
  }
  return logger
}

/** pino takes the message of an error for that of the line, which no list of fields would see. */
function withoutErrors(this: Logger, args: Parameters<LogFn>, method: LogFn): void {
  const [first, ...rest] = args as unknown[]
  method.apply(this, (first instanceof Error ? [{}, 'an error', ...rest.slice(1)] : args) as Parameters<LogFn>)
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
