/** The lease section: what contradicts itself is refused by key. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { loadServiceConfig } from './load.ts'

const cwd = mkdtempSync(join(tmpdir(), 'config-lease-'))
after(() => rmSync(cwd, { recursive: true }))

function load(lease: string): string {
  writeFileSync(join(cwd, 'file.yaml'), `lease: ${lease}\n`)
  try {
    loadServiceConfig({ file: 'file.yaml', cwd, env: {} })
    return 'good'
  } catch (error) {
    return (error as Error).message.replace('file.yaml: lease.', '')
  }
}

test('none by default', () => {
  assert.equal(loadServiceConfig({ cwd, env: {} }).lease.type, 'none')
})

const url = 'expected an https address without user, path, query or fragment'
const table: readonly (readonly [string, string])[] = [
  ['{type: kubernetes}', 'good'],
  ['{type: kubernetes, api_url: "https://10.0.0.1:6443/", namespace: wallets, name: a.b-c}', 'good'],
  ['{type: kubernetes, duration_seconds: 15, renew_deadline_seconds: 12, renew_seconds: 6}', 'good'],
  ['{type: zookeeper}', 'type: expected one of none, kubernetes'],
  ['{api_url: "https://10.0.0.1"}', 'api_url: expected only with lease.type kubernetes'],
  ['{namespace: x}', 'namespace: expected only with lease.type kubernetes'],
  ['{type: kubernetes, api_url: "http://10.0.0.1"}', `api_url: ${url}`],
  ['{type: kubernetes, api_url: "https://me@10.0.0.1"}', `api_url: ${url}`],
  ['{type: kubernetes, api_url: "https://10.0.0.1/a"}', `api_url: ${url}`],
  ['{type: kubernetes, name: "../secrets/x"}', 'name: expected a name of lower case letters, digits and dashes'],
  [
    '{type: kubernetes, namespace: "a/b"}',
    'namespace: expected the name of a namespace of lower case letters, digits and dashes',
  ],
  [
    '{type: kubernetes, duration_seconds: 15, renew_deadline_seconds: 13}',
    'renew_deadline_seconds: expected at most four fifths of lease.duration_seconds',
  ],
  ['{type: kubernetes, renew_seconds: 11}', 'renew_seconds: expected at most half of lease.renew_deadline_seconds'],
]
for (const [section, answer] of table) test(section, () => assert.equal(load(section), answer))
