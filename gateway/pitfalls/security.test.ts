/** Pitfalls of security that no other test names: 28. Hostile requests in number are in hostile-seeded.test.ts. */
import assert from 'node:assert/strict'
import type { Buffer } from 'node:buffer'
import { test } from 'node:test'
import { loadGatewayConfig } from '../../config/load.ts'
import { noMeter } from '../hooks.ts'
import type { Room } from '../room.ts'
import { MemoryStore } from '../rooms.ts'
import type { Found, Published } from '../store.ts'
import { errorCode, post, testGateway } from '../testing/client.ts'

const SECRET = 'password of /etc/internal'

class BrokenStore extends MemoryStore {
  override publish(_id: string, _body: Buffer): Promise<Found<Published>> {
    throw new Error(SECRET)
  }
  override follow(_id: string): Promise<Found<Room>> {
    return Promise.reject(new TypeError(SECRET))
  }
}

test('pitfall 28: when something breaks inside, the answer is a fixed text', async () => {
  const { limits } = loadGatewayConfig({ cwd: import.meta.dirname, env: {} })
  const store = new BrokenStore({ limits, clock: { nowMs: () => 0 }, meter: noMeter })
  const gateway = await testGateway({}, { store })
  for (const answer of [await post(gateway, 'r', 'broadcast', 'x'), await fetch(`${gateway.url}/rooms/r/subscribe`)]) {
    assert.equal(answer.status, 500)
    const copy = answer.clone()
    assert.equal(await errorCode(answer), 'internal')
    const text = `${await copy.text()} ${JSON.stringify([...copy.headers])}`
    for (const inside of [SECRET, 'Error', 'stack', '.ts', '/etc']) assert.ok(!text.includes(inside), inside)
  }
  assert.equal((await post(gateway, 'r', 'issue_unique_idx')).status, 200, 'and the gateway goes on')
  await gateway.close()
})
