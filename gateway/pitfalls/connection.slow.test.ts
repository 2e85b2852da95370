/** Pitfalls 8 and 9 with their real times: an idle stream by itself, through Node’s fetch, and through nginx as it comes. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EventSource } from 'eventsource'
import { post, type Stream, subscribe, testGateway, until } from '../testing/client.ts'
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

/** undici ends a body that is silent for 300 s. */
const FETCH_IDLE_MS = 330_000

test('pitfall 8: an idle stream outlives the 300 s of Node’s fetch', { timeout: FETCH_IDLE_MS + 60_000 }, async () => {
  const gateway = await testGateway()
  const source = new EventSource(`${gateway.url}/rooms/r/subscribe`)
  const heard: string[] = []
  let [opened, failed] = [0, 0]
  source.addEventListener('open', () => opened++)
  source.addEventListener('error', () => failed++)
  source.addEventListener('new-message', ({ data }) => heard.push(data))
  await new Promise((resolve) => setTimeout(resolve, FETCH_IDLE_MS))
  assert.deepEqual({ opened, failed }, { opened: 1, failed: 0 })
  await post(gateway, 'r', 'broadcast', 'still there')
  await until(() => heard.length > 0, 'the message')
  assert.deepEqual(heard, ['still there'])
  source.close()
  await gateway.close()
})
