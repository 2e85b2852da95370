/** Who may ask for what: tokens, certificates, addresses, limits, and whose session it is. Over real sockets. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request as plainRequest } from 'node:http'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose'
import { fromHex, toBase64 } from '../../participant/base/bytes.ts'
import { secret } from '../../participant/base/secret.ts'
import { batchCodec } from '../../participant/exchange/batch.ts'
import { proveRecovery } from '../../participant/signer/recovery.ts'
import { encode } from '../../participant/wire/codec.ts'
import { sharesOf, type TestApi, testApi } from './testing.ts'

const folder = mkdtempSync(join(tmpdir(), 'sign-service-api-'))
after(() => rmSync(folder, { recursive: true }))

const ISSUER = 'https://issuer.example'
const AUDIENCE = 'sign-service'
const EMPTY = toBase64(encode(batchCodec, { listen: [], packets: [] }))
const codeOf = async (r: Response) => ((await r.json()) as { error: { code: string } }).error.code
const nowSeconds = () => Math.floor(Date.now() / 1000)

describe('bearer tokens', () => {
  let api: TestApi
  let sign: (claims: JWTPayload, alg?: string) => Promise<string>
  const good = (more: JWTPayload = {}): JWTPayload => ({
    iss: ISSUER,
    aud: AUDIENCE,
    sub: 'wallet',
    exp: nowSeconds() + 60,
    rights: ['sign', 'read'],
    ...more,
  })
  const without = (claim: string): JWTPayload => ({ ...good(), [claim]: undefined })
  const ask = async (token: string | undefined, body: unknown = { account: 'main' }, path = '/v1/getPublicKey') =>
    api.post(path, body, token === undefined ? {} : { authorization: `Bearer ${token}` })

  before(async () => {
    const keys = { ES256: await generateKeyPair('ES256'), EdDSA: await generateKeyPair('EdDSA') }
    const jwks = join(folder, 'jwks.json')
    const set = await Promise.all(
      Object.entries(keys).map(async ([alg, { publicKey }]) => ({ ...(await exportJWK(publicKey)), kid: alg, alg })),
    )
    writeFileSync(jwks, JSON.stringify({ keys: set }))
    sign = (claims, alg = 'ES256') =>
      new SignJWT(claims).setProtectedHeader({ alg, kid: alg }).sign(keys[alg as keyof typeof keys].privateKey)
    api = await testApi({
      'api.auth': 'jwt',
      'api.jwt_issuer': ISSUER,
      'api.jwt_audience': AUDIENCE,
      'api.jwks_file': jwks,
      'api.jwt_algorithms': 'ES256',
      'api.create_accounts': true,
    })
  })

  test('a good token is let in', async () => {
    const response = await ask(await sign(good()))
    assert.equal(response.status, 200)
    const body = (await response.json()) as Record<string, unknown>
    assert.equal(body['account'], 'main')
    assert.match(String(body['publicKey']), /^0[23][0-9a-f]{64}$/)
  })

  const refused: readonly (readonly [string, () => JWTPayload])[] = [
    ['expired', () => good({ exp: nowSeconds() - 1 })],
    ['not yet valid', () => good({ nbf: nowSeconds() + 600 })],
    ['of another issuer', () => good({ iss: 'https://other.example' })],
    ['for another audience', () => good({ aud: 'gateway' })],
    ['without an end', () => without('exp')],
    ['without a subject', () => without('sub')],
    ['that lives too long', () => good({ exp: nowSeconds() + 86_400 })],
    ['with rights that do not exist', () => good({ rights: ['everything'] })],
  ]
  for (const [what, claims] of refused) {
    test(`a token ${what} is refused`, async () => {
      const response = await ask(await sign(claims()))
      assert.equal(response.status, 401)
      assert.equal(response.headers.get('www-authenticate'), 'Bearer')
      assert.equal(await codeOf(response), 'UNAUTHORIZED')
    })
  }
  test('no token, two, and what is no token', async () => {
    assert.equal((await ask(undefined)).status, 401)
    assert.equal((await ask('x'.repeat(9000))).status, 401)
    assert.equal((await ask('not.a.token')).status, 401)
    const token = await sign(good())
    const other = `${token.slice(0, -4)}AAAA`
    assert.equal((await ask(other)).status, 401, 'a changed signature')
    const none = `${btoa('{"alg":"none"}')}.${token.split('.')[1]}.`.replaceAll('=', '')
    assert.equal((await ask(none)).status, 401, 'alg none')
    assert.equal((await ask(await sign(good(), 'EdDSA'))).status, 401, 'an algorithm that is not in the configuration')
    const long = await sign(good({ accounts: ['main', 'x'.repeat(250), ...Array<string>(1500).fill('main')] }))
    assert.ok(long.length > 8192 && long.length < 16_000, `${long.length}`)
    assert.equal((await ask(long)).status, 401, 'longer than tokens are')
    const two = await new Promise<number>((resolve, reject) => {
      const headers = ['host', 'localhost', ...[1, 2].flatMap(() => ['authorization', `Bearer ${token}`])]
      const call = plainRequest(`${api.url}/v1/health`, { agent: false, headers }, (response) => {
        response.resume()
        resolve(response.statusCode ?? 0)
      })
      call.once('error', reject)
      call.end()
    })
    assert.equal(two, 401, 'two tokens')
  })
  test('how long a token lives counts from its beginning, and from now when that is to come', async () => {
    const lives = (iat: number, seconds: number) => sign(good({ iat: nowSeconds() + iat, exp: nowSeconds() + seconds }))
    assert.equal((await ask(await lives(-3500, 50))).status, 200)
    assert.equal((await ask(await sign(good({ nbf: nowSeconds() - 10 })))).status, 200, 'valid since ten seconds')
    assert.equal((await ask(await lives(-3500, 200))).status, 401, 'longer, from its beginning')
    assert.equal((await ask(await lives(4, 3602))).status, 401, 'longer, from now')
  })
  test('rights and accounts of the token', async () => {
    assert.equal((await ask(await sign(good({ rights: ['sign'] })))).status, 403)
    assert.equal((await ask(await sign(good({ accounts: ['other'] })))).status, 403)
    assert.equal((await ask(await sign(good({ accounts: ['main'] })))).status, 200)
    const proof = { account: 'main', party: 'client', issuedAt: Date.now(), proof: '' }
    const recovering = await ask(
      await sign(good({ rights: ['recover'], accounts: ['other'] })),
      proof,
      '/v1/recover/start',
    )
    assert.equal(recovering.status, 403)
    const start = { account: 'main', clientMessage: EMPTY }
    assert.equal((await ask(await sign(good({ rights: ['read'] })), start, '/v1/sign/start')).status, 403)
    assert.equal((await ask(await sign(good({ rights: [] })), 'no json')).status, 403, 'before the body is looked at')
    const other = { account: 'other', room: 'r', clientMessage: EMPTY }
    const creating = await ask(
      await sign(good({ rights: ['createAccount'], accounts: ['main'] })),
      other,
      '/v1/createAccount/start',
    )
    assert.equal(creating.status, 403)
  })
  test('what is signed is what the token is for, whatever account the request names', async () => {
    const token = await sign(good({ accounts: ['other'] }))
    const client = api.client({ start: { account: 'other' }, headers: () => ({ authorization: `Bearer ${token}` }) })
    const payload = { kind: 'eip191', message: Uint8Array.of(1) } as const
    await assert.rejects(
      client.sign({ account: 'main', payload, deadlineMs: 20_000 }),
      (e: Error & { reason?: string }) => e.reason === 'ACCOUNT_NOT_ALLOWED',
    )
    const signed = await client.sign({ account: 'other', payload, deadlineMs: 20_000 })
    assert.equal(signed.account, 'other')
  })
  test('a session is its caller’s alone', async () => {
    const [one, two] = [await sign(good({ sub: 'one' })), await sign(good({ sub: 'two' }))]
    const room = 'replies-00'
    const mine = toBase64(encode(batchCodec, { listen: [room], packets: [{ room, packet: Uint8Array.of(1) }] }))
    const started = await ask(one, { account: 'main', clientMessage: mine }, '/v1/sign/start')
    assert.equal(started.status, 200)
    const { sessionId } = (await started.json()) as { sessionId: string }
    const step = { sessionId, sequence: 1, clientMessage: mine }
    assert.equal(await codeOf(await ask(two, step, '/v1/sign/step')), 'INVALID_SESSION')
    assert.equal((await ask(one, step, '/v1/sign/step')).status, 200)
    // nor may somebody else into its rooms
    const other = await ask(two, { account: 'main', clientMessage: mine }, '/v1/sign/start')
    assert.equal(other.status, 400)
    const info = await fetch(`${api.url}/v1/sessions/${sessionId}`, { headers: { authorization: `Bearer ${one}` } })
    assert.equal(((await info.json()) as { steps: number }).steps, 2)
    const foreign = await fetch(`${api.url}/v1/sessions/${sessionId}`, { headers: { authorization: `Bearer ${two}` } })
    assert.equal(foreign.status, 404)
  })
  test('keys that can’t be fetched say nothing about a token', async () => {
    const away = await testApi({
      'api.auth': 'jwt',
      'api.jwt_issuer': ISSUER,
      'api.jwt_audience': AUDIENCE,
      'api.jwks_url': 'https://127.0.0.1:1/jwks.json',
      'api.jwt_algorithms': 'ES256',
    })
    const headers = { authorization: `Bearer ${await sign(good())}` }
    const response = await away.post('/v1/getPublicKey', { account: 'main' }, headers)
    assert.deepEqual([response.status, response.headers.get('retry-after')], [503, '2'])
  })
  test('no token is in the log', async () => {
    const token = await sign(good())
    await ask(token, 'no json')
    assert.ok(!api.logs.join('').includes(token.slice(-20)), 'a token was logged')
  })
})

test('client certificates: of the authority, and of the names that are let in', async (t) => {
  try {
    execFileSync('openssl', ['version'])
  } catch {
    t.skip('openssl is not installed')
    return
  }
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' })
  const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'] as const
  for (const name of ['ca', 'stranger']) {
    openssl(
      'req',
      '-x509',
      ...EC,
      '-days',
      '1',
      '-subj',
      `/CN=${name}`,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.crt`,
    )
  }
  writeFileSync(join(folder, 'san.ext'), 'subjectAltName=IP:127.0.0.1,DNS:localhost\n')
  const issue = (name: string, by: string, subject = `/CN=${name}`) => {
    openssl('req', ...EC, '-subj', subject, '-keyout', `${name}.key`, '-out', `${name}.csr`)
    const from = ['-CA', `${by}.crt`, '-CAkey', `${by}.key`, '-CAcreateserial', '-days', '1', '-extfile', 'san.ext']
    openssl('x509', '-req', '-in', `${name}.csr`, ...from, '-out', `${name}.crt`)
  }
  for (const name of ['server', 'wallet', 'visitor']) issue(name, 'ca')
  issue('impostor', 'stranger')
  issue('nobody', 'ca', '/O=company')
  issue('words', 'ca', '/CN=two words')
  execFileSync('chmod', ['600', join(folder, 'server.key')])
  const at = (name: string) => join(folder, name)
  const api = await testApi({
    'api.auth': 'mtls',
    'api.cert_file': at('server.crt'),
    'api.key_file': at('server.key'),
    'api.client_ca_file': at('ca.crt'),
    'api.client_names': 'wallet',
  })
  const ask = (
    name: string | undefined,
    url = `${api.url}/v1/health`,
    headers: Record<string, string> = {},
    body = '',
    tls: { readonly maxVersion?: 'TLSv1.2' } = {},
  ) =>
    new Promise<string>((resolve) => {
      const identity =
        name === undefined ? {} : { cert: readFileSync(at(`${name}.crt`)), key: readFileSync(at(`${name}.key`)) }
      const options = {
        ca: readFileSync(at('ca.crt')),
        agent: false as const,
        headers,
        method: body === '' ? 'GET' : 'POST',
        ...tls,
      }
      const call = request(url, { ...options, ...identity }, (response) => {
        let text = ''
        response.on('data', (piece) => {
          text += String(piece)
        })
        response.once('end', () => resolve(body === '' ? String(response.statusCode) : text))
      })
      call.once('error', () => resolve('no connection'))
      call.end(body)
    })
  assert.equal(await ask('wallet'), '200')
  assert.equal(await ask('wallet', undefined, {}, '', { maxVersion: 'TLSv1.2' }), 'no connection')
  assert.equal(await ask('visitor'), '403')
  assert.equal(await ask('impostor'), 'no connection')
  assert.equal(await ask(undefined), 'no connection')
  assert.equal(await ask('nobody'), '401', 'without a common name')
  assert.equal(await ask('words'), '401', 'with one that is no name')

  // with a token as well, a session belongs to the two together
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  writeFileSync(
    at('both.json'),
    JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'k', alg: 'ES256' }] }),
  )
  const both = await testApi({
    'api.auth': 'mtls+jwt',
    'api.cert_file': at('server.crt'),
    'api.key_file': at('server.key'),
    'api.client_ca_file': at('ca.crt'),
    'api.jwt_issuer': ISSUER,
    'api.jwt_audience': AUDIENCE,
    'api.jwks_file': at('both.json'),
    'api.jwt_algorithms': 'ES256',
  })
  const claims = { iss: ISSUER, aud: AUDIENCE, sub: 'wallet', exp: nowSeconds() + 60, rights: ['sign', 'read'] }
  const token = await new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid: 'k' }).sign(privateKey)
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const clientMessage = toBase64(encode(batchCodec, { listen: [], packets: [{ room: 'r', packet: Uint8Array.of(1) }] }))
  const start = JSON.stringify({ account: 'main', clientMessage })
  const started = await ask('wallet', `${both.url}/v1/sign/start`, headers, start)
  const session = `${both.url}/v1/sessions/${(JSON.parse(started) as { sessionId: string }).sessionId}`
  assert.equal(await ask('wallet', session, headers), '200')
  assert.equal(await ask('visitor', session, headers), '404')
  assert.equal(await ask('wallet', session), '401')
})

test('an address that is not on the list is refused before anything else', async () => {
  const api = await testApi({ 'api.allowed_addresses': '10.0.0.0/8' })
  const response = await api.post('/v1/getPublicKey', { account: 'main' })
  assert.equal(response.status, 403)
  const open = await testApi({ 'api.allowed_addresses': '10.0.0.0/8,127.0.0.0/8' })
  assert.equal((await open.post('/v1/getPublicKey', { account: 'main' })).status, 200)
})

test('too many requests are told when to come back, by caller and by account', async () => {
  const api = await testApi({ 'api.requests_per_second': 1, 'api.request_burst': 3 })
  const statuses: number[] = []
  let last: Response | undefined
  for (let i = 0; i < 6; i++) {
    last = await api.post('/v1/getPublicKey', { account: 'main' })
    statuses.push(last.status)
  }
  assert.ok(statuses.includes(200) && statuses.at(-1) === 429, statuses.join())
  assert.match(last?.headers.get('retry-after') ?? '', /^[1-9]\d*$/)
  const byAccount = await testApi({ 'api.account_requests_per_second': 1, 'api.account_request_burst': 2 })
  const proof = { account: 'main', party: 'client', issuedAt: Date.now(), proof: '' }
  const answers = []
  for (let i = 0; i < 3; i++) answers.push((await byAccount.post('/v1/recover/start', proof)).status)
  assert.deepEqual(answers, [422, 422, 429])
})

describe('a recovered share', () => {
  const share = sharesOf('client').get('main') ?? assert.fail('no share')
  const body = (changed: Record<string, unknown> = {}, issuedAt = Date.now()) => ({
    account: 'main',
    party: 'client',
    issuedAt,
    proof: toBase64(proveRecovery(share, issuedAt)),
    ...changed,
  })
  let api: TestApi
  before(async () => {
    api = await testApi()
  })
  const code = async (b: unknown) => {
    const r = await api.post('/v1/recover/start', b)
    return r.status === 200 ? 'fits' : codeOf(r)
  }

  test('the right one fits', async () => assert.equal(await code(body()), 'fits'))
  test('one of another account, party, moment or key does not', async () => {
    const other = sharesOf('client').get('other') ?? assert.fail('no share')
    const issuedAt = Date.now()
    assert.equal(await code(body({ proof: toBase64(proveRecovery(other, issuedAt)) }, issuedAt)), 'RECOVERY_FAILED')
    assert.equal(await code(body({ party: 'service' })), 'MPC_PARTY_MISSING')
    assert.equal(await code(body({ party: 'nobody' })), 'MPC_PARTY_MISSING')
    assert.equal(await code(body({ issuedAt: issuedAt - 1 }, issuedAt)), 'RECOVERY_FAILED')
    assert.equal(await code(body({}, Date.now() - 3_600_000)), 'RECOVERY_FAILED')
    assert.equal(await code(body({}, Date.now() + 3_600_000)), 'RECOVERY_FAILED')
    assert.equal(await code(body({ account: 'none' })), 'ACCOUNT_NOT_FOUND')
    assert.equal(await code(body({ proof: '%%%' })), 'INVALID_REQUEST')
    assert.equal(await code(body({ proof: toBase64(fromHex('00')) })), 'RECOVERY_FAILED')
    // the identity is right, the share is another number
    const wrong = { ...share, core: { ...share.core, x: other.core.x } }
    assert.equal(await code(body({ proof: toBase64(proveRecovery(wrong, issuedAt)) }, issuedAt)), 'MPC_INVALID_SHARE')
    const stranger = { ...share, identity: { ...share.identity, signingKey: secret(new Uint8Array(32).fill(7)) } }
    assert.equal(await code(body({ proof: toBase64(proveRecovery(stranger, issuedAt)) }, issuedAt)), 'RECOVERY_FAILED')
  })
})
