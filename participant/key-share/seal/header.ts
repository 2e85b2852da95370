/**
 * The form of a sealed file. One file holds one account's key share:
 *
 *   {"format":"wallet-mpc/sealed-key-share","version":1,"account":…}    one line of JSON, the header
 *   base64                                                            XChaCha20-Poly1305 over the share's JSON
 *
 * The header can be read without any secret, by people too. It is associated data of the cipher, byte by byte: whoever
 * changes a character of it gets a file that doesn't open. A file sealed to age recipients has no header of ours: it
 * is a plain age file, so that `age -d` opens it, and account and epoch are those in the share inside.
 *
 * What a file asks for is bounded before anything is done about it: its size here, the work of its key derivation in
 * the schema.
 */
import { z } from 'zod'
import { fromBase64, fromHex, fromUtf8, toBase64, utf8ToBytes } from '../../base/bytes.ts'
import { DecodeError } from '../../base/errors.ts'
import { isAccountId } from '../key-share.ts'
import { describeIssue } from '../schema.ts'

const FORMAT = 'wallet-mpc/sealed-key-share'
const VERSION = 1
const CIPHER = 'xchacha20-poly1305'

/** A share of a roster with 32 members needs 120 kB. */
export const SEALED_LIMIT = 1024 * 1024

const HEADER_LIMIT = 16_384
const AGE_MAGIC = 'age-encryption.org/v1\n'
const AGE_ARMOR = '-----BEGIN AGE ENCRYPTED FILE-----'

/** 2^14 is 16 MB and a tenth of a second, 2^18 is 256 MB: more than that no file may take. */
export const MIN_LOG_N = 14
export const MAX_LOG_N = 18

export type MethodName = 'passphrase' | 'age' | 'kms'

function hex(length: number) {
  const message = `expected ${2 * length} lower-case hex digits`
  return z.string(message).regex(new RegExp(`^[0-9a-f]{${2 * length}}$`), message)
}

function whole(min: number, max: number) {
  const message = `expected a whole number from ${min} to ${max}`
  return z.int(message).min(min, message).max(max, message)
}

function exactly<T extends string | number>(value: T) {
  return z.literal(value, `expected ${value}`)
}

const scrypt = z.strictObject({
  name: exactly('scrypt'),
  log_n: whole(MIN_LOG_N, MAX_LOG_N),
  r: exactly(8),
  p: exactly(1),
  salt: hex(16),
})

const kms = z.strictObject({
  key_id: z.string('expected the id of a key').min(1, 'expected the id of a key').max(2048, 'expected the id of a key'),
  data_key: z.string('expected base64').max(8192, 'expected at most 8192 characters'),
})

const common = {
  format: exactly(FORMAT),
  version: exactly(VERSION),
  account: z.string('expected an account id').refine(isAccountId, 'expected an account id'),
  epoch: whole(0, 2 ** 32 - 1),
  revision: whole(1, Number.MAX_SAFE_INTEGER),
  digest: hex(32),
  cipher: exactly(CIPHER),
  nonce: hex(24),
}

const headerSchema = z.discriminatedUnion(
  'method',
  [
    z.strictObject({ ...common, method: z.literal('passphrase'), kdf: scrypt }),
    z.strictObject({ ...common, method: z.literal('kms'), kms }),
  ],
  'expected passphrase or kms',
)

export type Header = z.infer<typeof headerSchema>
export type ScryptParameters = z.infer<typeof scrypt>

/** What a sealed file says about the share in it. */
export interface Head {
  readonly account: string
  readonly epoch: number
  /** Counts how often the account's file was written, from 1. */
  readonly revision: number
  /** `shareDigest` in hex. */
  readonly digest: string
}

export type SealedFile =
  | { readonly method: 'age'; readonly bytes: Uint8Array }
  | {
      readonly method: 'passphrase' | 'kms'
      readonly header: Header
      /** The header as it stands in the file, for the cipher. */
      readonly associated: Uint8Array
      readonly nonce: Uint8Array
      readonly ciphertext: Uint8Array
    }

/** What a method adds to the header. */
export type MethodHeader =
  | { readonly method: 'passphrase'; readonly kdf: ScryptParameters }
  | { readonly method: 'kms'; readonly kms: z.infer<typeof kms> }

/** The line of a header, without its end. `nonce` in hex. */
export function headerLine({ account, epoch, revision, digest }: Head, own: MethodHeader, nonce: string): string {
  const head = { format: FORMAT, version: VERSION, account, epoch, revision, digest }
  return JSON.stringify({ ...head, ...own, cipher: CIPHER, nonce })
}

export function sealedText(line: string, ciphertext: Uint8Array): string {
  return `${line}\n${toBase64(ciphertext)}\n`
}

/** Throws DecodeError with `field: expected …`; no value of the file is quoted. */
export function readSealed(bytes: Uint8Array): SealedFile {
  if (bytes.length > SEALED_LIMIT) throw new DecodeError(`sealed file: expected at most ${SEALED_LIMIT} bytes`)
  if (startsWith(bytes, AGE_MAGIC) || startsWith(bytes, AGE_ARMOR)) return { method: 'age', bytes }
  const end = bytes.subarray(0, HEADER_LIMIT).indexOf(0x0a)
  if (end < 0) throw new DecodeError('sealed file: expected a header line, or an age file')
  const associated = bytes.slice(0, end)
  const header = readHeader(associated)
  const rest = fromUtf8(bytes.subarray(end + 1))
  if (!rest.endsWith('\n')) throw new DecodeError('sealed file: is cut off')
  return {
    method: header.method,
    header,
    associated,
    nonce: fromHex(header.nonce),
    ciphertext: fromBase64(rest.slice(0, -1)),
  }
}

function readHeader(line: Uint8Array): Header {
  let raw: unknown
  try {
    raw = JSON.parse(fromUtf8(line))
  } catch {
    throw new DecodeError('sealed file: expected a header line, or an age file')
  }
  const start = z.looseObject({ format: common.format, version: common.version }).safeParse(raw)
  if (!start.success) throw new DecodeError(`sealed file: ${describeIssue(start.error)}`)
  const parsed = headerSchema.safeParse(raw)
  if (!parsed.success) throw new DecodeError(`sealed file: ${describeIssue(parsed.error)}`)
  return parsed.data
}

function startsWith(bytes: Uint8Array, text: string): boolean {
  const start = utf8ToBytes(text)
  return start.every((b, i) => bytes[i] === b)
}
