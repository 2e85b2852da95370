/** The examples under deploy/ set keys that exist, to values that are taken, and ask for what the gateway has. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseAllDocuments } from 'yaml'
import { loadGatewayConfig } from '../../config/load.ts'

const folder = join(import.meta.dirname, '..', '..', 'deploy')

type Tree = { readonly [key: string]: Tree } & readonly Tree[]

function documents(name: string): readonly Tree[] {
  return parseAllDocuments(readFileSync(join(folder, name), 'utf8'), { merge: true }).map((document) => {
    assert.deepEqual(document.errors, [], `${name} is YAML`)
    return document.toJS() as Tree
  })
}

function checkEnvironment(env: Readonly<Record<string, string>>): void {
  const config = loadGatewayConfig({ cwd: import.meta.dirname, env })
  assert.equal(config.store.type, 'redis')
  assert.equal(config.auth.mode, 'token', 'not open to everyone')
  assert.ok(config.metrics.enabled, 'what the probes ask is there')
  for (const name of Object.keys(env)) {
    const [section = '', ...key] = name.replace('SIGN_GATEWAY_', '').toLowerCase().split('_')
    const sections = config as unknown as Readonly<Record<string, object>>
    assert.ok(Object.hasOwn(sections[section] ?? {}, key.join('_')), `${name} is a key`)
  }
}

test('docker compose: two gateways, one durable Redis', () => {
  const [file] = documents('docker-compose.gateway.yaml')
  const services = file?.['services']
  assert.ok(services !== undefined, 'there are services')
  for (const name of ['gateway-1', 'gateway-2']) {
    checkEnvironment(services[name]?.['environment'] as unknown as Record<string, string>)
  }
  const redis = JSON.stringify(services['redis'])
  for (const setting of ['appendonly yes', 'appendfsync always', 'maxmemory-policy noeviction', 'requirepass']) {
    assert.ok(redis.includes(setting), setting)
  }
})

test('Kubernetes: two replicas that are never both away, probes of the metrics port, no rights', () => {
  const all = documents('kubernetes/gateway.yaml')
  const byKind = new Map(all.map((document) => [String(document['kind']), document]))
  assert.deepEqual([...byKind.keys()], ['Deployment', 'Service', 'PodDisruptionBudget', 'NetworkPolicy'])
  const spec = byKind.get('Deployment')?.['spec']
  assert.equal(spec?.['replicas'], 2)
  const pod = spec?.['template']?.['spec']
  const container = pod?.['containers']?.[0]
  const pairs = container?.['env'] as unknown as readonly { readonly name: string; readonly value: string }[]
  checkEnvironment(Object.fromEntries(pairs.map(({ name, value }) => [name, value])))
  assert.deepEqual(
    ['livenessProbe', 'readinessProbe'].map((probe) => container?.[probe]?.['httpGet']),
    [
      { path: '/livez', port: 'metrics' },
      { path: '/readyz', port: 'metrics' },
    ],
  )
  assert.equal(pod?.['securityContext']?.['runAsNonRoot'], true)
  assert.deepEqual(container?.['securityContext'], {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  })
})
