/**
 * What is in deploy/ to run sign-service: units that systemd takes, examples that set keys that exist, to values that are
 * taken, and ask for what the service has.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { parseAllDocuments } from 'yaml'
import { loadServiceConfig } from '../config/load.ts'

const DEPLOY = join(import.meta.dirname, '..', 'deploy')
const UNITS = ['sign-service.service', 'sign-gateway.service'] as const
/** Of 10; the smaller the less a unit is exposed. */
const EXPOSURE_LIMIT = 2.5

type Tree = { readonly [key: string]: Tree } & readonly Tree[]

const folder = mkdtempSync(join(tmpdir(), 'units-'))
after(() => rmSync(folder, { recursive: true }))

const readDeploy = (name: string): string => readFileSync(join(DEPLOY, name), 'utf8')

function documents(name: string): readonly Tree[] {
  return parseAllDocuments(readDeploy(name), { merge: true }).map((document) => {
    assert.deepEqual(document.errors, [], `${name} is YAML`)
    return document.toJS() as Tree
  })
}

/** The programs and users of the units are not installed where tests run. */
function installable(unit: string): string {
  const text = readDeploy(`systemd/${unit}`)
    .replace(/^ExecStart=\S+/m, `ExecStart=${process.execPath}`)
    .replace(/^(User|Group)=.*$/gm, '$1=root')
  const path = join(folder, unit)
  writeFileSync(path, text)
  return path
}

function analyze(t: TestContext, args: readonly string[]): void {
  const { error, status, stdout, stderr } = spawnSync('systemd-analyze', args, { encoding: 'utf8', timeout: 20_000 })
  if (error !== undefined && (error as NodeJS.ErrnoException).code === 'ENOENT') {
    t.skip('systemd-analyze is not installed')
    return
  }
  assert.equal(status, 0, `systemd-analyze ${args.join(' ')}\n${stdout}${stderr}`)
  assert.doesNotMatch(stderr, /Unknown|Failed to parse|ignoring/i, 'nothing is ignored')
}

function checkEnvironment(env: Readonly<Record<string, string>>): void {
  const config = loadServiceConfig({ cwd: import.meta.dirname, env })
  const sections = config as unknown as Readonly<Record<string, object>>
  assert.ok(Object.keys(env).length > 0, 'something is set')
  for (const name of Object.keys(env)) {
    const [section = '', ...key] = name.replace('SIGN_SERVICE_', '').toLowerCase().split('_')
    assert.ok(Object.hasOwn(sections[section] ?? {}, key.join('_')), `${name} is a key`)
  }
  assert.ok(config.keystore.folder !== undefined, 'shares are sealed')
  assert.ok(config.keystore.passphrase_file !== undefined, 'the passphrase is a file')
  assert.ok(config.mpc.state_folder !== undefined, 'locks, evidence and record have a place')
  assert.ok(config.audit.enabled, 'decisions are recorded')
}

function probesAndPolicy(env: Readonly<Record<string, string>>): void {
  const { gateway, metrics, policy } = loadServiceConfig({ cwd: import.meta.dirname, env })
  assert.ok(metrics.enabled, 'what the probes ask is there')
  assert.equal(metrics.host, '0.0.0.0', 'from outside the container')
  assert.ok(gateway.token_file !== undefined, 'the gateway is not open')
  assert.ok(policy.file !== undefined, 'not everything is signed')
}

for (const unit of UNITS) {
  test(`systemd takes ${unit}`, (t) => analyze(t, ['verify', '--man=no', installable(unit)]))

  test(`systemd finds ${unit} little exposed`, (t) =>
    analyze(t, ['security', '--offline=true', `--threshold=${10 * EXPOSURE_LIMIT}`, '--no-pager', installable(unit)]))

  test(`${unit}: what it takes away, and what Node needs`, () => {
    const lines = readDeploy(`systemd/${unit}`).split('\n')
    for (const line of [
      'NoNewPrivileges=yes',
      'ProtectSystem=strict',
      'PrivateTmp=yes',
      'LimitCORE=0',
      'SystemCallFilter=@system-service',
      'RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6',
      'ExecReload=/bin/kill -HUP $MAINPID',
      'Restart=on-failure',
    ]) {
      assert.ok(lines.includes(line), line)
    }
    assert.ok(!lines.some((l) => l.startsWith('MemoryDenyWriteExecute=')), 'V8 makes code while it runs')
    assert.ok(
      lines.some((l) => /^User=(?!root)/.test(l)),
      'not root',
    )
  })
}

test('the unit of the service: its environment, and a passphrase that is a sealed credential', () => {
  const text = readDeploy('systemd/sign-service.service')
  const pairs = [...text.matchAll(/^Environment=(\w+)=(.*)$/gm)].map(([, name = '', value = '']) => [name, value])
  const env = Object.fromEntries(pairs) as Record<string, string>
  checkEnvironment(env)
  const [, credential = ''] = /^LoadCredentialEncrypted=(\w+):/m.exec(text) ?? []
  assert.equal(env['SIGN_SERVICE_KEYSTORE_PASSPHRASE_FILE'], `%d/${credential}`, 'the credential that is loaded')
  const [, state = ''] = /^StateDirectory=(.+)$/m.exec(text) ?? []
  assert.equal(env['SIGN_SERVICE_MPC_STATE_FOLDER'], `/var/lib/${state}`, 'the folder that can be written to')
})

