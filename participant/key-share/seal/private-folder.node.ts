/** A folder for what only its owner may see: keystore folders are refused when anybody else can look into them. */
import { stat } from 'node:fs/promises'
import { UsageError } from '../../base/errors.ts'

/** Mode bits that let group or others do anything. */
const NOT_OWNER = 0o077

/** Throws UsageError unless it is a folder that only its owner can enter. */
export async function requirePrivateFolder(folder: string): Promise<void> {
  const found = await stat(folder).catch((e: unknown) => {
    const { code } = e as { readonly code?: string }
    throw new UsageError(`${folder}: ${code === 'ENOENT' ? 'no such folder' : `can't be read (${code})`}`)
  })
  if (!found.isDirectory()) throw new UsageError(`${folder}: expected a folder`)
  if ((found.mode & NOT_OWNER) !== 0) {
    const mode = (found.mode & 0o777).toString(8).padStart(4, '0')
    throw new UsageError(`${folder}: expected a folder that only its owner can enter; mode is ${mode}, use chmod 700`)
  }
}
