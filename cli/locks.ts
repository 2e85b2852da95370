/** `wallet-mpc locks` and `wallet-mpc unlock`: what an operator does after a signature failed. */
import { CommandError } from '../config/failure.ts'
import { type Host, required } from '../config/program.ts'
import { lockFolder } from '../config/state-folder.ts'
import { type FileLocks, fileLocks } from '../participant/signer/locks.node.ts'
import { type CommonFlags, readConfig } from './open.ts'

export interface LockFlags extends CommonFlags {
  readonly folder?: string
  readonly account?: string
  readonly peer?: string
}

/** Prints one line for each lock. */
export async function showLocks(host: Host, flags: LockFlags): Promise<void> {
  const locks = await open(host, flags).list()
  if (flags.json === true) {
    host.stdout.write(`${JSON.stringify(locks)}\n`)
    return
  }
  for (const { account, self, peer, code, session, since } of locks) {
    host.stdout.write(`${account}: ${self} does not sign with ${peer} since ${since} (${code}, session ${session})\n`)
  }
  if (locks.length === 0) host.stdout.write('no locks\n')
}

/** Removes the lock. Throws CommandError when there is none. */
export async function unlock(host: Host, flags: LockFlags): Promise<void> {
  const account = required('--account', flags.account)
  const peer = required('--peer', flags.peer)
  const store = open(host, flags)
  const found = (await store.list()).filter((lock) => lock.account === account && lock.peer === peer)
  if (found.length === 0) throw new CommandError('no such lock', '`wallet-mpc locks` lists those that are there')
  for (const lock of found) await store.clear(lock)
  host.stdout.write(`unlocked: ${account} with ${peer}\n`)
}

function open(host: Host, flags: LockFlags): FileLocks {
  return fileLocks(flags.folder ?? lockFolder(readConfig(host, flags)))
}
