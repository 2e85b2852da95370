/** Frames and event ids: any permitted body survives a reader that follows the standard. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { bodyProblem, messageFrame, parseEventId, retryFrame } from './frame.ts'

/** A reader by the letter of the standard, for one event: fields by line, one leading space off, data joined by LF. */
function read(frame: Buffer): { event: string; id: string; data: string } {
  const text = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true }).decode(frame)
  const fields = { event: '', id: '', data: '' }
  const lines = text.split(/\r\n|\r|\n/)
  assert.deepEqual(lines.splice(-2), ['', ''])
  for (const line of lines) {
    assert.notEqual(line, '', 'no event ends early')
    const [, name = '', value = ''] = /^([^:]*):? ?(.*)$/su.exec(line) ?? []
    if (name === 'data') fields.data += `${value}\n`
    else if (name === 'event' || name === 'id') fields[name] = value
    else assert.fail(`unexpected field ${name}`)
  }
  return { ...fields, data: fields.data.slice(0, -1) }
}

test('any text without CR and NUL comes back as it was', () => {
  const character = fc.oneof(fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }), fc.constantFrom('\n', ':', ' '))
  const text = fc
    .array(character)
    .map((all) => all.join(''))
    .filter((body) => !/[\r\0]/.test(body) && !/\p{Cs}/u.test(body))
  fc.assert(
    fc.property(text, fc.nat(), (body, id) => {
      assert.equal(bodyProblem(Buffer.from(body)), undefined)
      assert.deepEqual(read(messageFrame(id, Buffer.from(body))), { event: 'new-message', id: String(id), data: body })
    }),
  )
})

test('bodies that cannot travel are named', () => {
  assert.equal(bodyProblem(Buffer.from('a\rb')), 'CR or NUL')
  assert.equal(bodyProblem(Buffer.from('\0')), 'CR or NUL')
  assert.equal(bodyProblem(Buffer.from([0xff])), 'not UTF-8')
  assert.equal(bodyProblem(Buffer.from([0xed, 0xa0, 0x80])), 'not UTF-8')
})

test('event ids: decimal digits up to 2^53 - 1', () => {
  assert.equal(parseEventId('0'), 0)
  assert.equal(parseEventId('65536'), 65_536)
  assert.equal(parseEventId('9007199254740991'), 2 ** 53 - 1)
  for (const bad of ['9007199254740992', '', ' 1', '1 ', '+1', '-1', '1.0', '1e3', '0x1', 'abc', '１']) {
    assert.equal(parseEventId(bad), 'unreadable', bad)
  }
})

test('retry is digits within its window', () => {
  for (let i = 0; i < 50; i++) {
    const [, digits] = /^retry: (\d+)\n\n$/.exec(retryFrame(10, 13).toString()) ?? []
    assert.ok(['10', '11', '12'].includes(digits ?? ''))
  }
})
