import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TransportError } from '../base/errors.ts'
import { Places } from './places.ts'

const never = new AbortController().signal
const inAMinute = () => Date.now() + 60_000

test('so many have a place, the others one after the other as they came', async () => {
  const places = new Places(2)
  const leave = await places.take(inAMinute(), never)
  await places.take(inAMinute(), never)
  const order: string[] = []
  const coming = async (name: string) => {
    const leaveLater = await places.take(inAMinute(), never)
    order.push(name)
    return leaveLater
  }
  const third = coming('third')
  const fourth = coming('fourth')
  await Promise.resolve()
  assert.deepEqual(order, [])
  leave()
  leave()
  const leaveThird = await third
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(order, ['third'], 'a place that is given back twice is one place')
  leaveThird()
  await fourth
  assert.deepEqual(order, ['third', 'fourth'])
})

test('a place that nobody waits for is there for the next', async () => {
  const places = new Places(1)
  for (let i = 0; i < 3; i++) (await places.take(inAMinute(), never))()
})

test('who waits gives up at the deadline, and takes no place then', async () => {
  const places = new Places(1)
  const leave = await places.take(inAMinute(), never)
  const isTransport = (e: unknown) => e instanceof TransportError && /deadline passed/.test(e.message)
  await assert.rejects(places.take(Date.now() + 5, never), isTransport)
  await assert.rejects(places.take(Date.now() - 5, never), isTransport)
  leave()
  await places.take(inAMinute(), never)
})

test('who waits gives up when it is cancelled, before or while', async () => {
  const places = new Places(1)
  const leave = await places.take(inAMinute(), never)
  const cancelling = new AbortController()
  const waiting = places.take(inAMinute(), cancelling.signal)
  cancelling.abort()
  const isCancelled = (e: unknown) => e instanceof TransportError && /cancelled/.test(e.message)
  await assert.rejects(waiting, isCancelled)
  await assert.rejects(places.take(inAMinute(), cancelling.signal), isCancelled)
  leave()
  await places.take(inAMinute(), never)
})
