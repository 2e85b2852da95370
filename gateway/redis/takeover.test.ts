/**
 * A replica that takes over may lack what its master has answered last, since replication doesn't wait: rooms begin anew,
 * so that no id is given out twice in one epoch.
 */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { errorCode, post, subscribe, until } from '../testing/client.ts'
import { TestCluster } from './testing/cluster.ts'
import { postSurely, Reader } from './testing/party.ts'
import { sharedGateway, skip, TestRedis } from './testing/server.ts'

const WAIT_MS = 30_000

suite('a replica that takes over', { skip }, () => {
  test('from a master alone: the same ids begin in another epoch, and a reader is told', async () => {
    const [master, replica] = await Promise.all([TestRedis.start(), TestRedis.start()])
    const before = await sharedGateway(master)
    await post(before, 'r', 'broadcast', 'before')
    const old = await subscribe(before, 'r')
    const epoch = String(old.headers['room-epoch'])
    old.close()
    replica.cli('REPLICAOF', '127.0.0.1', String(master.port))
    await until(() => replica.cli('EXISTS', 'sign-gateway:{r}:room').endsWith('1'), 'the room is copied', WAIT_MS)
    await master.kill()
    replica.cli('REPLICAOF', 'NO', 'ONE')

    const after = await sharedGateway(replica)
    const again = await post(after, 'r', 'broadcast', 'after')
    assert.equal(again.headers.get('event-id'), '0')
    const stream = await subscribe(after, 'r', { headers: { 'last-event-id': '0', 'room-epoch': epoch } })
    assert.notEqual(stream.headers['room-epoch'], epoch)
    assert.deepEqual(await stream.atLeast(1), [{ id: 0, data: 'after' }])
    assert.equal(stream.resets.length, 1)
    stream.close()
  })

  test('in a cluster: its rooms begin anew at the replica, those of the other masters are undisturbed', async () => {
    const cluster = await TestCluster.start()
    const [first, , third] = cluster.masters
    assert.ok(first !== undefined && third !== undefined, 'there are masters')
    await cluster.addReplica(third)
    const gateways = await Promise.all([sharedGateway(cluster), sharedGateway(cluster)])
    const roomAt = (master: TestRedis): string => {
      for (let i = 0; ; i++) if (cluster.ownerOf(`room-${i}`) === master) return `room-${i}`
    }
    const [here, there] = [roomAt(third), roomAt(first)]
    const readers = gateways.map((gateway) => new Reader(here, () => gateway))
    await until(() => readers.every((reader) => reader.isConnected), 'both listen', WAIT_MS)
    const epochs = readers.map(({ epoch }) => epoch)
    const [a, b] = gateways
    await postSurely(() => a, here, 'before')
    await until(() => readers.every((reader) => reader.all.length === 1), 'both heard', WAIT_MS)

    await third.kill()
    const killedMs = performance.now()
    let refused = 0
    for (let isBack = false; !isBack; ) {
      const [answer, other] = await Promise.all([post(a, here, 'issue_unique_idx'), post(b, there, 'broadcast', 'x')])
      assert.equal(other.status, 200, 'rooms of the others go on')
      isBack = answer.status === 200
      if (!isBack) assert.equal(await errorCode(answer), 'store_unavailable')
      refused += isBack ? 0 : 1
      assert.ok(performance.now() - killedMs < WAIT_MS, 'the replica is found')
      await sleep(50)
    }
    await postSurely(() => b, here, 'after')
    await until(() => readers.every((reader) => reader.all.at(-1)?.data === 'after'), 'both hear', WAIT_MS)
    assert.ok(refused > 0, 'it was away')
    for (const [i, reader] of readers.entries()) {
      assert.deepEqual(reader.all, [
        { id: 0, data: 'before' },
        { id: 0, data: 'after' },
      ])
      assert.notEqual(reader.epoch, epochs[i])
    }

    // the old master comes back as a replica of the new one, and nobody takes it for a master
    await third.start()
    await until(() => third.cli('ROLE').startsWith('slave'), 'it follows', WAIT_MS)
    await postSurely(() => a, here, 'last')
    await until(() => readers.every((reader) => reader.all.at(-1)?.id === 1), 'the room goes on', WAIT_MS)
    await Promise.all(readers.map((reader) => reader.close()))
  })
})