test('docker compose: gateway and service, without rights, one volume', () => {
  const [file] = documents('docker-compose.yaml')
  const services = file?.['services']
  const service = services?.['sign-service']
  const env = service?.['environment'] as unknown as Record<string, string>
  checkEnvironment(env)
  probesAndPolicy(env)
  assert.equal(service?.['ports'], undefined, 'the service opens nothing outwards')
  for (const name of ['gateway', 'sign-service']) {
    const one = services?.[name] as unknown as Readonly<Record<string, unknown>>
    assert.deepEqual([one['read_only'], one['cap_drop']], [true, ['ALL']], name)
    assert.deepEqual(one['security_opt'], ['no-new-privileges:true'], name)
  }
  const given = (service?.['secrets'] ?? []) as unknown as readonly string[]
  for (const path of Object.values(env).filter((value) => value.startsWith('/run/secrets/'))) {
    assert.ok(given.includes(path.slice('/run/secrets/'.length)), `${path} is given to it`)
  }
})

test('Kubernetes: one pod, one volume that only it mounts, probes of the metrics port, no rights', () => {
  const all = documents('kubernetes/sign-service.yaml')
  assert.deepEqual(
    all.map((document) => String(document['kind'])),
    ['StatefulSet', 'ServiceAccount', 'Role', 'RoleBinding', 'Service', 'NetworkPolicy', 'NetworkPolicy'],
  )
  const spec = all[0]?.['spec']
  assert.equal(spec?.['replicas'], 1)
  assert.deepEqual(spec?.['volumeClaimTemplates']?.[0]?.['spec']?.['accessModes'], ['ReadWriteOncePod'])
  const pod = spec?.['template']?.['spec']
  const container = pod?.['containers']?.[0]
  const pairs = container?.['env'] as unknown as readonly { readonly name: string; readonly value: string }[]
  const env = Object.fromEntries(pairs.map(({ name, value }) => [name, value]))
  checkEnvironment(env)
  probesAndPolicy(env)
  assert.deepEqual(
    ['startupProbe', 'livenessProbe', 'readinessProbe'].map((probe) => container?.[probe]?.['httpGet']),
    ['/livez', '/livez', '/readyz'].map((path) => ({ path, port: 'metrics' })),
  )
  assert.equal(pod?.['automountServiceAccountToken'], false)
  assert.equal(pod?.['securityContext']?.['runAsNonRoot'], true)
  for (const each of [container, pod?.['initContainers']?.[0]]) {
    assert.deepEqual(each?.['securityContext'], {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    })
  }
  const network = all.find((document) => String(document['kind']) === 'NetworkPolicy')?.['spec']
  assert.deepEqual(network?.['policyTypes'], ['Ingress', 'Egress'])
  assert.deepEqual(network?.['podSelector'], { matchLabels: { app: 'sign-service' } }, 'of the service')
})

test('Kubernetes: the lease, with rights on that one, and a token for one container', () => {
  const all = documents('kubernetes/sign-service.yaml')
  const of = (kind: string) => all.find((document) => String(document['kind']) === kind)
  const pod = of('StatefulSet')?.['spec']?.['template']?.['spec']
  const container = pod?.['containers']?.[0]
  const pairs = container?.['env'] as unknown as readonly { readonly name: string; readonly value: string }[]
  const { lease } = loadServiceConfig({
    cwd: import.meta.dirname,
    env: Object.fromEntries(pairs.map(({ name, value }) => [name, value])),
  })
  assert.equal(lease.type, 'kubernetes')
  assert.ok(lease.wait_seconds > lease.duration_seconds, 'a pod that comes after a killed one gets it')
  const probe = container?.['startupProbe'] as unknown as {
    readonly periodSeconds: number
    readonly failureThreshold: number
  }
  assert.ok(probe.periodSeconds * probe.failureThreshold > lease.wait_seconds, 'and has the time to wait for it')
  const account = String(pod?.['serviceAccountName'])
  assert.equal(String(of('ServiceAccount')?.['metadata']?.['name']), account)
  const role = of('Role')
  assert.deepEqual(role?.['rules'], [
    {
      apiGroups: ['coordination.k8s.io'],
      resources: ['leases'],
      resourceNames: [lease.name],
      verbs: ['get', 'update'],
    },
    { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['create'] },
  ])
  const binding = of('RoleBinding')
  assert.deepEqual(binding?.['roleRef'], {
    apiGroup: 'rbac.authorization.k8s.io',
    kind: 'Role',
    name: String(role?.['metadata']?.['name']),
  })
  assert.deepEqual(binding?.['subjects'], [{ kind: 'ServiceAccount', name: account }])
  const mounts = container?.['volumeMounts'] as unknown as readonly {
    readonly name: string
    readonly mountPath: string
  }[]
  const mount = mounts.find(({ mountPath }) => mountPath === lease.credentials_folder)
  const volumes = pod?.['volumes'] as unknown as readonly { readonly name: string; readonly projected?: object }[]
  const text = JSON.stringify(volumes.find(({ name }) => name === mount?.name)?.projected)
  for (const path of ['token', 'ca.crt', 'namespace']) assert.ok(text.includes(`"path":"${path}"`), path)
  assert.ok(!JSON.stringify(pod?.['initContainers']).includes(`"${mount?.name}"`), 'nobody else has the token')
})

test('the image: not root, and no shares in what is built from', () => {
  const file = readDeploy('sign-service.Dockerfile')
  assert.match(file, /^USER 1000:1000$/m)
  assert.equal(file.match(/^FROM /gm)?.length, 2, 'the tools of the build stay behind')
  const ignored = readDeploy('sign-service.Dockerfile.dockerignore').split('\n')
  for (const name of ['.git', '*_key_shares.json', '*.sealed', '*.key', 'audit.jsonl*']) {
    assert.ok(ignored.includes(name), name)
  }
})
