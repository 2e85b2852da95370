/**
 * The client's key shares: from the file in the clear, or from a folder of sealed files. The client only reads a folder and
 * takes no lock, so that several of it can run; it refuses what is older than the records, and leaves them as they are.
 */
import { CommandError } from '../config/failure.ts'
import { type PassphraseFlags, readPassphrase, readPassphraseFile } from '../config/passphrase.ts'
import type { Host } from '../config/program.ts'
import type { ClientConfig } from '../config/schema.ts'
import { readKeptFile } from '../config/secret-file.ts'
import { CGGMP24_3072, type KeyShare, Secret } from '../participant/index.ts'
import { readKeyShareFile } from '../participant/key-share/file.node.ts'
import { ageMethod, parseAgeIdentities } from '../participant/key-share/seal/age.ts'
import { readSealedFolder } from '../participant/key-share/seal/folder.node.ts'
import { deferred, type SealingMethod } from '../participant/key-share/seal/method.ts'
import { passphraseMethod } from '../participant/key-share/seal/passphrase.ts'

export interface KeystoreFlags extends PassphraseFlags {
  readonly keyShares?: string
  readonly keystore?: string
  readonly ageIdentityFile?: string
}

/** Which key each flag overrides. */
export const keystoreNames = {
  'keystore.folder': '--keystore',
  'keystore.passphrase_file': '--passphrase-file',
  'keystore.age_identity_file': '--age-identity-file',
} as const

export function keystoreFlags(flags: KeystoreFlags) {
  return {
    'keystore.folder': flags.keystore,
    'keystore.passphrase_file': flags.passphraseFile,
    'keystore.age_identity_file': flags.ageIdentityFile,
  }
}

const IDENTITY_LIMIT = 65_536
const LEVELS = [CGGMP24_3072]

/** Asks for a passphrase when a file needs one and none was named. */
export async function openKeyShares(
  host: Host,
  { keystore, mpc }: ClientConfig,
  flags: KeystoreFlags,
): Promise<ReadonlyMap<string, KeyShare>> {
  const { folder, record_folder: recordFolder, passphrase_file, age_identity_file } = keystore
  if (folder === undefined) {
    if (flags.passphraseFd !== undefined)
      throw new CommandError('--passphrase-fd: expected only with a keystore folder')
    return readKeyShareFile(mpc.key_share_file, { levels: LEVELS })
  }
  if (flags.keyShares !== undefined) {
    throw new CommandError('--key-shares: expected no keystore folder, which the shares would be in')
  }
  const methods: SealingMethod[] = []
  if (age_identity_file !== undefined) {
    const read = await readKeptFile(age_identity_file, { key: 'keystore.age_identity_file', maxBytes: IDENTITY_LIMIT })
    methods.push(ageMethod({ identities: parseAgeIdentities(read.toString('utf8')) }))
    read.fill(0)
  }
  methods.push(
    deferred('passphrase', async () => {
      const isFile = passphrase_file !== undefined && flags.passphraseFd === undefined
      const passphrase = isFile
        ? await readPassphraseFile(passphrase_file, 'keystore.passphrase_file', host.env)
        : await readPassphrase(host, { passphraseFd: flags.passphraseFd }, { prompt: 'Passphrase: ', isNew: false })
      return passphraseMethod(new Secret(passphrase))
    }),
  )
  try {
    return (await readSealedFolder({ folder, recordFolder, levels: LEVELS, methods })).shares
  } finally {
    for (const method of methods) method.close()
  }
}
