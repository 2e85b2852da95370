/**
 * The alert rules and the dashboard of sign-service in deploy/ against its own metrics: each metric and each label value
 * that they name is there. What promtool can check, it checks, when it is installed.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, before, type TestContext, test } from 'node:test'
import { parse, stringify } from 'yaml'
import { ERROR_CODES } from '../sign-service/api/errors.ts'
import { createMetrics } from '../sign-service/metrics.ts'

const DEPLOY = resolve(import.meta.dirname, '../deploy')
const DOCS = resolve(import.meta.dirname, '../docs')
const RULES = join(DEPLOY, 'prometheus/sign-service-rules.yaml')
const CASES = join(DEPLOY, 'prometheus/sign-service-rules.test.yaml')
const DASHBOARD = join(DEPLOY, 'grafana/sign-service.json')

interface Rules {
  readonly groups: readonly { readonly rules: readonly { readonly alert: string; readonly expr: string }[] }[]
}
interface Dashboard {
  readonly panels: readonly {
    readonly id: number
    readonly title: string
    readonly targets: readonly { readonly expr: string }[]
  }[]
}

const rules = (parse(readFileSync(RULES, 'utf8')) as Rules).groups.flatMap((group) => group.rules)
const { panels } = JSON.parse(readFileSync(DASHBOARD, 'utf8')) as Dashboard
const shown = panels.flatMap(({ title, targets }) => targets.map(({ expr }) => ({ name: title, expr })))
const expressions = [...rules.map(({ alert, expr }) => ({ name: alert, expr })), ...shown]
const folder = mkdtempSync(join(tmpdir(), 'rules-'))

/** Every series with labels needs one count to be on the page. */
let page = ''
const sources = {
  version: '1.2.3',
  accounts: () => 1,
  sessions: () => 0,
  pool: () => ({ size: 1, made: 2, used: 1, expired: 0 }),
  apiSessions: () => 0,
  lease: () => true,
}
before(async () => {
  const metrics = createMetrics({ ...sources, isServed: true })
  const about = { session: 's', account: 'a', from: 'peer', kind: 'sign', ms: 5 } as const
  metrics.event({ at: 'signed', ...about })
  metrics.event({ at: 'failed', ...about, code: 'ABORT' })
  metrics.event({ at: 'refused', ...about, code: 'BUSY' })
  metrics.request('/v1/sign/start', 429, 3, 'TOO_MANY_REQUESTS')
  for (const operation of ['open', 'add', 'remove', 'reload'] as const) metrics.keystore(operation, false)
  page = await metrics.registry.metrics()
  metrics.close()
})
after(() => rmSync(folder, { recursive: true }))

function promtool(t: TestContext, args: readonly string[]): void {
  const { error, status, stdout, stderr } = spawnSync('promtool', args, { encoding: 'utf8', timeout: 20_000 })
  if (error !== undefined && (error as NodeJS.ErrnoException).code === 'ENOENT') {
    t.skip('promtool is not installed')
    return
  }
  assert.equal(status, 0, `promtool ${args.join(' ')}\n${stdout}${stderr}`)
}

test('the process itself is watched only where somebody reads it', async () => {
  const metrics = createMetrics({ ...sources, isServed: false })
  const unread = await metrics.registry.metrics()
  metrics.close()
  assert.match(page, /^sign_service_nodejs_eventloop_lag/m)
  assert.doesNotMatch(unread, /^sign_service_(nodejs|process)_/m)
})

/** Prometheus makes `up` itself; `probe_success` comes from its blackbox exporter. */
test('each metric that an alert or a panel names is one that the service has', () => {
  const samples = page.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  const names = new Set(['up', 'probe_success', ...samples.map((line) => line.split(/[{ ]/, 1)[0])])
  for (const { name, expr } of expressions) {
    const named = [...expr.matchAll(/\b(?:sign_service|nodejs|process)_\w+|\bprobe_\w+|\bup\b/g)].map(([m]) => m)
    assert.ok(named.length > 0, `${name} names a metric`)
    for (const metric of named) assert.ok(names.has(metric), `${name}: ${metric}`)
  }
})

test('each code of the HTTP interface that they ask for is one that it answers with', () => {
  let asked = 0
  for (const { name, expr } of expressions) {
    for (const [, pattern = ''] of expr.matchAll(/http_errors_total\{[^}]*\bcode=~?"([^"]+)"/g)) {
      for (const choice of pattern.split('|')) {
        asked += 1
        assert.ok((ERROR_CODES as readonly string[]).includes(choice), `${name}: ${choice}`)
      }
    }
  }
  assert.ok(asked >= 6, 'the search finds them')
})

test('every metric of the service itself is watched by somebody and explained', () => {
  const text = expressions.map(({ expr }) => expr).join('\n')
  const own = [...page.matchAll(/^# TYPE (sign_service_(?!process_|nodejs_)\w+)/gm)].map(([, name = '']) => name)
  assert.ok(own.length >= 15, 'the metrics are there')
  const docs = readFileSync(join(DOCS, 'sign-service-operations.md'), 'utf8')
  for (const name of own) {
    assert.ok(text.includes(name), `${name} is in no alert and on no panel`)
    const short = name.replace('sign_service_pool', '…')
    assert.ok([name, short].some((n) => docs.includes(n)) || name.endsWith('build_info'), `${name} is not explained`)
  }
})

test('each alert is explained in the documentation, and has a case that makes it fire', () => {
  const text = readFileSync(join(DOCS, 'troubleshooting.md'), 'utf8')
  const cases = readFileSync(CASES, 'utf8')
  assert.ok(rules.length > 10, 'the alerts are there')
  for (const { alert } of rules) {
    assert.ok(text.includes(`\`${alert}\``), alert)
    assert.match(cases, new RegExp(`alertname: ${alert}\\n *exp_alerts:\\n`), alert)
  }
})

test('panels have ids of their own', () => {
  assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length, 'ids')
})

test('promtool takes the rules', (t) => promtool(t, ['check', 'rules', RULES]))
test('each alert fires where it should and nowhere else', (t) => promtool(t, ['test', 'rules', CASES]))

test('promtool takes what the panels ask for', (t) => {
  const records = shown.map(({ expr }, i) => ({
    record: `panel:${i}`,
    expr: expr.replaceAll('$__rate_interval', '5m').replaceAll('$job', '.*').replaceAll('$instance', '.*'),
  }))
  const file = join(folder, 'panels.yaml')
  writeFileSync(file, stringify({ groups: [{ name: 'panels', rules: records }] }))
  promtool(t, ['check', 'rules', file])
})
