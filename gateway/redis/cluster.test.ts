/** Two gateways on a Redis Cluster of three masters: spread rooms, a slot that moves, a new master, a killed one. */
import assert from 'node:assert/strict'
import { before, suite, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { errorCode, post, subscribe, type TestGateway, until } from '../testing/client.ts'
import { slotOf } from './slots.ts'
import { TestCluster } from './testing/cluster.ts'
import { postSurely, Reader } from './testing/party.ts'
import { sharedGateway, skip, type TestRedis } from './testing/server.ts'

const WAIT_MS = 30_000

suite('two gateways on a cluster of three masters', { skip }, () => {
  let cluster: TestCluster
  let a: TestGateway
  let b: TestGateway
  const either = () => (Math.random() < 0.5 ? a : b)

  before(async () => {
    cluster = await TestCluster.start()
    a = await sharedGateway(cluster)
    b = await sharedGateway({ url: cluster.masters[2]?.url ?? '' })
  })

  /** A room of which this master has the slot. */
  function roomAt(master: TestRedis | undefined, prefix: string): string {
    for (let i = 0; ; i++) if (cluster.ownerOf(`${prefix}${i}`) === master) return `${prefix}${i}`
  }

  /** Posts at both all the time while `disturb` does its worst; both must hear all of it, once and in the same order. */
  async function undisturbed(room: string, disturb: () => Promise<void>): Promise<void> {
    const readers = [new Reader(room, () => a), new Reader(room, () => b)]
    await until(() => readers.every((reader) => reader.isConnected), 'both listen', WAIT_MS)
    let isOver = false
    const posting = [0, 1].map(async (party) => {
      let count = 0
      for (let after = 0; after < 5; after += isOver ? 1 : 0) {
        await postSurely(either, room, `${party} ${count}`)
        count += 1
      }
      return count
    })
    await disturb()
    isOver = true
    const counts = await Promise.all(posting)
    const total = counts.reduce((sum, count) => sum + count, 0)
    await until(() => readers.every((reader) => reader.all.length >= total), 'all has come', WAIT_MS)
    for (const reader of readers) {
      assert.deepEqual(
        reader.all.map(({ id }) => id),
        Array.from({ length: total }, (_, i) => i),
        'each id once',
      )
      assert.deepEqual(reader.resets, [], 'nothing was given up')
      for (const [party, count] of counts.entries()) {
        const own = reader.all.map(({ data }) => data).filter((data) => data.startsWith(`${party} `))
        assert.deepEqual(
          own,
          Array.from({ length: count }, (_, i) => `${party} ${i}`),
          'each message once',
        )
      }
    }
    await Promise.all(readers.map((reader) => reader.close()))
  }

  test('slots are those of Redis', () => {
    for (const key of ['r', 'a{b}c', '{}x', '{', '}{', 'x{y', 'ü{ö}', 'sign-gateway:{%7B%7D}:room', '']) {
      assert.equal(String(slotOf(key)), cluster.masters[0]?.cli('CLUSTER', 'KEYSLOT', key), JSON.stringify(key))
    }
  })

  test('rooms are spread over all masters, each heard at both gateways; indexes are unique; the limit of rooms counts all', async () => {
    for (const master of cluster.masters) {
      const room = roomAt(master, 'spread')
      const streams = await Promise.all([a, b].map((gateway) => subscribe(gateway, room)))
      for (const gateway of [a, b, a]) assert.equal((await post(gateway, room, 'broadcast', 'x')).status, 200)
      for (const stream of streams)
        assert.deepEqual(
          (await stream.atLeast(3)).map(({ id }) => id),
          [0, 1, 2],
        )
      assert.match(master.cli('EXISTS', `sign-gateway:{${room}}:room`), /1$/, 'it is there')
      const indexes = await Promise.all(
        Array.from({ length: 40 }, async () => {
          const response = await post(either(), room, 'issue_unique_idx')
          return ((await response.json()) as { unique_idx: number }).unique_idx
        }),
      )
      assert.deepEqual(
        indexes.sort((x, y) => x - y),
        Array.from({ length: 40 }, (_, i) => i + 1),
      )
      for (const stream of streams) stream.close()
    }
    const limited = { 'store.key_prefix': 'limited:', 'limits.rooms': 3 }
    const [c, d] = await Promise.all([sharedGateway(cluster, limited), sharedGateway(cluster, limited)])
    const rooms = [...cluster.masters, cluster.masters[0]].map((master, i) => roomAt(master, `limit${i}-`))
    const answers = await Promise.all(rooms.map((room, i) => post(i % 2 === 0 ? c : d, room, 'broadcast', 'x')))
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 200, 200, 429])
    const refused = answers.find(({ status }) => status === 429)
    assert.equal(refused && (await errorCode(refused)), 'too_many_rooms')
  })

  test('one master that does not fit keeps a gateway from starting, and is named', async () => {
    const [, second] = cluster.masters
    second?.cli('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru')
    await assert.rejects(sharedGateway(cluster), (error) => {
      assert.ok(error instanceof Error && error.name === 'StoreStartError', 'for the operator')
      assert.match(error.message, new RegExp(`127\\.0\\.0\\.1:${second?.port}: .*set maxmemory-policy to noeviction$`))
      return true
    })
    second?.cli('CONFIG', 'SET', 'maxmemory-policy', 'noeviction')
  })

  test('a slot moves to another master, back, and to a new one, while messages flow', async () => {
    const [first, second] = cluster.masters
    assert.ok(first !== undefined && second !== undefined, 'there are masters')
    const room = roomAt(first, 'moves')
    const slot = cluster.slotOf(room)
    const added = await cluster.add()
    await undisturbed(room, async () => {
      await sleep(200)
      await cluster.move(slot, first, second, 300)
      await sleep(1_500)
      await cluster.move(slot, second, first, 0)
      await sleep(1_500)
      await cluster.move(slot, first, added, 100)
      await sleep(1_500)
    })
    assert.match(added.cli('EXISTS', `sign-gateway:{${room}}:room`), /1$/, 'it is at the new master')
  })

  test('while a slot is on its way a message waits for it; what one gateway posts then is heard at the other', async () => {
    const [first, second] = cluster.masters
    assert.ok(first !== undefined && second !== undefined, 'there are masters')
    const room = roomAt(second, 'follows')
    // it compares rooms with Redis so seldom that only the move can make it listen elsewhere
    const far = await sharedGateway(cluster, { 'limits.keep_alive_seconds': 600 })
    const stream = await subscribe(far, room)
    assert.equal((await post(a, room, 'broadcast', 'before')).status, 200)
    await stream.atLeast(1)
    const moving = cluster.move(cluster.slotOf(room), second, first, 600)
    assert.equal((await post(a, room, 'broadcast', 'during')).status, 200)
    await moving
    // the table of slots is read each second
    await sleep(1_500)
    assert.equal((await post(a, room, 'broadcast', 'after')).status, 200)
    const heard = await stream.atLeast(3, 5_000)
    assert.deepEqual(
      heard.map(({ data }) => data),
      ['before', 'during', 'after'],
    )
    stream.close()
  })

  test('kill -9 of one master: rooms of the others go on, its own resume when it is back', async () => {
    const [first, , third] = cluster.masters
    assert.ok(first !== undefined && third !== undefined, 'there are masters')
    const here = roomAt(third, 'killed')
    const there = roomAt(first, 'other')
    await post(a, there, 'broadcast', 'before')
    await undisturbed(here, async () => {
      await sleep(200)
      await third.kill()
      await until(
        () => [a, b].every((gateway) => gateway.logs.some((line) => line.includes('lost Redis'))),
        'noticed',
        WAIT_MS,
      )
      assert.equal(await errorCode(await post(a, here, 'broadcast', 'x')), 'store_unavailable')
      for (let i = 0; i < 10; i++) {
        assert.equal((await post(either(), there, 'broadcast', 'x')).status, 200, 'not disturbed')
        await sleep(20)
      }
      await third.start()
      const backMs = performance.now()
      while ((await post(a, here, 'issue_unique_idx')).status !== 200) {
        assert.ok(performance.now() - backMs < 5_000, 'resumed in five seconds')
        await sleep(50)
      }
    })
  })
})
