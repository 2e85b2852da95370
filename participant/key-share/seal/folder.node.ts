/**
 * A keystore folder: one sealed file for each account, beside it the record of what was seen last, and the lock.
 *
 * Reading changes nothing. A process that holds the lock then calls `remember`, which moves the records on; one that
 * only reads (the client, a check) refuses what is older than the record, but moves nothing.
 *
 * Accounts are put together before they are checked, so that those of one roster share their moduli and are checked once,
 * as they are when they come from one file.
 */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fromUtf8 } from '../../base/bytes.ts'
import { DecodeError, MpcError, StateError, UsageError } from '../../base/errors.ts'
import { readPrivateFile, writeKeyShareFiles } from '../file.node.ts'
import { type ParseOptions, parseKeyShares } from '../format.ts'
import type { KeyShare } from '../key-share.ts'
import { shareDigest } from './digest.ts'
import { type Head, readSealed, SEALED_LIMIT, type SealedFile } from './header.ts'
import type { SealingMethod } from './method.ts'
import { isRecordName, isSealedName, recordName } from './names.ts'
import { requirePrivateFolder } from './private-folder.node.ts'
import { advance, formatRecord, parseRecord, RECORD_LIMIT, recordAccount } from './record.ts'
import type { StoreLock } from './store-lock.node.ts'

/** More files than that are another folder than was meant. */
const FILES_LIMIT = 10_000

export interface FolderOptions extends ParseOptions {
  readonly folder: string
  /** Where the records are; the same folder when absent. */
  readonly recordFolder?: string | undefined
  /** Files that are sealed in another way are refused. */
  readonly methods: readonly SealingMethod[]
}

export interface SealedContent {
  readonly shares: ReadonlyMap<string, KeyShare>
  /** By account: the file that its share is in. */
  readonly paths: ReadonlyMap<string, string>
  /** Records that have to be written: of accounts that are new here, or newer than what was seen. */
  readonly news: readonly { readonly share: KeyShare; readonly head: Head }[]
}

/**
 * Opens everything. Throws UsageError about the folder, permissions, or a method that isn't there; DecodeError when a
 * file is damaged or doesn't open; StateError when one is older than the record, or missing. All name the path.
 */
export async function readSealedFolder(o: FolderOptions): Promise<SealedContent> {
  const names = await sealedNames(o.folder)
  const entries = new Map<string, Opened>()
  for (const name of names) {
    const path = join(o.folder, name)
    for (const opened of await naming(path, () => openFile(path, o.methods))) {
      const other = entries.get(opened.account)
      if (other !== undefined) {
        throw new DecodeError(`${path}: account ${JSON.stringify(opened.account)} is in ${other.path} too`)
      }
      entries.set(opened.account, opened)
    }
  }
  const records = await readRecords(o.recordFolder ?? o.folder)
  for (const [account, path] of records.accounts) {
    if (!entries.has(account)) {
      throw new StateError(`${path}: account ${JSON.stringify(account)} was here before, and its sealed file is not`)
    }
  }
  if (entries.size === 0) throw new UsageError(`${o.folder}: expected at least one sealed file`)
  const shares = await naming(o.folder, async () => parseTogether(entries, o))
  const news: { share: KeyShare; head: Head }[] = []
  for (const [account, { path, head }] of entries) {
    const share = shares.get(account)
    if (share === undefined) throw new DecodeError(`${path}: expected a share of the account that it names`)
    await naming(path, async () => requireSame(share, head))
    const record = records.texts.get(recordName(account))
    const seen = record && (await naming(record.path, async () => parseRecord(record.text, account, share.identity)))
    const found = { account, epoch: share.epoch, digest: shareDigest(share), revision: head?.revision }
    const next = await naming(path, async () => advance(seen, found))
    if (next !== seen) news.push({ share, head: next })
  }
  return { shares, paths: new Map([...entries].map(([account, { path }]) => [account, path])), news }
}

/** Writes the records of what is new. The lock shows that nobody else does. Throws StateError. */
export async function remember(o: FolderOptions, _lock: StoreLock, news: SealedContent['news']): Promise<void> {
  const folder = o.recordFolder ?? o.folder
  const files = news.map(({ share, head }) => ({
    path: join(folder, recordName(head.account)),
    data: formatRecord(head, share.identity),
  }))
  await writeKeyShareFiles(files, { force: true })
}

/** Names of the sealed files, in order. Throws UsageError when the folder is missing, open to others, or too large. */
export async function sealedNames(folder: string): Promise<readonly string[]> {
  await requirePrivateFolder(folder)
  const names = (await readdir(folder)).filter(isSealedName).sort()
  if (names.length > FILES_LIMIT) throw new UsageError(`${folder}: expected at most ${FILES_LIMIT} sealed files`)
  return names
}

