/** The keystore sections: what contradicts itself is refused by key. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { loadClientConfig, loadServiceConfig } from './load.ts'

const cwd = mkdtempSync(join(tmpdir(), 'config-keystore-'))
after(() => rmSync(cwd, { recursive: true }))

type Load = typeof loadServiceConfig | typeof loadClientConfig

function load(loader: Load, keystore: string): string {
  writeFileSync(join(cwd, 'file.yaml'), `keystore: ${keystore}\n`)
  try {
    loader({ file: 'file.yaml', cwd, env: {} })
    return 'good'
  } catch (error) {
    return (error as Error).message.replace('file.yaml: keystore.', '')
  }
}

test('by default the shares are in a file in the clear', () => {
  assert.deepEqual(loadServiceConfig({ cwd, env: {} }).keystore, { type: 'file', shares_fd: 0 })
  assert.deepEqual(loadClientConfig({ cwd, env: {} }).keystore, {})
})

test('what the service takes, and what contradicts itself', () => {
  const only = (type: string) => `expected only with keystore.type ${type}`
  const table: readonly (readonly [string, string])[] = [
    ['{folder: k, passphrase_file: p}', 'good'],
    ['{folder: k, age_identity_file: a, record_folder: r}', 'good'],
    ['{folder: k, age_identity_file: a, passphrase_file: p}', 'good'],
    ['{type: memory, shares_fd: 3}', 'good'],
    ['{type: kms, folder: k, kms_key_id: alias/mpc}', 'good'],
    ['{type: kms, folder: k, kms_key_id: x, kms_region: eu-1, kms_endpoint: "http://127.0.0.1:1"}', 'good'],
    ['{type: disk}', 'type: expected one of file, memory, kms'],
    ['{folder: k}', 'passphrase_file: expected this or keystore.age_identity_file with keystore.folder'],
    ['{passphrase_file: p}', 'passphrase_file: expected only with keystore.folder'],
    ['{age_identity_file: p}', 'age_identity_file: expected only with keystore.folder'],
    ['{record_folder: r}', 'record_folder: expected only with keystore.folder'],
    ['{type: memory, record_folder: r}', 'record_folder: expected only with keystore.folder'],
    ['{type: memory, folder: k}', 'folder: expected only with keystore.type file or kms'],
    ['{type: memory, passphrase_file: p}', `passphrase_file: ${only('file')}`],
    ['{type: memory, shares_fd: -1}', 'shares_fd: expected an integer from 0 to 1023'],
    ['{type: kms, kms_key_id: x}', 'folder: expected a folder name with keystore.type kms'],
    ['{type: kms, folder: k}', 'kms_key_id: expected the id, ARN or alias of a key with keystore.type kms'],
    ['{type: kms, folder: k, kms_key_id: x, age_identity_file: a}', `age_identity_file: ${only('file')}`],
    ['{kms_key_id: x}', `kms_key_id: ${only('kms')}`],
    ['{kms_region: x}', `kms_region: ${only('kms')}`],
    ['{passphrase: hunter2}', /^passphrase: unknown key, expected one of type, folder/.source],
  ]
  for (const [keystore, expected] of table) {
    const said = load(loadServiceConfig, keystore)
    assert.ok(said === expected || new RegExp(expected).test(said), `${keystore}: ${said}`)
    assert.ok(!said.includes('hunter2'), 'no value is quoted')
  }
  for (const url of ['http://kms.example', 'ftp://127.0.0.1', 'http://u:p@127.0.0.1', 'https://u:p@kms.example', 'x']) {
    const said = load(loadServiceConfig, `{type: kms, folder: k, kms_key_id: x, kms_endpoint: "${url}"}`)
    assert.equal(said, 'kms_endpoint: expected an https address, or http on this machine', url)
  }
})

test('what the client takes: without a passphrase file it asks', () => {
  assert.equal(load(loadClientConfig, '{folder: k}'), 'good')
  assert.equal(load(loadClientConfig, '{folder: k, passphrase_file: p, age_identity_file: a}'), 'good')
  for (const key of ['passphrase_file', 'age_identity_file', 'record_folder']) {
    assert.equal(load(loadClientConfig, `{${key}: x}`), `${key}: expected only with keystore.folder`)
  }
})
