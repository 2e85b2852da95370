/** Authorization over real sockets: what is answered, what is logged, when streams end, and files that are read again. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { errorCode, type Settings, subscribe, testGateway, until } from '../testing/client.ts'
import { AUDIENCE, ISSUER, type Issuer, makeIssuer, seconds, secretFile } from './testing.ts'

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

function jwtSettings(issuer: Issuer): Settings {
  return {
    'auth.mode': 'jwt',
    'auth.jwt_issuer': ISSUER,
    'auth.jwt_audience': AUDIENCE,
    'auth.jwks_file': secretFile(issuer.keySet),
  }
}

const call = (gateway: { url: string }, method: string, path: string, token?: string, body?: string) =>
  fetch(gateway.url + path, {
    method,
    ...(token !== undefined && { headers: bearer(token) }),
    ...(body !== undefined && { body }),
  })

test('every route of a room asks for a token: 401 with WWW-Authenticate, 403 for too little; health asks for none', async () => {
  const issuer = await makeIssuer()
  const gateway = await testGateway(jwtSettings(issuer))
  const routes = [
    ['GET', '/rooms/r/subscribe'],
    ['POST', '/rooms/r/broadcast'],
    ['POST', '/rooms/r/issue_unique_idx'],
    ['GET', '/rooms/r'],
    ['POST', '/rooms/r'],
    ['DELETE', '/rooms/r'],
    ['POST', '/rooms/r/tokens'],
  ] as const
  const [none, expired] = [await issuer.token({ rights: [] }), await issuer.token({ exp: seconds(-5) })]
  for (const [method, path] of routes) {
    const without = await call(gateway, method, path)
    assert.equal(without.status, 401, path)
    assert.equal(without.headers.get('www-authenticate'), 'Bearer realm="sign-gateway"')
    assert.equal(await errorCode(without), 'unauthorized')
    const late = await call(gateway, method, path, expired)
    assert.equal(late.status, 401)
    assert.match(late.headers.get('www-authenticate') ?? '', /error="invalid_token"/)
    assert.equal(await errorCode(late), 'token_expired')
    const little = await call(gateway, method, path, none)
    assert.equal(little.status, 403)
    assert.match(little.headers.get('www-authenticate') ?? '', /error="insufficient_scope"/)
    assert.equal(await errorCode(little), 'forbidden')
  }
  assert.equal((await call(gateway, 'GET', '/health')).status, 200)
  assert.equal(gateway.status().rooms, 0, 'who is refused makes no room')
  await gateway.close()
})

test('rooms are compared as they are after decoding once', async () => {
  const issuer = await makeIssuer()
  const gateway = await testGateway(jwtSettings(issuer))
  const token = await issuer.token({ rooms: ['team-*', 'x/y*', 'a%62'] })
  const status = async (room: string) => (await call(gateway, 'POST', `/rooms/${room}/broadcast`, token, 'm')).status
  assert.equal(await status('team-1'), 200)
  assert.equal(await status('%74eam-1'), 200, 'another way to write the same id')
  assert.equal(await status('%2574eam-1'), 403, 'the id %74eam-1')
  assert.equal(await status('Team-1'), 403)
  assert.equal(await status('team%2D1'), 200)
  assert.equal(await status('team'), 403)
  assert.equal(await status('ab'), 403, 'patterns are not decoded')
  assert.equal(await status('a%2562'), 200, 'the id a%62')
  assert.equal(await status('x%2Fy'), 400)
  assert.equal(await status('other%00team-1'), 400)
  await gateway.close()
})

test('pitfall 23: a token in the address is refused in every mode, and is in no line of the log', async () => {
  const issuer = await makeIssuer()
  const token = await issuer.token()
  for (const settings of [{}, jwtSettings(issuer)]) {
    const gateway = await testGateway({ ...settings, 'logging.level': 'trace' })
    for (const name of ['token', 'access_token', 'auth']) {
      const answer = await call(gateway, 'POST', `/rooms/r/broadcast?${name}=${token}`, undefined, 'm')
      assert.equal(answer.status, 400)
      assert.equal(await errorCode(answer), 'token_in_url')
      const stream = await subscribe(gateway, 'r', { query: `?${name}=${token}`, headers: bearer(token) })
      assert.equal(stream.status, 400)
      stream.close()
    }
    for (const part of token.split('.')) assert.ok(!gateway.logs.join('').includes(part), 'not in the log')
    await gateway.close()
  }
})

test('tokens are in no line of the log when they are good, bad or late', async () => {
  const issuer = await makeIssuer()
  const gateway = await testGateway({ ...jwtSettings(issuer), 'logging.level': 'trace' })
  for (const token of [
    await issuer.token(),
    await issuer.token({ aud: 'x' }),
    await issuer.token({ exp: seconds(-9) }),
  ]) {
    await (await call(gateway, 'POST', '/rooms/r/broadcast', token, 'm')).text()
    const [, payload = '', signature = ''] = token.split('.')
    const log = gateway.logs.join('')
    assert.ok(!log.includes(payload) && !log.includes(signature), 'not in the log')
  }
  await gateway.close()
})

test('pitfall 24: a stream ends when its token does, cleanly, and does not come back with it', async () => {
  const issuer = await makeIssuer()
  const gateway = await testGateway(jwtSettings(issuer))
  const exp = seconds(3)
  const token = await issuer.token({ exp })
  const stream = await subscribe(gateway, 'r', { headers: bearer(token) })
  const longer = await subscribe(gateway, 'r', { headers: bearer(await issuer.token()) })
  assert.equal(stream.status, 200)
  await stream.ended
  assert.ok(Date.now() >= 1000 * exp, 'not before its time')
  assert.match(stream.raw(), /retry: \d+\n\n$/, 'cleanly, after it was told when to come back')
  const again = await subscribe(gateway, 'r', { headers: bearer(token) })
  assert.equal(again.status, 401)
  assert.match(again.raw(), /token_expired/)
  const posted = await call(gateway, 'POST', '/rooms/r/broadcast', await issuer.token(), 'm')
  assert.equal(posted.status, 200)
  await longer.atLeast(1)
  assert.deepEqual(stream.events, [], 'nothing after its end')
  longer.close()
  await gateway.close()
})

interface Made {
  readonly epoch: string
  readonly token: string
}

async function makeRoom(gateway: { url: string }, id: string, token?: string): Promise<Made> {
  const answer = await call(gateway, 'POST', `/rooms/${id}`, token)
  assert.equal(answer.status, 201, 'made')
  assert.equal(answer.headers.get('cache-control'), 'no-store')
  return (await answer.json()) as Made
}

async function mint(gateway: { url: string }, id: string, owner: string, request: object) {
  const answer = await call(gateway, 'POST', `/rooms/${id}/tokens`, owner, JSON.stringify(request))
  return { answer, minted: (await answer.clone().json()) as { token: string; expires_at: string; rights: string[] } }
}

test('two parties meet in a private room without an operator, in open mode and in jwt mode', async () => {
  const issuer = await makeIssuer()
  for (const settings of [{}, jwtSettings(issuer)]) {
    const gateway = await testGateway(settings)
    const all = await issuer.token({ rights: ['subscribe', 'publish', 'index', 'state', 'create', 'remove'] })
    const creator = settings === undefined || !('auth.mode' in settings) ? undefined : all
    const { token: owner } = await makeRoom(gateway, 'meet', creator)

    for (const outsider of creator === undefined ? [undefined] : [all]) {
      for (const [method, path] of [
        ['GET', '/rooms/meet/subscribe'],
        ['POST', '/rooms/meet/broadcast'],
        ['POST', '/rooms/meet/issue_unique_idx'],
      ] as const) {
        const answer = await call(gateway, method, path, outsider, method === 'POST' ? 'm' : undefined)
        assert.equal(answer.status, 403, `${method} ${path}`)
        assert.equal(await errorCode(answer), 'private_room')
      }
    }

    const { answer, minted } = await mint(gateway, 'meet', owner, {
      rights: ['subscribe', 'publish'],
      expires_in_seconds: 60,
    })
    assert.equal(answer.status, 201)
    assert.deepEqual(minted.rights, ['subscribe', 'publish'])
    const stream = await subscribe(gateway, 'meet', { headers: bearer(owner) })
    assert.equal((await call(gateway, 'POST', '/rooms/meet/broadcast', minted.token, 'hello')).status, 200)
    const [event] = await stream.atLeast(1)
    assert.equal(event?.data, 'hello')
    assert.equal(
      (await call(gateway, 'POST', '/rooms/meet/issue_unique_idx', minted.token)).status,
      403,
      'not asked for',
    )
    assert.equal((await call(gateway, 'POST', '/rooms/other/broadcast', minted.token, 'm')).status, 403)
    const remove = await call(gateway, 'DELETE', '/rooms/meet', minted.token)
    assert.equal(await errorCode(remove), 'forbidden', 'only the owner removes')
    assert.equal((await mint(gateway, 'meet', minted.token, { rights: ['publish'] })).answer.status, 403, 'or mints')
    assert.equal((await call(gateway, 'DELETE', '/rooms/meet', owner)).status, 204)
    await stream.ended
    await gateway.close()
  }
})

test('a minted token has no more rights and no longer life than the owner has, and says so when asked for', async () => {
  const gateway = await testGateway({ 'auth.room_token_seconds': 100 })
  const { token: owner } = await makeRoom(gateway, 'r')
  const tooMuch = [
    {},
    { rights: [] },
    { rights: 'publish' },
    { rights: ['remove'] },
    { rights: ['mint'] },
    { rights: ['create'] },
    { rights: ['publish', 'owner'] },
    { rights: ['publish'], expires_in_seconds: 101 },
    { rights: ['publish'], expires_in_seconds: 0 },
    { rights: ['publish'], expires_in_seconds: -1 },
    { rights: ['publish'], expires_in_seconds: 1.5 },
    { rights: ['publish'], expires_in_seconds: '60' },
    { rights: ['publish'], index: 0 },
    { rights: ['publish'], owner: true },
    { rights: ['publish'], room: 'other' },
  ]
  for (const request of tooMuch) {
    const { answer } = await mint(gateway, 'r', owner, request)
    assert.equal(answer.status, 400, JSON.stringify(request))
    assert.equal(await errorCode(answer), 'bad_token_request')
  }
  for (const body of ['', 'null', '[]', '{', '"x"', '\u0000']) {
    assert.equal((await call(gateway, 'POST', '/rooms/r/tokens', owner, body)).status, 400, body)
  }
  assert.equal((await call(gateway, 'POST', '/rooms/r/tokens', owner, 'x'.repeat(5_000))).status, 413)
  const { minted } = await mint(gateway, 'r', owner, { rights: ['publish'] })
  assert.ok(Date.parse(minted.expires_at) <= 1000 * seconds(100), 'as long as the owner when nothing is asked')
  await gateway.close()
})

test('tokens of an earlier room of the same id open neither a private nor an open one, and make none', async () => {
  const gateway = await testGateway({})
  const first = await makeRoom(gateway, 'r')
  const { minted } = await mint(gateway, 'r', first.token, { rights: ['subscribe', 'publish'] })
  assert.equal((await call(gateway, 'DELETE', '/rooms/r', first.token)).status, 204)
  const gone = async (token: string) => {
    const answers = await Promise.all([
      call(gateway, 'POST', '/rooms/r/broadcast', token, 'm'),
      call(gateway, 'GET', '/rooms/r/subscribe', token),
    ])
    for (const answer of answers) assert.equal(await errorCode(answer), 'room_gone')
  }
  await gone(minted.token)
  await gone(first.token)
  assert.equal((await mint(gateway, 'r', first.token, { rights: ['publish'] })).answer.status, 410)
  assert.equal(gateway.status().rooms, 0)
  const second = await makeRoom(gateway, 'r')
  assert.notEqual(second.epoch, first.epoch)
  await gone(minted.token)
  assert.equal(await errorCode(await call(gateway, 'DELETE', '/rooms/r', first.token)), 'not_the_owner')
  assert.equal((await call(gateway, 'DELETE', '/rooms/r', second.token)).status, 204)
  assert.equal((await call(gateway, 'POST', '/rooms/r/broadcast', undefined, 'open now')).status, 200)
  await gone(minted.token)
  await gateway.close()
})

test('only the owner or an operator removes a room, and an operator sees its state', async () => {
  const issuer = await makeIssuer()
  const gateway = await testGateway(jwtSettings(issuer))
  const rights = ['state', 'remove', 'create']
  const [operator, narrow] = [await issuer.token({ rights }), await issuer.token({ rights, rooms: ['r*'] })]
  const { token: owner } = await makeRoom(gateway, 'r', narrow)
  assert.equal(await errorCode(await call(gateway, 'DELETE', '/rooms/r', narrow)), 'not_the_owner')
  assert.equal(await errorCode(await call(gateway, 'GET', '/rooms/r', narrow)), 'private_room')
  for (const token of [owner, operator]) assert.equal((await call(gateway, 'GET', '/rooms/r', token)).status, 200)
  assert.equal((await call(gateway, 'DELETE', '/rooms/r', operator)).status, 204)
  await gateway.close()
})

test('pitfall 25: a token with an index posts for no other sender, where that can be read', async () => {
  const gateway = await testGateway({})
  const { token: owner } = await makeRoom(gateway, 'r')
  const { minted } = await mint(gateway, 'r', owner, { rights: ['publish', 'subscribe'], index: 2 })
  const stream = await subscribe(gateway, 'r', { headers: bearer(minted.token) })
  const send = async (body: string, token = minted.token) => {
    const answer = await call(gateway, 'POST', '/rooms/r/broadcast', token, body)
    return answer.status === 200 ? 'ok' : errorCode(answer)
  }
  for (const body of [
    '{"sender":1}',
    '{"sender":2,"sender":3}',
    ' {"sender" : 1e1}',
    '\ufeff{"sender":1}',
    '{"s\\u0065nder":1}',
  ]) {
    assert.equal(await send(body), 'forged_sender', body)
    assert.equal(await send(body, owner), 'ok', 'a token without index is not bound')
  }
  for (const body of [
    '{"sender":2,"body":"x"}',
    '{"body":1}',
    '[1]',
    'null',
    'c2VuZGVy',
    '{"sender":"1"}',
    '{"a":{"sender":1}}',
  ]) {
    assert.equal(await send(body), 'ok', body)
  }
  assert.equal((await stream.atLeast(12)).length, 12, 'what was refused is in no log')
  stream.close()
  await gateway.close()
})

test('a page of a listed origin may send a token; the question beforehand needs none', async () => {
  const issuer = await makeIssuer()
  const gateway = await testGateway({ ...jwtSettings(issuer), 'server.cors_origins': ['https://wallet.example'] })
  const headers = {
    origin: 'https://wallet.example',
    'access-control-request-method': 'GET',
    'access-control-request-headers': 'authorization,last-event-id',
  }
  const asked = await fetch(`${gateway.url}/rooms/r/subscribe`, { method: 'OPTIONS', headers })
  assert.equal(asked.status, 204)
  assert.match(asked.headers.get('access-control-allow-headers') ?? '', /(^|, )Authorization(,|$)/)
  const refused = await fetch(`${gateway.url}/rooms/r/subscribe`, { headers })
  assert.equal(refused.status, 401)
  assert.equal(
    refused.headers.get('access-control-allow-origin'),
    'https://wallet.example',
    'so that the page can read why',
  )
  await gateway.close()
})

test('the files are read again when asked to; a bad one changes nothing', async () => {
  const sha256 = (token: string) => createHash('sha256').update(token).digest('hex')
  const list = (token: string) =>
    JSON.stringify([{ name: 'a', sha256: sha256(token), rights: ['publish'], rooms: ['*'] }])
  const path = secretFile(list('first'))
  const gateway = await testGateway({ 'auth.mode': 'token', 'auth.token_file': path })
  const status = async (token: string) => (await call(gateway, 'POST', '/rooms/r/broadcast', token, 'm')).status
  assert.deepEqual([await status('first'), await status('second')], [200, 401])
  writeFileSync(path, list('second'))
  assert.equal(await status('first'), 200, 'not before')
  await gateway.reload()
  assert.deepEqual([await status('first'), await status('second')], [401, 200])
  writeFileSync(path, 'not a list')
  await gateway.reload()
  assert.equal(await status('second'), 200)
  assert.ok(
    gateway.logs.some((line) => line.includes('stay as they were')),
    'and it is logged',
  )
  await gateway.close()
})

test('what a gateway can not start with is one error that names key and file', async () => {
  const issuer = await makeIssuer()
  const table: readonly (readonly [Settings, RegExp])[] = [
    [
      { 'auth.mode': 'token', 'auth.token_file': '/nowhere/t.yaml' },
      /auth\.token_file: \/nowhere\/t\.yaml: no such file$/,
    ],
    [{ ...jwtSettings(issuer), 'auth.jwks_file': '/nowhere/k.json' }, /auth\.jwks_file: .*: no such file$/],
    [
      { 'auth.room_secret_file': secretFile('short') },
      /auth\.room_secret_file: .*: expected at least 32 random bytes$/,
    ],
    [{ 'tls.cert_file': '/nowhere/c.pem', 'tls.key_file': '/nowhere/k.pem' }, /tls\.cert_file: .*: no such file$/],
  ]
  for (const [settings, expected] of table) await assert.rejects(testGateway(settings), expected)
})

test('without a file for the secret of rooms that is said once in the log', async () => {
  const gateway = await testGateway({})
  await until(() => gateway.logs.some((line) => line.includes('auth.room_secret_file')), 'the warning')
  await gateway.close()
  const kept = await testGateway({ 'auth.room_secret_file': secretFile('s'.repeat(40)) })
  assert.ok(!kept.logs.some((line) => line.includes('auth.room_secret_file')), 'no warning')
  await kept.close()
})
