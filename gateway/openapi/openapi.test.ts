/** The OpenAPI document is valid, whole, and true: what it says is what the gateway answers. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Validator } from '@seriousme/openapi-schema-validator'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { loadGatewayConfig } from '../../config/load.ts'
import { createLogger } from '../../config/logger.ts'
import { createApp } from '../app.ts'
import { noMeter, unlimited } from '../hooks.ts'
import { Counts } from '../metrics/counts.ts'
import { type Refusal, refusals } from '../refusal.ts'
import { MemoryStore } from '../rooms.ts'
import { subscribe, type TestGateway, testGateway } from '../testing/client.ts'
import { createWatch } from '../watch.ts'
import { openApiDocument, refusalCodes } from './document.ts'
import { routeOf, routes } from './routes.ts'

interface Answered {
  readonly description: string
  readonly headers?: Readonly<Record<string, unknown>>
  readonly content?: Readonly<Record<string, { readonly schema: Record<string, unknown>; readonly examples?: object }>>
}
interface Operation {
  readonly responses: Readonly<Record<string, Answered>>
  readonly security?: readonly Readonly<Record<string, unknown>>[]
}
interface Document {
  readonly openapi: string
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly responses: Readonly<Record<string, Answered>> }
}

const config = loadGatewayConfig({ cwd: import.meta.dirname, env: {} })
const METHODS = ['get', 'post', 'delete']

let gateway: TestGateway
let document: Document
before(async () => {
  gateway = await testGateway({
    'limits.room_messages': 3,
    'limits.body_bytes': 1000,
    'limits.subscribers_per_room': 2,
  })
  document = (await (await fetch(`${gateway.url}/openapi.json`)).json()) as Document
})
after(() => gateway.close())

const ajv = new Ajv2020({ strict: false, allErrors: true, formats: { 'date-time': /^\d{4}-\d\d-\d\dT[\d:.]+Z$/ } })

/** An answer against what is documented for it; returns its body. */
async function check(method: string, path: string, init: RequestInit = {}, base = gateway.url): Promise<string> {
  const answer = await fetch(base + path, { ...init, method })
  const body = await answer.text()
  const route = routeOf(path.split('?', 1)[0] ?? '')
  const operation = route === undefined ? undefined : document.paths[route]?.[method.toLowerCase()]
  const elsewhere = document.components.responses[route === undefined ? 'not_found' : 'method_not_allowed']
  const documented = operation === undefined ? elsewhere : operation.responses[String(answer.status)]
  const name = `${method} ${path}: ${answer.status} ${body.slice(0, 100)}`
  assert.ok(documented !== undefined, `${name} is documented`)
  const [type = ''] = (answer.headers.get('content-type') ?? '').split(';')
  if (documented.content === undefined) {
    assert.equal(body, '', `${name} has no body`)
  } else {
    const schema = documented.content[type]?.schema
    assert.ok(schema !== undefined, `${name}: ${type} is documented`)
    if (type === 'application/json') {
      assert.ok(ajv.validate(schema, JSON.parse(body)), `${name}: ${ajv.errorsText()}`)
    }
  }
  for (const header of Object.keys(documented.headers ?? {})) {
    const isOnlySome = ['retry-after', 'www-authenticate'].includes(header)
    assert.ok(isOnlySome || answer.headers.has(header), `${name}: ${header}`)
  }
  if (answer.status >= 400) {
    for (const header of ['retry-after', 'www-authenticate', 'allow']) {
      assert.equal(answer.headers.has(header) && !(header in (documented.headers ?? {})), false, `${name}: ${header}`)
    }
  }
  return body
}

/** Every refusal there is; no argument changes status or code. */
const everyRefusal = Object.values(refusals).map((make) => (make as (argument: unknown) => Refusal)(1))

test('it is a valid OpenAPI 3.1 document', async () => {
  assert.match(document.openapi, /^3\.1\./)
  const validator = new Validator()
  const { valid, errors } = await validator.validate(structuredClone(document) as unknown as Record<string, unknown>)
  assert.ok(valid, JSON.stringify(errors))
  assert.equal(validator.version, '3.1')
  for (const [path, item] of Object.entries(document.paths)) {
    const { parameters = [] } = item as { parameters?: { name: string; in: string; required: boolean }[] }
    const given = parameters.filter((parameter) => parameter.in === 'path' && parameter.required)
    assert.deepEqual(
      given.map(({ name }) => name),
      [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name),
      path,
    )
  }
})

