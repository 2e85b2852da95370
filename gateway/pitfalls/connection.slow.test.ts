/** Pitfalls 8 and 9 with their real times: an idle stream by itself, and one through nginx as it comes. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { post, type Stream, subscribe, testGateway } from '../testing/client.ts'
import { findProgram, plainNginx } from '../testing/proxies.ts'

const IDLE_MS = 75_000
const LIMIT = { timeout: 180_000 }

/** The longest time without a byte, in milliseconds. */
async function longestSilence(stream: Stream): Promise<number> {
  let longest = 0
  let lastMs = performance.now()
  let length = stream.raw().length
  const startedMs = lastMs
  while (performance.now() - startedMs < IDLE_MS) {
    await new Promise((resolve) => setTimeout(resolve, 100))
    if (stream.raw().length > length) lastMs = performance.now()
    length = stream.raw().length
    longest = Math.max(longest, performance.now() - lastMs)
  }
  return longest
}

test('pitfalls 8 and 9: an idle stream is never silent for 20 s, and outlives the 60 s of nginx', LIMIT, async (t) => {
  const gateway = await testGateway()
  const program = findProgram('nginx')
  if (program === undefined) t.diagnostic('nginx is not installed: only without a proxy')
  const addresses = [gateway, ...(program === undefined ? [] : [await plainNginx(program, gateway)])]
  const streams = await Promise.all(addresses.map((address) => subscribe(address, 'r')))
  for (const silence of await Promise.all(streams.map(longestSilence))) {
    assert.ok(silence < 20_000, `${silence} ms of silence`)
  }
  await post(gateway, 'r', 'broadcast', 'still there')
  for (const stream of streams) {
    assert.deepEqual(await stream.atLeast(1), [{ id: 0, data: 'still there' }])
    stream.close()
  }
  await gateway.close()
})
