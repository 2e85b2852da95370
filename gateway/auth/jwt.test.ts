/** JWTs of an issuer: what is taken, and every way in which one is refused. */
import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { createSecretKey } from 'node:crypto'
import { before, test } from 'node:test'
import { exportJWK, exportSPKI, generateKeyPair, SignJWT, UnsecuredJWT } from 'jose'
import { readKeySet } from '../../config/edge/keys.ts'
import { checkJwt, type JwtOptions } from './jwt.ts'
import { AUDIENCE, ISSUER, type Issuer, makeIssuer, seconds, secretFile, usual } from './testing.ts'

let issuer: Issuer
let options: JwtOptions

before(async () => {
  issuer = await makeIssuer()
  options = {
    keys: await readKeySet(secretFile(issuer.keySet, 0o644), ['ES256']),
    algorithms: ['ES256'],
    issuer: ISSUER,
    audience: AUDIENCE,
    maxLifetimeSeconds: 3600,
    toleranceSeconds: 5,
  }
})

async function codeOf(token: string, changed: Partial<JwtOptions> = {}): Promise<string> {
  const found = await checkJwt(token, { ...options, ...changed }, Date.now())
  return found.ok ? 'ok' : found.refusal.code
}

test('a good token says who, what, where and until when', async () => {
  const exp = seconds(600)
  const found = await checkJwt(await issuer.token({ exp, rooms: ['a', 'b*'] }), options, Date.now())
  assert.ok(found.ok, 'taken')
  assert.equal(found.value.caller, 'jwt:alice')
  assert.deepEqual([...found.value.rights], ['subscribe', 'publish', 'index'])
  assert.deepEqual(found.value.rooms, ['a', 'b*'])
  assert.equal(found.value.expiresAtMs, 1000 * exp)
})

test('without rights or rooms it allows nothing, without sub it names nobody', async () => {
  const token = await issuer.token({ sub: undefined, rights: undefined, rooms: undefined })
  const found = await checkJwt(token, options, Date.now())
  assert.ok(found.ok, 'taken')
  assert.deepEqual(found.value.rooms, [])
  assert.equal(found.value.rights.size, 0)
  assert.equal(found.value.caller, undefined)
})

test('issuer, audience, end and beginning are checked', async () => {
  const table: readonly (readonly [Record<string, unknown>, string])[] = [
    [{ iss: 'https://evil.example' }, 'token_invalid'],
    [{ iss: undefined }, 'token_invalid'],
    [{ iss: [ISSUER] }, 'token_invalid'],
    [{ aud: 'another service' }, 'token_invalid'],
    [{ aud: undefined }, 'token_invalid'],
    [{ aud: ['another service'] }, 'token_invalid'],
    [{ aud: ['another service', AUDIENCE] }, 'ok'],
    [{ exp: undefined }, 'token_invalid'],
    [{ exp: String(seconds(60)) }, 'token_invalid'],
    [{ exp: seconds(-1) }, 'token_expired'],
    [{ exp: seconds() }, 'token_expired'],
    [{ exp: seconds(-3600) }, 'token_expired'],
    [{ nbf: seconds(60) }, 'token_not_yet_valid'],
    [{ nbf: seconds(2) }, 'ok'],
    [{ nbf: 'soon' }, 'token_invalid'],
    [{ nbf: seconds(-60) }, 'ok'],
  ]
  for (const [claims, expected] of table) {
    assert.equal(await codeOf(await issuer.token(claims)), expected, JSON.stringify(claims))
  }
})

test('a token may not live longer than configured, counted from its iat or from now', async () => {
  assert.equal(await codeOf(await issuer.token({ exp: seconds(3590) })), 'ok')
  assert.equal(await codeOf(await issuer.token({ exp: seconds(3700) })), 'token_invalid')
  assert.equal(await codeOf(await issuer.token({ exp: seconds(3700), iat: undefined })), 'token_invalid')
  assert.equal(await codeOf(await issuer.token({ exp: seconds(60), iat: undefined })), 'ok')
  assert.equal(await codeOf(await issuer.token({ exp: seconds(60), iat: seconds(-3600) })), 'token_invalid')
  // an iat in the future makes the life no shorter than it is
  assert.equal(await codeOf(await issuer.token({ exp: seconds(7000), iat: seconds(6990) })), 'token_invalid')
})

