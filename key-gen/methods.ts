/** The flags that say how key shares are sealed, or what opens them. */
import type { Command } from 'commander'
import { CommandError } from '../config/failure.ts'
import { type PassphraseFlags, readPassphrase } from '../config/passphrase.ts'
import { addListOption, addOption, type Host } from '../config/program.ts'
import { readKeptFile } from '../config/secret-file.ts'
import { Secret } from '../participant/index.ts'
import { ageMethod, parseAgeIdentities, parseAgeRecipients } from '../participant/key-share/seal/age.ts'
import { kmsService } from '../participant/key-share/seal/kms.node.ts'
import { kmsMethod } from '../participant/key-share/seal/kms.ts'
import { deferred, type SealingMethod } from '../participant/key-share/seal/method.ts'
import { passphraseMethod } from '../participant/key-share/seal/passphrase.ts'

export interface MethodFlags extends PassphraseFlags {
  readonly ageRecipient?: readonly string[]
  readonly ageRecipientsFile?: string
  readonly ageIdentityFile?: string
  readonly kmsKeyId?: string
  readonly kmsRegion?: string
  readonly kmsEndpoint?: string
}

const FILE_LIMIT = 65_536

export function addMethodOptions(command: Command, seals: boolean): void {
  addOption(command, '--passphrase-file <file>', 'file with the passphrase, mode 0600 (default: asks for it)')
  addOption(command, '--passphrase-fd <n>', 'open file descriptor to read the passphrase from')
  if (seals) {
    addListOption(command, '--age-recipient <age1…>', 'seal to this age recipient; may be repeated')
    addOption(command, '--age-recipients-file <file>', 'seal to the age recipients of this file')
  }
  addOption(command, '--age-identity-file <file>', 'age identities to open with, mode 0600')
  addOption(command, '--kms-key-id <id>', 'key of AWS KMS: id, ARN or alias')
  addOption(command, '--kms-region <name>', "its region (default: from the AWS SDK's own settings)")
  addOption(command, '--kms-endpoint <url>', 'another address of the service')
}

export interface Sealer {
  readonly method: SealingMethod
  /** Opens what `method` seals, with keys of its own; undefined when nothing here can. */
  readonly reader: SealingMethod | undefined
}

/** One way to seal: age or KMS when a flag says so, a passphrase otherwise. */
export async function methodToSeal(host: Host, flags: MethodFlags): Promise<Sealer> {
  const { ageRecipient, ageRecipientsFile, ageIdentityFile, kmsKeyId, passphraseFd, passphraseFile } = flags
  const toAge = ageRecipient !== undefined || ageRecipientsFile !== undefined
  const ways = [passphraseFd !== undefined || passphraseFile !== undefined, toAge, kmsKeyId !== undefined]
  if (ways.filter((way) => way).length > 1) {
    throw new CommandError('expected one way to seal: a passphrase, age recipients, or a KMS key')
  }
  if (ageIdentityFile !== undefined && !toAge) {
    throw new CommandError('--age-identity-file: expected only with --age-recipient or --age-recipients-file')
  }
  if (toAge) {
    const named = ageRecipientsFile === undefined ? [] : await recipientsIn(ageRecipientsFile)
    const given = (ageRecipient ?? []).flatMap((text) => parseAgeRecipients(text))
    const identities = ageIdentityFile === undefined ? undefined : await identitiesIn(ageIdentityFile)
    return {
      method: ageMethod({ recipients: [...given, ...named] }),
      reader: identities && ageMethod({ identities }),
    }
  }
  if (kmsKeyId !== undefined) {
    return { method: await kmsFor(flags, kmsKeyId), reader: await kmsFor(flags, kmsKeyId) }
  }
  requireNoKms(flags)
  const passphrase = await readPassphrase(host, flags, { prompt: 'New passphrase: ', isNew: true })
  return {
    method: passphraseMethod(new Secret(passphrase)),
    reader: passphraseMethod(new Secret(passphrase.slice())),
  }
}

/** Everything that the flags can open; a passphrase is asked for when the first file needs it. */
export async function methodsToOpen(host: Host, flags: MethodFlags): Promise<readonly SealingMethod[]> {
  const { ageIdentityFile, kmsKeyId } = flags
  if (kmsKeyId === undefined) requireNoKms(flags)
  const identities = ageIdentityFile === undefined ? undefined : await identitiesIn(ageIdentityFile)
  return [
    deferred('passphrase', async () => {
      const passphrase = await readPassphrase(host, flags, { prompt: 'Passphrase: ', isNew: false })
      return passphraseMethod(new Secret(passphrase))
    }),
    ...(identities === undefined ? [] : [ageMethod({ identities })]),
    ...(kmsKeyId === undefined ? [] : [await kmsFor(flags, kmsKeyId)]),
  ]
}

function requireNoKms({ kmsRegion, kmsEndpoint }: MethodFlags): void {
  if (kmsRegion !== undefined) throw new CommandError('--kms-region: expected only with --kms-key-id')
  if (kmsEndpoint !== undefined) throw new CommandError('--kms-endpoint: expected only with --kms-key-id')
}

async function kmsFor({ kmsRegion, kmsEndpoint }: MethodFlags, keyId: string): Promise<SealingMethod> {
  if (kmsEndpoint !== undefined && !URL.canParse(kmsEndpoint)) {
    throw new CommandError('--kms-endpoint: expected an https address')
  }
  return kmsMethod(await kmsService({ keyId, region: kmsRegion, endpoint: kmsEndpoint }))
}

async function identitiesIn(path: string): Promise<Secret<readonly string[]>> {
  const read = await readKeptFile(path, { key: '--age-identity-file', maxBytes: FILE_LIMIT })
  const text = read.toString('utf8')
  read.fill(0)
  return parseAgeIdentities(text)
}

async function recipientsIn(path: string): Promise<readonly string[]> {
  const read = await readKeptFile(path, { key: '--age-recipients-file', maxBytes: FILE_LIMIT, secret: false })
  return parseAgeRecipients(read.toString('utf8'))
}
