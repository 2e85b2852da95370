#!/usr/bin/env node
/**
 * sign-gateway as a process: arguments, standard streams and signals. A second SIGTERM or SIGINT ends it at once; SIGHUP
 * reads tokens, keys and certificates again.
 */
import process from 'node:process'
import { runGateway } from './cli.ts'

/** After this long a shutdown that hangs is ended; the server's own grace period is shorter. */
const SHUTDOWN_MS = 9_000

function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    let asked = false
    const onSignal = () => {
      if (asked) process.exit(1)
      asked = true
      setTimeout(() => process.exit(1), SHUTDOWN_MS).unref()
      resolve()
    }
    process.on('SIGTERM', onSignal)
    process.on('SIGINT', onSignal)
  })
}

process.exitCode = await runGateway({
  argv: process.argv.slice(2),
  env: process.env,
  stdout: process.stdout,
  stderr: process.stderr,
  stopRequested: stopSignal,
  onReloadRequested: (reload) => void process.on('SIGHUP', reload),
})
// Signal handlers and standard streams don't keep the process alive; nothing else is left.
