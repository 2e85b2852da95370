/**
 * Writing into a keystore folder: all accounts are sealed before the first file is touched, each file replaces the old
 * one at once, and the records follow. Killed at any point, every account has its old file or its new one, whole; a
 * record that is behind its file is moved on when the folder is next opened.
 */
import { mkdir } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { utf8ToBytes } from '../../base/bytes.ts'
import { MpcError, StateError, UsageError } from '../../base/errors.ts'
import { syncFolder, writeKeyShareFiles } from '../file.node.ts'
import { formatKeyShares } from '../format.ts'
import type { KeyShare } from '../key-share.ts'
import { shareDigest } from './digest.ts'
import { type FolderOptions, naming, readRecords, readSealedFile, remember } from './folder.node.ts'
import type { Head } from './header.ts'
import type { SealingMethod } from './method.ts'
import { recordName, sealedName } from './names.ts'
import { requirePrivateFolder } from './private-folder.node.ts'
import { advance, parseRecord } from './record.ts'
import type { StoreLock } from './store-lock.node.ts'

export interface SealOptions extends FolderOptions {
  /** The one to seal with. */
  readonly method: SealingMethod
  readonly lock: StoreLock
  /** Replace the files of accounts that are there. */
  readonly force: boolean
}

/** Makes the folder with mode 0700 when it isn't there. Throws StateError or UsageError. */
export async function makeSealedFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { mode: 0o700 })
    await syncFolder(dirname(resolve(folder)))
  } catch (e) {
    const { code } = e as { readonly code?: string }
    if (code !== 'EEXIST') throw new StateError(`${folder}: can't be made (${code ?? 'unknown error'})`, { cause: e })
  }
  await requirePrivateFolder(folder)
}

/**
 * Seals the shares into the folder; their paths by account. Throws StateError when a file is there already (without
 * `force`), can't be written, or would be older than what was there; then nothing has changed.
 */
export async function writeSealed(
  shares: ReadonlyMap<string, KeyShare>,
  o: SealOptions,
): Promise<ReadonlyMap<string, string>> {
  if (o.lock.folder !== o.folder) throw new UsageError('seal: expected the lock of this folder')
  const records = await readRecords(o.recordFolder ?? o.folder)
  const sealed: { path: string; data: Uint8Array; share: KeyShare; head: Head }[] = []
  for (const [account, share] of shares) {
    const path = join(o.folder, sealedName(account))
    const record = records.texts.get(recordName(account))
    const seen = record && (await naming(record.path, async () => parseRecord(record.text, account, share.identity)))
    const revision = 1 + Math.max(seen?.revision ?? 0, await revisionOf(path))
    const next = { account, epoch: share.epoch, digest: shareDigest(share), revision }
    const head = await naming(path, async () => advance(seen, next))
    const plain = utf8ToBytes(formatKeyShares(new Map([[account, share]])))
    const data = await o.method.seal(plain, head).finally(() => plain.fill(0))
    sealed.push({ path, data, share, head })
  }
  await writeKeyShareFiles(sealed, { force: o.force })
  await remember(o, o.lock, sealed)
  return new Map(sealed.map(({ path, head }) => [head.account, path]))
}

/** Of the file that is there, which nobody has opened; 0 when there is none, or it has none. */
async function revisionOf(path: string): Promise<number> {
  try {
    const file = await readSealedFile(path)
    return file.method === 'age' ? 0 : file.header.revision
  } catch (e) {
    if (e instanceof MpcError) return 0
    throw e
  }
}
