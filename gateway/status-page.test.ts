/** The status page: what it shows, what it never shows, and who gets it. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { request } from 'node:http'
import { networkInterfaces } from 'node:os'
import { test } from 'node:test'
import { secretFile } from './auth/testing.ts'
import { bytes, count, duration, PAGE_HEADERS, renderPage } from './status-page.ts'
import { errorCode, post, rawConnection, readAll, subscribe, testGateway, until } from './testing/client.ts'

const OPERATOR = 'operator-token-0123456789abcdefghij'
const PARTY = 'party-token-0123456789abcdefghijklm'
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

const withTokens = () => ({
  'auth.mode': 'token',
  'auth.token_file': secretFile(
    JSON.stringify([
      { name: 'operator', sha256: sha256(OPERATOR), rights: ['status'], rooms: ['none'] },
      { name: 'party', sha256: sha256(PARTY), rights: ['subscribe', 'publish', 'index', 'state'], rooms: ['*'] },
    ]),
  ),
})

const basic = (password: string) => ({ authorization: `Basic ${btoa(`anybody:${password}`)}` })
const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

/** `fetch` doesn't let anybody write Host or Via. */
function ask(url: string, headers: Record<string, string>): Promise<number> {
  return new Promise((resolve, reject) => {
    const call = request(url, { headers, agent: false }, (response) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
    call.on('error', reject)
    call.end()
  })
}

/** An address of this machine that is not loopback. */
function outerAddress(): string | undefined {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
  return all.find(({ internal, family }) => !internal && family === 'IPv4')?.address
}

test('live counts, in tables with headers; no room, no address, no script', async () => {
  const gateway = await testGateway()
  const streams = [await subscribe(gateway, 'canary7731'), await subscribe(gateway, 'canary7731')]
  for (let i = 0; i < 3; i++) await post(gateway, 'canary7731', 'broadcast', 'hello')
  await Promise.all(streams.map((stream) => stream.atLeast(3)))
  await post(gateway, 'canary7731', 'broadcast', 'no\rno')
  const answer = await fetch(gateway.url)
  assert.equal(answer.status, 200)
  const page = await answer.text()
  const rows = new Map(
    [...page.matchAll(/<tr><th scope="row">([^<]+)<\/th><td[^>]*>([^<]+)<\/td><\/tr>/g)].map(([, k = '', v = '']) => [
      k,
      v,
    ]),
  )
  assert.equal(rows.get('Rooms'), '1 of 10,000 (0 %)')
  assert.equal(rows.get('Streams'), '2')
  assert.equal(rows.get('Messages'), '3')
  assert.equal(rows.get('Deliveries'), '6')
  assert.equal(rows.get('Bytes of messages'), '15 B')
  assert.equal(rows.get('body_has_cr_or_nul'), '1')
  assert.equal(rows.get('Store'), 'ok')
  for (const name of ['Messages per second', 'Uptime', 'Memory', 'History', 'Connections'])
    assert.ok(rows.has(name), name)
  assert.equal(page.split('<tr>').length - 1, rows.size + 1, 'every row has a header; one name is there twice')
  assert.equal(page.split('<table>').length, page.split('<caption>').length, 'every table has a caption')
  assert.match(page, /<html lang="en">/)
  assert.ok(
    !/<script|canary7731|127\.0\.0\.1|\son\w+=|https?:/i.test(page),
    'nothing of anybody, and nothing that runs',
  )
  for (const stream of streams) stream.close()
})

test('the headers: it reloads itself, is kept by nobody, and its style is all that may be used', async () => {
  const gateway = await testGateway()
  const answer = await fetch(gateway.url)
  const { headers } = answer
  assert.equal(headers.get('refresh'), '5')
  assert.equal(headers.get('cache-control'), 'no-store')
  assert.equal(headers.get('x-content-type-options'), 'nosniff')
  assert.equal(headers.get('x-frame-options'), 'DENY')
  assert.equal(headers.get('referrer-policy'), 'no-referrer')
  assert.match(String(headers.get('content-type')), /^text\/html; charset=utf-8$/i)
  const policy = String(headers.get('content-security-policy'))
  assert.match(
    policy,
    /^default-src 'none'; style-src 'sha256-[\w+/=]+'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'$/,
  )
  const [, style = ''] = /<style>([\s\S]*)<\/style>/.exec(await answer.text()) ?? []
  assert.ok(
    policy.includes(createHash('sha256').update(style).digest('base64')),
    'the style is the one that is allowed',
  )
  assert.match(style, /color-scheme:light dark/)
  const posted = await fetch(gateway.url, { method: 'POST' })
  assert.equal(posted.status, 405)
  assert.equal(posted.headers.get('allow'), 'GET, OPTIONS')
})

test('open mode: only for a direct request from this machine, under a name of this machine', async () => {
  const gateway = await testGateway()
  for (const host of ['localhost', '127.0.0.1:8080', '[::1]:1']) {
    assert.equal(await ask(gateway.url, { host }), 200, host)
  }
  for (const headers of [
    { host: 'gateway.example' },
    { host: '127.0.0.1.evil.example' },
    { host: 'localhost', 'x-forwarded-for': '127.0.0.1' },
    { host: 'localhost', forwarded: 'for=127.0.0.1' },
    { host: 'localhost', via: '1.1 proxy' },
    { host: 'localhost', 'x-real-ip': '127.0.0.1' },
  ]) {
    assert.equal(await ask(gateway.url, headers), 404, JSON.stringify(headers))
  }
})

test('open mode: from another address there is nothing', async (t) => {
  const host = outerAddress()
  if (host === undefined) return t.skip('this machine has no address but loopback')
  const gateway = await testGateway({ 'server.host': host, 'auth.open_to_everyone': true })
  const answer = await fetch(gateway.url, { headers: basic(OPERATOR) })
  assert.equal(answer.status, 404)
  assert.equal(await errorCode(answer), 'not_found')
  assert.equal(await ask(gateway.url, { host: 'localhost' }), 404, 'whatever the request says of itself')
})

test('with tokens: the right status, as a bearer or as a password; nothing else', async () => {
  const gateway = await testGateway(withTokens())
  const get = (headers: Record<string, string> = {}) => fetch(gateway.url, { headers })
  for (const headers of [bearer(OPERATOR), basic(OPERATOR), { authorization: `basic ${btoa(`:${OPERATOR}`)}` }]) {
    const answer = await get(headers)
    assert.equal(answer.status, 200)
    assert.match(await answer.text(), /<h1>sign-gateway<\/h1>/)
  }
  const without = await get()
  assert.equal(without.status, 401, 'loopback alone is not enough')
  assert.match(String(without.headers.get('www-authenticate')), /^Basic realm="sign-gateway", charset="UTF-8", Bearer /)
  for (const headers of [bearer('wrong'), basic('wrong'), basic(`${OPERATOR}x`), { authorization: 'Basic ???' }]) {
    assert.equal((await get(headers)).status, 401)
  }
  for (const headers of [bearer(PARTY), basic(PARTY)]) assert.equal(await errorCode(await get(headers)), 'forbidden')
  assert.equal((await fetch(`${gateway.url}/?token=${OPERATOR}`)).status, 400, 'never in the address')
  const twice = await rawConnection(
    gateway,
    `GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nAuthorization: Bearer ${OPERATOR}\r\nAuthorization: Bearer x\r\n\r\n`,
  )
  assert.match(await readAll(twice), /^HTTP\/1\.1 401 /)
  const room = await fetch(`${gateway.url}/rooms/none/broadcast`, {
    method: 'POST',
    body: 'x',
    headers: bearer(OPERATOR),
  })
  assert.equal(room.status, 403, 'the page is all that it opens')
  const password = await fetch(`${gateway.url}/rooms/r/broadcast`, { method: 'POST', body: 'x', headers: basic(PARTY) })
  assert.equal(password.status, 401, 'passwords are for the page only')
})

test('a password is not taken where others can listen in', async (t) => {
  const host = outerAddress()
  if (host === undefined) return t.skip('this machine has no address but loopback')
  const gateway = await testGateway({ ...withTokens(), 'server.host': host })
  const refused = await fetch(gateway.url, { headers: basic(OPERATOR) })
  assert.equal(refused.status, 401)
  assert.equal(refused.headers.get('www-authenticate'), 'Bearer realm="sign-gateway"', 'and not asked for')
  assert.equal((await fetch(gateway.url, { headers: bearer(OPERATOR) })).status, 200)
})

test('the page counts against the requests of its caller', async () => {
  const gateway = await testGateway({ ...withTokens(), 'limits.requests_per_second': 1, 'limits.request_burst': 2 })
  const statuses: number[] = []
  for (let i = 0; i < 4; i++) statuses.push((await fetch(gateway.url, { headers: bearer(OPERATOR) })).status)
  assert.deepEqual(statuses.slice(0, 2), [200, 200])
  assert.ok(statuses.includes(429), statuses.join())
})

test('what is not well stands at the top', async () => {
  const gateway = await testGateway({ 'limits.rooms': 5 }, { timeouts: { closeGraceMs: 5_000 } })
  for (let i = 0; i < 4; i++) await post(gateway, `r${i}`, 'issue_unique_idx')
  assert.match(await (await fetch(gateway.url)).text(), /<th scope="row">Rooms<\/th><td class="near">4 of 5 \(80 %\)</)
  const kept = await rawConnection(
    gateway,
    'POST /rooms/r0/broadcast HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\na',
  )
  const late = await rawConnection(gateway, 'GET / HTTP/1.1\r\n')
  await new Promise((resolve) => setTimeout(resolve, 50))
  const closed = gateway.close()
  await until(() => gateway.logs.some((line) => line.includes('"closing"')), 'it closes')
  late.write('Host: localhost\r\n\r\n')
  assert.match(await readAll(late), /class="state ill">▲ Closing|class="state ill">\u00e2/)
  kept.write('b')
  await closed
})

test('everything in it is escaped', () => {
  const rows = [{ name: '<b>', value: '"&\'' }]
  const page = renderPage({ isWell: true, summary: '</p><script>', sections: [{ title: '<i>', rows }], footer: '<u>' })
  assert.ok(!/<b>|<i>|<u>|<\/p><script>|"&'/.test(page), page)
  assert.ok(page.includes('&#60;b&#62;') && page.includes('&#34;&#38;&#39;'), 'as references')
  assert.equal(PAGE_HEADERS['content-type'], 'text/html; charset=utf-8')
})

test('numbers as people read them', () => {
  assert.deepEqual([0, 999, 1234567].map(count), ['0', '999', '1,234,567'])
  assert.deepEqual([0, 1023, 1536, 104857600, 2 ** 41].map(bytes), ['0 B', '1023 B', '1.5 KiB', '100 MiB', '2.0 TiB'])
  assert.deepEqual([0, 59.9, 60, 3661, 90_000].map(duration), ['0 s', '59 s', '1 min 0 s', '1 h 1 min', '1 d 1 h'])
})
