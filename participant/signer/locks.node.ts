/**
 * Locks in a folder, one file each, in Node: a lock outlives the process, and an operator clears it while the process
 * runs. A file that can't be read still locks.
 */
import { createHash } from 'node:crypto'
import { statSync } from 'node:fs'
import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { StateError } from '../base/errors.ts'
import { writeFileAtomic } from '../key-share/file.node.ts'
import { type Lock, type LockKey, type Locks, lockName } from './locks.ts'

const schema = z.strictObject({
  version: z.literal(1),
  account: z.string(),
  self: z.string(),
  peer: z.string(),
  code: z.string(),
  session: z.string(),
  since: z.string(),
})

export interface FileLocks extends Locks {
  /** Those whose files can be read. */
  list(): Promise<readonly Lock[]>
  /** False when there was none. */
  clear(key: LockKey): Promise<boolean>
}

/**
 * The folder is made with the first lock. `add` throws StateError when the file can't be written; the lock then holds
 * for the life of this object.
 */
export function fileLocks(folder: string): FileLocks {
  const unwritten = new Map<string, Lock>()
  const pathOf = (key: LockKey): string =>
    join(folder, `${createHash('sha256').update(lockName(key)).digest('hex').slice(0, 32)}.json`)

  return {
    async find(key) {
      const text = await contentOf(pathOf(key))
      if (text === undefined) return unwritten.get(lockName(key))
      return parse(text) ?? { ...key, code: 'INTERNAL', session: '', since: '' }
    },
    async add(lock) {
      if ((await contentOf(pathOf(lock))) !== undefined) return
      const { account, self, peer, code, session, since } = lock
      try {
        await mkdir(folder, { recursive: true, mode: 0o700 })
        const json = `${JSON.stringify({ version: 1, account, self, peer, code, session, since }, null, 2)}\n`
        await writeFileAtomic(pathOf(lock), json, { force: true })
      } catch (cause) {
        unwritten.set(lockName(lock), lock)
        throw new StateError(`${folder}: a lock can't be written`, { cause })
      }
    },
    async list() {
      const names = await readdir(folder).catch(() => [])
      const texts = await Promise.all(names.filter((n) => n.endsWith('.json')).map((n) => contentOf(join(folder, n))))
      return texts.flatMap((text) => (text === undefined ? [] : (parse(text) ?? [])))
    },
    async clear(key) {
      unwritten.delete(lockName(key))
      const path = pathOf(key)
      if ((await contentOf(path)) === undefined) return false
      await rm(path, { force: true })
      return true
    },
  }
}

/**
 * Undefined only when there is no such file; what can't be read is empty. Asked for each signature: to see that there is
 * none costs far less here than in a thread that fails to open it.
 */
async function contentOf(path: string): Promise<string | undefined> {
  try {
    if (statSync(path, { throwIfNoEntry: false }) === undefined) return undefined
    return await readFile(path, 'utf8')
  } catch (e) {
    const { code } = e as { readonly code?: unknown }
    return code === 'ENOENT' || code === 'ENOTDIR' ? undefined : ''
  }
}

function parse(text: string): Lock | undefined {
  try {
    const { account, self, peer, code, session, since } = schema.parse(JSON.parse(text))
    return { account, self, peer, code: code as Lock['code'], session, since }
  } catch {
    return undefined
  }
}
