/**
 * `key-gen seal` and `key-gen unseal`: key shares from the JSON of key-gen into a keystore folder, and back.
 *
 * What was written is opened again from the disk, with keys derived anew, and compared before anything is removed. Without
 * --force nothing is overwritten; without --remove the source stays. Removing is unlinking: the blocks of a file stay on
 * the disk until something else is written there.
 */
import { rm } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import type { Command } from 'commander'
import { CommandError } from '../config/failure.ts'
import { addListOption, addOption, type Host, required } from '../config/program.ts'
import { table } from '../config/terminal.ts'
import { CGGMP24_3072, formatKeyShares, type KeyShare } from '../participant/index.ts'
import { readKeyShareFile, syncFolder } from '../participant/key-share/file.node.ts'
import { openSealedFile, readSealedFolder } from '../participant/key-share/seal/folder.node.ts'
import type { SealingMethod } from '../participant/key-share/seal/method.ts'
import { recordName } from '../participant/key-share/seal/names.ts'
import { lockStore } from '../participant/key-share/seal/store-lock.node.ts'
import { makeSealedFolder, writeSealed } from '../participant/key-share/seal/write.node.ts'
import { addMethodOptions, type MethodFlags, methodsToOpen, methodToSeal } from './methods.ts'
import { requireWritable, writeShares } from './targets.ts'

interface SealFlags extends MethodFlags {
  readonly keyShares?: string
  readonly keystore?: string
  readonly recordFolder?: string
  readonly account?: readonly string[]
  readonly out?: string
  readonly force?: boolean
  readonly remove?: boolean
  readonly json?: boolean
}

const LEVELS = [CGGMP24_3072]

export function defineSeal(program: Command, host: Host): void {
  const command = program
    .command('seal')
    .description('seals the key shares of a file into a keystore folder, one file for each account')
  addOption(command, '--key-shares <file>', 'the key share file')
  addOption(command, '--keystore <folder>', 'where to; made with mode 0700 if it is not there')
  addListOption(command, '--account <id>', 'only this account; may be repeated')
  addOption(command, '--record-folder <folder>', 'where the records against old files are (default: the keystore)')
  addMethodOptions(command, true)
  command
    .option('--force', 'replace sealed files that are there')
    .option('--remove', 'remove the key share file when all of it is sealed and was opened again')
    .option('--json', 'print one JSON object')
    .action((flags: SealFlags) => seal(host, flags))
}

export function defineUnseal(program: Command, host: Host): void {
  const command = program.command('unseal').description('opens a keystore folder into a key share file in the clear')
  addOption(command, '--keystore <folder>', 'the keystore folder')
  addOption(command, '--out <file>', 'where to write the key shares')
  addListOption(command, '--account <id>', 'only this account; may be repeated')
  addOption(command, '--record-folder <folder>', 'where the records against old files are (default: the keystore)')
  addMethodOptions(command, false)
  command
    .option('--force', 'overwrite a file that exists')
    .option('--remove', 'remove the sealed files when the file was written and read again')
    .option('--json', 'print one JSON object')
    .action((flags: SealFlags) => unseal(host, flags))
}

async function seal(host: Host, flags: SealFlags): Promise<void> {
  const source = required('--key-shares', flags.keyShares)
  const folder = required('--keystore', flags.keystore)
  const all = await readKeyShareFile(source, { levels: LEVELS })
  const shares = chosen(all, flags.account, source)
  const sealer = await methodToSeal(host, flags)
  try {
    if (flags.remove === true) {
      if (shares.size < all.size) throw new CommandError('--remove: expected all accounts of the file to be sealed')
      if (sealer.reader === undefined) {
        throw new CommandError(
          '--remove: the sealed files have to be opened again first',
          '--age-identity-file names a file with an identity of one of the recipients',
        )
      }
    }
    await makeSealedFolder(folder)
    const lock = await lockStore(folder)
    try {
      const { recordFolder, force = false } = flags
      const options = { folder, recordFolder, levels: LEVELS, methods: [], method: sealer.method, lock, force }
      const paths = await writeSealed(shares, options)
      if (sealer.reader !== undefined) await compare(paths, shares, sealer.reader)
      if (flags.remove === true) await remove([source])
      const sealed = [...paths].map(([account, path]) => ({ account, path, method: sealer.method.name }))
      report(host, flags, sealed, {
        verified: sealer.reader !== undefined,
        removed: flags.remove === true ? [source] : [],
      })
    } finally {
      await lock.release()
    }
  } finally {
    sealer.method.close()
    sealer.reader?.close()
  }
}

