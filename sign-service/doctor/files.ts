/** Files and folders: kind, owner, permissions, room on the disk, and whether they can be written to. */
import { constants } from 'node:fs'
import { lstat, open, rm, stat, statfs } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { type Finding, fail, ok, warn } from './finding.ts'

const NOT_OWNER = 0o077
const MEGABYTE = 1024 * 1024

/** Below it nothing can be replaced safely any more; below the second somebody should look. */
const DISK_FAIL = 16 * MEGABYTE
const DISK_WARN = 256 * MEGABYTE
const FILES_WARN = 1000

/** A file that only we may read. `open` is for systemd's credentials, whose folder is closed instead. */
export async function privateFile(check: string, path: string, isCredential = false): Promise<readonly Finding[]> {
  const found = await stat(path).catch(codeOf)
  if (typeof found === 'string') return [fail(check, `${path}: ${missing(found)}`)]
  if (!found.isFile()) return [fail(check, `${path}: expected a regular file`)]
  const findings = owned(check, path, found.uid)
  if (!isCredential && (found.mode & NOT_OWNER) !== 0) {
    return [...findings, fail(check, `${path}: others can use it, mode ${octal(found.mode)}`, `chmod 600 ${path}`)]
  }
  return findings.length > 0 ? findings : [ok(check, `${path}: mode ${octal(found.mode)}`)]
}

/** A folder that only we may enter. */
export async function privateFolder(check: string, path: string): Promise<readonly Finding[]> {
  const found = await stat(path).catch(codeOf)
  if (typeof found === 'string') return [fail(check, `${path}: ${missing(found)}`)]
  if (!found.isDirectory()) return [fail(check, `${path}: expected a folder`)]
  const findings = owned(check, path, found.uid)
  if ((found.mode & NOT_OWNER) !== 0) {
    return [...findings, fail(check, `${path}: others can enter it, mode ${octal(found.mode)}`, `chmod 700 ${path}`)]
  }
  return findings.length > 0 ? findings : [ok(check, `${path}: mode ${octal(found.mode)}`)]
}

/** Whether a file can be made, synced and removed there, and how much room there is. */
export async function writableFolder(check: string, path: string): Promise<readonly Finding[]> {
  const probe = join(path, `.doctor-${process.pid}.tmp`)
  try {
    const file = await open(probe, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600)
    try {
      await file.writeFile('doctor\n')
      await file.sync()
    } finally {
      await file.close()
    }
  } catch (e) {
    return [fail(check, `${path}: can't be written to (${codeOf(e)})`)]
  } finally {
    await rm(probe, { force: true }).catch(() => {})
  }
  return [ok(check, `${path}: can be written to`), ...(await room('disk', path))]
}

async function room(check: string, path: string): Promise<readonly Finding[]> {
  const { bavail, bsize, ffree, files } = await statfs(path)
  const free = bavail * bsize
  const shown = `${path}: ${Math.floor(free / MEGABYTE)} MB free`
  return diskFindings(check, shown, { free, filesLeft: files === 0 ? Number.POSITIVE_INFINITY : ffree })
}

/** Some file systems don't count files. */
export function diskFindings(
  check: string,
  shown: string,
  { free, filesLeft }: { readonly free: number; readonly filesLeft: number },
): readonly Finding[] {
  if (free < DISK_FAIL) return [fail(check, shown, 'make room: a file is replaced by writing a new one first')]
  if (filesLeft === 0) return [fail(check, `${shown}, but no more files can be made (inodes)`)]
  if (free < DISK_WARN) return [warn(check, shown, 'make room')]
  if (filesLeft < FILES_WARN) return [warn(check, `${shown}, and room for ${filesLeft} more files (inodes)`)]
  return [ok(check, shown)]
}

/** A folder that is made when it is first needed: it, or where it is going to be. */
export async function laterFolder(check: string, path: string): Promise<readonly Finding[]> {
  const found = await stat(path).catch(codeOf)
  if (found !== 'ENOENT') return [...(await privateFolder(check, path)), ...(await writableFolder(check, path))]
  const parent = dirname(resolve(path))
  const above = await writableFolder(check, parent)
  return above.some((f) => f.status === 'fail') ? above : [ok(check, `${path}: is made when it is needed`)]
}

export async function exists(path: string): Promise<boolean> {
  return typeof (await lstat(path).catch(codeOf)) !== 'string'
}

function owned(check: string, path: string, uid: number): readonly Finding[] {
  const own = process.getuid?.()
  if (own === undefined || uid === own) return []
  const message = `${path}: belongs to user ${uid}, and this is user ${own}`
  return [
    own === 0 ? warn(check, message, 'run the doctor as the user that the service runs as') : fail(check, message),
  ]
}

function missing(code: string): string {
  return code === 'ENOENT' ? 'is not there' : `can't be looked at (${code})`
}

function octal(mode: number): string {
  return (mode & 0o777).toString(8).padStart(4, '0')
}

function codeOf(e: unknown): string {
  const code = (e as { readonly code?: unknown } | null)?.code
  return typeof code === 'string' ? code : 'unknown error'
}
