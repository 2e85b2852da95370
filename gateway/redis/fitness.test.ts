/** Which Redis will do, how a gateway signs in to it, and what the operator is told when it can't. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, suite, test } from 'node:test'
import { loadGatewayConfig } from '../../config/load.ts'
import { createLogger } from '../../config/logger.ts'
import { noMeter } from '../hooks.ts'
import { errorCode, post, type Settings, subscribe } from '../testing/client.ts'
import { roomKeys } from './keys.ts'
import { redisStore } from './store.ts'
import { freePort, sharedGateway, skip, TestRedis } from './testing/server.ts'

const folder = mkdtempSync(join(tmpdir(), 'fitness-'))
after(() => rmSync(folder, { recursive: true }))

function file(name: string, content: string | Uint8Array, mode = 0o600): string {
  const path = join(folder, name)
  writeFileSync(path, content, { mode })
  return path
}

/** Why a gateway does not start. */
async function refusal(redis: { url: string }, settings: Settings = {}): Promise<string> {
  try {
    await sharedGateway(redis, settings)
  } catch (error) {
    assert.ok(error instanceof Error, 'an error')
    assert.ok(['StoreStartError', 'ConfigError'].includes(error.name), `for the operator: ${error.stack}`)
    return error.message
  }
  return assert.fail('it started')
}

