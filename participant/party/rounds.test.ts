import assert from 'node:assert/strict'
import { test } from 'node:test'
import { InternalError } from '../base/errors.ts'
import { u8 } from '../wire/codec.ts'
import { boundBroadcastRound, broadcastRound, directRound, PerPeer } from './rounds.ts'

test('a value for each peer, in order, made once', () => {
  const made: string[] = []
  const per = new PerPeer(['c', 'a', 'b'], (id) => {
    made.push(id)
    return id.toUpperCase()
  })
  assert.deepEqual(made, ['c', 'a', 'b'])
  assert.deepEqual(per.values(), ['C', 'A', 'B'])
  assert.deepEqual(per.entries(), [
    ['c', 'C'],
    ['a', 'A'],
    ['b', 'B'],
  ])
  assert.equal(per.get('b'), 'B')
  assert.deepEqual(per.map((v, id) => v + id).values(), ['Cc', 'Aa', 'Bb'])
})

test('an undefined value is a value; nobody else has one', () => {
  const per = new PerPeer<undefined>(['a'], () => undefined)
  assert.equal(per.get('a'), undefined)
  for (const id of ['b', '', '__proto__', 'constructor']) assert.throws(() => per.get(id), InternalError)
})

test('broadcasts are echoed unless somebody says why not', () => {
  assert.ok(broadcastRound('1', u8).echo, "broadcastRound('1', u8).echo")
  assert.ok(
    !boundBroadcastRound('1', u8, 'opens a commitment').echo,
    "!boundBroadcastRound('1', u8, 'opens a commitment').echo",
  )
  assert.throws(() => boundBroadcastRound('1', u8, ''), InternalError)
  assert.equal(directRound('1', u8).kind, 'direct')
})
