/**
 * Reads a file that holds a secret: a token, a signing secret, a private key. It must be a regular file that only its
 * owner can read, since a secret that others on the machine can read is none. Errors name the file and what was expected,
 * never what is in it.
 */
import type { Buffer } from 'node:buffer'
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { ConfigError } from './load.ts'

/** Mode bits that let group or others do anything. */
const NOT_OWNER = 0o077

export interface FileOptions {
  /** The key that names the file, for messages. */
  readonly key: string
  readonly maxBytes: number
  /** False for a file that anybody may read, such as a certificate. */
  readonly secret?: boolean
}

/** Throws ConfigError when the file is missing, not regular, too large, or (being secret) open to group or others. */
export async function readKeptFile(path: string, { key, maxBytes, secret = true }: FileOptions): Promise<Buffer> {
  const problem = (what: string): ConfigError => new ConfigError(`${key}: ${path}: ${what}`)
  let file: FileHandle
  try {
    // without O_NONBLOCK, opening a named pipe would wait for its writer
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw problem(code === 'ENOENT' ? 'no such file' : `can't be opened (${code ?? 'unknown error'})`)
  }
  try {
    // of the open file, so that it can't be exchanged between check and use
    const stat = await file.stat()
    if (!stat.isFile()) throw problem('expected a regular file')
    if (secret && process.platform !== 'win32' && (stat.mode & NOT_OWNER) !== 0) {
      const mode = (stat.mode & 0o777).toString(8).padStart(4, '0')
      throw problem(`expected a file that only its owner can read; mode is ${mode}, use chmod 600`)
    }
    if (stat.size > maxBytes) throw problem(`expected at most ${maxBytes} bytes`)
    return await file.readFile()
  } catch (error) {
    if (error instanceof ConfigError) throw error
    throw problem(`can't be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})`)
  } finally {
    await file.close()
  }
}
