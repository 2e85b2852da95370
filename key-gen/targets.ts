/**
 * The files that key-gen is going to write: looked at before the long work, written when all of it is done. Nothing on
 * disk changes when a command fails.
 */
import { constants } from 'node:fs'
import { access, lstat, mkdir, rmdir, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { CommandError } from '../config/failure.ts'
import type { KeyShare } from '../participant/index.ts'
import { CGGMP24_3072 } from '../participant/index.ts'
import { type FileToWrite, writeKeyShareFiles } from '../participant/key-share/file.node.ts'
import { formatKeyShares, parseKeyShares } from '../participant/key-share/format.ts'

export interface TargetOptions {
  /** Named in messages about the folder. */
  readonly flag: string
  readonly force: boolean
}

/** Throws CommandError when a file is there already (without `force`), or when its folder can't take it. */
export async function requireWritable(paths: readonly string[], { flag, force }: TargetOptions): Promise<void> {
  for (const path of paths) {
    const found = await lstat(path).catch(() => undefined)
    if (found !== undefined && !force) throw new CommandError(`${path}: exists already`, '--force overwrites it')
    if (found?.isDirectory()) throw new CommandError(`${path}: is a folder, expected a file or nothing`)
  }
  for (const folder of new Set(paths.map((path) => dirname(resolve(path))))) {
    const found = await stat(folder).catch(() => undefined)
    if (found !== undefined && !found.isDirectory()) throw new CommandError(`${flag}: ${folder} is not a folder`)
    // A folder that isn't there is made later, in one that is.
    const existing = found === undefined ? dirname(folder) : folder
    await access(existing, constants.W_OK | constants.X_OK).catch(() => {
      throw new CommandError(`${flag}: ${existing}: no such folder, or it can't be written to`)
    })
  }
}

/** All files or none, with mode 0600; a folder that isn't there is made first, and taken away again on failure. */
export async function writeShares(
  files: readonly { readonly path: string; readonly shares: ReadonlyMap<string, KeyShare> }[],
  force: boolean,
): Promise<void> {
  const prepared = files.map(({ path, shares }): FileToWrite => {
    const data = formatKeyShares(shares)
    // The reader's own checks: what is written can be read, and fits together.
    parseKeyShares(data, { levels: [CGGMP24_3072] })
    return { path, data }
  })
  const made: string[] = []
  try {
    for (const folder of new Set(files.map(({ path }) => dirname(resolve(path))))) {
      if (await makeFolder(folder)) made.push(folder)
    }
    await writeKeyShareFiles(prepared, { force })
  } catch (error) {
    for (const folder of made) await rmdir(folder).catch(() => {})
    throw error
  }
}

/** Whether it had to be made. */
async function makeFolder(path: string): Promise<boolean> {
  try {
    await mkdir(path, { mode: 0o700 })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw new CommandError(`${path}: can't be made (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})`)
  }
}
