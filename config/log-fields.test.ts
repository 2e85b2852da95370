/** The allow list of log fields: what is not on it does not reach a line, whatever way it comes. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LIST_LIMIT, onlyFields, TEXT_LIMIT } from './log-fields.ts'
import { createLogger } from './logger.ts'

function logging(current = {}) {
  const lines: string[] = []
  const destination = { write: (line: string) => void lines.push(line) }
  const fields = ['code', 'ids', 'session']
  const logger = createLogger({
    name: 'x',
    level: 'trace',
    format: 'json',
    destination,
    fields,
    current: () => current,
  })
  const last = () => {
    const { time: _, level: __, ...rest } = JSON.parse(lines.at(-1) ?? '') as Record<string, unknown>
    return rest
  }
  return { logger, last, lines }
}

test('a foreign field is dropped, by itself, in a child logger and among the ids of the moment', () => {
  const { logger, last, lines } = logging({ session: 's', secret: 'canary' })
  logger.info({ code: 'A', secret: 'canary', level: 'canary' }, 'said')
  assert.deepEqual(last(), { name: 'x', session: 's', code: 'A', msg: 'said' })
  logger.child({ code: 'B', secret: 'canary', name: 'canary' }).warn({ secret: 'canary' }, 'said')
  assert.deepEqual(last(), { name: 'x', session: 's', code: 'B', msg: 'said' })
  logger
    .child({ code: 'C' })
    .child({ secret: 'canary', ids: [1] })
    .warn('said')
  assert.deepEqual(last(), { name: 'x', session: 's', code: 'C', ids: [1], msg: 'said' })
  assert.ok(!lines.join('').includes('canary'), lines.join(''))
})

test('an error brings neither its message nor its stack', () => {
  const { logger, last } = logging()
  logger.error(new Error('canary'))
  assert.deepEqual(last(), { name: 'x', msg: 'an error' })
  logger.error({ err: new Error('canary'), code: new Error('canary') }, 'said')
  assert.deepEqual(last(), { name: 'x', msg: 'said' })
})

test('values are text, numbers, booleans and lists of these; nothing else, and not without end', () => {
  const pick = onlyFields(['a', 'b'])
  assert.deepEqual(pick({ a: { secret: 1 }, b: ['x', { secret: 1 }, 2, [3]] }), { b: ['x', 2] })
  assert.deepEqual(pick({ a: 1n, b: Number.NaN }), {})
  assert.deepEqual(pick({ a: () => 1, b: Symbol('x') }), {})
  assert.deepEqual(pick({ a: Uint8Array.of(1), b: false }), { b: false })
  const long = pick({ a: 'x'.repeat(5000), b: Array.from({ length: 500 }, (_, i) => i) })
  assert.equal((long['a'] as string).length, TEXT_LIMIT)
  assert.equal((long['b'] as number[]).length, LIST_LIMIT)
})
