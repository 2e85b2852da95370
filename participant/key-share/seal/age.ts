/**
 * Sealing to age recipients (age-encryption.org/v1): who seals needs public keys only, who opens needs an identity.
 *
 * A file is a plain age file whose content is the JSON of key-gen, so that `age -d` gives what `key-gen` wrote, and what
 * `age -r` makes of that JSON opens here, with several accounts in it too. It has no sender: whoever knows the recipient
 * can make one. What is in it must still be a consistent key share, and of the same epoch as before the same share.
 * The library keeps identities as text, which can't be wiped.
 */
import { fromUtf8, utf8ToBytes } from '../../base/bytes.ts'
import { DecodeError, UsageError } from '../../base/errors.ts'
import { type Secret, secret } from '../../base/secret.ts'
import type { SealedFile } from './header.ts'
import type { SealingMethod } from './method.ts'

export interface AgeOptions {
  /** `age1…`; to seal. */
  readonly recipients?: readonly string[]
  /** `AGE-SECRET-KEY-…`; to open. */
  readonly identities?: Secret<readonly string[]>
}

const IDENTITY = /^AGE-SECRET-KEY-(PQ-)?1[A-Z0-9]{20,4096}$/
const RECIPIENT = /^age1[a-z0-9]{20,8192}$/

/** Identities, one a line, as age-keygen writes them: empty lines and those with # are left out. Throws DecodeError. */
export function parseAgeIdentities(text: string): Secret<readonly string[]> {
  const lines = linesOf(text)
  if (lines.length === 0 || !lines.every((line) => IDENTITY.test(line))) {
    throw new DecodeError('age identity file: expected lines that begin with AGE-SECRET-KEY-')
  }
  return secret(lines)
}

/** The recipients that these identities open for: who reads a folder can add to it. */
export async function recipientsOf(identities: Secret<readonly string[]>): Promise<readonly string[]> {
  const { identityToRecipient } = await import('age-encryption')
  return Promise.all(identities.expose().map((identity) => identityToRecipient(identity)))
}

/** Recipients, one a line. Throws DecodeError. */
export function parseAgeRecipients(text: string): readonly string[] {
  const lines = linesOf(text)
  if (lines.length === 0 || !lines.every((line) => RECIPIENT.test(line))) {
    throw new DecodeError('age recipients: expected lines that begin with age1')
  }
  return lines
}

function linesOf(text: string): readonly string[] {
  const lines = text.split('\n').map((line) => line.trim())
  return lines.filter((line) => line !== '' && !line.startsWith('#'))
}

export function ageMethod({ recipients = [], identities }: AgeOptions): SealingMethod {
  return {
    name: 'age',
    async seal(plain) {
      if (recipients.length === 0) throw new UsageError('age: expected recipients to seal to')
      // loaded only when it is used, like every way to seal that brings a library
      const { Encrypter } = await import('age-encryption')
      const encrypter = new Encrypter()
      for (const recipient of recipients) addTo(() => encrypter.addRecipient(recipient), 'recipient')
      return encrypter.encrypt(plain)
    },
    async open(file) {
      if (identities === undefined) throw new UsageError('age: expected an identity to open with')
      if (file.method !== 'age') throw new UsageError(`expected an age file; this one is sealed with ${file.method}`)
      const { Decrypter } = await import('age-encryption')
      const decrypter = new Decrypter()
      for (const identity of identities.expose()) addTo(() => decrypter.addIdentity(identity), 'identity')
      try {
        return await decrypter.decrypt(await withoutArmor(file))
      } catch {
        throw new DecodeError('sealed to other age recipients, or the file is damaged')
      }
    },
    close() {},
  }
}

function addTo(add: () => void, what: string): void {
  try {
    add()
  } catch {
    throw new UsageError(`age: expected a ${what} with a sound checksum`)
  }
}

async function withoutArmor({ bytes }: Extract<SealedFile, { method: 'age' }>): Promise<Uint8Array> {
  if (bytes[0] !== utf8ToBytes('-')[0]) return bytes
  const { armor } = await import('age-encryption')
  return armor.decode(fromUtf8(bytes))
}
