/**
 * A way to seal: under a passphrase, to age recipients, or under a data key of a KMS. What all of them have in common is
 * here: the interface, and the cipher of those that have a header of ours.
 */
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js'
import { bytesToHex, utf8ToBytes } from '../../base/bytes.ts'
import { DecodeError } from '../../base/errors.ts'
import type { Random } from '../../base/random.ts'
import { type Head, headerLine, type MethodHeader, type MethodName, type SealedFile, sealedText } from './header.ts'

export interface SealingMethod {
  readonly name: MethodName
  /** The whole file. `plain` stays the caller's, to be wiped. Throws UsageError when this can only open. */
  seal(plain: Uint8Array, head: Head): Promise<Uint8Array>
  /**
   * What was sealed; the caller wipes it. Throws DecodeError when the file doesn't open, UsageError when this can only
   * seal, and what the method itself can run into.
   */
  open(file: SealedFile): Promise<Uint8Array>
  /** Wipes the keys, as far as that can be done; nothing is sealed or opened after it. */
  close(): void
}

const NONCE_BYTES = 24

/** `key` stays the caller's. */
export function sealUnder(
  key: Uint8Array,
  plain: Uint8Array,
  head: Head,
  own: MethodHeader,
  random: Random,
): Uint8Array {
  const nonce = random.bytes(NONCE_BYTES)
  const line = headerLine(head, own, bytesToHex(nonce))
  return utf8ToBytes(sealedText(line, xchacha20poly1305(key, nonce, utf8ToBytes(line)).encrypt(plain)))
}

/** Throws DecodeError that says `problem`: a wrong key and a changed file look the same. */
export function openUnder(
  key: Uint8Array,
  { nonce, associated, ciphertext }: Exclude<SealedFile, { method: 'age' }>,
  problem: string,
): Uint8Array {
  try {
    return xchacha20poly1305(key, nonce, associated).decrypt(ciphertext)
  } catch {
    throw new DecodeError(problem)
  }
}

/** Makes the method when it is first needed: a passphrase is asked for only when there is something under one. */
export function deferred(name: MethodName, make: () => Promise<SealingMethod>): SealingMethod {
  let made: Promise<SealingMethod> | undefined
  const method = (): Promise<SealingMethod> => {
    made ??= make()
    return made
  }
  return {
    name,
    seal: async (plain, head) => (await method()).seal(plain, head),
    open: async (file) => (await method()).open(file),
    close: () =>
      void made?.then(
        (m) => m.close(),
        () => {},
      ),
  }
}
