/** The document describes what is really answered: every route, every status that the requests below get. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Validator } from '@seriousme/openapi-schema-validator'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { toBase64 } from '../../participant/base/bytes.ts'
import { batchCodec } from '../../participant/exchange/batch.ts'
import { proveRecovery } from '../../participant/signer/recovery.ts'
import { encode } from '../../participant/wire/codec.ts'
import { openApiDocument } from './openapi.ts'
import { ROUTES } from './routes.ts'
import { sharesOf, testApi } from './testing.ts'

interface Operation {
  readonly responses: Readonly<Record<string, { readonly content: Readonly<Record<string, { schema: object }>> }>>
}
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, object>> }
}

const document = openApiDocument('1.2.3') as unknown as Document
const ajv = new Ajv2020({ strict: false })

/** Fails unless the answer has a documented status and form. */
function check(path: string, method: string, status: number, body: unknown): void {
  const responses = document.paths[path]?.[method]?.responses ?? assert.fail(`${method} ${path} is not documented`)
  const schema = responses[status]?.content['application/json']?.schema
  assert.ok(schema !== undefined, `${method} ${path} ${status} is not documented`)
  const resolved = '$ref' in schema ? document.components.schemas['Error'] : schema
  const validate = ajv.compile(resolved ?? {})
  assert.ok(validate(body), `${method} ${path} ${status}: ${ajv.errorsText(validate.errors)}`)
}

test('it is OpenAPI 3.1', async () => {
  const result = await new Validator().validate(structuredClone(document) as unknown as Record<string, unknown>)
  assert.deepEqual(result.errors ?? [], [])
  assert.ok(result.valid, 'not valid')
})

test('real answers are as documented, good and bad ones of every route', async () => {
  const api = await testApi({ 'api.create_accounts': true, 'api.body_bytes': 4096 })
  const empty = toBase64(encode(batchCodec, { listen: [], packets: [] }))
  const share = sharesOf('client').get('main') ?? assert.fail('no share')
  const issuedAt = Date.now()
  const proof = toBase64(proveRecovery(share, issuedAt))
  const room = 'replies-1'
  const listening = toBase64(encode(batchCodec, { listen: [room], packets: [{ room, packet: Uint8Array.of(1) }] }))
  const started = await api.post('/v1/sign/start', { account: 'main', clientMessage: listening })
  const { sessionId } = (await started.json()) as { sessionId: string }

  const posts: readonly (readonly [string, unknown, number])[] = [
    ['/v1/sign/start', { account: 'main', clientMessage: listening }, 200],
    ['/v1/sign/start', { account: 'none', clientMessage: empty }, 404],
    ['/v1/sign/start', { account: 'main', clientMessage: '?' }, 400],
    ['/v1/sign/start', { account: 'main' }, 400],
    ['/v1/sign/start', { account: 'main', clientMessage: empty, more: 1 }, 400],
    ['/v1/sign/start', 'no json', 400],
    ['/v1/sign/start', [], 400],
    ['/v1/sign/start', { account: 'x'.repeat(5000), clientMessage: empty }, 413],
    ['/v1/sign/step', { sessionId, sequence: 1, clientMessage: listening }, 200],
    ['/v1/sign/step', { sessionId, sequence: 9, clientMessage: listening }, 400],
    ['/v1/sign/step', { sessionId: 'A'.repeat(22), sequence: 1, clientMessage: empty }, 404],
    ['/v1/createAccount/start', { account: 'main', room: 'r', clientMessage: empty }, 409],
    ['/v1/createAccount/step', { sessionId, sequence: 2, clientMessage: empty }, 404],
    ['/v1/recover/start', { account: 'main', party: 'client', issuedAt, proof }, 200],
    ['/v1/recover/start', { account: 'main', party: 'nobody', issuedAt, proof }, 422],
    ['/v1/getPublicKey', { account: 'main' }, 200],
    ['/v1/getPublicKey', { account: 'none' }, 404],
  ]
  for (const [path, body, status] of posts) {
    const response = await api.post(path, body)
    assert.equal(response.status, status, `${path} ${JSON.stringify(body).slice(0, 80)}`)
    const answer = (await response.json()) as { requestId: string }
    assert.equal(answer.requestId, response.headers.get('request-id'))
    check(path, 'post', response.status, answer)
  }
  const unsupported = await api.post('/v1/getPublicKey', '{}', { 'content-type': 'text/plain' })
  check('/v1/getPublicKey', 'post', unsupported.status, await unsupported.json())
  assert.equal(unsupported.status, 415)

  for (const [name, { method, path }] of Object.entries(ROUTES)) {
    const url = `${api.url}${path.replace('{id}', sessionId)}`
    if (method === 'get') {
      const response = await fetch(url)
      assert.equal(response.status, 200, name)
      check(path, 'get', 200, await response.json())
    }
    const wrong = await fetch(url, { method: 'PUT' })
    assert.equal(wrong.status, 405, name)
    check(path, method, 405, await wrong.json())
  }
  const nothing = await fetch(`${api.url}/v2`)
  assert.equal(nothing.status, 404)
  const served = (await (await fetch(`${api.url}/openapi.json`)).json()) as Document
  assert.deepEqual(Object.keys(served.paths).sort(), [...new Set(Object.values(ROUTES).map((r) => r.path))].sort())
})
