/** The configurations in deploy/, run by the real programs: what participants need comes through them unchanged. */
import assert from 'node:assert/strict'
import type { IncomingHttpHeaders } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import { request } from 'node:https'
import { type TestContext, test } from 'node:test'
import { AUTHORITY } from './testing/certificates.ts'
import { post, type Stream, subscribe, testGateway, until } from './testing/client.ts'
import { deployedCaddy, deployedNginx, findProgram, type RunningProxy } from './testing/proxies.ts'

const LIMIT = { timeout: 60_000 }
const TRUSTING = { 'server.trusted_proxies': ['127.0.0.1'] }

interface Kind {
  readonly name: string
  readonly start: (program: string, gateway: { port: number }) => Promise<RunningProxy>
}
const KINDS: readonly Kind[] = [
  { name: 'nginx', start: deployedNginx },
  { name: 'caddy', start: deployedCaddy },
]

function programFor(t: TestContext, name: string): string | undefined {
  const program = findProgram(name)
  if (program === undefined) t.skip(`${name} is not installed`)
  return program
}

interface Ask {
  readonly method?: string
  readonly body?: string
  readonly headers?: Record<string, string>
  /** The address that the proxy sees. */
  readonly from?: string
}

function ask(
  proxy: RunningProxy,
  path: string,
  { method = 'POST', body = '', headers = {}, from = '127.0.0.1' }: Ask = {},
) {
  return new Promise<{ status: number; headers: IncomingHttpHeaders; body: string }>((resolve, reject) => {
    const options = { method, headers, ca: AUTHORITY, agent: false, localAddress: from }
    const call = request(proxy.url + path, options, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        text += chunk
      })
      response.on('error', reject)
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }))
    })
    call.on('error', reject)
    call.end(body)
  })
}

const texts = (stream: Stream) => stream.events.map(({ id, data }) => `${id} ${data}`)

