/**
 * Where the service's key shares come from: a file in the clear, a folder of sealed files, a key management service's
 * data keys, or a file descriptor at the start.
 *
 * Passphrase and identity are read when something is opened, and wiped after it; they are not kept while the service
 * runs. A folder belongs to one process: it is locked until `close`.
 */
import { createReadStream } from 'node:fs'
import { readPassphraseFile } from '../config/passphrase.ts'
import type { Host } from '../config/program.ts'
import type { ServiceConfig } from '../config/schema.ts'
import { readKeptFile } from '../config/secret-file.ts'
import { CGGMP24_3072, type KeyShare, parseKeyShares, Secret, UsageError } from '../participant/index.ts'
import { FILE_LIMIT, readKeyShareFile } from '../participant/key-share/file.node.ts'
import { ageMethod, parseAgeIdentities, recipientsOf } from '../participant/key-share/seal/age.ts'
import { readSealedFolder, remember } from '../participant/key-share/seal/folder.node.ts'
import { kmsService } from '../participant/key-share/seal/kms.node.ts'
import { kmsMethod } from '../participant/key-share/seal/kms.ts'
import type { SealingMethod } from '../participant/key-share/seal/method.ts'
import { passphraseMethod } from '../participant/key-share/seal/passphrase.ts'
import { lockStore } from '../participant/key-share/seal/store-lock.node.ts'
import { plainFile, sealedFolder, unwritable } from './keystore-changes.ts'

const IDENTITY_LIMIT = 65_536
const LOOKING = 'a check changes nothing'

export interface Keystore {
  readonly shares: ReadonlyMap<string, KeyShare>
  /** Keeps shares of accounts that were made while the service runs; on the disk when this resolves. Throws StateError. */
  add(shares: ReadonlyMap<string, KeyShare>): Promise<void>
  /** Takes away what `add` kept, because the other parties gave up. */
  remove(accounts: readonly string[]): Promise<void>
  /** Lets another process have it. */
  close(): Promise<void>
}

export interface KeystoreOptions {
  /** Locks it and moves its records on. A check only looks, also while a service has it. */
  readonly owns: boolean
}

/** What the shares come from, for messages. */
export function keystoreName({ keystore, mpc }: Pick<ServiceConfig, 'keystore' | 'mpc'>): string {
  if (keystore.type === 'memory') return `file descriptor ${keystore.shares_fd}`
  return keystore.folder ?? mpc.key_share_file
}

/** Throws UsageError, DecodeError, StateError, TransportError or ConfigError; each names what it is about. */
export async function openKeystore(
  config: Pick<ServiceConfig, 'keystore' | 'mpc'>,
  host: Pick<Host, 'env' | 'stdin'>,
  { owns }: KeystoreOptions,
): Promise<Keystore> {
  const { keystore, mpc } = config
  const close = async (): Promise<void> => {}
  if (keystore.type === 'memory') {
    return {
      shares: await fromDescriptor(keystore.shares_fd, host),
      ...unwritable('shares in memory are never written'),
      close,
    }
  }
  if (keystore.folder === undefined) {
    const path = mpc.key_share_file
    const shares = await readKeyShareFile(path, { levels: [CGGMP24_3072] })
    return { shares, ...(owns ? plainFile(path) : unwritable(LOOKING)), close }
  }
  const { folder, record_folder: recordFolder } = keystore
  const lock = owns ? await lockStore(folder) : undefined
  let methods: readonly SealingMethod[] = []
  try {
    methods = await methodsOf(keystore, host.env)
    const options = { folder, recordFolder, levels: [CGGMP24_3072], methods }
    const { shares, news } = await readSealedFolder(options)
    if (lock === undefined) return { shares, ...unwritable(LOOKING), close }
    await remember(options, lock, news)
    const changes = sealedFolder({ folder, recordFolder, lock, methods: () => methodsOf(keystore, host.env) })
    return { shares, ...changes, close: () => lock.release() }
  } catch (e) {
    await lock?.release()
    throw e
  } finally {
    for (const method of methods) method.close()
  }
}

/** Only what the configuration names: a file that is sealed otherwise was not put there by who wrote it. */
async function methodsOf(keystore: ServiceConfig['keystore'], env: Host['env']): Promise<readonly SealingMethod[]> {
  const { passphrase_file, age_identity_file, kms_key_id, kms_region, kms_endpoint } = keystore
  const methods: SealingMethod[] = []
  if (passphrase_file !== undefined) {
    const passphrase = await readPassphraseFile(passphrase_file, 'keystore.passphrase_file', env)
    methods.push(passphraseMethod(new Secret(passphrase)))
  }
  if (age_identity_file !== undefined) {
    const read = await readKeptFile(age_identity_file, { key: 'keystore.age_identity_file', maxBytes: IDENTITY_LIMIT })
    const identities = parseAgeIdentities(read.toString('utf8'))
    read.fill(0)
    methods.push(ageMethod({ identities, recipients: await recipientsOf(identities) }))
  }
  if (kms_key_id !== undefined) {
    methods.push(kmsMethod(await kmsService({ keyId: kms_key_id, region: kms_region, endpoint: kms_endpoint })))
  }
  return methods
}

async function fromDescriptor(fd: number, { stdin }: Pick<Host, 'stdin'>): Promise<ReadonlyMap<string, KeyShare>> {
  const stream = fd === 0 ? stdin : createReadStream('', { fd })
  const chunks: Buffer[] = []
  let length = 0
  try {
    for await (const chunk of stream) {
      const bytes = Buffer.from(chunk as Buffer)
      chunks.push(bytes)
      length += bytes.length
      if (length > FILE_LIMIT) break
    }
  } catch {
    throw new UsageError(`keystore.shares_fd: file descriptor ${fd} can't be read; is it open?`)
  }
  const all = Buffer.concat(chunks)
  for (const chunk of chunks) chunk.fill(0)
  if (all.length > FILE_LIMIT) throw new UsageError(`keystore.shares_fd: expected at most ${FILE_LIMIT} bytes`)
  try {
    return parseKeyShares(all.toString('utf8'))
  } finally {
    all.fill(0)
  }
}
