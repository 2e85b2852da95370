import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PacketLog, packetKey } from './packet-log.ts'

test('each packet once, in the order of its first arrival', () => {
  const log = new PacketLog()
  const packets = [1, 2, 1, 3, 2].map((v) => Uint8Array.of(v))
  assert.deepEqual(
    packets.map((p) => log.add(packetKey(p), p)),
    ['added', 'added', 'known', 'added', 'known'],
  )
  assert.equal(log.length, 3)
  assert.deepEqual(
    [0, 1, 2, 3].map((i) => log.at(i)?.[0]),
    [1, 2, 3, undefined],
  )
})

test('no more bytes than the limit, and what is there stays', () => {
  const log = new PacketLog(10)
  assert.equal(log.add('a', new Uint8Array(7)), 'added')
  assert.equal(log.add('b', new Uint8Array(4)), 'full')
  assert.equal(log.add('c', new Uint8Array(3)), 'added')
  assert.equal(log.add('d', new Uint8Array(1)), 'full')
  assert.equal(log.add('a', new Uint8Array(7)), 'known')
  assert.equal(log.length, 2)
})

test('no more packets than the limit, however small', () => {
  const log = new PacketLog()
  const empty = new Uint8Array(0)
  for (let i = 0; i < 20_000; i++) assert.equal(log.add(String(i), empty), 'added')
  assert.equal(log.add('more', empty), 'full')
})
