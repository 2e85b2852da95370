/**
 * The alert rules and the dashboard in deploy/ against a gateway that runs: each metric and each label value that they
 * name is there. What promtool can check, it checks, when it is installed.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, before, type TestContext, test } from 'node:test'
import { parse, stringify } from 'yaml'
import { testGateway } from '../gateway/testing/client.ts'

const DEPLOY = resolve(import.meta.dirname, '../deploy')
const RULES = join(DEPLOY, 'prometheus/gateway-rules.yaml')
const DASHBOARD = join(DEPLOY, 'grafana/gateway.json')

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

let page = ''
before(async () => {
  const gateway = await testGateway({ 'metrics.enabled': true, 'metrics.port': 0 })
  page = await (await fetch(`${gateway.metricsUrl}/metrics`)).text()
})

const folder = mkdtempSync(join(tmpdir(), 'rules-'))
after(() => rmSync(folder, { recursive: true }))

function promtool(t: TestContext, args: readonly string[], input?: string): void {
  const { error, status, stdout, stderr } = spawnSync('promtool', args, { encoding: 'utf8', input, timeout: 20_000 })
  if (error !== undefined && (error as NodeJS.ErrnoException).code === 'ENOENT') {
    t.skip('promtool is not installed')
    return
  }
  assert.equal(status, 0, `promtool ${args.join(' ')}\n${stdout}${stderr}`)
}

/** Prometheus makes `up` itself. */
test('each metric that an alert or a panel names is one that the gateway has', () => {
  const samples = page.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  const names = new Set(['up', ...samples.map((line) => line.split(/[{ ]/, 1)[0])])
  for (const { name, expr } of expressions) {
    const named = [...expr.matchAll(/\b(?:sign_gateway|nodejs|process)_\w+|\bup\b/g)].map(([metric]) => metric)
    assert.ok(named.length > 0, `${name} names a metric`)
    for (const metric of named) assert.ok(names.has(metric), `${name}: ${metric}`)
  }
})

test('each refusal code and limit that they ask for is one that the gateway counts', () => {
  const values = (metric: string, label: string) =>
    [...page.matchAll(new RegExp(`^${metric}\\{${label}="([^"]+)"\\}`, 'gm'))].map(([, value = '']) => value)
  const known: Readonly<Record<string, readonly string[]>> = {
    code: values('sign_gateway_refusals_total', 'code'),
    limit: values('sign_gateway_limit', 'limit'),
  }
  let asked = 0
  for (const { name, expr } of expressions) {
    for (const [, label = '', pattern = ''] of expr.matchAll(/\b(code|limit)=~?"([^"]+)"/g)) {
      for (const choice of pattern.split('|')) {
        asked += 1
        const regexp = new RegExp(`^(?:${choice})$`)
        assert.ok(
          known[label]?.some((value) => regexp.test(value)),
          `${name}: ${label} ${choice}`,
        )
      }
    }
  }
  assert.ok(asked >= 12, 'the search finds them')
})

test('every metric of the gateway itself is watched by somebody', () => {
  const text = expressions.map(({ expr }) => expr).join('\n')
  const own = [...page.matchAll(/^# TYPE (sign_gateway_\w+)/gm)].map(([, name = '']) => name)
  assert.ok(own.length >= 20, 'the metrics are there')
  for (const name of own) assert.ok(text.includes(name), `${name} is in no alert and on no panel`)
})

test('each alert is explained in the documentation', () => {
  const text = readFileSync(resolve(DEPLOY, '../docs/gateway-operations.md'), 'utf8')
  for (const { alert } of rules) assert.ok(text.includes(`\`${alert}\``), alert)
  for (const [, name = ''] of page.matchAll(/^# TYPE (sign_gateway_\w+)/gm)) assert.ok(text.includes(name), name)
})

test('panels have ids of their own', () => {
  assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length, 'ids')
})

test('promtool takes the rules', (t) => promtool(t, ['check', 'rules', RULES]))
test('each alert fires where it should and nowhere else', (t) =>
  promtool(t, ['test', 'rules', join(DEPLOY, 'prometheus/gateway-rules.test.yaml')]))
/** Without those of the library, some of which end like counters and are none. */
test('promtool takes the metrics page', (t) => {
  const own = page.split('\n').filter((line) => /^(?:# \w+ )?sign_gateway_/.test(line))
  assert.ok(own.length > 50, 'the metrics are there')
  promtool(t, ['check', 'metrics'], `${own.join('\n')}\n`)
})

test('promtool takes what the panels ask for', (t) => {
  const records = shown.map(({ expr }, i) => ({
    record: `panel:${i}`,
    expr: expr.replaceAll('$__rate_interval', '5m').replaceAll('$job', '.*').replaceAll('$instance', '.*'),
  }))
  const file = join(folder, 'panels.yaml')
  writeFileSync(file, stringify({ groups: [{ name: 'panels', rules: records }] }))
  promtool(t, ['check', 'rules', file])
})

test('each alert has a case that makes it fire', () => {
  const cases = readFileSync(join(DEPLOY, 'prometheus/gateway-rules.test.yaml'), 'utf8')
  for (const { alert } of rules) assert.match(cases, new RegExp(`alertname: ${alert}\\n *exp_alerts:\\n`), alert)
})
