import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { test } from 'node:test'
import { EarlyMessages } from './early.ts'

const message = (id: number, epoch = 'e') =>
  ({ kind: 'message', epoch, id, ttlMs: undefined, body: Buffer.from(`${id}`) }) as const

test('each is taken once, in the room that it is of', () => {
  const early = new EarlyMessages()
  for (const one of [message(5), message(4), message(6, 'other')]) early.add(one)
  assert.equal(early.take(3, 'e'), undefined)
  assert.equal(early.take(4, 'e')?.body.toString(), '4')
  assert.equal(early.take(4, 'e'), undefined)
  assert.equal(early.take(5, 'e')?.id, 5)
  assert.equal(early.take(6, 'e'), undefined)
  assert.ok(early.isEmpty)
})

test('without broadcasts of its own the log is read at once, up to the last', () => {
  const early = new EarlyMessages()
  assert.equal(early.missingBelow, undefined)
  for (const id of [7, 9, 8]) early.add(message(id))
  assert.equal(early.missingBelow, 10)
})

test('broadcasts that are on their way are waited for, those that went later are not', () => {
  const early = new EarlyMessages()
  early.asks()
  early.asks()
  early.add(message(7))
  early.asks()
  early.add(message(8))
  early.isAnswered()
  assert.equal(early.missingBelow, undefined)
  early.isAnswered()
  assert.equal(early.missingBelow, 9)
})

test('what is known by now and what another room said is dropped', () => {
  const early = new EarlyMessages()
  for (const one of [message(3), message(4), message(9, 'other')]) early.add(one)
  early.prune(4, 'e')
  assert.equal(early.missingBelow, 5)
  early.prune(5, 'e')
  assert.ok(early.isEmpty)
})

test('there are at most 256', () => {
  const early = new EarlyMessages()
  for (let id = 1; id <= 256; id++) assert.ok(early.add(message(id)))
  assert.equal(early.add(message(257)), false)
  assert.equal(early.missingBelow, 257)
})
