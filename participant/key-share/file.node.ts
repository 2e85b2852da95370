/**
 * Key share files on disk, in Node. What is read must be a regular file that only its owner can read; what is
 * written appears whole or not at all, with mode 0600, and never replaces anything unless that was asked for.
 *
 * A write goes to a temporary file in the same folder, which is synced, then linked (refusing to overwrite) or
 * renamed (overwriting) to its name; then the folder is synced. Several files are all prepared before the first gets
 * its name, and if a later one fails, the earlier ones are put back.
 */
import { constants } from 'node:fs'
import { type FileHandle, link, open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { bytesToHex, fromUtf8, utf8ToBytes } from '../base/bytes.ts'
import { DecodeError, StateError, UsageError } from '../base/errors.ts'
import { systemRandom } from '../base/random.ts'
import { type ParseOptions, parseKeyShares } from './format.ts'
import type { KeyShare } from './key-share.ts'

/** A thousand accounts at full size need 11 MB. */
export const FILE_LIMIT = 64 * 1024 * 1024

/** Mode bits that let group or others do anything. */
const NOT_OWNER = 0o077

/**
 * Throws UsageError when the file is missing, not regular, too large, or open to group or others, and DecodeError when
 * its content is not valid. Both name the path.
 */
export async function readKeyShareFile(path: string, options: ParseOptions): Promise<ReadonlyMap<string, KeyShare>> {
  const bytes = await readPrivateFile(path, { what: 'key share file', limit: FILE_LIMIT })
  try {
    return parseKeyShares(fromUtf8(bytes), options)
  } catch (e) {
    if (e instanceof DecodeError) throw new DecodeError(`${path}: ${e.message}`)
    throw e
  } finally {
    bytes.fill(0)
  }
}

export interface PrivateFile {
  /** What it is called in messages. */
  readonly what: string
  /** In bytes. */
  readonly limit: number
}

/** Throws UsageError naming the path when the file is missing, not regular, too large, or open to group or others. */
export async function readPrivateFile(path: string, { what, limit }: PrivateFile): Promise<Uint8Array> {
  let file: FileHandle
  try {
    // without O_NONBLOCK, opening a named pipe would wait for its writer
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (e) {
    if (codeOf(e) === 'ENOENT') throw new UsageError(`${path}: no such ${what}`)
    throw new UsageError(`${path}: ${what} can't be opened (${codeOf(e)})`)
  }
  try {
    // of the open file, so that it can't be exchanged between check and use
    const stat = await file.stat()
    if (!stat.isFile()) throw new UsageError(`${path}: expected a regular file`)
    if (process.platform !== 'win32' && (stat.mode & NOT_OWNER) !== 0) {
      const mode = (stat.mode & 0o777).toString(8).padStart(4, '0')
      throw new UsageError(`${path}: expected a file that only its owner can read; mode is ${mode}, use chmod 600`)
    }
    if (stat.size > limit) throw new UsageError(`${path}: expected at most ${limit} bytes`)
    const read = await file.readFile()
    const bytes = new Uint8Array(read)
    read.fill(0)
    return bytes
  } finally {
    await file.close()
  }
}

export interface FileToWrite {
  readonly path: string
  readonly data: string | Uint8Array
}

export interface WriteOptions {
  /** Replace a file that exists; otherwise that is a StateError, and nothing changes. */
  readonly force: boolean
  /** 0o600 when absent. */
  readonly mode?: number
}

/** Throws StateError naming the path; then the old content, if any, is still there. */
export function writeFileAtomic(path: string, data: string | Uint8Array, options: WriteOptions): Promise<void> {
  return writeFiles([{ path, data }], options)
}

/**
 * Writes all files with mode 0600, or none. Throws UsageError when two have the same path, StateError when one can't
 * be written. Only a crash between two renames can leave some files new and others old; each is whole even then.
 */
export function writeKeyShareFiles(files: readonly FileToWrite[], options: { readonly force: boolean }): Promise<void> {
  return writeFiles(files, { force: options.force, mode: 0o600 })
}

async function writeFiles(files: readonly FileToWrite[], { force, mode = 0o600 }: WriteOptions): Promise<void> {
  const targets = files.map((f) => ({
    path: resolve(f.path),
    shown: f.path,
    data: f.data,
    temporary: temporaryFor(f.path),
  }))
  if (new Set(targets.map((t) => t.path)).size !== targets.length) {
    throw new UsageError('files to write: expected distinct paths')
  }
  const undo: (() => Promise<void>)[] = []
  const leftovers = new Set(targets.map((t) => t.temporary))
  try {
    for (const t of targets) await naming(t.shown, () => writeSynced(t.temporary, t.data, mode))
    for (const t of targets) {
      await naming(t.shown, async () => {
        if (!force) {
          await link(t.temporary, t.path)
          undo.push(() => rm(t.path))
          return
        }
        const old = temporaryFor(t.path)
        // one file needs no way back: nothing follows its rename
        const kept = targets.length > 1 && (await linkIfPresent(t.path, old))
        if (kept) leftovers.add(old)
        await rename(t.temporary, t.path)
        undo.push(async () => {
          // no longer to be removed: if this fails, the old content is still there under the temporary name
          leftovers.delete(old)
          await (kept ? rename(old, t.path) : rm(t.path))
        })
      })
    }
  } catch (e) {
    for (const back of undo.reverse()) await back().catch(() => {})
    throw e
  } finally {
    for (const path of leftovers) await rm(path, { force: true })
  }
  for (const folder of new Set(targets.map((t) => dirname(t.path)))) await syncFolder(folder)
}

function temporaryFor(path: string): string {
  return join(dirname(resolve(path)), `.${basename(path)}.${bytesToHex(systemRandom.bytes(8))}.tmp`)
}

async function writeSynced(path: string, data: string | Uint8Array, mode: number): Promise<void> {
  const file = await open(path, 'wx', mode)
  try {
    // the mode given to open is cut by the process's umask
    await file.chmod(mode)
    const bytes = typeof data === 'string' ? utf8ToBytes(data) : data.slice()
    await file.writeFile(bytes).finally(() => bytes.fill(0))
    await file.sync()
  } finally {
    await file.close()
  }
}

async function linkIfPresent(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to)
    return true
  } catch (e) {
    if (codeOf(e) === 'ENOENT') return false
    throw e
  }
}

/** Best effort: some file systems can't sync a folder, and by now the files are in place. */
export async function syncFolder(path: string): Promise<void> {
  let folder: FileHandle
  try {
    folder = await open(path, constants.O_RDONLY)
  } catch {
    return
  }
  try {
    await folder.sync()
  } catch {
    // EINVAL or EPERM where folders can't be synced
  } finally {
    await folder.close()
  }
}

async function naming(path: string, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (e) {
    const code = codeOf(e)
    if (code === 'EEXIST') throw new StateError(`${path}: exists already; it is not overwritten without force`)
    throw new StateError(`${path}: can't be written (${code})`, { cause: e })
  }
}

function codeOf(e: unknown): string {
  const code = (e as { readonly code?: unknown } | null)?.code
  return typeof code === 'string' ? code : 'unknown error'
}