test('every refusal is in it, under its status, with its code in the schema and as an example', () => {
  const codes = new Map<string, Set<number>>()
  const note = (status: string, answered: Answered) => {
    const { schema, examples = {} } = answered.content?.['application/json'] ?? {}
    for (const { code } of everyRefusal) {
      if (!JSON.stringify(schema ?? {}).includes(`"${code}"`)) continue
      codes.set(code, (codes.get(code) ?? new Set()).add(Number(status)))
      assert.ok(code in examples, code)
    }
  }
  for (const item of Object.values(document.paths)) {
    for (const method of METHODS) {
      for (const [status, answered] of Object.entries(item[method]?.responses ?? {})) note(status, answered)
    }
  }
  for (const refusal of everyRefusal) {
    const inComponents = document.components.responses[refusal.code]
    if (inComponents !== undefined) note(String(refusal.status), inComponents)
    assert.deepEqual([...(codes.get(refusal.code) ?? [])], [refusal.status], refusal.code)
  }
  assert.deepEqual([...refusalCodes(config)].sort(), everyRefusal.map(({ code }) => code).sort(), 'all are counted')
})

test('the routes of the app are those of the table', async () => {
  const clock = { nowMs: () => 0 }
  const logger = createLogger({ name: 'test', level: 'silent', format: 'json', destination: { write: () => {} } })
  const store = new MemoryStore({ limits: config.limits, clock, meter: noMeter })
  const isClosing = () => false
  const counts = new Counts([])
  const connections = () => Promise.resolve(0)
  const refuse = () => Promise.resolve({ ok: false as const, refusal: refusals.forbidden(), caller: '' })
  const app = createApp({
    config,
    store,
    logger,
    clock,
    authorize: refuse,
    admission: unlimited,
    meter: noMeter,
    mintOwner: () => Promise.resolve(undefined),
    mint: refuse,
    watch: createWatch({ counts, connections, store, logger, clock, isClosing }),
    addressOf: () => '',
    isClosing,
  })
  const inApp = app.routes.filter(({ method }) => method !== 'ALL')
  const inTable = routes(config).map(({ method, path }) => `${method.toUpperCase()} ${path}`)
  assert.deepEqual(inApp.map(({ method, path }) => `${method} ${path.replace(':id', '{id}')}`).sort(), inTable.sort())
})

test('the log names routes, never what was asked for', () => {
  assert.equal(routeOf('/rooms/a%20b/broadcast'), '/rooms/{id}/broadcast')
  assert.equal(routeOf('/rooms/x'), '/rooms/{id}')
  assert.equal(routeOf('/'), '/')
  for (const path of ['/rooms', '/rooms/x/other', '/rooms/x/broadcast/', '', '/Rooms/x']) {
    assert.equal(routeOf(path), undefined, path)
  }
})

