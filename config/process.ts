/**
 * A program as a process: standard streams, signals, and an end that waits for nothing but its own output.
 *
 * The first SIGINT or SIGTERM asks the program to end, the second ends it at once. An error that nobody caught is one
 * line like any other.
 */
import process from 'node:process'
import { EXIT_INTERNAL, EXIT_INTERRUPTED } from './exit-codes.ts'
import { failureOf, failureText } from './failure.ts'
import type { Host } from './program.ts'

export interface MainOptions {
  /**
   * End an interrupted process by the signal itself. Node waits at its exit for primes that OpenSSL is searching, which
   * can take minutes; a shell shows 130 for SIGINT either way.
   */
  readonly diesOfSignal?: boolean
  /** Ends the process this long after it was asked to, whatever it is doing. */
  readonly shutdownMs?: number
}

/** Runs the program and ends the process with the exit code that it resolves with. */
export async function runMain(
  name: string,
  program: (host: Host) => Promise<number>,
  { diesOfSignal = false, shutdownMs }: MainOptions = {},
): Promise<void> {
  const asked = new AbortController()
  let received: 'SIGINT' | 'SIGTERM' | undefined
  const dieOf = (signal: 'SIGINT' | 'SIGTERM'): void => {
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  }
  const onSignal = (signal: 'SIGINT' | 'SIGTERM'): void => {
    if (received !== undefined) {
      dieOf(signal)
      return
    }
    received = signal
    if (shutdownMs !== undefined) setTimeout(() => process.exit(EXIT_INTERNAL), shutdownMs).unref()
    asked.abort()
  }
  process.on('SIGINT', () => onSignal('SIGINT'))
  process.on('SIGTERM', () => onSignal('SIGTERM'))
  const onUncaught = (error: unknown): void => {
    process.stderr.write(failureText(name, failureOf(error)))
    process.exit(EXIT_INTERNAL)
  }
  process.on('uncaughtException', onUncaught)
  process.on('unhandledRejection', onUncaught)
  // Whoever read our output has gone, for example `head`: there is nobody left to tell.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => process.exit(EXIT_INTERNAL))

  const { env, stdin, stdout, stderr } = process
  const argv = process.argv.slice(2)
  const onReload = (listener: () => void): void => void process.on('SIGHUP', listener)
  const exitCode = await program({ argv, env, stdin, stdout, stderr, signal: asked.signal, onReload })
  await Promise.all([flushed(stdout), flushed(stderr)])
  if (exitCode === EXIT_INTERRUPTED && diesOfSignal && received !== undefined) dieOf(received)
  else process.exit(exitCode)
}

function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => stream.write('', () => resolve()))
}
