/** Slots of keys, and the answer to CLUSTER SLOTS, without a Redis. Others are compared with Redis in cluster.test.ts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readRanges, slotOf } from './slots.ts'

test('the slot of a key is that of its tag, unless that is empty', () => {
  assert.equal(slotOf('123456789'), 0x31c3, 'the check value of CRC16 (XMODEM)')
  assert.equal(slotOf('a{123456789}b{c}'), 0x31c3)
  assert.notEqual(slotOf('{}123456789'), 0, 'an empty tag is none')
  assert.notEqual(slotOf('{}a'), slotOf('{}b'))
  assert.equal(slotOf(''), 0)
})

test('an answer to CLUSTER SLOTS is read, and nothing else is', () => {
  const replica = ['10.0.0.9', 1, 'id', []]
  assert.deepEqual(
    readRanges(
      [
        [0, 5, ['10.0.0.1', 7000, 'id', []], replica],
        [6, 16_383, ['', 7001, 'id', []]],
      ],
      'seed',
    ),
    [
      { from: 0, to: 5, owner: '10.0.0.1:7000' },
      { from: 6, to: 16_383, owner: 'seed:7001' },
    ],
  )
  const wrong = [
    null,
    'OK',
    [1],
    [[0, 16_384, ['h', 1]]],
    [[-1, 5, ['h', 1]]],
    [[0.5, 5, ['h', 1]]],
    [[0, 5, ['h', 65_536]]],
    [[0, 5]],
  ]
  for (const reply of wrong) assert.throws(() => readRanges(reply, 'seed'), /unexpected answer/, JSON.stringify(reply))
})