test('open mode: what every route answers is what is documented', async () => {
  for (const path of ['/health', '/livez', '/readyz', '/openapi.json', '/']) {
    await check('GET', path)
    await check('POST', path)
  }
  await check('POST', '/rooms/r/issue_unique_idx')
  await check('POST', '/rooms/r/broadcast', { body: 'hello' })
  await check('GET', '/rooms/r')
  const key = { 'idempotency-key': 'k' }
  await check('POST', '/rooms/r/broadcast', { body: 'one', headers: key })
  await check('POST', '/rooms/r/broadcast', { body: 'one', headers: key })
  assert.match(await check('POST', '/rooms/r/broadcast', { body: 'other', headers: key }), /idempotency_key_reused/)
  await check('POST', '/rooms/r/broadcast', { body: 'three' })
  assert.match(await check('POST', '/rooms/r/broadcast', { body: 'four' }), /room_full/)
  for (const [code, init] of [
    ['bad_ttl', { headers: { ttl: 'x' } }],
    ['bad_idempotency_key', { headers: { 'idempotency-key': 'a b' } }],
    ['body_too_large', { body: 'x'.repeat(1001) }],
    ['body_not_utf8', { body: new Uint8Array([0xff]) }],
    ['body_has_cr_or_nul', { body: 'a\rb' }],
    ['token_in_url', {}],
    ['token_invalid', { headers: { authorization: 'Bearer nobody' } }],
  ] as const) {
    const path = `/rooms/q/broadcast${code === 'token_in_url' ? '?access_token=x' : ''}`
    assert.ok((await check('POST', path, init)).includes(`"${code}"`), code)
  }
  for (const path of ['/rooms/%00/broadcast', '/rooms/a%20b/issue_unique_idx', '/rooms/%00', '/rooms/%00/tokens']) {
    assert.match(await check('POST', path), /bad_room_id/)
  }
  assert.match(await check('GET', '/rooms/none'), /no_such_room/)
  assert.match(await check('DELETE', '/rooms/r'), /unauthorized/)
  assert.match(await check('GET', '/rooms/r/subscribe?last_event_id=x'), /bad_last_event_id/)
  assert.match(await check('GET', '/nowhere'), /not_found/)
  assert.match(await check('PUT', '/rooms/r/broadcast'), /method_not_allowed/)
  assert.match(await check('DELETE', '/rooms/r/subscribe'), /method_not_allowed/)

  const streams = [await subscribe(gateway, 's'), await subscribe(gateway, 's')]
  const { responses } = document.paths['/rooms/{id}/subscribe']?.['get'] ?? {}
  for (const name of Object.keys(responses?.['200']?.headers ?? {})) {
    assert.ok(streams[0]?.headers[name.toLowerCase()] !== undefined, name)
  }
  assert.deepEqual(Object.keys(responses?.['200']?.content ?? {}), [streams[0]?.headers['content-type']])
  assert.match(await check('GET', '/rooms/s/subscribe'), /too_many_subscribers/)
  for (const stream of streams) stream.close()
})

test('private rooms: creating, minting, refusing and removing', async () => {
  const { token } = JSON.parse(await check('POST', '/rooms/p')) as { token: string }
  const headers = { authorization: `Bearer ${token}` }
  assert.match(await check('POST', '/rooms/p'), /room_exists/)
  assert.match(await check('POST', '/rooms/p/broadcast', { body: 'x' }), /private_room/)
  const body = JSON.stringify({ rights: ['publish', 'state'], index: 2, expires_in_seconds: 60 })
  const minted = JSON.parse(await check('POST', '/rooms/p/tokens', { body, headers })) as { token: string }
  const narrow = { authorization: `Bearer ${minted.token}` }
  assert.match(await check('POST', '/rooms/p/tokens', { body: '{}', headers }), /bad_token_request/)
  assert.match(await check('POST', '/rooms/p/tokens', { body, headers: narrow }), /forbidden/)
  assert.match(await check('POST', '/rooms/p/broadcast', { body: '{"sender":1}', headers: narrow }), /forged_sender/)
  await check('GET', '/rooms/p', { headers: narrow })
  assert.match(await check('DELETE', '/rooms/p', { headers: narrow }), /forbidden/)
  assert.equal(await check('DELETE', '/rooms/p', { headers }), '')
  assert.match(await check('POST', '/rooms/p/broadcast', { body: 'x', headers }), /room_gone/)
})

test('what a token is needed for follows the mode', () => {
  const closed = { ...config, auth: { ...config.auth, mode: 'token' as const } }
  const needed = openApiDocument(closed) as unknown as Document
  const security = (from: Document, path: string, method: string) => from.paths[path]?.[method]?.security
  assert.deepEqual(security(document, '/rooms/{id}/broadcast', 'post'), [{}, { bearer: [] }])
  assert.deepEqual(security(needed, '/rooms/{id}/broadcast', 'post'), [{ bearer: [] }])
  assert.deepEqual(security(needed, '/', 'get'), [{ bearer: [] }, { basic: [] }])
  assert.equal(security(needed, '/livez', 'get'), undefined)
})

test('limits in it are those of this gateway', () => {
  const text = JSON.stringify(document)
  assert.ok(text.includes('a body has at most 1000 bytes'), 'in the texts')
  const broadcast = document.paths['/rooms/{id}/broadcast']?.['post'] as unknown as { requestBody: unknown }
  assert.ok(JSON.stringify(broadcast.requestBody).includes('"maxLength":1000'), 'and in the schema')
})