async function unseal(host: Host, flags: SealFlags): Promise<void> {
  const folder = required('--keystore', flags.keystore)
  const out = required('--out', flags.out)
  const { recordFolder, force = false } = flags
  await requireWritable([out], { flag: '--out', force })
  const methods = await methodsToOpen(host, flags)
  // only who changes the folder has to be alone with it
  const lock = flags.remove === true ? await lockStore(folder) : undefined
  try {
    const { shares: all, paths } = await readSealedFolder({ folder, recordFolder, levels: LEVELS, methods })
    const shares = chosen(all, flags.account, folder)
    const removed = flags.remove === true ? removable(all, shares, paths, recordFolder ?? folder) : []
    await writeShares([{ path: out, shares }], force)
    const again = await readKeyShareFile(out, { levels: LEVELS })
    if (formatKeyShares(again) !== formatKeyShares(shares)) throw differs(out)
    await remove(removed)
    report(
      host,
      flags,
      [...shares.keys()].map((account) => ({ account, path: out, method: 'none' })),
      { verified: true, removed },
    )
  } finally {
    for (const method of methods) method.close()
    await lock?.release()
  }
}

function chosen(
  all: ReadonlyMap<string, KeyShare>,
  accounts: readonly string[] | undefined,
  where: string,
): ReadonlyMap<string, KeyShare> {
  if (accounts === undefined) return all
  const unknown = accounts.find((account) => !all.has(account))
  if (unknown !== undefined) throw new CommandError(`--account: ${where} has no key share of one of these accounts`)
  return new Map([...all].filter(([account]) => accounts.includes(account)))
}

/** Opens what is on the disk now. */
async function compare(
  paths: ReadonlyMap<string, string>,
  shares: ReadonlyMap<string, KeyShare>,
  reader: SealingMethod,
): Promise<void> {
  for (const [account, path] of paths) {
    const opened = await openSealedFile(path, { methods: [reader], levels: LEVELS })
    const expected = new Map([...shares].filter(([each]) => each === account))
    if (formatKeyShares(opened) !== formatKeyShares(expected)) throw differs(path)
  }
}

function differs(path: string): Error {
  return Object.assign(new Error(`${path}: what was read back is not what was written; nothing was removed`), {
    code: 'STATE',
  })
}

/** The records of these accounts and then their files: a record whose file is missing is an alarm. A file that holds another account too stays, which is an error. */
function removable(
  all: ReadonlyMap<string, KeyShare>,
  shares: ReadonlyMap<string, KeyShare>,
  paths: ReadonlyMap<string, string>,
  recordFolder: string,
): readonly string[] {
  const kept = new Set([...all.keys()].filter((account) => !shares.has(account)).map((account) => paths.get(account)))
  return [...shares.keys()].flatMap((account) => {
    const path = paths.get(account)
    if (path === undefined || kept.has(path)) {
      throw new CommandError(`--remove: ${path} holds other accounts too`)
    }
    return [resolve(recordFolder, recordName(account)), path]
  })
}

async function remove(paths: readonly string[]): Promise<void> {
  for (const path of paths) await rm(path, { force: true })
  for (const folder of new Set(paths.map((path) => dirname(resolve(path))))) await syncFolder(folder)
}

interface Done {
  readonly verified: boolean
  readonly removed: readonly string[]
}

function report(
  host: Host,
  { json }: SealFlags,
  accounts: readonly { readonly account: string; readonly path: string; readonly method: string }[],
  { verified, removed }: Done,
): void {
  if (json === true) {
    host.stdout.write(`${JSON.stringify({ accounts, verified, removed })}\n`)
  } else {
    host.stdout.write(table(accounts.map(({ account, path }): [string, string] => [account, path])))
    host.stdout.write(
      verified ? 'read back and compared: the same\n' : 'not read back: there is no identity to open it with\n',
    )
    for (const path of new Set(removed)) host.stdout.write(`removed ${path}\n`)
  }
}
