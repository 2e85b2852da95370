import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StreamReader } from './event-stream.ts'

function read(pieces: readonly Buffer[]) {
  const seen: unknown[] = []
  const reader = new StreamReader({
    onHead: (status, headers) => seen.push([status, headers.get('room-epoch')]),
    onMessage: (id, bytes, start, end) => seen.push([id, bytes.toString('latin1', start, end)]),
    onOther: (name, data) => seen.push([name, data]),
    onRetry: (ms) => seen.push(['retry', ms]),
  })
  for (const piece of pieces) reader.push(piece)
  return seen
}

const HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nRoom-Epoch: abc\r\n'
const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`
const EVENTS = [
  'retry: 1200\n\n',
  ':\n\n',
  'event: new-message\nid: 70000\ndata: first: one\n\n',
  'event: reset\ndata: x\n\n',
  'id: 5:1\nevent: new-message\ndata: \n\n',
]
const EXPECTED = [
  [200, 'abc'],
  ['retry', 1200],
  [70000, 'first: one'],
  ['reset', 'x'],
  [-1, ''],
]

test('events of a chunked and of a plain answer, wherever the reads are cut', () => {
  const answers = [
    `${HEAD}Transfer-Encoding: chunked\r\n\r\n${EVENTS.map(chunk).join('')}`,
    // chunks that end within an event
    `${HEAD}Transfer-Encoding: chunked\r\n\r\n${(EVENTS.join('').match(/[\s\S]{1,7}/g) ?? []).map(chunk).join('')}`,
    `${HEAD}\r\n${EVENTS.join('')}`,
  ]
  for (const answer of answers) {
    const bytes = Buffer.from(answer)
    assert.deepEqual(read([bytes]), EXPECTED)
    for (let at = 1; at < bytes.length; at++) {
      assert.deepEqual(read([bytes.subarray(0, at), bytes.subarray(at)]), EXPECTED, `cut at ${at}`)
    }
    assert.deepEqual(read([...bytes].map((byte) => Buffer.from([byte]))), EXPECTED, 'byte by byte')
  }
})

test('an event that has not ended is not handed on', () => {
  assert.deepEqual(read([Buffer.from(`${HEAD}\r\nevent: new-message\nid: 1\ndata: x\n`)]), [[200, 'abc']])
})
