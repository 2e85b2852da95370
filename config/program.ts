/**
 * A program's command line: commander, with every mistake as one line on standard error and exit code 2, whoever finds
 * it, and the table of exit codes below every `--help`.
 */
import { Command, CommanderError } from 'commander'
import { EXIT_CODES_HELP, EXIT_INTERRUPTED, EXIT_OK, EXIT_USAGE } from './exit-codes.ts'
import { CommandError, failureOf, failureText, oneLine } from './failure.ts'
import { ConfigError } from './load.ts'
import type { OutputStream } from './terminal.ts'

/** What a program gets from its process. */
export interface Host {
  /** Arguments without the program's name. */
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean | undefined }
  readonly stdout: OutputStream
  readonly stderr: OutputStream & NodeJS.WritableStream
  /** Aborts when the process is asked to end. */
  readonly signal: AbortSignal
  /** Called each time the process is asked to read its files again (SIGHUP). Without a listener that ends it. */
  onReload?(listener: () => void): void
}

/**
 * Runs the command that the arguments name and resolves with the exit code; never rejects. The actions get flags only:
 * `define` closes over the host.
 */
export async function runProgram(name: string, host: Host, define: (program: Command) => void): Promise<number> {
  const program = new Command(name)
    .exitOverride()
    .helpCommand(false)
    .addHelpText('afterAll', EXIT_CODES_HELP)
    .configureOutput({
      writeOut: (text) => host.stdout.write(text),
      // what goes wrong is told below, in one line
      writeErr: () => {},
      outputError: () => {},
    })
  define(program)
  try {
    await program.parseAsync([...host.argv], { from: 'user' })
    return EXIT_OK
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT_OK
    if (host.signal.aborted) {
      host.stderr.write(failureText(name, { message: 'interrupted', hint: undefined }))
      return EXIT_INTERRUPTED
    }
    if (error instanceof CommanderError) {
      host.stderr.write(failureText(name, { message: parseProblem(error, program), hint: `see ${name} --help` }))
      return EXIT_USAGE
    }
    const failure = failureOf(error)
    host.stderr.write(failureText(name, failure))
    return failure.exitCode
  }
}

function parseProblem(error: CommanderError, program: Command): string {
  if (error.code === 'commander.help') {
    return `expected a command: ${program.commands.map((c) => c.name()).join(', ')}`
  }
  // What follows an = was meant as a value, and values aren't repeated.
  return oneLine(error.message.replace(/^error: /, '').replace(/=[^'\n]*'/g, "'"))
}

/** A flag with one value that may be given once: the second of two would win without a word. */
export function addOption(command: Command, flags: string, description: string): Command {
  const name = /--[a-z-]+/.exec(flags)?.[0] ?? flags
  let given = false
  return command.option(flags, description, (value: string) => {
    if (given) throw new CommandError(`${name}: expected once`)
    given = true
    return value
  })
}

/** A flag that may be given again and again. */
export function addListOption(command: Command, flags: string, description: string): Command {
  return command.option(flags, description, (value: string, before: readonly string[] = []) => [...before, value])
}

/** The flag's value as a whole number, `fallback` when it wasn't given. Throws CommandError naming the flag. */
export function wholeNumber(
  flag: string,
  text: string | undefined,
  min: number,
  max: number,
  fallback: number,
): number {
  if (text === undefined) return fallback
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN
  if (!(value >= min && value <= max)) throw new CommandError(`${flag}: expected a whole number from ${min} to ${max}`)
  return value
}

/** Throws CommandError naming the flag when a flag that must be there isn't. */
export function required<T>(flag: string, value: T | undefined, hint?: string): T {
  if (value === undefined) throw new CommandError(`${flag}: expected, but not given`, hint)
  return value
}

/** Runs a loader; what it finds wrong on the command line is told by the flag's name instead of the key's. */
export function namingFlags<T>(flags: Readonly<Record<string, string>>, load: () => T): T {
  try {
    return load()
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const [, key, rest] = /^command line: ([a-z_]+\.[a-z_]+)[.\d]*: (.*)$/.exec(error.message) ?? []
    const flag = key === undefined ? undefined : flags[key]
    if (flag === undefined || rest === undefined) throw error
    throw new CommandError(`${flag}: ${rest}`)
  }
}
