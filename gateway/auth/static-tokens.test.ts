/** The file of static tokens: what is in it, what is refused, and that nothing of it is told. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { readTokenFile } from './static-tokens.ts'
import { secretFile } from './testing.ts'

const hashOf = (token: string): string => createHash('sha256').update(token).digest('hex')
const entry = (changed: Record<string, unknown> = {}) => ({
  name: 'alice',
  sha256: hashOf('token-of-alice'),
  rights: ['subscribe', 'publish'],
  rooms: ['inbox-*'],
  ...changed,
})

test('tokens are found by their hash, in YAML and in JSON', async () => {
  const yaml = `
- name: alice
  sha256: ${hashOf('token-of-alice').toUpperCase()}
  rights: [subscribe, publish]
  rooms: ["inbox-*", lobby]
- name: bob
  sha256: ${hashOf('token-of-bob')}
  rights: [index]
  rooms: ["*"]
  expires: 2030-01-01T00:00:00Z
`
  const json = JSON.stringify([
    entry({ rooms: ['inbox-*', 'lobby'] }),
    entry({
      name: 'bob',
      sha256: hashOf('token-of-bob'),
      rights: ['index'],
      rooms: ['*'],
      expires: '2030-01-01T00:00:00Z',
    }),
  ])
  for (const source of [yaml, json]) {
    const find = await readTokenFile(secretFile(source))
    const alice = find('token-of-alice', Date.now())
    assert.ok(alice.ok, 'alice')
    assert.equal(alice.value.caller, 'token:alice')
    assert.deepEqual([...alice.value.rights], ['subscribe', 'publish'])
    assert.deepEqual(alice.value.rooms, ['inbox-*', 'lobby'])
    assert.equal(alice.value.expiresAtMs, undefined)
    const end = Date.UTC(2030, 0, 1)
    const bob = find('token-of-bob', end - 1)
    assert.ok(bob.ok, 'bob')
    assert.equal(bob.value.expiresAtMs, end)
    const late = find('token-of-bob', end)
    assert.equal(late.ok ? '' : late.refusal.code, 'token_expired')
    for (const wrong of ['', 'token-of-carol', hashOf('token-of-alice'), 'token-of-alice ']) {
      const found = find(wrong, 0)
      assert.equal(found.ok ? '' : found.refusal.code, 'token_invalid', wrong)
    }
  }
})

test('a file that is not as it should be is refused, naming the entry; nothing of it is quoted', async () => {
  const table: readonly (readonly [unknown, RegExp])[] = [
    ['a: [', /: not valid YAML or JSON$/],
    ['&a [*a', /: not valid YAML or JSON$/],
    ['', /: expected a list of tokens$/],
    [{ alice: entry() }, /: expected a list of tokens$/],
    [[], /: expected at least one token$/],
    [[entry({ name: '' })], /: entry 1: name: expected a name/],
    [[entry(), entry({ name: 'b', sha256: 'ab' })], /: entry 2: sha256: expected the SHA-256/],
    [[entry({ token: 'hunter2' })], /: entry 1: unknown key, expected name, sha256, rights, rooms, expires$/],
    [[entry({ sha256: undefined })], /: entry 1: sha256: expected the SHA-256/],
    [[entry({ rights: ['all'] })], /: entry 1: rights\.0: expected rights among subscribe, publish/],
    [[entry({ rooms: ['a*b'] })], /: entry 1: rooms\.0: expected \* at the end only$/],
    [[entry({ rooms: '*' })], /: entry 1: rooms: expected a list of room ids$/],
    [[entry({ expires: 'tomorrow' })], /: entry 1: expires: expected a time such as/],
    [[entry(), entry({ name: 'b' })], /: expected each token once$/],
    [[entry(), entry({ sha256: hashOf('b') })], /: expected each name once$/],
  ]
  for (const [content, expected] of table) {
    const path = secretFile(typeof content === 'string' ? content : JSON.stringify(content))
    await assert.rejects(readTokenFile(path), (error: Error) => {
      assert.ok(error.message.startsWith(`auth.token_file: ${path}: `), error.message)
      assert.match(error.message, expected)
      assert.ok(!error.message.includes('hunter2') && !error.message.includes(hashOf('token-of-alice')), 'no content')
      return true
    })
  }
})

test('the file must be there and be readable by its owner only', async () => {
  await assert.rejects(readTokenFile('/nowhere/tokens.yaml'), /^ConfigError: auth\.token_file: .*: no such file$/)
  await assert.rejects(readTokenFile('/'), /expected a regular file$/)
  for (const mode of [0o644, 0o640, 0o604, 0o660]) {
    const path = secretFile(JSON.stringify([entry()]), mode)
    await assert.rejects(readTokenFile(path), /expected a file that only its owner can read; mode is 06/)
  }
})
