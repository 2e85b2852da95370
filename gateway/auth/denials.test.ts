/** 401 and 403 have a limit of their own: nobody tries tokens by the thousand, and nobody keeps others out by doing so. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadGatewayConfig } from '../../config/load.ts'
import { refusals } from '../refusal.ts'
import { errorCode, type Settings, testGateway } from '../testing/client.ts'
import { createAuthorizer } from './authorize.ts'
import { createDenials, type Denials } from './denials.ts'
import { readSecrets, type Secrets } from './secrets.ts'
import { AUDIENCE, ISSUER, type Issuer, makeIssuer, request, seconds, secretFile } from './testing.ts'

const jwt = (issuer: Issuer): Settings => ({
  'auth.mode': 'jwt',
  'auth.jwt_issuer': ISSUER,
  'auth.jwt_audience': AUDIENCE,
  'auth.jwks_file': secretFile(issuer.keySet),
})

interface Scene {
  readonly denials: Denials
  /** `ok`, or the code of the refusal. */
  readonly ask: (token: string | undefined, address?: string) => Promise<string>
  readonly forget: () => void
  /** How many tokens were looked at. */
  readonly looks: () => number
  readonly advanceSeconds: (seconds: number) => void
}

/** Three denials at once, then one a second; the clock is moved by hand. */
async function scene(issuer: Issuer, change: (secrets: Secrets) => Secrets = (secrets) => secrets): Promise<Scene> {
  const flags = { ...jwt(issuer), 'limits.denial_burst': 3, 'limits.denials_per_second': 1 }
  const { auth, limits } = loadGatewayConfig({ cwd: import.meta.dirname, env: {}, flags })
  const secrets = change(await readSecrets(auth))
  let nowMs = 0
  let looks = 0
  const startMs = Date.now()
  const denials = createDenials(limits, { nowMs: () => nowMs })
  const counting: Secrets = {
    ...secrets,
    identify: (token, at) => {
      looks += 1
      assert.ok(secrets.identify !== undefined, 'there are tokens in this mode')
      return secrets.identify(token, at)
    },
  }
  let address = ''
  const { authorize, forget } = createAuthorizer({
    secrets: () => counting,
    nowMs: () => startMs + nowMs,
    addressOf: () => address,
    denials,
  })
  return {
    denials,
    forget,
    looks: () => looks,
    advanceSeconds: (by) => {
      nowMs += 1000 * by
    },
    async ask(token, from = '192.0.2.1') {
      address = from
      const judged = await authorize(request(token), 'publish', 'r')
      return judged.ok ? 'ok' : judged.refusal.code
    },
  }
}

test('so many bad tokens, then 429 without a look at them, and later again one at a time', async () => {
  const { ask, looks, advanceSeconds } = await scene(await makeIssuer())
  for (let i = 0; i < 3; i++) assert.equal(await ask(`guess${i}`), 'token_invalid')
  assert.equal(looks(), 3)
  for (let i = 0; i < 10; i++) assert.equal(await ask(`more${i}`), 'too_many_requests')
  assert.equal(looks(), 3, 'nothing was looked at')
  advanceSeconds(1)
  assert.equal(await ask('again'), 'token_invalid')
  assert.equal(await ask('again'), 'too_many_requests')
  assert.equal(await ask('elsewhere', '192.0.2.2'), 'token_invalid', 'another address has its own')
})

test('tokens that are tried at the same time are no way around it', async () => {
  const { ask, looks } = await scene(await makeIssuer())
  const codes = await Promise.all(Array.from({ length: 50 }, (_, i) => ask(`guess${i}`)))
  assert.equal(codes.filter((code) => code === 'token_invalid').length, 3)
  assert.equal(looks(), 3)
})

test('also no token, and one that does not allow it: 429 in place of 401 and 403', async () => {
  const issuer = await makeIssuer()
  const without = await scene(issuer)
  for (let i = 0; i < 3; i++) assert.equal(await without.ask(undefined), 'unauthorized')
  assert.equal(await without.ask(undefined), 'too_many_requests')

  const little = await scene(issuer)
  const [narrow, wide] = [await issuer.token({ rights: ['state'] }), await issuer.token({ sub: 'bob' })]
  for (let i = 0; i < 3; i++) assert.equal(await little.ask(narrow), 'forbidden')
  assert.equal(await little.ask(narrow), 'too_many_requests')
  assert.equal(await little.ask(wide), 'ok', 'counted by name: others at this address go on')
})

