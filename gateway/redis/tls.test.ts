/** Redis behind TLS: only the right authority and the right name will do, and the password travels inside. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, suite, test } from 'node:test'
import { AUTHORITY, CLIENT_CERT, CLIENT_KEY, SERVER_CERT, SERVER_KEY } from '../testing/certificates.ts'
import { post, type Settings, subscribe } from '../testing/client.ts'
import { TestCluster } from './testing/cluster.ts'
import { freePort, sharedGateway, skip, TestRedis } from './testing/server.ts'

const folder = mkdtempSync(join(tmpdir(), 'redis-tls-'))
after(() => rmSync(folder, { recursive: true }))

function file(name: string, content: string): string {
  const path = join(folder, name)
  writeFileSync(path, content, { mode: 0o600 })
  return path
}

async function refusal(url: string, settings: Settings): Promise<string> {
  try {
    await sharedGateway({ url }, settings)
  } catch (error) {
    assert.ok(error instanceof Error && error.name === 'StoreStartError', `for the operator: ${String(error)}`)
    return error.message
  }
  return assert.fail('it started')
}

suite('Redis behind TLS', { skip }, () => {
  test('a gateway signs in with the right authority, and is told what is wrong with another', async () => {
    const tlsPort = await freePort()
    const redis = await TestRedis.start({
      appendonly: 'yes',
      appendfsync: 'always',
      bind: '127.0.0.1 127.0.0.2',
      requirepass: 'correct horse',
      'tls-port': String(tlsPort),
      'tls-cert-file': file('redis.crt', SERVER_CERT),
      'tls-key-file': file('redis.key', SERVER_KEY),
      'tls-ca-cert-file': file('ca.crt', AUTHORITY),
      'tls-auth-clients': 'no',
    })
    const url = `rediss://127.0.0.1:${tlsPort}`
    const trusting = { 'store.redis_ca_file': join(folder, 'ca.crt') }
    const password = { 'store.redis_password_file': file('password', 'correct horse\n') }
    const settings = { ...trusting, ...password }

    const gateways = await Promise.all([sharedGateway({ url }, settings), sharedGateway({ url }, settings)])
    const stream = await subscribe(gateways[0], 'r')
    assert.equal((await post(gateways[1], 'r', 'broadcast', 'x')).status, 200)
    assert.deepEqual(await stream.atLeast(1), [{ id: 0, data: 'x' }])
    stream.close()
    const byName = await sharedGateway({ url: `rediss://localhost:${tlsPort}` }, settings)
    assert.equal((await post(byName, 'r', 'broadcast', 'y')).status, 200)

    assert.match(
      await refusal(url, password),
      /no authority that is trusted has signed its certificate/,
      'the system has not',
    )
    const other = { ...password, 'store.redis_ca_file': file('other.crt', SERVER_CERT) }
    assert.match(await refusal(url, other), /no authority that is trusted has signed its certificate/)
    assert.match(await refusal(`rediss://127.0.0.2:${tlsPort}`, settings), /its certificate is for another name/)
    assert.match(await refusal(url, trusting), /: it asks for a password$/)
    const wrong = { ...trusting, 'store.redis_password_file': file('wrong', 'battery staple\n') }
    assert.match(await refusal(url, wrong), /: it refuses the user or the password$/)
    assert.match(await refusal(`rediss://127.0.0.1:${redis.port}`, settings), /: no usable answer$/, 'no TLS there')
  })

  test('a cluster: every master is spoken to over TLS', async () => {
    const files = {
      'tls-cert-file': file('node.crt', SERVER_CERT),
      'tls-key-file': file('node.key', SERVER_KEY),
      'tls-ca-cert-file': file('ca.crt', AUTHORITY),
      // among themselves, where the other side always has to show one
      'tls-client-cert-file': file('client.crt', CLIENT_CERT),
      'tls-client-key-file': file('client.key', CLIENT_KEY),
    }
    const ports: number[] = []
    const cluster = await TestCluster.start(async () => {
      const port = await freePort()
      ports.push(port)
      return { ...files, 'tls-port': String(port), 'tls-cluster': 'yes', 'tls-auth-clients': 'no' }
    })
    const settings = { 'store.redis_ca_file': join(folder, 'ca.crt') }
    const urls = [ports[0], ports[2]].map((port) => ({ url: `rediss://127.0.0.1:${port}` }))
    const [a, b] = await Promise.all([
      sharedGateway(urls[0] ?? cluster, settings),
      sharedGateway(urls[1] ?? cluster, settings),
    ])
    for (const master of cluster.masters) {
      const room = Array.from({ length: 100 }, (_, i) => `r${i}`).find((id) => cluster.ownerOf(id) === master) ?? ''
      const stream = await subscribe(a, room)
      assert.equal((await post(b, room, 'broadcast', 'x')).status, 200)
      assert.deepEqual(await stream.atLeast(1), [{ id: 0, data: 'x' }])
      stream.close()
      const clients = master
        .cli('CLIENT', 'LIST')
        .split('\n')
        .filter((line) => line.includes('name=sign-gateway'))
      assert.equal(clients.length, 4, 'two of each gateway')
      for (const client of clients) assert.ok(ports.includes(Number(/laddr=127\.0\.0\.1:(\d+)/.exec(client)?.[1])))
    }
  })
})
