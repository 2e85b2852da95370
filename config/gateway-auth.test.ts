/** Who may come in: what the configuration refuses, each time naming the key to change and what to do. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadClientConfig, loadGatewayConfig, loadServiceConfig } from './load.ts'

const load = (flags: Record<string, unknown>) => loadGatewayConfig({ cwd: import.meta.dirname, env: {}, flags })

function problem(flags: Record<string, unknown>): string {
  try {
    load(flags)
  } catch (error) {
    return (error as Error).message.replace(/^[^:]+: /, '')
  }
  return 'none'
}

test('open to everybody only on a loopback address, or when it is said twice', () => {
  for (const host of ['127.0.0.1', '127.8.8.8', '::1', 'localhost']) {
    assert.equal(problem({ 'server.host': host }), 'none', host)
  }
  for (const host of [
    '0.0.0.0',
    '::',
    '192.168.0.1',
    'gateway.example',
    'localhost.example',
    '127.0.0.1.example',
    '128.0.0.1',
  ]) {
    const message = problem({ 'server.host': host })
    assert.match(
      message,
      /^auth\.mode: expected token or jwt, because server\.host is not a loopback address; or auth\.open_to_everyone: true/,
    )
    assert.equal(problem({ 'server.host': host, 'auth.open_to_everyone': true }), 'none', host)
    assert.equal(problem({ 'server.host': host, 'auth.mode': 'token', 'auth.token_file': 't' }), 'none', host)
  }
})

const jwt = {
  'auth.mode': 'jwt',
  'auth.jwt_issuer': 'https://login.example',
  'auth.jwt_audience': 'sign-gateway',
  'auth.jwks_file': 'keys.json',
}

test('each mode has what it needs, and nothing that means another', () => {
  assert.equal(problem(jwt), 'none')
  const { 'auth.jwks_file': _, ...url } = { ...jwt, 'auth.jwks_url': 'https://login.example/jwks.json' }
  assert.equal(problem(url), 'none')
  const table: readonly (readonly [Record<string, unknown>, RegExp])[] = [
    [{ 'auth.mode': 'none' }, /^auth\.mode: expected one of open, token, jwt$/],
    [{ 'auth.mode': 'token' }, /^auth\.token_file: expected a file name with auth\.mode: token$/],
    [{ 'auth.token_file': 't' }, /^auth\.token_file: expected only with auth\.mode: token$/],
    [{ ...jwt, 'auth.token_file': 't' }, /^auth\.token_file: expected only with auth\.mode: token$/],
    [{ 'auth.jwks_file': 'k' }, /^auth\.jwks_file: expected only with auth\.mode: jwt$/],
    [{ ...jwt, 'auth.mode': 'open' }, /^auth\.jwt_issuer: expected only with auth\.mode: jwt$/],
    [{ ...jwt, 'auth.jwt_issuer': undefined }, /^auth\.jwt_issuer: expected with auth\.mode: jwt$/],
    [{ ...jwt, 'auth.jwt_audience': undefined }, /^auth\.jwt_audience: expected with auth\.mode: jwt$/],
    [{ ...jwt, 'auth.jwks_file': undefined }, /^auth\.jwks_file: expected either auth\.jwks_file or auth\.jwks_url$/],
    [{ ...url, 'auth.jwks_file': 'k' }, /^auth\.jwks_url: expected either/],
    [{ ...url, 'auth.jwks_url': 'http://login.example/jwks.json' }, /^auth\.jwks_url: expected an https address/],
    [{ ...url, 'auth.jwks_url': 'https://u:p@login.example/' }, /^auth\.jwks_url: expected an https address/],
    [{ ...jwt, 'auth.jwt_algorithms': [] }, /^auth\.jwt_algorithms: expected at least one algorithm$/],
    [{ ...jwt, 'auth.jwt_algorithms': ['none'] }, /^auth\.jwt_algorithms\.0: expected one of EdDSA/],
    [
      { ...jwt, 'auth.jwt_algorithms': ['HS256', 'ES256'] },
      /^auth\.jwt_algorithms: expected HMAC algorithms or public-key ones, never both$/,
    ],
    [
      { ...url, 'auth.jwt_algorithms': ['HS256'] },
      /^auth\.jwks_url: expected auth\.jwks_file for HMAC algorithms: secrets are not fetched$/,
    ],
    [{ 'auth.clock_tolerance_seconds': 61 }, /^auth\.clock_tolerance_seconds: expected an integer from 0 to 60$/],
    [{ 'tls.cert_file': 'c' }, /^tls\.key_file: expected both certificate and key, or none$/],
    [{ 'tls.key_file': 'k' }, /^tls\.cert_file: expected both certificate and key, or none$/],
    [{ 'tls.client_ca_file': 'a' }, /^tls\.client_ca_file: expected only with tls\.cert_file and tls\.key_file$/],
    [{ 'tls.min_version': '1.1' }, /^tls\.min_version: expected one of 1\.2, 1\.3$/],
  ]
  for (const [flags, expected] of table) assert.match(problem(flags), expected, JSON.stringify(flags))
})

test('participants take the name of a token file from the same key', () => {
  const env = { SIGN_SERVICE_GATEWAY_TOKEN_FILE: 'a', WALLET_MPC_GATEWAY_TOKEN_FILE: 'b' }
  const cwd = import.meta.dirname
  assert.equal(loadServiceConfig({ cwd, env }).gateway.token_file, 'a')
  assert.equal(loadClientConfig({ cwd, env }).gateway.token_file, 'b')
})
