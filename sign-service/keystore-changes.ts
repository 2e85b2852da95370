/**
 * Changes to the service's key shares while it runs: accounts that are made, and taken back when the ceremony fails after
 * all. One change at a time; each is on the disk when its promise resolves.
 */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { CGGMP24_3072, formatKeyShares, type KeyShare, parseKeyShares, StateError } from '../participant/index.ts'
import { readKeyShareFile, syncFolder, writeKeyShareFiles } from '../participant/key-share/file.node.ts'
import type { SealingMethod } from '../participant/key-share/seal/method.ts'
import { recordName, sealedName } from '../participant/key-share/seal/names.ts'
import type { StoreLock } from '../participant/key-share/seal/store-lock.node.ts'
import { writeSealed } from '../participant/key-share/seal/write.node.ts'

const LEVELS = [CGGMP24_3072]

export interface Changes {
  /** Throws StateError when an account is there already. */
  add(shares: ReadonlyMap<string, KeyShare>): Promise<void>
  /** Only what `add` added: a failed ceremony for a name that exists must not cost the key of that name. */
  remove(accounts: readonly string[]): Promise<void>
}

export function unwritable(why: string): Changes {
  const refuse = async (): Promise<void> => {
    throw new StateError(`keystore: ${why}`)
  }
  return { add: refuse, remove: refuse }
}

/** The file in the clear, written anew as a whole. */
export function plainFile(path: string): Changes {
  const ours = new Set<string>()
  const change = oneAtATime(async (edit: (shares: Map<string, KeyShare>) => void) => {
    const shares = new Map(await readKeyShareFile(path, { levels: LEVELS }))
    edit(shares)
    const data = formatKeyShares(shares)
    // the reader's own checks: what is written can be read, and fits together
    parseKeyShares(data)
    await writeKeyShareFiles([{ path, data }], { force: true })
  })
  return {
    add: (added) =>
      change((shares) => {
        for (const [account, share] of added) {
          if (shares.has(account)) throw new StateError(`${path}: has a key share of that account already`)
          shares.set(account, share)
          ours.add(account)
        }
      }),
    remove: (accounts) =>
      change((shares) => {
        for (const account of accounts) if (ours.delete(account)) shares.delete(account)
      }),
  }
}

export interface SealedFolder {
  readonly folder: string
  readonly recordFolder: string | undefined
  readonly lock: StoreLock
  /** Read anew for each change, so that no key stays in memory. The first one seals. */
  readonly methods: () => Promise<readonly SealingMethod[]>
}

export function sealedFolder({ folder, recordFolder, lock, methods }: SealedFolder): Changes {
  const ours = new Set<string>()
  const add = async (shares: ReadonlyMap<string, KeyShare>): Promise<void> => {
    const all = await methods()
    try {
      const [method] = all
      if (method === undefined) throw new StateError(`${folder}: there is nothing to seal with`)
      await writeSealed(shares, { folder, recordFolder, levels: LEVELS, methods: all, method, lock, force: false })
      for (const account of shares.keys()) ours.add(account)
    } finally {
      for (const method of all) method.close()
    }
  }
  const remove = async (accounts: readonly string[]): Promise<void> => {
    const records = recordFolder ?? folder
    for (const account of accounts) {
      if (!ours.delete(account)) continue
      // the record first: one whose file is missing is an alarm
      await rm(join(records, recordName(account)), { force: true })
      await rm(join(folder, sealedName(account)), { force: true })
    }
    for (const each of new Set([records, folder])) await syncFolder(each)
  }
  const change = oneAtATime((work: () => Promise<void>) => work())
  return { add: (shares) => change(() => add(shares)), remove: (accounts) => change(() => remove(accounts)) }
}

function oneAtATime<T>(work: (argument: T) => Promise<void>): (argument: T) => Promise<void> {
  let last: Promise<unknown> = Promise.resolve()
  return (argument) => {
    const next = last.then(() => work(argument))
    last = next.catch(() => {})
    return next
  }
}
