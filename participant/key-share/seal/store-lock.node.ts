/**
 * One process at a time on a keystore folder: a listening Unix socket in it, named `lock.<random>`.
 *
 * A socket was chosen over a file with a process id because the kernel answers whether its owner lives: a connection to
 * a socket whose process is gone is refused, after kill -9 and after a reboot too. An id can belong to another process
 * by now, and in a container every service is process 1. It works between containers that share the folder on one machine.
 *
 * Announce, then look: a process puts its own socket into the folder, listening already, and then tries all others. If one
 * answers, it takes its own away again. Of two processes the one that looked last had the other's socket before it, so
 * never both go on; if they looked at the same time, neither does, and each tries again after a random pause. A socket
 * that refuses is dead for ever, and is removed by whoever sees it. No step rests on who is faster.
 *
 * On Linux a socket with a full queue says so; elsewhere it refuses, and who fills it can only be the folder's owner.
 * A folder that two machines share over a network looks unlocked to the other one: that needs a lease from outside.
 */
import { type FileHandle, open, readdir, rename, rm } from 'node:fs/promises'
import { createConnection, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { bytesToHex } from '../../base/bytes.ts'
import { StateError, UsageError } from '../../base/errors.ts'
import { type Random, systemRandom } from '../../base/random.ts'
import { requirePrivateFolder } from './private-folder.node.ts'

const NAME = /^lock\.[0-9a-f]{16}$/
const PENDING = /^lock\.[0-9a-f]{16}\.new$/

/** Longest path that a socket's address holds; macOS takes 103 bytes. */
const PATH_LIMIT = 100
const ATTEMPTS = 6
const ANSWER_MS = 2000

export interface StoreLock {
  readonly folder: string
  /** Can be called again. */
  release(): Promise<void>
}

export interface Holder {
  /** As it says; undefined when it didn't in time. */
  readonly pid: number | undefined
}

/** Throws StateError when another process has the folder, or it can't be written to; UsageError when it isn't private. */
export async function lockStore(folder: string, random: Random = systemRandom): Promise<StoreLock> {
  if (process.platform === 'win32') throw new UsageError(`${folder}: a keystore folder needs a Unix system`)
  await requirePrivateFolder(folder)
  const at = await reachable(folder)
  try {
    for (let attempt = 1; ; attempt++) {
      const announced = await announce(at.path, folder, random)
      const { holders } = await look(at.path, announced.name, true)
      const [holder] = holders
      if (holder === undefined) return { folder, release: () => announced.withdraw().finally(at.close) }
      await announced.withdraw()
      // one that only looks, as we do, answers at once
      if (attempt === ATTEMPTS || holder.pid === undefined) {
        const who = holder.pid === undefined ? 'another process' : `process ${holder.pid}`
        throw new StateError(`${folder}: in use by ${who}`, { reason: 'IN_USE' })
      }
      await pause(20 + (random.bytes(1)[0] as number))
    }
  } catch (e) {
    await at.close()
    throw e
  }
}

/** Who has the folder now, and how many sockets of ended processes lie there. Changes nothing. */
export async function lookAtLock(
  folder: string,
): Promise<{ readonly holders: readonly Holder[]; readonly dead: number }> {
  const at = await reachable(folder)
  try {
    return await look(at.path, '', false)
  } finally {
    await at.close()
  }
}

/** Whether a file of this name is part of the lock. */
export function isLockName(name: string): boolean {
  return NAME.test(name) || PENDING.test(name)
}

interface Reachable {
  readonly path: string
  close(): Promise<void>
}

/** A path to the folder that is short enough for the address of a socket. */
async function reachable(folder: string): Promise<Reachable> {
  const longest = Buffer.byteLength(join(folder, `lock.${'0'.repeat(16)}.new`))
  if (longest <= PATH_LIMIT) return { path: folder, close: async () => {} }
  if (process.platform !== 'linux') {
    throw new UsageError(`${folder}: expected a path of at most ${PATH_LIMIT - 26} bytes for a keystore folder`)
  }
  let handle: FileHandle | undefined = await open(folder).catch((e: unknown) => {
    throw new StateError(`${folder}: can't be opened (${codeOf(e)})`)
  })
  const { fd } = handle
  return {
    path: `/proc/self/fd/${fd}`,
    async close() {
      await handle?.close()
      handle = undefined
    },
  }
}

async function announce(path: string, folder: string, random: Random) {
  const name = `lock.${bytesToHex(random.bytes(8))}`
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.end(`${process.pid}\n`)
  })
  const withdraw = async (): Promise<void> => {
    await rm(join(path, name), { force: true })
    server.close()
  }
  try {
    await listening(server, join(path, `${name}.new`))
    // it gets the name that others look at only now, when it listens: a refusal then means an ended process
    await rename(join(path, `${name}.new`), join(path, name))
  } catch (e) {
    await withdraw()
    await rm(join(path, `${name}.new`), { force: true })
    throw new StateError(`${folder}: can't be locked (${codeOf(e)})`, { cause: e })
  }
  server.unref()
  return { name, withdraw }
}

function listening(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, () => {
      server.off('error', reject)
      server.on('error', () => {})
      resolve()
    })
  })
}

async function look(path: string, own: string, tidy: boolean) {
  const names = (await readdir(path)).filter((name) => NAME.test(name) && name !== own)
  const holders: Holder[] = []
  let dead = 0
  for (const name of names) {
    const found = await ask(join(path, name))
    if (found === 'dead') {
      dead++
      if (tidy) await rm(join(path, name), { force: true })
    } else if (found !== 'gone') holders.push(found)
  }
  return { holders, dead }
}

/** Only a refused connection means that the owner has ended; whatever else happens, somebody may be there. */
function ask(path: string): Promise<Holder | 'dead' | 'gone'> {
  return new Promise((resolve) => {
    let said = ''
    const socket = createConnection(path)
    const end = (result: Holder | 'dead' | 'gone'): void => {
      socket.destroy()
      resolve(result)
    }
    const holder = (): Holder => ({ pid: /^\d{1,10}\n$/.test(said) ? Number(said) : undefined })
    socket.setTimeout(ANSWER_MS, () => end(holder()))
    socket.on('data', (chunk: Buffer) => {
      said = `${said}${chunk.toString('latin1')}`.slice(0, 32)
    })
    socket.on('error', (e) => {
      const code = codeOf(e)
      end(code === 'ECONNREFUSED' ? 'dead' : code === 'ENOENT' ? 'gone' : holder())
    })
    socket.on('close', () => end(holder()))
  })
}

function codeOf(e: unknown): string {
  const code = (e as { readonly code?: unknown } | null)?.code
  return typeof code === 'string' ? code : 'unknown error'
}
