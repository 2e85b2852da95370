/** What people see: something that moves on a terminal, nothing but whole lines elsewhere. */
import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { ask, progressBar, statusLine, table } from './terminal.ts'
import { testHost } from './testing.ts'

test('without a terminal a status line writes nothing but printed lines', () => {
  const host = testHost([])
  const status = statusLine(host.stderr)
  status.show('working')
  status.print('a line')
  status.clear()
  assert.equal(host.output.stderr, 'a line\n')
})

test('on a terminal it is drawn, kept below printed lines, and taken away', () => {
  const host = testHost([], { isTTY: true })
  const status = statusLine(host.stderr)
  status.show('working')
  status.show(`long ${'x'.repeat(200)}`)
  status.print('a line')
  status.clear()
  status.clear()
  const { stderr } = host.output
  assert.match(stderr, /⠋ working/)
  assert.ok(stderr.includes('\r\u001b[2Ka line\n\r'))
  assert.ok(stderr.endsWith('\r\u001b[2K'))
  assert.ok(Math.max(...stderr.split('\r').map((line) => line.length)) < 90, 'no line is wider than the terminal')
})

test('bars and tables', () => {
  assert.equal(progressBar(1, 4, 'moduli'), '[█████░░░░░░░░░░░░░░░] 1 of 4 moduli')
  assert.equal(progressBar(4, 4, 'x'), `[${'█'.repeat(20)}] 4 of 4 x`)
  assert.equal(
    table([
      ['a', '1'],
      ['long', '2'],
    ]),
    'a     1\nlong  2\n',
  )
})

test('an answer is one line; the end of input and an interruption give none', async () => {
  const answered = testHost([], { stdin: 'yes\nno\n' })
  assert.equal(await ask('sure? ', answered), 'yes')
  assert.equal(answered.output.stderr, 'sure? ')
  assert.equal(await ask('', testHost([])), undefined)
  const waiting = testHost([], { stdin: new PassThrough() })
  const answer = ask('', waiting)
  setTimeout(waiting.interrupt, 10)
  assert.equal(await answer, undefined)
})
