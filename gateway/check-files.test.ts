/** --check-config: every file that a configuration names is looked at, and nothing is connected to. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { secretFile } from './auth/testing.ts'
import { runGateway } from './cli.ts'

async function check(config: object): Promise<{ exitCode: number; stdout: string; stderr: string }> {
  const path = secretFile(JSON.stringify(config))
  const output = { stdout: '', stderr: '' }
  const exitCode = await runGateway({
    argv: [path, '--check-config'],
    env: {},
    stdout: { write: (text) => (output.stdout += text) },
    stderr: { write: (text) => (output.stderr += text) },
    stopRequested: () => Promise.resolve(),
  })
  return { exitCode, ...output }
}

test('a file that is missing or wrong: exit code 2 and one line with key and file', async () => {
  const nonsense = secretFile('nonsense: [')
  const empty = secretFile('')
  const table: readonly (readonly [object, string, string])[] = [
    [{ auth: { mode: 'token', token_file: '/nowhere/tokens.yaml' } }, 'auth.token_file', '/nowhere/tokens.yaml'],
    [{ auth: { mode: 'token', token_file: nonsense } }, 'auth.token_file', nonsense],
    [{ auth: { room_secret_file: '/nowhere/secret' } }, 'auth.room_secret_file', '/nowhere/secret'],
    [{ tls: { cert_file: nonsense, key_file: nonsense } }, 'tls.cert_file', nonsense],
    [
      { store: { type: 'redis', redis_password_file: '/nowhere/password' } },
      'store.redis_password_file',
      '/nowhere/password',
    ],
    [{ store: { type: 'redis', redis_password_file: empty } }, 'store.redis_password_file', empty],
  ]
  for (const [config, key, file] of table) {
    const { exitCode, stdout, stderr } = await check(config)
    assert.equal(exitCode, 2, key)
    assert.equal(stdout, '', key)
    assert.ok(stderr.startsWith(`sign-gateway: ${key}: ${file}: `), stderr)
    assert.equal(stderr.split('\n').length, 2, 'one line')
  }
})

test('a Redis that is away makes no configuration wrong', async () => {
  const password = secretFile('')
  writeFileSync(password, 'canary7731\n')
  const { exitCode, stdout, stderr } = await check({
    store: { type: 'redis', redis_url: 'redis://127.0.0.1:1', redis_password_file: password },
  })
  assert.deepEqual([exitCode, stderr], [0, ''])
  assert.equal(stdout, 'sign-gateway: the configuration is valid\n')
})
