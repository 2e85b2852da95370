/** Heavy blocks leave turns of the event loop to everybody else. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { yieldToEventLoop } from './turns.ts'

const BLOCK_MS = 5

async function heavy(blocks: number, done: () => void): Promise<void> {
  for (let i = 0; i < blocks; i++) {
    await yieldToEventLoop()
    const until = performance.now() + BLOCK_MS
    while (performance.now() < until) {
      // a proof
    }
    done()
  }
}

test('however many sessions compute, a timer comes between any two of their blocks', async () => {
  let sinceTimer = 0
  let most = 0
  const timer = setInterval(() => {
    sinceTimer = 0
  }, 1)
  const block = (): void => {
    sinceTimer += 1
    most = Math.max(most, sinceTimer)
  }
  await Promise.all(Array.from({ length: 20 }, () => heavy(3, block)))
  clearInterval(timer)
  assert.ok(most <= 3, `${most} blocks without a timer`)
})

test('each has its turn: one that came later waits for one block of each, not for all of them', async () => {
  const order: string[] = []
  await Promise.all([heavy(3, () => order.push('a')), heavy(3, () => order.push('b'))])
  assert.deepEqual(order, ['a', 'b', 'a', 'b', 'a', 'b'])
})
