/** Starting the service: what it refuses to start with, each time in one line and with exit code 2. */
import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { runIn, testHost } from '../config/testing.ts'
import { CGGMP24_3072 } from '../participant/index.ts'
import { formatKeyShares } from '../participant/key-share/format.ts'
import { dealTestShares } from '../participant/key-share/testing.ts'
import { runSignService } from './program.ts'

const folder = mkdtempSync(join(tmpdir(), 'sign-service-'))
after(() => rmSync(folder, { recursive: true }))

const dealt = dealTestShares({
  parties: ['client', 'service'],
  threshold: 2,
  accounts: ['main', 'other'],
  level: CGGMP24_3072,
})
const own = formatKeyShares(dealt.get('service') ?? new Map())

function file(name: string, content: string, mode = 0o600): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  chmodSync(path, mode)
  return path
}

const good = file('good.json', own)
const empty = file('empty.yaml', '')

const check = (argv: readonly string[], env: Record<string, string> = {}) =>
  runIn(testHost([empty, '--check-config', ...argv], { env }), runSignService)

test('a good configuration with good shares passes the check, by flag and by variable', async () => {
  const expected = {
    exitCode: 0,
    stdout: 'sign-service: configuration and key shares are valid; accounts: 2\n',
    stderr: '',
  }
  assert.deepEqual(await check(['--key-shares', good, '--index', '1']), expected)
  assert.deepEqual(await check([], { SIGN_SERVICE_KEY_SHARE_FILE: good }), expected)
})

test('it refuses shares that it should not use', async () => {
  const x = /"key_share": "([0-9a-f]{64})"/.exec(own)?.[1] ?? assert.fail('no share')
  const table: readonly (readonly [readonly string[], RegExp])[] = [
    [['--key-shares', join(folder, 'none.json')], /none\.json: no such key share file$/],
    [['--key-shares', folder], /expected a regular file$/],
    [
      ['--key-shares', file('open.json', own, 0o644)],
      /open\.json: expected a file that only its owner can read; mode is 0644/,
    ],
    [['--key-shares', file('group.json', own, 0o640)], /mode is 0640/],
    [['--key-shares', file('text.json', 'not json')], /text\.json: key shares: expected JSON$/],
    [['--key-shares', file('no-account.json', '{}')], /expected at least one account$/],
    [['--key-shares', file('cut.json', own.slice(0, -100))], /expected JSON$/],
    [['--key-shares', file('other-x.json', own.replace(x, `${'0'.repeat(63)}7`))], /account "main": /],
    [['--key-shares', file('version.json', own.replace('"version": 1', '"version": 2'))], /version: expected 1$/],
    [['--key-shares', good, '--threshold', '3', '--parties', '3'], /mpc\.threshold: is 3, but 2 in/],
    [['--key-shares', good, '--parties', '3'], /mpc\.total_participants: is 3, but 2 in/],
    [['--key-shares', good, '--index', '0'], /server\.index: is 0, but 1 in/],
  ]
  for (const [argv, expected] of table) {
    const { exitCode, stdout, stderr } = await check(argv)
    assert.equal(exitCode, 2, `${argv.join(' ')}: ${stderr}`)
    assert.equal(stdout, '')
    assert.match(stderr, new RegExp(`^sign-service: [^\\n]*${expected.source.replace(/\$$/, '\\n$')}`))
    assert.ok(!stderr.includes(x), 'no secret')
  }
})

test('an account that is to be served must have a share', async () => {
  const { exitCode, stderr } = await check(['--key-shares', good], { SIGN_SERVICE_POLICY_ACCOUNTS: 'main,missing' })
  assert.equal(exitCode, 2)
  assert.match(stderr, /^sign-service: policy\.accounts: \S*good\.json has no key share of account "missing"\n$/)
})

test('wrong flags, keys and variables are one line', async () => {
  const table: readonly (readonly [readonly string[], Record<string, string>, RegExp])[] = [
    [['--gateway', 'ftp://h'], {}, /^sign-service: --gateway: expected an http or https address/],
    [['--index', 'two'], {}, /^sign-service: --index: expected an integer/],
    [['--threshold', '1'], {}, /^sign-service: --threshold: expected an integer from 2/],
    [['--log-level', 'loud'], {}, /^sign-service: --log-level: expected one of trace/],
    [['--port', '80'], {}, /^sign-service: unknown option '--port'/],
    [['second.yaml'], {}, /^sign-service: too many arguments/],
    [
      [],
      { SIGN_SERVICE_LIMITS_MAX_SESSIONS: '0' },
      /^sign-service: environment variable SIGN_SERVICE_LIMITS_MAX_SESSIONS: /,
    ],
  ]
  for (const [argv, env, expected] of table) {
    const { exitCode, stderr } = await check(['--key-shares', good, ...argv], env)
    assert.equal(exitCode, 2, argv.join(' '))
    assert.match(stderr, expected)
  }
  const wrong = file('wrong.yaml', 'policy: {allow_raw_digests: true}')
  const { exitCode, stderr } = await runIn(testHost([wrong, '--key-shares', good]), runSignService)
  assert.equal(exitCode, 2)
  assert.match(stderr, /^sign-service: \S+wrong\.yaml: policy\.allow_raw_digests: unknown key/)
})

test('the files are as they were', () => {
  assert.equal(readFileSync(good, 'utf8'), own)
})