/** A server that answers HELLO and INFO as a Redis of this version would. */
async function pretend(version: string, bits = 64) {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      const info = `redis_version:${version}\r\narch_bits:${bits}\r\nloading:0\r\nrole:master\r\nmaxmemory_policy:noeviction\r\n`
      for (const [name] of chunk.toString().matchAll(/\b(HELLO|CLIENT|INFO)\b/g)) {
        if (name === 'HELLO') socket.write('%1\r\n$6\r\nserver\r\n$5\r\nredis\r\n')
        else if (name === 'INFO') socket.write(`$${info.length}\r\n${info}\r\n`)
        else socket.write('+OK\r\n')
      }
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  after(() => server.close())
  return { url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

test('an old Redis is refused with its version', async () => {
  assert.match(
    await refusal(await pretend('6.2.14')),
    /^Redis at 127\.0\.0\.1 port \d+: Redis 7\.0 or newer .* 6\.2\.14$/,
  )
})

test('a Redis of 32 bits is refused', async () => {
  assert.match(await refusal(await pretend('7.4.1', 32)), /a 64-bit Redis is needed$/)
})

/** A master of a cluster with these slots. */
async function clusterNode(firstSlot: number, lastSlot: number): Promise<TestRedis> {
  const cluster = { 'cluster-enabled': 'yes', 'cluster-port': String(await freePort()) }
  const redis = await TestRedis.start({ ...cluster, appendonly: 'yes', appendfsync: 'always' })
  redis.cli('CLUSTER', 'ADDSLOTSRANGE', String(firstSlot), String(lastSlot))
  return redis
}

suite('a real Redis', { skip }, () => {
  test('one that evicts keys, or is a replica, is refused', async () => {
    const redis = await TestRedis.start({ 'maxmemory-policy': 'allkeys-lru' })
    assert.match(await refusal(redis), /set maxmemory-policy to noeviction$/)
    redis.cli('CONFIG', 'SET', 'maxmemory-policy', 'noeviction')
    redis.cli('REPLICAOF', '127.0.0.1', '1')
    assert.match(await refusal(redis), /this Redis is a replica; the master is needed$/)
  })

  test('a password comes from a file that only its owner can read', async () => {
    const redis = await TestRedis.start({ requirepass: 'correct horse' })
    assert.match(await refusal(redis), /: it asks for a password$/)
    const wrong = { 'store.redis_password_file': file('wrong', 'battery staple\n') }
    const problem = await refusal(redis, wrong)
    assert.match(problem, /: it refuses the user or the password$/)
    assert.ok(!problem.includes('battery'), 'and is not shown')
    const open = { 'store.redis_password_file': file('open', 'correct horse\n', 0o644) }
    assert.match(await refusal(redis, open), /^store\.redis_password_file: .*only its owner can read/)
    const empty = { 'store.redis_password_file': file('empty', '\n') }
    assert.match(await refusal(redis, empty), /expected one line, the password$/)
    const gateway = await sharedGateway(redis, { 'store.redis_password_file': file('right', 'correct horse\n') })
    assert.equal((await post(gateway, 'r', 'broadcast', 'x')).status, 200)
    assert.ok(!gateway.logs.join('').includes('correct horse'), 'and is not logged')
  })

  test('one that does not wait for its disk is taken, with a warning', async () => {
    for (const appendfsync of ['no', 'everysec']) {
      const warned = await sharedGateway(await TestRedis.start({ appendonly: 'yes', appendfsync }))
      assert.match(warned.logs.join(''), /does not wait for its disk/)
    }
    const content = await sharedGateway(await TestRedis.start())
    assert.doesNotMatch(content.logs.join(''), /does not wait for its disk/)
  })

  test('a token of a private room holds at every gateway that has the secret, and its owner ends the room', async () => {
    const redis = await TestRedis.start()
    const secret = { 'auth.room_secret_file': file('secret', randomBytes(32).toString('hex')) }
    // So that it is the message of the removal that ends streams, not the next look at the room.
    const settings = { ...secret, 'limits.keep_alive_seconds': 3600, 'limits.room_idle_seconds': 3600 }
    const [a, b] = await Promise.all([sharedGateway(redis, settings), sharedGateway(redis, settings)])
    const created = await fetch(`${a.url}/rooms/p`, { method: 'POST' })
    const { token } = (await created.json()) as { token: string }
    const headers = { authorization: `Bearer ${token}` }
    const stream = await subscribe(a, 'p', { headers })
    assert.equal(stream.status, 200)
    assert.equal((await subscribe(a, 'p')).status, 403, 'also where the room is held already')
    const posted = await fetch(`${b.url}/rooms/p/broadcast`, { method: 'POST', body: 'x', headers })
    assert.equal(posted.status, 200)
    await stream.atLeast(1)
    const without = await fetch(`${b.url}/rooms/p`, { method: 'DELETE' })
    assert.ok(without.status === 401 || without.status === 403, `refused: ${without.status}`)
    const removed = await fetch(`${b.url}/rooms/p`, { method: 'DELETE', headers })
    assert.ok(removed.ok, `removed: ${removed.status}`)
    await stream.ended
    assert.deepEqual(stream.resets, [{ epoch: null, resumed_from: 0 }])
    const gone = await fetch(`${a.url}/rooms/p/broadcast`, { method: 'POST', body: 'x', headers })
    assert.equal(await errorCode(gone), 'room_gone', 'the token is for that room only')
    assert.equal(redis.cli('KEYS', '*{p}:room'), '', 'nothing is left of it')
  })

  test('the store itself removes a room for its owner and an operator only', async () => {
    const redis = await TestRedis.start()
    const flags = { 'store.type': 'redis', 'store.redis_url': redis.url }
    const config = loadGatewayConfig({ cwd: folder, env: {}, flags })
    const logger = createLogger({ name: 'test', level: 'silent', format: 'json', destination: { write: () => {} } })
    const store = await redisStore({ config, clock: { nowMs: () => performance.now() }, meter: noMeter, logger })
    after(() => store.close())
    const clean = async (pass: string | undefined) => {
      const removed = await store.remove('p', pass)
      return removed.ok ? removed.value : removed.refusal.code
    }
    const created = await store.create('p')
    assert.ok(created.ok, 'created')
    assert.equal(await clean(undefined), 'not_the_owner')
    assert.equal(await clean('epoch-of-another-room'), 'not_the_owner')
    assert.equal(await clean(created.value.epoch), true)
    assert.equal(await clean('*'), false, 'there is none')
    await store.create('p')
    assert.equal(await clean('*'), true)
    await store.check()
    await redis.kill()
    await assert.rejects(store.check())
  })

  test('pitfall 31: all keys of a room are in one slot, also for ids with braces; a cluster of one node will do', async () => {
    const redis = await clusterNode(0, 16383)
    const gateway = await sharedGateway(redis)
    const slots = new Set<string>()
    for (const id of ['r', '{}', '}{', '{a}b', 'a}', '{', 'ü', '%7B']) {
      const own = new Set(
        Object.values(roomKeys('sign-gateway:', id)).map((key) => redis.cli('CLUSTER', 'KEYSLOT', key)),
      )
      assert.equal(own.size, 1, `one slot for ${id}: ${[...own].join()}`)
      for (const slot of own) slots.add(slot)
      const stream = await subscribe(gateway, encodeURIComponent(id))
      assert.equal((await post(gateway, encodeURIComponent(id), 'broadcast', id)).status, 200)
      assert.deepEqual(await stream.atLeast(1), [{ id: 0, data: id }])
      stream.close()
    }
    assert.ok(slots.size > 4, 'and different ones for different rooms')
  })
})