for (const { name, start } of KINDS) {
  test(`${name}: subscribe, broadcast, index and resume go through it, over TLS`, LIMIT, async (t) => {
    const program = programFor(t, name)
    if (program === undefined) return
    const gateway = await testGateway(TRUSTING)
    const proxy = await start(program, gateway)

    const stream = await subscribe(proxy, 'r')
    assert.equal(stream.status, 200)
    assert.equal(stream.headers['content-type'], 'text/event-stream')
    assert.match(String(stream.headers['room-epoch']), /^[\w-]{22}$/)
    // Small events, one at a time: each is there before the next is sent.
    const bodies = ['a', '{"x":1}', 'two\nlines', '\ufeffgrüße 🦀', 'y'.repeat(900_000)]
    for (const [i, body] of bodies.entries()) {
      const answer = await ask(proxy, '/rooms/r/broadcast', { body, headers: { 'idempotency-key': `k${i}` } })
      assert.equal(answer.status, 200, answer.body)
      assert.equal(answer.headers['event-id'], String(i))
      await stream.atLeast(i + 1)
    }
    assert.deepEqual(
      texts(stream),
      bodies.map((body, i) => `${i} ${body}`),
    )
    stream.close()
    await until(() => gateway.status().subscribers === 0, 'the gateway sees that the client has gone', 20_000)

    await ask(proxy, '/rooms/r/broadcast', { body: 'while away' })
    const headers = { 'last-event-id': '4', 'room-epoch': String(stream.headers['room-epoch']) }
    const resumed = await subscribe(proxy, 'r', { headers })
    assert.deepEqual(await resumed.atLeast(1), [{ id: 5, data: 'while away' }])
    assert.equal(resumed.headers['room-resumed-from'], '5')
    assert.deepEqual(resumed.resets, [])
    resumed.close()

    assert.equal((await ask(proxy, '/rooms/r/issue_unique_idx')).body, '{"unique_idx":1}')
    assert.equal((await ask(proxy, '/rooms/r/issue_unique_idx')).body, '{"unique_idx":2}')
    await gateway.close()
  })

  test(`${name}: room ids, refusals and the body limit are those of the gateway`, LIMIT, async (t) => {
    const program = programFor(t, name)
    if (program === undefined) return
    const gateway = await testGateway(TRUSTING)
    const proxy = await start(program, gateway)
    // %2541 is the id "%41", another room than "A".
    for (const [id, index] of [
      ['A', 1],
      ['%2541', 1],
      ['%41', 2],
      ['gr%C3%BC%C3%9Fe', 1],
      ['a:b@c,d;e=f', 1],
    ] as const) {
      assert.equal((await ask(proxy, `/rooms/${id}/issue_unique_idx`)).body, `{"unique_idx":${index}}`, id)
    }
    assert.deepEqual(await (await post(gateway, 'gr%C3%BC%C3%9Fe', 'issue_unique_idx')).json(), { unique_idx: 2 })
    for (const id of ['%00', 'a%20b', '%E2%80%8B', '%ff', 'a%2Fb', '%2e%2e']) {
      const { status } = await ask(proxy, `/rooms/${id}/issue_unique_idx`)
      assert.ok(status === 400 || status === 404, `${id}: ${status}`)
    }
    const bad = await ask(proxy, '/rooms/r/broadcast', { body: 'a\rb' })
    assert.equal(bad.status, 400)
    assert.match(bad.body, /body_has_cr_or_nul/)
    assert.equal((await ask(proxy, '/rooms/r/broadcast', { body: 'x'.repeat(1_048_576) })).status, 200)
    assert.equal((await ask(proxy, '/rooms/r/broadcast', { body: 'x'.repeat(1_100_000) })).status, 413)
    await gateway.close()
  })

  test(
    `${name}: limits count the client behind it, whatever the client writes into X-Forwarded-For`,
    LIMIT,
    async (t) => {
      const program = programFor(t, name)
      if (program === undefined) return
      const settings = { ...TRUSTING, 'limits.requests_per_second': 1, 'limits.request_burst': 3 }
      // A clock that stands still: no bucket fills again.
      const gateway = await testGateway(settings, { clock: { nowMs: () => 0 } })
      const proxy = await start(program, gateway)
      const statuses = async (from: string) => {
        const got: number[] = []
        for (let i = 0; i < 4; i++) {
          const headers = { 'x-forwarded-for': `198.51.100.${i}` }
          got.push((await ask(proxy, '/rooms/r/issue_unique_idx', { from, headers })).status)
        }
        return got
      }
      assert.deepEqual(await statuses('127.0.0.2'), [200, 200, 200, 429])
      assert.deepEqual(await statuses('127.0.0.3'), [200, 200, 200, 429], 'another client has its own')
      await gateway.close()
    },
  )

  test(
    `pitfall 12: ${name} carries more streams of one client on one HTTP/2 connection than a browser opens`,
    LIMIT,
    async (t) => {
      const program = programFor(t, name)
      if (program === undefined) return
      const gateway = await testGateway(TRUSTING)
      const proxy = await start(program, gateway)
      const session = connectHttp2(proxy.url, { ca: AUTHORITY })
      session.on('error', () => {})
      const heard = Array.from({ length: 20 }, (_, i) => {
        const stream = session.request({ ':path': `/rooms/room-${i}/subscribe` })
        const own = { text: '' }
        stream.setEncoding('utf8')
        stream.on('data', (chunk: string) => {
          own.text += chunk
        })
        stream.on('error', () => {})
        return own
      })
      await until(() => gateway.status().subscribers === 20, 'all listen', 20_000)
      for (let i = 0; i < 20; i++) await post(gateway, `room-${i}`, 'broadcast', `for ${i}`)
      await until(
        () => heard.every(({ text }, i) => text.includes(`data: for ${i}\n\n`)),
        'each has its message',
        20_000,
      )
      session.destroy()
      await gateway.close()
    },
  )
}
