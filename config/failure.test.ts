/** Errors on a terminal: the class decides the exit code, one line says what happened, and nothing else gets out. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EXIT_CODES_HELP, exitCodeFor } from './exit-codes.ts'
import { CommandError, failureOf, failureText, oneLine } from './failure.ts'
import { ConfigError } from './load.ts'

const coded = (code: string, message: string, more: object = {}) => Object.assign(new Error(message), { code, ...more })

test('each class of error has its exit code, and --help lists it', () => {
  const table: readonly (readonly [string, number])[] = [
    ['INTERNAL', 1],
    ['USAGE', 2],
    ['CONFIG', 2],
    ['DECODE', 2],
    ['TRANSPORT', 3],
    ['PEER_STOPPED', 4],
    ['ABORT', 5],
    ['STATE', 6],
  ]
  for (const [code, exitCode] of table) {
    assert.equal(exitCodeFor(code), exitCode, code)
    assert.match(EXIT_CODES_HELP, new RegExp(`^  ${exitCode} .*${code}`, 'm'))
  }
  assert.equal(exitCodeFor(undefined), 1)
  assert.equal(failureOf(new ConfigError('x')).exitCode, 2)
})

test('an error that was not written for people tells its kind alone', () => {
  const secret = 'secret-scalar-1234'
  const thrown = [new TypeError(secret), coded('ENOSPC', secret), secret, undefined, { code: 'USAGE', message: secret }]
  for (const error of thrown) {
    const failure = failureOf(error)
    assert.equal(failure.exitCode, 1)
    assert.ok(!failure.message.includes(secret))
  }
  assert.equal(failureOf(new TypeError(secret)).message, 'internal error (TypeError)')
  assert.equal(failureOf(coded('ENOSPC', secret)).message, 'internal error (Error, ENOSPC)')
  assert.equal(failureOf(coded('INTERNAL', 'signature does not verify')).message, 'signature does not verify')
})

test('an abort says who is at fault, once', () => {
  const faults = [{ culprit: 'service' }, { culprit: 'service' }, { culprit: 'backup' }]
  assert.equal(
    failureOf(coded('ABORT', 'aborted because of service (presign 2)', { faults })).message,
    'aborted because of service (presign 2); at fault: backup',
  )
  assert.equal(
    failureOf(coded('ABORT', 'different things', { faults: [] })).message,
    'different things; nobody can be named',
  )
})

test('one line, whatever is in it', () => {
  assert.equal(oneLine('a\r\n\u001b[31mb\u2028c\u202e'), 'a [31mb c')
  assert.equal(oneLine('x'.repeat(5000)).length, 1001)
  const failure = failureOf(new CommandError('--x: wrong\nsecond', 'do\nthis'))
  assert.equal(failureText('key-gen', failure), 'key-gen: --x: wrong second\nhint: do this\n')
  assert.equal(failureText('key-gen', { message: 'm', hint: undefined }), 'key-gen: m\n')
})
