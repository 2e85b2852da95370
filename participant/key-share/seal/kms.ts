/**
 * Sealing under a data key of a key management service: the service makes the key and gives it back in the clear and
 * wrapped; the clear one seals the file and is wiped, the wrapped one goes into the header. Opening asks the service to
 * unwrap it, which it does only for who may, and leaves a trace of it there.
 *
 * Every request carries account, epoch and purpose as encryption context. The service binds the wrapped key to them, so
 * that one file's key doesn't open another's, a policy can be about them, and its log says what was opened.
 */
import { fromBase64, toBase64 } from '../../base/bytes.ts'
import { UsageError } from '../../base/errors.ts'
import { type Random, systemRandom } from '../../base/random.ts'
import type { Head, SealedFile } from './header.ts'
import { openUnder, type SealingMethod, sealUnder } from './method.ts'

export type EncryptionContext = Readonly<Record<'account' | 'epoch' | 'purpose', string>>

/** The requests that are made. Both throw errors for people. */
export interface KeyService {
  generate(context: EncryptionContext): Promise<{
    readonly keyId: string
    readonly dataKey: Uint8Array
    readonly wrapped: Uint8Array
  }>
  unwrap(wrapped: Uint8Array, context: EncryptionContext): Promise<Uint8Array>
  close(): void
}

function contextOf({ account, epoch }: Pick<Head, 'account' | 'epoch'>): EncryptionContext {
  return { account, epoch: String(epoch), purpose: 'wallet-mpc/key-share' }
}

export function kmsMethod(service: KeyService, random: Random = systemRandom): SealingMethod {
  return {
    name: 'kms',
    async seal(plain, head) {
      const { keyId, dataKey, wrapped } = await service.generate(contextOf(head))
      try {
        const kms = { key_id: keyId, data_key: toBase64(wrapped) }
        return sealUnder(dataKey, plain, head, { method: 'kms', kms }, random)
      } finally {
        dataKey.fill(0)
      }
    },
    async open(file: SealedFile) {
      if (file.method === 'age' || file.header.method !== 'kms') {
        throw new UsageError(`expected a file sealed with kms; this one is sealed with ${file.method}`)
      }
      const { header } = file
      const dataKey = await service.unwrap(fromBase64(header.kms.data_key), contextOf(header))
      try {
        return openUnder(dataKey, file, 'the file is damaged')
      } finally {
        dataKey.fill(0)
      }
    },
    close: () => service.close(),
  }
}
