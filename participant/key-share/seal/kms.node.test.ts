/** Sealing under data keys, through the real SDK, against a server that speaks AWS KMS's protocol. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { arnOf, KMS_ENV, startKms, type TestKms } from '../../../test/kms-server.ts'
import { fromUtf8, utf8ToBytes } from '../../base/bytes.ts'
import { MpcError } from '../../base/errors.ts'
import { readSealed } from './header.ts'
import { kmsService } from './kms.node.ts'
import { kmsMethod } from './kms.ts'

const HEAD = { account: 'treasury', epoch: 3, revision: 1, digest: 'ab'.repeat(32) }
const PLAIN = utf8ToBytes('{"this is": "what was sealed"}')
const KEY = 'alpha'

let kms: TestKms
before(async () => {
  Object.assign(process.env, KMS_ENV)
  kms = await startKms([KEY, 'beta'])
})
after(() => kms.close())

const methodFor = async (keyId = KEY, endpoint = kms.url) => kmsMethod(await kmsService({ keyId, endpoint }))
const failsWith = async (code: string, message: string | RegExp, work: () => Promise<unknown>) => {
  await assert.rejects(work, (e: unknown) => {
    assert.ok(e instanceof MpcError, String(e))
    assert.equal(e.code, code, e.message)
    if (typeof message === 'string') assert.equal(e.message, message)
    else assert.match(e.message, message)
    assert.ok(!e.message.includes('role'), "the service's own words are not told")
    return true
  })
}

test('a data key is made for account and epoch, and unwrapped for the same; it is not in the file', async () => {
  const method = await methodFor()
  const sealed = await method.seal(PLAIN, HEAD)
  const context = { account: 'treasury', epoch: '3', purpose: 'wallet-mpc/key-share' }
  assert.deepEqual(kms.requests.at(-1), { operation: 'GenerateDataKey', context, keyId: KEY })
  const file = readSealed(sealed)
  assert.ok(file.method === 'kms' && file.header.method === 'kms', 'sealed with kms')
  assert.equal(file.header.kms.key_id, arnOf(KEY))
  const dataKey = kms.dataKeys.at(-1) ?? assert.fail('no key was made')
  for (const form of ['base64', 'hex'] as const) assert.ok(!fromUtf8(sealed).includes(dataKey.toString(form)), form)
  assert.deepEqual(await method.open(file), PLAIN)
  assert.deepEqual(kms.requests.at(-1), { operation: 'Decrypt', context, keyId: KEY })
  assert.deepEqual(await (await methodFor(arnOf(KEY))).open(file), PLAIN, 'by ARN too')
})

test('each file has a data key of its own', async () => {
  const method = await methodFor()
  const before = kms.dataKeys.length
  await method.seal(PLAIN, HEAD)
  await method.seal(PLAIN, HEAD)
  assert.equal(kms.dataKeys.length, before + 2)
})

test('no field of the header can be changed', async () => {
  const method = await methodFor()
  const [line = '', body = ''] = fromUtf8(await method.seal(PLAIN, HEAD)).split('\n')
  const header = JSON.parse(line) as Record<string, unknown> & { kms: { key_id: string; data_key: string } }
  const again = (change: object) =>
    method.open(readSealed(utf8ToBytes(`${JSON.stringify({ ...header, ...change })}\n${body}\n`)))
  const context = 'kms: the file is damaged, or its account or epoch was changed (InvalidCiphertextException)'
  await failsWith('STATE', context, () => again({ account: 'other' }))
  await failsWith('STATE', context, () => again({ epoch: 4 }))
  await failsWith('STATE', context, () => again({ kms: { ...header.kms, data_key: 'AAAA' } }))
  await failsWith('DECODE', 'the file is damaged', () => again({ revision: 2 }))
  await failsWith('DECODE', 'the file is damaged', () => again({ digest: 'cd'.repeat(32) }))
  await failsWith('DECODE', 'the file is damaged', () => again({ kms: { ...header.kms, key_id: 'x' } }))
  await failsWith('DECODE', 'the file is damaged', () => again({ nonce: '00'.repeat(24) }))
  await failsWith('DECODE', /kms\.data_key: expected base64|expected base64/, () =>
    again({ kms: { ...header.kms, data_key: '!' } }),
  )
})

test('a file under another key is refused, although the service could open it', async () => {
  const sealed = await (await methodFor('beta')).seal(PLAIN, HEAD)
  const method = await methodFor()
  const message = 'kms: the file was sealed under another key (IncorrectKeyException)'
  await failsWith('STATE', message, () => method.open(readSealed(sealed)))
})

test("what the service refuses is told by its error's name; what may pass is tried again", async () => {
  const method = await methodFor()
  const refusals: readonly (readonly [string, string, string])[] = [
    ['AccessDeniedException', 'STATE', 'kms: these credentials may not use the key (AccessDeniedException)'],
    ['DisabledException', 'STATE', 'kms: the key is disabled (DisabledException)'],
    ['SomethingNewException', 'STATE', 'kms: refused (SomethingNewException)'],
  ]
  for (const [name, code, message] of refusals) {
    kms.fail(name, 1)
    await failsWith(code, message, () => method.seal(PLAIN, HEAD))
  }
  kms.fail('ThrottlingException', 2)
  const sealed = await method.seal(PLAIN, HEAD)
  kms.fail('KMSInternalException', 1)
  assert.deepEqual(await method.open(readSealed(sealed)), PLAIN)
  kms.fail('ThrottlingException')
  await failsWith('TRANSPORT', 'kms: no answer (ThrottlingException)', () => method.open(readSealed(sealed)))
  kms.fail('', 0)
  const unknown = await methodFor('gamma')
  await failsWith('STATE', 'kms: no such key (NotFoundException)', () => unknown.seal(PLAIN, HEAD))
})

test('credentials that are wrong or missing, and a service that is not there', async () => {
  const { AWS_SECRET_ACCESS_KEY, AWS_ACCESS_KEY_ID } = KMS_ENV
  process.env['AWS_SECRET_ACCESS_KEY'] = 'x'.repeat(40)
  const wrong = await methodFor()
  await failsWith('STATE', /^kms: the signature of the request was refused.*\(InvalidSignatureException\)$/, () =>
    wrong.seal(PLAIN, HEAD),
  )
  Object.assign(process.env, { AWS_SECRET_ACCESS_KEY, AWS_ACCESS_KEY_ID: 'AKIAOTHER' })
  const unknown = await methodFor()
  await failsWith('STATE', 'kms: these credentials are not known (UnrecognizedClientException)', () =>
    unknown.seal(PLAIN, HEAD),
  )
  Object.assign(process.env, { AWS_ACCESS_KEY_ID })
  const gone = await startKms([])
  await gone.close()
  const nobody = await methodFor(KEY, gone.url)
  await failsWith('TRANSPORT', /^kms: no answer \(/, () => nobody.seal(PLAIN, HEAD))
})

test('data keys travel in the clear only to this machine', async () => {
  for (const endpoint of ['http://kms.example', 'http://10.0.0.1:80', 'http://localhost.example']) {
    await failsWith('USAGE', 'kms: expected an https endpoint, or http on this machine', () => methodFor(KEY, endpoint))
  }
  await methodFor(KEY, 'https://kms.example')
})

test('libraries of one way to seal are loaded when that way is used, and never with the module', () => {
  const sources = readdirSync(import.meta.dirname).filter((name) => !name.endsWith('.test.ts'))
  assert.ok(sources.includes('kms.node.ts'), 'the sources are here')
  for (const name of sources) {
    const text = readFileSync(join(import.meta.dirname, name), 'utf8')
    assert.doesNotMatch(text, /^import [^(].*'(@aws-sdk|age-encryption)/m, name)
  }
})