test('good tokens cost nothing, however many there are, and whoever else is at their address', async () => {
  const issuer = await makeIssuer()
  const { ask, looks, advanceSeconds, forget } = await scene(issuer)
  const tokens = await Promise.all(Array.from({ length: 20 }, (_, i) => issuer.token({ sub: `party-${i}` })))
  for (const token of tokens) assert.equal(await ask(token), 'ok')
  for (let i = 0; i < 3; i++) assert.equal(await ask(`guess${i}`), 'token_invalid')
  assert.equal(await ask('guess'), 'too_many_requests')
  const [known = '', other = ''] = tokens
  assert.equal(await ask(known), 'ok', 'a token that was good here is let through')
  const before = looks()
  forget()
  assert.equal(await ask(known), 'ok', 'also when it has to be checked again, because keys were exchanged')
  // a second brings a place; it is used up before
  advanceSeconds(61)
  for (let i = 0; i < 3; i++) await ask(`guess${i}`)
  assert.equal(await ask('guess'), 'too_many_requests')
  const sinceThen = looks()
  assert.equal(await ask(other), 'ok', 'or because a minute has passed')
  assert.equal(looks(), sinceThen + 1, 'checked, not believed')
  assert.ok(before < sinceThen)
  assert.equal(await ask(other, '192.0.2.8'), 'ok', 'another address')
  for (let i = 0; i < 3; i++) await ask(`guess${i}`, '192.0.2.9')
  assert.equal(await ask(other, '192.0.2.9'), 'too_many_requests', 'known at an address, not everywhere')
})

test('a token that was good and has ended is told so once, and is then a guess like any other', async () => {
  const issuer = await makeIssuer()
  const { ask, advanceSeconds } = await scene(issuer)
  const token = await issuer.token({ exp: seconds(30) })
  assert.equal(await ask(token), 'ok')
  advanceSeconds(31)
  for (let i = 0; i < 4; i++) assert.equal(await ask(token), 'token_expired')
  assert.equal(await ask(token), 'too_many_requests')
})

test('keys that can not be had are not the fault of who shows a token', async () => {
  const { ask } = await scene(await makeIssuer(), (secrets) => ({
    ...secrets,
    identify: () => ({ ok: false, refusal: refusals.keysUnavailable() }),
  }))
  for (let i = 0; i < 10; i++) assert.equal(await ask('any'), 'keys_unavailable')
})

test('over HTTP: 429 with the time to wait, in the log and for the status page too; those who were in go on', async () => {
  const issuer = await makeIssuer()
  let nowMs = 0
  const gateway = await testGateway(
    { ...jwt(issuer), 'limits.denial_burst': 2, 'limits.denials_per_second': 1 },
    { clock: { nowMs: () => nowMs } },
  )
  const call = (token: string, path = '/rooms/r/broadcast') =>
    fetch(gateway.url + path, {
      method: path === '/' ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${token}` },
    })
  const good = await issuer.token()
  assert.equal((await call(good)).status, 200)
  assert.equal((await call('guess')).status, 401)
  assert.equal((await call('guess', '/')).status, 401)
  for (const path of ['/', '/rooms/r/broadcast', '/rooms/r/issue_unique_idx']) {
    const refused = await call('guess', path)
    assert.equal(refused.status, 429, path)
    assert.equal(refused.headers.get('retry-after'), '1')
    assert.equal(await errorCode(refused), 'too_many_requests')
  }
  assert.equal((await call(good)).status, 200)
  nowMs = 1_000
  assert.equal((await call('guess')).status, 401)
  await gateway.close()
})

test('refused requests count against the requests of their caller as well', async () => {
  const issuer = await makeIssuer()
  const limits = { 'limits.requests_per_second': 1, 'limits.request_burst': 4, 'limits.denial_burst': 100 }
  const gateway = await testGateway({ ...jwt(issuer), ...limits }, { clock: { nowMs: () => 0 } })
  const statuses: number[] = []
  for (const path of ['/rooms/r/broadcast', '/rooms/%00/broadcast', '/nothing', '/openapi.json', '/rooms/r', '/none']) {
    statuses.push((await fetch(gateway.url + path, { method: 'POST' })).status)
  }
  assert.deepEqual(statuses, [401, 400, 404, 405, 429, 429])
  assert.equal((await fetch(`${gateway.url}/readyz`)).status, 200, 'probes have no limit')
  await gateway.close()
})
