/**
 * The record of the highest epoch and revision that was seen of an account, beside its sealed file: an older file that
 * somebody puts back is refused, and so is another share of the same epoch.
 *
 * The record is authenticated under a key that follows from the party's identity, which only who opened the share has.
 * So it can't be made up, only put back together with the file it belonged to, or taken away; against that helps
 * nothing that is on the same disk (docs/keystore.md).
 */
import { hkdf } from '@noble/hashes/hkdf.js'
import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { z } from 'zod'
import { bytesToHex, equalBytes, fromHex, utf8ToBytes } from '../../base/bytes.ts'
import { DecodeError, StateError } from '../../base/errors.ts'
import type { Identity } from '../../party/roster.ts'
import type { Head } from './header.ts'

const schema = z.strictObject({
  version: z.literal(1),
  account: z.string(),
  epoch: z.int().min(0),
  revision: z.int().min(0),
  digest: z.string().regex(/^[0-9a-f]{64}$/),
  mac: z.string().regex(/^[0-9a-f]{64}$/),
})

export const RECORD_LIMIT = 4096

/** A file made by `age` itself has no revision. */
export type Found = Omit<Head, 'revision'> & { readonly revision: number | undefined }

function macOf({ account, epoch, revision, digest }: Head, identity: Identity): Uint8Array {
  const key = hkdf(sha256, identity.signingKey.expose(), undefined, utf8ToBytes('wallet-mpc/seen-record'), 32)
  try {
    return hmac(sha256, key, utf8ToBytes(JSON.stringify([1, account, epoch, revision, digest])))
  } finally {
    key.fill(0)
  }
}

export function formatRecord(seen: Head, identity: Identity): string {
  const { account, epoch, revision, digest } = seen
  const mac = bytesToHex(macOf(seen, identity))
  return `${JSON.stringify({ version: 1, account, epoch, revision, digest, mac })}\n`
}

/** The account that the text says it is of, unchecked; undefined when it is no record. */
export function recordAccount(text: string): string | undefined {
  return parse(text)?.account
}

/** Throws DecodeError when it is no record of this account and identity. */
export function parseRecord(text: string, account: string, identity: Identity): Head {
  const record = parse(text)
  if (record === undefined || record.account !== account || !equalBytes(fromHex(record.mac), macOf(record, identity))) {
    throw new DecodeError('expected the record of this account and party; it is damaged, or of another key')
  }
  return record
}

function parse(text: string): z.infer<typeof schema> | undefined {
  try {
    return schema.parse(JSON.parse(text))
  } catch {
    return undefined
  }
}

/**
 * What the record has to be from now on; the same object when nothing changes. Throws StateError when the found one is
 * older, or another share of the same epoch.
 */
export function advance(seen: Head | undefined, found: Found): Head {
  const { account, epoch, digest } = found
  const revision = found.revision ?? seen?.revision ?? 0
  if (seen === undefined) return { account, epoch, revision, digest }
  const refuse = (what: string): StateError => new StateError(`rollback refused: ${what}`, { reason: 'ROLLBACK' })
  if (epoch < seen.epoch) throw refuse(`is of epoch ${epoch}, and epoch ${seen.epoch} was here before`)
  if (epoch > seen.epoch) return { account, epoch, revision, digest }
  if (digest !== seen.digest) throw refuse(`is another key share of epoch ${epoch} than was here before`)
  if (revision < seen.revision) throw refuse(`is revision ${revision}, and revision ${seen.revision} was here before`)
  return revision === seen.revision ? seen : { account, epoch, revision, digest }
}
