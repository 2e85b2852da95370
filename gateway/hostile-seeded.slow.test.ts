/** Ten times as many hostile requests as in hostile-seeded.test.ts, from seeds that nobody has seen before. */
import { randomInt } from 'node:crypto'
import { test } from 'node:test'
import { testGateway } from './testing/client.ts'
import { runHostile } from './testing/hostile-run.ts'

test('10,000 hostile requests from ten random seeds', { timeout: 600_000 }, async () => {
  const timeouts = { requestMs: 1_000, headersMs: 700, checkMs: 100 }
  for (let round = 0; round < 10; round++) {
    const gateway = await testGateway({ 'limits.rooms': 100, 'limits.body_bytes': 4096 }, { timeouts })
    await runHostile(gateway, { seed: randomInt(2 ** 32), requests: 1_000 })
    await gateway.close()
  }
})
