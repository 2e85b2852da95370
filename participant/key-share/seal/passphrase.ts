/**
 * Sealing under a passphrase: scrypt (RFC 7914) makes the key of XChaCha20-Poly1305.
 *
 * N = 2^17, r = 8, p = 1 takes 128 MB and half a second of CPU, and as much for each guess of somebody who has the file.
 * Argon2id would do as well (0.7 s for one pass over the same memory); scrypt is in OpenSSL and in Python's standard
 * library, so that a file can be opened in twenty years without this code. All files that one command seals have one
 * salt, so that opening a folder derives one key and not one for each account.
 * Nonces are 24 random bytes, so that one key serves any number of files.
 */
import { scryptAsync } from '@noble/hashes/scrypt.js'
import { bytesToHex, fromHex } from '../../base/bytes.ts'
import { UsageError } from '../../base/errors.ts'
import { type Random, systemRandom } from '../../base/random.ts'
import type { Secret } from '../../base/secret.ts'
import { type Head, MAX_LOG_N, MIN_LOG_N, type ScryptParameters, type SealedFile } from './header.ts'
import { openUnder, type SealingMethod, sealUnder } from './method.ts'

export interface PassphraseOptions {
  /** The system's when absent. */
  readonly random?: Random
  /** Base-2 logarithm of scrypt's N: 17 when absent, from 14 to 18. */
  readonly logN?: number
}

/** An AEAD can't tell which it was. */
export const NOT_OPENED = 'wrong passphrase, or the file is damaged'

/** The passphrase's bytes become this object's: `close` wipes them. */
export function passphraseMethod(passphrase: Secret<Uint8Array>, o: PassphraseOptions = {}): SealingMethod {
  const { random = systemRandom, logN = 17 } = o
  if (!Number.isInteger(logN) || logN < MIN_LOG_N || logN > MAX_LOG_N) {
    throw new UsageError(`scrypt: expected a logarithm of N from ${MIN_LOG_N} to ${MAX_LOG_N}`)
  }
  const keys = new Map<string, Promise<Uint8Array>>()
  let fresh: ScryptParameters | undefined
  let isClosed = false

  const keyFor = (kdf: ScryptParameters): Promise<Uint8Array> => {
    if (isClosed) throw new UsageError('passphrase: is wiped')
    const name = `${kdf.log_n}/${kdf.salt}`
    const known = keys.get(name)
    if (known !== undefined) return known
    const key = scryptAsync(passphrase.expose(), fromHex(kdf.salt), {
      N: 2 ** kdf.log_n,
      r: kdf.r,
      p: kdf.p,
      dkLen: 32,
    })
    keys.set(name, key)
    return key
  }

  return {
    name: 'passphrase',
    async seal(plain: Uint8Array, head: Head) {
      fresh ??= { name: 'scrypt', log_n: logN, r: 8, p: 1, salt: bytesToHex(random.bytes(16)) }
      return sealUnder(await keyFor(fresh), plain, head, { method: 'passphrase', kdf: fresh }, random)
    },
    async open(file: SealedFile) {
      if (file.method === 'age' || file.header.method !== 'passphrase') {
        throw new UsageError(`expected a file sealed under a passphrase; this one is sealed with ${file.method}`)
      }
      return openUnder(await keyFor(file.header.kdf), file, NOT_OPENED)
    },
    close() {
      isClosed = true
      passphrase.expose().fill(0)
      for (const key of keys.values()) void key.then((bytes) => bytes.fill(0))
      keys.clear()
    },
  }
}