test('claims of another form are refused, never read as something else', async () => {
  for (const claims of [
    { rights: 'publish' },
    { rights: ['publish', 'everything'] },
    { rights: ['Publish'] },
    { rooms: '*' },
    { rooms: ['a*b'] },
    { rooms: ['**'] },
    { rooms: [''] },
    { rooms: [7] },
    { rooms: { 0: '*' } },
    { sub: 7 },
    { sub: '' },
  ]) {
    assert.equal(await codeOf(await issuer.token(claims)), 'token_invalid', JSON.stringify(claims))
  }
})

test('only the configured algorithms: not none, not HMAC with the public key, not another of the same key', async () => {
  const claims = usual()
  const spki = await exportSPKI(issuer.publicKey)
  const forged = [new UnsecuredJWT(claims).encode()]
  for (const text of [spki, spki.trim(), JSON.stringify(issuer.publicJwk), issuer.publicJwk.x ?? '']) {
    for (const header of [{ alg: 'HS256' }, { alg: 'HS256', kid: 'k1' }]) {
      const secret = createSecretKey(Buffer.from(text))
      forged.push(await new SignJWT(claims).setProtectedHeader(header).sign(secret))
    }
  }
  const [, payload = '', signature = ''] = (await issuer.token()).split('.')
  const head = (header: object): string => Buffer.from(JSON.stringify(header)).toString('base64url')
  for (const alg of ['none', 'None', 'ES384', 'es256', '', null, ['ES256']]) {
    forged.push(`${head({ alg, kid: 'k1' })}.${payload}.${signature}`, `${head({ alg, kid: 'k1' })}.${payload}.`)
  }
  forged.push(`${head({ alg: 'ES256', kid: 'k1', crit: ['x'], x: 1 })}.${payload}.${signature}`)
  for (const token of forged) assert.equal(await codeOf(token), 'token_invalid', token.slice(0, 60))
  const rsa = await generateKeyPair('RS256', { extractable: true })
  const both = { keys: [issuer.publicJwk, { ...(await exportJWK(rsa.publicKey)), kid: 'rsa' }] }
  const keys = await readKeySet(secretFile(JSON.stringify(both)), ['ES256'])
  const token = await new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: 'rsa' }).sign(rsa.privateKey)
  assert.equal(await codeOf(token, { keys }), 'token_invalid', 'a key of the set, an algorithm that is not configured')
  assert.equal(await codeOf(token, { keys, algorithms: ['ES256', 'RS256'] }), 'ok')
})

test('another key, an unknown key id, and changed tokens are refused', async () => {
  const other = await makeIssuer('k1')
  assert.equal(await codeOf(await other.token()), 'token_invalid', 'another key with the same id')
  assert.equal(await codeOf(await issuer.token({}, { kid: 'k2' })), 'token_invalid', 'unknown id')
  const token = await issuer.token({ rights: ['subscribe'] })
  const [head = '', , signature = ''] = token.split('.')
  const payload = Buffer.from(JSON.stringify(usual({ rights: ['publish'] }))).toString('base64url')
  for (const changed of [`${head}.${payload}.${signature}`, token.slice(0, -4), `${token}.x`, 'a.b.c', 'abc', '..']) {
    assert.equal(await codeOf(changed), 'token_invalid', changed.slice(0, 60))
  }
  // what is wrong with a token is only told to whom the issuer gave it
  assert.equal(await codeOf(await other.token({ exp: seconds(-60) })), 'token_invalid', 'not token_expired')
})

test('HMAC: by key id, with secrets that are long enough', async () => {
  const k = Buffer.alloc(32, 7)
  const set = JSON.stringify({ keys: [{ kty: 'oct', kid: 'a', k: k.toString('base64url') }] })
  const keys = await readKeySet(secretFile(set), ['HS256'])
  const sign = (kid: string, secret = k) =>
    new SignJWT(usual()).setProtectedHeader({ alg: 'HS256', kid }).sign(createSecretKey(secret))
  const hmac = { keys, algorithms: ['HS256'] }
  assert.equal(await codeOf(await sign('a'), hmac), 'ok')
  assert.equal(await codeOf(await sign('b'), hmac), 'token_invalid')
  assert.equal(await codeOf(await sign('a', Buffer.alloc(32, 8)), hmac), 'token_invalid')
})
