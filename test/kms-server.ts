/** A key management service for tests: AWS KMS's JSON protocol over HTTP, for the real SDK, with its checks and its errors. */
import { createCipheriv, createDecipheriv, createHash, createHmac, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'

export const KMS_REGION = 'eu-central-1'
export const KMS_ACCESS_KEY = 'AKIATESTTESTTESTTEST'
export const KMS_SECRET_KEY = 'wJalrXUtnFEMI-K7MDENG-bPxRfiCYEXAMPLEKEY'

/** For the environment of a process that is to reach it. */
export const KMS_ENV = {
  AWS_ACCESS_KEY_ID: KMS_ACCESS_KEY,
  AWS_SECRET_ACCESS_KEY: KMS_SECRET_KEY,
  AWS_REGION: KMS_REGION,
  AWS_EC2_METADATA_DISABLED: 'true',
} as const

export interface KmsRequest {
  readonly operation: string
  readonly context: Readonly<Record<string, string>>
  readonly keyId: string
}

export interface TestKms {
  readonly url: string
  readonly requests: readonly KmsRequest[]
  /** The plain data keys that were given out. */
  readonly dataKeys: readonly Buffer[]
  /** The next `times` requests get this error. */
  fail(error: string, times?: number): void
  close(): Promise<void>
}

class KmsError extends Error {
  readonly status: number
  constructor(name: string, status = 400) {
    super(name)
    this.status = status
  }
}

export const arnOf = (id: string): string => `arn:aws:kms:${KMS_REGION}:111122223333:key/${id}`

/** With one master key for each id. */
export async function startKms(ids: readonly string[]): Promise<TestKms> {
  const masters = new Map(ids.map((id) => [arnOf(id), randomBytes(32)]))
  const requests: KmsRequest[] = []
  const dataKeys: Buffer[] = []
  let failures: { error: string; times: number } | undefined

  const arnFor = (keyId: unknown): string => {
    const arn = typeof keyId === 'string' && keyId.startsWith('arn:') ? keyId : arnOf(String(keyId))
    if (!masters.has(arn)) throw new KmsError('NotFoundException')
    return arn
  }
  const answer = (operation: string, o: Record<string, unknown>) => {
    const context = (o['EncryptionContext'] ?? {}) as Record<string, string>
    const bound = Buffer.from(JSON.stringify(Object.entries(context).sort()))
    requests.push({ operation, context, keyId: String(o['KeyId']) })
    if (failures !== undefined && failures.times-- > 0) {
      throw new KmsError(failures.error, failures.error === 'KMSInternalException' ? 500 : 400)
    }
    const arn = arnFor(o['KeyId'])
    if (operation === 'GenerateDataKey') {
      if (o['KeySpec'] !== 'AES_256') throw new KmsError('ValidationException')
      const key = randomBytes(32)
      dataKeys.push(key)
      return { KeyId: arn, Plaintext: key.toString('base64'), CiphertextBlob: wrap(arn, key, bound).toString('base64') }
    }
    if (operation === 'Decrypt') {
      const key = unwrap(arn, Buffer.from(String(o['CiphertextBlob']), 'base64'), bound)
      return { KeyId: arn, Plaintext: key.toString('base64'), EncryptionAlgorithm: 'SYMMETRIC_DEFAULT' }
    }
    throw new KmsError('UnknownOperationException')
  }
  const masterOf = (arn: string): Buffer => masters.get(arn) ?? Buffer.alloc(32)
  const wrap = (arn: string, key: Buffer, bound: Buffer): Buffer => {
    const iv = randomBytes(12)
    const cipher = createCipheriv('aes-256-gcm', masterOf(arn), iv).setAAD(bound)
    const name = Buffer.from(arn)
    return Buffer.concat([
      Buffer.from([name.length]),
      name,
      iv,
      cipher.update(key),
      cipher.final(),
      cipher.getAuthTag(),
    ])
  }
  const unwrap = (arn: string, blob: Buffer, bound: Buffer): Buffer => {
    const length = blob[0] ?? 0
    const rest = blob.subarray(1 + length)
    if (!masters.has(blob.subarray(1, 1 + length).toString()) || rest.length !== 60) {
      throw new KmsError('InvalidCiphertextException')
    }
    if (blob.subarray(1, 1 + length).toString() !== arn) throw new KmsError('IncorrectKeyException')
    const decipher = createDecipheriv('aes-256-gcm', masterOf(arn), rest.subarray(0, 12)).setAAD(bound)
    decipher.setAuthTag(rest.subarray(44))
    try {
      return Buffer.concat([decipher.update(rest.subarray(12, 44)), decipher.final()])
    } catch {
      throw new KmsError('InvalidCiphertextException')
    }
  }

  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const body = Buffer.concat(chunks)
    const send = (status: number, content: object): void => {
      response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-requestid': 'test' })
      response.end(JSON.stringify(content))
    }
    try {
      requireSigned(request, body)
      const [service, operation = ''] = String(request.headers['x-amz-target']).split('.')
      if (service !== 'TrentService' || request.headers['content-type'] !== 'application/x-amz-json-1.1') {
        throw new KmsError('UnknownOperationException')
      }
      send(200, answer(operation, JSON.parse(body.toString()) as Record<string, unknown>))
    } catch (e) {
      const { message, status } = e instanceof KmsError ? e : new KmsError('KMSInternalException', 500)
      send(status, { __type: message, message: 'arn:aws:iam::111122223333:role/secret-role may not do that' })
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    dataKeys,
    fail: (error, times = Number.POSITIVE_INFINITY) => {
      failures = { error, times }
    },
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

const hmac = (key: Buffer | string, text: string): Buffer => createHmac('sha256', key).update(text).digest()
const sha256 = (data: Buffer | string): string => createHash('sha256').update(data).digest('hex')

/** AWS Signature Version 4, computed again over what arrived. */
function requireSigned(request: IncomingMessage, body: Buffer): void {
  const parsed =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/kms\/aws4_request, SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})$/.exec(
      request.headers.authorization ?? '',
    )
  if (parsed === null) throw new KmsError('MissingAuthenticationTokenException')
  const [, access = '', day = '', region = '', signedHeaders = '', signature = ''] = parsed
  if (access !== KMS_ACCESS_KEY) throw new KmsError('UnrecognizedClientException')
  const names = signedHeaders.split(';')
  if (!names.includes('host') || !names.includes('x-amz-date') || !names.includes('x-amz-target')) {
    throw new KmsError('IncompleteSignatureException')
  }
  const lines = names.map((name) => `${name}:${String(request.headers[name]).trim()}\n`).join('')
  const canonical = `${request.method}\n${request.url}\n\n${lines}\n${signedHeaders}\n${sha256(body)}`
  const date = String(request.headers['x-amz-date'])
  const toSign = `AWS4-HMAC-SHA256\n${date}\n${day}/${region}/kms/aws4_request\n${sha256(canonical)}`
  const key = [region, 'kms', 'aws4_request'].reduce(hmac, hmac(`AWS4${KMS_SECRET_KEY}`, day))
  if (hmac(key, toSign).toString('hex') !== signature) throw new KmsError('InvalidSignatureException')
}
