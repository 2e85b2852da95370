/**
 * AWS KMS as the key service, through its own SDK, which is loaded only when it is used. Credentials come from where the
 * SDK finds them (role of the machine or pod, environment, profile); nothing of them is in our configuration.
 *
 * The service's messages hold account numbers and names of roles: of its errors only the name is told.
 */
import { MpcError, StateError, TransportError, UsageError } from '../../base/errors.ts'
import type { EncryptionContext, KeyService } from './kms.ts'

export interface KmsOptions {
  /** Id, ARN or alias. Opening asks for this key too, so that a file under another key is refused. */
  readonly keyId: string
  /** From the SDK's own sources when absent. */
  readonly region?: string | undefined
  /** The region's own when absent. Clear text only to this machine: the answers carry keys. */
  readonly endpoint?: string | undefined
}

const REQUEST_MS = 10_000
const ATTEMPTS = 4
const DATA_KEY_BYTES = 32

export async function kmsService({ keyId, region, endpoint }: KmsOptions): Promise<KeyService> {
  if (endpoint !== undefined) requireSafeEndpoint(endpoint)
  const { DecryptCommand, GenerateDataKeyCommand, KMSClient } = await import('@aws-sdk/client-kms')
  const client = new KMSClient({
    maxAttempts: ATTEMPTS,
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint }),
  })
  const settings = () => ({ abortSignal: AbortSignal.timeout(REQUEST_MS) })
  return {
    generate: (context: EncryptionContext) =>
      explained(async () => {
        const command = new GenerateDataKeyCommand({ KeyId: keyId, KeySpec: 'AES_256', EncryptionContext: context })
        const made = await client.send(command, settings())
        if (made.CiphertextBlob === undefined) throw new StateError('kms: expected a wrapped data key')
        const dataKey = requireKey(made.Plaintext)
        return { keyId: made.KeyId ?? keyId, dataKey, wrapped: Uint8Array.from(made.CiphertextBlob) }
      }),
    unwrap: (wrapped: Uint8Array, context: EncryptionContext) =>
      explained(async () => {
        const command = new DecryptCommand({ KeyId: keyId, CiphertextBlob: wrapped, EncryptionContext: context })
        return requireKey((await client.send(command, settings())).Plaintext)
      }),
    close: () => client.destroy(),
  }
}

/** A copy; the SDK's is wiped. */
function requireKey(given: Uint8Array | undefined): Uint8Array {
  if (given?.length !== DATA_KEY_BYTES) throw new StateError(`kms: expected a data key of ${DATA_KEY_BYTES} bytes`)
  const key = Uint8Array.from(given)
  given.fill(0)
  return key
}

function requireSafeEndpoint(endpoint: string): void {
  const { protocol, hostname } = new URL(endpoint)
  const isLocal = hostname === '127.0.0.1' || hostname === '[::1]' || hostname === 'localhost'
  if (protocol === 'https:' || (protocol === 'http:' && isLocal)) return
  throw new UsageError('kms: expected an https endpoint, or http on this machine')
}

const REFUSED: Readonly<Record<string, string>> = {
  AccessDeniedException: 'these credentials may not use the key',
  UnrecognizedClientException: 'these credentials are not known',
  InvalidSignatureException: 'the signature of the request was refused: wrong secret key, or a wrong clock',
  ExpiredTokenException: 'the credentials have expired',
  CredentialsProviderError: 'no credentials were found',
  NotFoundException: 'no such key',
  DisabledException: 'the key is disabled',
  KMSInvalidStateException: 'the key is not in a state in which it can be used',
  IncorrectKeyException: 'the file was sealed under another key',
  InvalidCiphertextException: 'the file is damaged, or its account or epoch was changed',
}

const UNREACHED: readonly string[] = [
  'ThrottlingException',
  'LimitExceededException',
  'KMSInternalException',
  'DependencyTimeoutException',
  'KeyUnavailableException',
  'TimeoutError',
  'AbortError',
]

async function explained<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (e) {
    if (e instanceof MpcError) throw e
    const name = nameOf(e)
    const reason = REFUSED[name]
    if (reason !== undefined) throw new StateError(`kms: ${reason} (${name})`)
    const { code } = e as { readonly code?: unknown }
    if (UNREACHED.includes(name) || typeof code === 'string') throw new TransportError(`kms: no answer (${name})`)
    throw new StateError(`kms: refused (${name})`)
  }
}

function nameOf(e: unknown): string {
  const name = e instanceof Error ? e.name : ''
  return /^[A-Za-z]{1,60}$/.test(name) ? name : 'unknown error'
}
