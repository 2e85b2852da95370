/** The loader: precedence, strictness, and that every mistake is one line with file, key and expectation. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { ConfigError, loadClientConfig, loadGatewayConfig, loadServiceConfig } from './load.ts'

const cwd = mkdtempSync(join(tmpdir(), 'config-'))
after(() => rmSync(cwd, { recursive: true }))

let files = 0
function write(content: string): string {
  const name = `file-${files++}.yaml`
  writeFileSync(join(cwd, name), content)
  return name
}

function message(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error))
    assert.equal(error.code, 'CONFIG')
    assert.equal(error.exitCode, 2)
    assert.ok(!error.message.includes('\n'), 'one line')
    return error.message
  }
  return assert.fail('expected a ConfigError')
}

const gatewayError = (content: string) => {
  const file = write(content)
  return message(() => loadGatewayConfig({ file, cwd, env: {} })).replace(file, 'FILE')
}

test('without a file, a variable or a flag there are the defaults', () => {
  const gateway = loadGatewayConfig({ cwd, env: {} })
  assert.deepEqual(gateway.server, { host: '127.0.0.1', port: 8080, cors_origins: [], trusted_proxies: [] })
  assert.equal(gateway.limits.room_bytes, 67_108_864)
  assert.equal(gateway.limits.room_keys, 10_000)
  assert.equal(loadServiceConfig({ cwd, env: {} }).mpc.key_share_file, 'service_key_shares.json')
  assert.equal(loadServiceConfig({ cwd, env: {} }).policy.allow_raw_digest, false)
  assert.equal(loadClientConfig({ cwd, env: {} }).logging.level, 'warn')
})

test('the files in this folder say exactly the defaults, and are found by themselves', () => {
  const empty = write('')
  for (const load of [loadGatewayConfig, loadServiceConfig, loadClientConfig]) {
    const root = join(import.meta.dirname, '..')
    assert.deepEqual(load({ cwd: root, env: {} }), load({ file: empty, cwd, env: {} }))
  }
  // Every key of the gateway is written out in its file, so that the comparison above can fail.
  const source = readFileSync(join(import.meta.dirname, 'sign-gateway.yaml'), 'utf8')
  for (const section of Object.values(loadGatewayConfig({ cwd, env: {} }))) {
    for (const key of Object.keys(section)) assert.match(source, new RegExp(`^ {2}${key}: `, 'm'))
  }
})

test('flag > environment > file > default', () => {
  const file = write(
    'server: {port: 1111, host: file.example}\nlogging: {level: debug}\nauth: {open_to_everyone: true}\n',
  )
  const env = { SIGN_GATEWAY_SERVER_PORT: '2222', SIGN_GATEWAY_SERVER_HOST: 'env.example' }
  const config = loadGatewayConfig({ file, cwd, env, flags: { 'server.port': '3333', 'logging.format': undefined } })
  assert.equal(config.server.port, 3333)
  assert.equal(config.server.host, 'env.example')
  assert.equal(config.logging.level, 'debug')
  assert.equal(config.logging.format, 'json')
  assert.equal(loadGatewayConfig({ file, cwd, env }).server.port, 2222)
  assert.equal(loadGatewayConfig({ file, cwd, env: {} }).server.port, 1111)
})

test('text in variables becomes numbers, booleans and lists; empty counts as not set', () => {
  const service = loadServiceConfig({
    cwd,
    env: {
      SIGN_SERVICE_POLICY_ALLOW_RAW_DIGEST: 'true',
      SIGN_SERVICE_POLICY_ACCOUNTS: 'one, two,',
      SIGN_SERVICE_SERVER_INDEX: '1',
      SIGN_SERVICE_SERVER_PORT: '',
      SIGN_SERVICE_NOTHING_LIKE_IT: 'ignored',
    },
  })
  assert.equal(service.policy.allow_raw_digest, true)
  assert.deepEqual(service.policy.accounts, ['one', 'two'])
  assert.equal(service.server.index, 1)
  assert.equal(service.server.port, 50051)
  const env = { SIGN_GATEWAY_SERVER_CORS_ORIGINS: 'https://a.example,http://b.example:81' }
  const { cors_origins } = loadGatewayConfig({ cwd, env }).server
  assert.deepEqual(cors_origins, ['https://a.example', 'http://b.example:81'])
})

test('the key share file has a short variable, which may not contradict the long one', () => {
  const service = { SIGN_SERVICE_KEY_SHARE_FILE: 'a.json' }
  assert.equal(loadServiceConfig({ cwd, env: service }).mpc.key_share_file, 'a.json')
  assert.equal(loadClientConfig({ cwd, env: { WALLET_MPC_KEY_SHARES: 'b.json' } }).mpc.key_share_file, 'b.json')
  assert.match(
    message(() => loadServiceConfig({ cwd, env: { ...service, SIGN_SERVICE_MPC_KEY_SHARE_FILE: 'c.json' } })),
    /SIGN_SERVICE_MPC_KEY_SHARE_FILE and SIGN_SERVICE_KEY_SHARE_FILE differ/,
  )
})

test('mistakes in a file name file, key and expectation', () => {
  const table: readonly (readonly [string, string])[] = [
    ['server: {prot: 1}', 'FILE: server.prot: unknown key, expected one of host, port, cors_origins, trusted_proxies'],
    [
      'sever: {port: 1}',
      'FILE: sever: unknown key, expected one of server, logging, metrics, limits, store, auth, tls',
    ],
    ['server: {port: 70000}', 'FILE: server.port: expected an integer from 0 to 65535'],
    ['server: {port: 1.5}', 'FILE: server.port: expected an integer from 0 to 65535'],
    ['server: {port: "80"}', 'FILE: server.port: expected an integer from 0 to 65535'],
    ['server: {port: }', 'FILE: server.port: expected an integer from 0 to 65535'],
    ['server: {host: ""}', 'FILE: server.host: expected a host name or address'],
    ['server: 5', 'FILE: server: expected a section with keys'],
    ['server: [1]', 'FILE: server: expected a section with keys'],
    ['logging: {format: xml}', 'FILE: logging.format: expected one of json, pretty'],
    ['server: {cors_origins: "*"}', 'FILE: server.cors_origins: expected a list of origins'],
    ['- 1', 'FILE: expected sections with keys at the top level'],
    ['a: 1\nserver:\n  port: [1\n', 'FILE: line 4: not valid YAML'],
    ['server:\n  port: 1\n  port: 2\n', 'FILE: line 3: not valid YAML (duplicate key)'],
    ['__proto__: {port: 1}', 'FILE: __proto__: unknown key'],
    ['limits: {rooms: 0}', 'FILE: limits.rooms: expected an integer from 1 to'],
    ['server: {host: "a\\u0007b"}', 'FILE: server.host: expected a host name or address'],
    ['"s\\u001b[2J": {port: 1}', 'FILE: s?[2J: unknown key'],
  ]
  for (const [content, expected] of table) {
    const got = gatewayError(content)
    assert.ok(got.startsWith(expected), `${content}: ${got}`)
  }
  for (const origin of ['https://a.example/', 'a.example', 'https://a.example/x', '', 'https://a:b@c.example']) {
    assert.match(
      gatewayError(`server: {cors_origins: ["${origin}"]}`),
      /server\.cors_origins\.0: expected \* or an origin/,
    )
  }
  for (const range of [
    '',
    'localhost',
    '10.0.0.0/33',
    '10.0.0/8',
    '::1/129',
    '10.0.0.0/8/8',
    '1.2.3.4/',
    'fe80::1%lo',
  ]) {
    assert.match(
      gatewayError(`server: {trusted_proxies: ["${range}"]}`),
      /server\.trusted_proxies\.0: expected an address or a network/,
    )
  }
  const trusted = ['127.0.0.1', '10.0.0.0/8', '::1', 'fd00::/8']
  const file = write(`server: {trusted_proxies: ${JSON.stringify(trusted)}}`)
  assert.deepEqual(loadGatewayConfig({ file, cwd, env: {} }).server.trusted_proxies, trusted)
})

test('mistakes outside a file name where they are', () => {
  assert.equal(
    message(() => loadGatewayConfig({ cwd, env: { SIGN_GATEWAY_SERVER_PORT: '80x' } })),
    'environment variable SIGN_GATEWAY_SERVER_PORT: server.port: expected an integer from 0 to 65535',
  )
  assert.equal(
    message(() => loadGatewayConfig({ cwd, env: {}, flags: { 'logging.level': 'loud' } })),
    'command line: logging.level: expected one of trace, debug, info, warn, error, fatal, silent',
  )
  assert.equal(
    message(() => loadServiceConfig({ cwd, env: { SIGN_SERVICE_POLICY_ALLOW_RAW_DIGEST: 'maybe' } })),
    'environment variable SIGN_SERVICE_POLICY_ALLOW_RAW_DIGEST: policy.allow_raw_digest: expected true or false',
  )
})

test('a flag for a key that does not exist is a mistake of ours, and said', () => {
  const flags = { 'server.prot': 1 }
  assert.equal(
    message(() => loadGatewayConfig({ cwd, env: {}, flags: flags as never })),
    'command line: server.prot: unknown key',
  )
})

test('a huge file, and one that unfolds into one, are refused', () => {
  assert.equal(gatewayError(`# ${'x'.repeat(1_048_576)}`), 'FILE: larger than 1048576 bytes')
  const lines = ['a: &a [x, x, x]']
  for (let i = 1; i < 12; i++) {
    const [before, name] = [String.fromCharCode(96 + i), String.fromCharCode(97 + i)]
    lines.push(`${name}: &${name} [*${before}, *${before}, *${before}]`)
  }
  assert.equal(gatewayError(lines.join('\n')), "FILE: not valid YAML (aliases can't be resolved)")
})

test('a value is never quoted', () => {
  const secret = 'hunter2-secret'
  assert.ok(!gatewayError(`server: {port: ${secret}}`).includes(secret))
  assert.ok(!gatewayError(`server: {port: "${secret}`).includes(secret))
  const env = { WALLET_MPC_GATEWAY_URL: `http://u:${secret}@h.example` }
  assert.ok(!message(() => loadClientConfig({ cwd, env })).includes(secret))
})

test('a named file must be there and be a file', () => {
  assert.equal(
    message(() => loadGatewayConfig({ file: 'none.yaml', cwd, env: {} })),
    'none.yaml: no such file',
  )
  mkdirSync(join(cwd, 'folder'))
  assert.match(
    message(() => loadGatewayConfig({ file: 'folder', cwd, env: {} })),
    /^folder: is a directory/,
  )
})

test('a section with only comments counts as absent', () => {
  const file = write('limits:\n  # rooms: 5\nserver:\n  port: 9\n')
  assert.equal(loadGatewayConfig({ file, cwd, env: {} }).limits.rooms, 10_000)
  assert.equal(loadGatewayConfig({ file, cwd, env: { SIGN_GATEWAY_LIMITS_ROOMS: '7' } }).limits.rooms, 7)
})

test('gateway addresses: http or https, no credentials, no slash at the end', () => {
  const load = (url: string) => loadClientConfig({ cwd, env: { WALLET_MPC_GATEWAY_URL: url } }).gateway.url
  assert.equal(load('http://127.0.0.1:8080/'), 'http://127.0.0.1:8080')
  assert.equal(load('https://h.example/mpc/'), 'https://h.example/mpc')
  for (const bad of [
    'ftp://h',
    'h:80',
    'http://u:p@h',
    'http://u@h',
    'http://h?x=1',
    'http://h#x',
    'http://',
    'file:///a',
  ]) {
    assert.match(
      message(() => load(bad)),
      /gateway\.url: expected an http or https address/,
      bad,
    )
  }
})

test('threads of the service: a number, none, or as many as the machine says', () => {
  const load = (env: Record<string, string>) => loadServiceConfig({ cwd, env }).performance.workers
  assert.equal(load({}), undefined)
  assert.equal(load({ SIGN_SERVICE_PERFORMANCE_WORKERS: '0' }), 0)
  assert.equal(load({ SIGN_SERVICE_PERFORMANCE_WORKERS: '3' }), 3)
  for (const bad of ['-1', '257', '1.5', 'auto']) {
    assert.match(
      message(() => load({ SIGN_SERVICE_PERFORMANCE_WORKERS: bad })),
      /performance\.workers: expected an integer from 0 to 256/,
      bad,
    )
  }
})

test('numbers of parties fit together', () => {
  const load = (env: Record<string, string>) => loadServiceConfig({ cwd, env })
  assert.match(
    message(() => load({ SIGN_SERVICE_MPC_THRESHOLD: '3' })),
    /mpc\.threshold: expected no more than mpc\.total_participants/,
  )
  assert.match(
    message(() => load({ SIGN_SERVICE_MPC_THRESHOLD: '1' })),
    /mpc\.threshold: expected an integer from 2/,
  )
  assert.match(
    message(() => load({ SIGN_SERVICE_SERVER_INDEX: '2' })),
    /server\.index: expected less than mpc\.total_participants/,
  )
  const env = {
    SIGN_SERVICE_MPC_THRESHOLD: '3',
    SIGN_SERVICE_MPC_TOTAL_PARTICIPANTS: '5',
    SIGN_SERVICE_SERVER_INDEX: '4',
  }
  assert.equal(load(env).mpc.threshold, 3)
})

test('a policy file says what would be said twice, and keys of permits are nothing without one', () => {
  const load = (env: Record<string, string>) => loadServiceConfig({ cwd, env })
  const env = { SIGN_SERVICE_POLICY_FILE: 'policy.yaml', SIGN_SERVICE_POLICY_PERMIT_KEY_FILE: 'permit.key' }
  const { file, permit_key_file } = load(env).policy
  assert.deepEqual([file, permit_key_file], ['policy.yaml', 'permit.key'])
  assert.match(
    message(() => load({ ...env, SIGN_SERVICE_POLICY_ALLOW_RAW_DIGEST: 'true' })),
    /policy\.allow_raw_digest: expected in policy\.file, as a kind of a rule$/,
  )
  assert.match(
    message(() => load({ SIGN_SERVICE_POLICY_PERMIT_KEY_FILE: 'permit.key' })),
    /policy\.permit_key_file: expected only with policy\.file$/,
  )
})
