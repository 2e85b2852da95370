/** Two gateway processes on one Redis while things break: what was answered 200 is heard by everybody, once, in order. */
import assert from 'node:assert/strict'
import { before, suite, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { until } from '../testing/client.ts'
import { postSurely, Reader } from './testing/party.ts'
import { type GatewayProcess, gatewayProcess, skip, TestRedis } from './testing/server.ts'

const WAIT_MS = 30_000

suite('two gateway processes on one Redis', { skip }, () => {
  let redis: TestRedis
  let gateways: GatewayProcess[]
  before(async () => {
    redis = await TestRedis.start()
    gateways = await Promise.all([gatewayProcess(redis), gatewayProcess(redis)])
  })

  /** A running gateway, at random or the one of this number. */
  const pick = (index?: number) => () => {
    const chosen = gateways[index ?? Math.floor(Math.random() * gateways.length)]
    assert.ok(chosen !== undefined, 'there is a gateway')
    return chosen
  }

  /** Three parties post all the time while `disturb` does its worst, and a little longer. Everybody must have all of it. */
  async function run(room: string, disturb: (readers: readonly Reader[]) => Promise<void>): Promise<void> {
    const readers = [new Reader(room, pick(0)), new Reader(room, pick()), new Reader(room, pick(1))]
    await until(() => readers.every((reader) => reader.isConnected), 'all listen', WAIT_MS)
    let isOver = false
    const posting = [0, 1, 2].map(async (party) => {
      const posted: string[] = []
      for (let after = 0; after < 5; after += isOver ? 1 : 0) {
        const body = `${party} ${posted.length}`
        await postSurely(pick(), room, body)
        posted.push(body)
      }
      return posted
    })
    await disturb(readers)
    isOver = true
    const posted = await Promise.all(posting)
    const total = posted.flat().length
    await until(() => readers.every((reader) => reader.all.length >= total), 'all has come', WAIT_MS)
    const heard = readers[0]?.all.map(({ data }) => data) ?? []
    for (const reader of readers) {
      const ids = reader.all.map(({ id }) => id)
      assert.deepEqual(
        ids,
        Array.from({ length: total }, (_, i) => i),
        'each id once and in order',
      )
      assert.deepEqual(reader.resets, [], 'nothing was given up')
      const data = reader.all.map((event) => event.data)
      assert.deepEqual(data, heard, 'the same for everybody')
    }
    for (const [party, bodies] of posted.entries()) {
      const own = heard.filter((data) => data.startsWith(`${party} `))
      assert.deepEqual(own, bodies, 'single, and in the order in which they were answered')
    }
    await Promise.all(readers.map((reader) => reader.close()))
  }

  test('readers that drop and come back elsewhere at random', () =>
    run('drops', async (readers) => {
      for (let i = 0; i < 30; i++) {
        await sleep(20)
        readers[i % 3]?.drop()
      }
    }))

  test('every connection to Redis is cut again and again', () =>
    run('cuts', async () => {
      for (let i = 0; i < 4; i++) {
        await sleep(150)
        redis.cli('CLIENT', 'KILL', 'TYPE', 'pubsub')
        redis.cli('CLIENT', 'KILL', 'TYPE', 'normal')
      }
    }))

  test('kill -9 of Redis, and its restart', () =>
    run('restart', async () => {
      await sleep(200)
      await redis.kill()
      await sleep(300)
      await redis.start()
      await sleep(1000)
    }))

  test('kill -9 of one gateway, whose readers go to the other', async () => {
    const [dying, staying] = gateways
    assert.ok(dying !== undefined && staying !== undefined, 'there are two')
    await run('killed', async () => {
      await sleep(200)
      gateways = [staying, staying]
      await dying.kill()
      await sleep(300)
    })
  })
})
