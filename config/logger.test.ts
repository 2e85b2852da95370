/** The logger: one line an entry in either format, and nothing in a field can start a second one. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLogger } from './logger.ts'

function collect() {
  const lines: string[] = []
  return { lines, destination: { write: (line: string) => void lines.push(line) } }
}

test('json: level by name, ISO time, program name', () => {
  const { lines, destination } = collect()
  const logger = createLogger({ name: 'sign-gateway', level: 'info', format: 'json', destination })
  logger.debug('not this')
  logger.info({ url: 'http://h' }, 'listening')
  assert.equal(lines.length, 1)
  const { time, ...entry } = JSON.parse(lines[0] ?? '') as Record<string, unknown>
  assert.deepEqual(entry, { level: 'info', name: 'sign-gateway', url: 'http://h', msg: 'listening' })
  assert.ok(Math.abs(Date.parse(String(time)) - Date.now()) < 60_000)
})

test('pretty: one plain line', () => {
  const { lines, destination } = collect()
  const logger = createLogger({ name: 'x', level: 'info', format: 'pretty', destination })
  logger.warn({ port: 80, text: 'two words', nested: { a: 1 } }, 'a\nb\u001b[31m')
  assert.equal(lines.length, 1)
  assert.match(
    lines[0] ?? '',
    /^\d\d:\d\d:\d\d\.\d{3} WARN {2}x: a b \[31m port=80 text="two words" nested=\{"a":1\}\n$/,
  )
})

test('silent says nothing', () => {
  const { lines, destination } = collect()
  createLogger({ name: 'x', level: 'silent', format: 'json', destination }).fatal('no')
  assert.equal(lines.length, 0)
})
