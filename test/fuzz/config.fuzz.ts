/** Configuration: files and variables. What loads, loads the same again when it is written as a file. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { ConfigError, loadClientConfig, loadGatewayConfig, loadServiceConfig } from '../../config/load.ts'
import { utf8ToBytes } from '../../participant/base/bytes.ts'
import type { Dice } from './dice.ts'
import { refusedBy, type Target } from './target.ts'

interface Source {
  readonly file?: string
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string
}

const PROGRAMS = [
  { name: 'sign-gateway', prefix: 'SIGN_GATEWAY', load: (s: Source): unknown => loadGatewayConfig(s) },
  { name: 'sign-service', prefix: 'SIGN_SERVICE', load: (s: Source): unknown => loadServiceConfig(s) },
  { name: 'client', prefix: 'WALLET_MPC', load: (s: Source): unknown => loadClientConfig(s) },
] as const

const VALUES = [
  '0',
  '-1',
  '1e9',
  '0x10',
  '99999999999999999999',
  'null',
  '~',
  '{}',
  '[]',
  '[a, b]',
  '"',
  "'",
  '&a *a',
  '*a',
]
const MORE = [
  '!!binary aGk=',
  '!!js/function x',
  '<<: *a',
  '? a',
  '|',
  '>-',
  'yes',
  '2026-01-01',
  '.inf',
  '\u0000',
  '\u0085',
  '- x',
]

/** One value of the file in the place of another, or a line that YAML has an opinion about. */
function changeYaml(raw: Uint8Array, d: Dice): Uint8Array {
  const lines = new TextDecoder().decode(raw).split('\n')
  const at = d.below(lines.length)
  const line = lines[at] ?? ''
  const value = d.pick([...VALUES, ...MORE])
  switch (d.below(5)) {
    case 0:
      lines[at] = line.replace(/^(\s*#?\s*\w+:).*/, (_, key: string) => `${key.replace('#', ' ')} ${value}`)
      break
    case 1:
      lines.splice(at, 0, `${' '.repeat(d.below(6))}${value}`)
      break
    case 2:
      lines.splice(at, 1)
      break
    case 3:
      lines.splice(at, 0, line, `${line.split(':')[0]}: ${value}`)
      break
    default:
      lines[at] = line.replace('#', '')
  }
  return utf8ToBytes(lines.join('\n'))
}

let folder: string | undefined
function path(name: string): string {
  folder ??= mkdtempSync(join(tmpdir(), 'fuzz-config-'))
  return join(folder, name)
}
async function close(): Promise<void> {
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
  folder = undefined
}

function loadsAgain(load: (s: Source) => unknown, config: unknown): void {
  const file = path('again.yaml')
  writeFileSync(file, stringify(config))
  assert.deepEqual(load({ file, env: {}, cwd: '/' }), config, 'loads as something else')
}

const files: readonly Target[] = PROGRAMS.map(({ name, load }) => ({
  name: `config/${name}`,
  text: true,
  seeds: () => [readFileSync(new URL(`../../config/${name}.yaml`, import.meta.url)), utf8ToBytes('')],
  change: changeYaml,
  close,
  attempt(raw) {
    const file = path(`${name}.yaml`)
    writeFileSync(file, raw)
    const config = refusedBy(ConfigError, () => load({ file, env: {}, cwd: '/' }))
    if (config === undefined) return 'refused'
    loadsAgain(load, config.value)
    return 'same'
  },
}))

const NAMES: Readonly<Record<string, readonly string[]>> = {
  SIGN_GATEWAY: ['SERVER_PORT=8080', 'SERVER_CORS_ORIGINS=*,https://a.example', 'LOGGING_LEVEL=info', 'LIMITS_ROOMS=5'],
  SIGN_SERVICE: ['GATEWAY_URL=http://h/p', 'MPC_THRESHOLD=2', 'SERVER_INDEX=1', 'POLICY_ALLOW_RAW_DIGEST=yes'],
  WALLET_MPC: ['GATEWAY_URL=https://h', 'MPC_KEY_SHARE_FILE=x.json', 'KEY_SHARES=x.json', 'SIGNING_DEADLINE_SECONDS=9'],
}

const variables: readonly Target[] = PROGRAMS.map(({ name, prefix, load }) => ({
  name: `config/${name} environment`,
  text: true,
  seeds: () => [utf8ToBytes((NAMES[prefix] ?? []).map((line) => `${prefix}_${line}`).join('\n'))],
  close,
  attempt(raw) {
    const lines = new TextDecoder().decode(raw).split('\n')
    const env = Object.fromEntries(
      lines.flatMap((line): [string, string][] => {
        const at = line.indexOf('=')
        return at < 1 ? [] : [[line.slice(0, at), line.slice(at + 1)]]
      }),
    )
    const config = refusedBy(ConfigError, () => load({ env, cwd: '/' }))
    if (config === undefined) return 'refused'
    loadsAgain(load, config.value)
    return 'same'
  },
}))

export const targets: readonly Target[] = [...files, ...variables]
