/** Key sets: files that are not what they should be, and fetching without following, waiting or flooding. */
import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { test } from 'node:test'
import { exportJWK } from 'jose'
import { fetchedKeySet, readKeySet } from '../../config/edge/keys.ts'
import { checkJwt } from './jwt.ts'
import { AUDIENCE, ISSUER, makeIssuer, secretFile } from './testing.ts'

const secret = (bytes: number) => ({ kty: 'oct', k: Buffer.alloc(bytes, 1).toString('base64url') })

test('a key set that does not fit its algorithms is refused, naming key and file', async () => {
  const issuer = await makeIssuer()
  const table: readonly (readonly [unknown, readonly string[], RegExp])[] = [
    ['', ['ES256'], /expected JSON$/],
    [[], ['ES256'], /expected a JSON Web Key Set/],
    [{ keys: [] }, ['ES256'], /expected a JSON Web Key Set/],
    [{ keys: ['x'] }, ['ES256'], /expected a JSON Web Key Set/],
    [null, ['ES256'], /expected a JSON Web Key Set/],
    [{ keys: [await exportJWK(issuer.privateKey)] }, ['ES256'], /expected public keys only$/],
    [{ keys: [issuer.publicJwk, secret(32)] }, ['ES256'], /expected public keys only$/],
    [{ keys: [issuer.publicJwk] }, ['HS256'], /expected keys of type oct for HMAC algorithms$/],
    [{ keys: [secret(32)] }, ['HS256', 'HS512'], /expected secrets of 64 bytes$/],
    [{ keys: [secret(31)] }, ['HS256'], /expected secrets of 32 bytes$/],
  ]
  for (const [content, algorithms, expected] of table) {
    const path = secretFile(typeof content === 'string' ? content : JSON.stringify(content))
    await assert.rejects(readKeySet(path, algorithms), (error: Error) => {
      assert.ok(error.message.startsWith(`auth.jwks_file: ${path}: `), error.message)
      assert.match(error.message, expected)
      return true
    })
  }
})

test('public keys may be read by all, secrets by their owner only', async () => {
  const issuer = await makeIssuer()
  await readKeySet(secretFile(issuer.keySet, 0o644), ['ES256'])
  const path = secretFile(JSON.stringify({ keys: [secret(32)] }), 0o640)
  await assert.rejects(readKeySet(path, ['HS256']), /expected a file that only its owner can read; mode is 0640/)
})

interface Fetched {
  readonly calls: RequestInit[]
  readonly check: (token: string) => Promise<string>
}

function fetching(answer: () => Response | Promise<Response>): Fetched {
  const calls: RequestInit[] = []
  const keys = fetchedKeySet('https://login.example/jwks.json', (_url, init) => {
    calls.push(init ?? {})
    return Promise.resolve(answer())
  })
  const options = { keys, issuer: ISSUER, audience: AUDIENCE, maxLifetimeSeconds: 3600, toleranceSeconds: 0 }
  return {
    calls,
    async check(token) {
      const found = await checkJwt(token, { ...options, algorithms: ['ES256'] }, Date.now())
      return found.ok ? 'ok' : `${found.refusal.status} ${found.refusal.code}`
    },
  }
}

test('a set is fetched once, without following redirects, with a time limit; an unknown id does not fetch at will', async () => {
  const issuer = await makeIssuer()
  const { calls, check } = fetching(() => new Response(issuer.keySet))
  assert.equal(await check(await issuer.token()), 'ok')
  for (let i = 0; i < 5; i++) assert.equal(await check(await issuer.token({}, { kid: `x${i}` })), '401 token_invalid')
  assert.equal(await check(await issuer.token()), 'ok')
  assert.equal(calls.length, 1)
  assert.equal(calls[0]?.redirect, 'manual')
  assert.ok(calls[0]?.signal, 'a signal that ends it')
})

test('keys that can not be had are 503, for good and bad tokens alike, and a flood fetches once', async () => {
  const issuer = await makeIssuer()
  const large = `{"keys":[],"x":"${'x'.repeat(1_100_000)}"}`
  for (const answer of [
    () => new Response('', { status: 302, headers: { location: 'https://evil.example/jwks.json' } }),
    () => new Response(issuer.keySet, { status: 500 }),
    () => new Response('not json'),
    () => new Response(large),
    () => Promise.reject(new TypeError('fetch failed')),
  ]) {
    const { calls, check } = fetching(answer)
    for (let i = 0; i < 5; i++) assert.equal(await check(await issuer.token()), '503 keys_unavailable')
    assert.equal(calls.length, 1)
  }
  const malformed = fetching(() => new Response('{"keys": 1}'))
  assert.equal(await malformed.check(await issuer.token()), '503 keys_unavailable')
})