/** Throws UsageError or DecodeError; the header is read and nothing else. */
export async function readSealedFile(path: string): Promise<SealedFile> {
  return naming(path, async () => readSealed(await readPrivateFile(path, { what: 'sealed file', limit: SEALED_LIMIT })))
}

/** The shares in one file; neither its record nor other files are looked at. Throws as `readSealedFolder` does. */
export async function openSealedFile(
  path: string,
  { methods, levels }: Pick<FolderOptions, 'methods' | 'levels'>,
): Promise<ReadonlyMap<string, KeyShare>> {
  return naming(path, async () => {
    const opened = await openFile(path, methods)
    const shares = parseTogether(new Map(opened.map((entry) => [entry.account, entry])), { levels })
    for (const { account, head } of opened) {
      const share = shares.get(account)
      if (share !== undefined) requireSame(share, head)
    }
    return shares
  })
}

interface Opened {
  readonly account: string
  readonly path: string
  /** The entry of the key share file, not looked at yet. */
  readonly entry: unknown
  readonly head: Head | undefined
}

async function openFile(path: string, methods: readonly SealingMethod[]): Promise<readonly Opened[]> {
  const file = readSealed(await readPrivateFile(path, { what: 'sealed file', limit: SEALED_LIMIT }))
  const method = methods.find((m) => m.name === file.method)
  if (method === undefined) {
    const given = methods.map((m) => m.name).join(' or ')
    throw new UsageError(`is sealed with ${file.method}; what is accepted here is ${given === '' ? 'nothing' : given}`)
  }
  const plain = await method.open(file)
  let content: unknown
  try {
    content = JSON.parse(fromUtf8(plain))
  } catch {
    throw new DecodeError('expected the JSON of key shares inside')
  } finally {
    plain.fill(0)
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    throw new DecodeError('expected the JSON of key shares inside')
  }
  const head = file.method === 'age' ? undefined : file.header
  const entries = Object.entries(content)
  if (head !== undefined && (entries.length !== 1 || entries[0]?.[0] !== head.account)) {
    throw new DecodeError('expected a share of the account in its header inside, and nothing else')
  }
  return entries.map(([account, entry]) => ({ account, path, entry, head }))
}

/**
 * One epoch at a time: when a process was killed between two files, some accounts are of the new epoch and others still
 * of the old one, and each is sound by itself.
 */
function parseTogether(entries: ReadonlyMap<string, Opened>, o: ParseOptions): ReadonlyMap<string, KeyShare> {
  const epochs = new Map<unknown, [string, unknown][]>()
  for (const [account, { entry }] of entries) {
    const { epoch } = Object(entry) as { readonly epoch?: unknown }
    epochs.set(epoch, [...(epochs.get(epoch) ?? []), [account, entry]])
  }
  return new Map(
    [...epochs.values()].flatMap((group) => [
      ...parseKeyShares(JSON.stringify(Object.fromEntries(group)), { levels: o.levels }),
    ]),
  )
}

function requireSame(share: KeyShare, head: Head | undefined): void {
  if (head === undefined) return
  if (share.epoch !== head.epoch) throw new DecodeError('epoch: expected that of the share inside')
  if (shareDigest(share) !== head.digest) throw new DecodeError('digest: expected that of the share inside')
}

export interface Records {
  /** By file name. */
  readonly texts: ReadonlyMap<string, { readonly path: string; readonly text: string }>
  /** Accounts that the records say they are of, and their paths. */
  readonly accounts: ReadonlyMap<string, string>
}

export async function readRecords(folder: string): Promise<Records> {
  await requirePrivateFolder(folder)
  const texts = new Map<string, { path: string; text: string }>()
  const accounts = new Map<string, string>()
  for (const name of (await readdir(folder)).filter(isRecordName)) {
    const path = join(folder, name)
    const bytes = await readPrivateFile(path, { what: 'record', limit: RECORD_LIMIT })
    const text = await naming(path, async () => fromUtf8(bytes))
    texts.set(name, { path, text })
    const account = recordAccount(text)
    if (account !== undefined) accounts.set(account, path)
  }
  return { texts, accounts }
}

/** Puts the path before the message of our own errors that don't have it. */
export async function naming<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (e) {
    if (!(e instanceof MpcError) || e.message.startsWith(path)) throw e
    if (e instanceof StateError)
      throw new StateError(`${path}: ${e.message}`, e.reason === undefined ? {} : { reason: e.reason })
    if (e instanceof DecodeError) throw new DecodeError(`${path}: ${e.message}`)
    if (e instanceof UsageError) throw new UsageError(`${path}: ${e.message}`)
    throw e
  }
}
