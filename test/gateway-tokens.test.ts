/**
 * gateway, sign-service and clients as real processes with tokens that live for seconds: whoever renews tokens replaces a
 * file, and signing goes on; who has none, or one that has ended, is told so by name.
 */
import assert from 'node:assert/strict'
import { renameSync, writeFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { hashMessage, recoverAddress } from 'ethers'
import { type CryptoKey, exportJWK, generateKeyPair, SignJWT } from 'jose'
import { openTokenFile } from '../config/token-file.ts'
import { connectGateway, createParticipant, describeSignature } from '../participant/index.ts'
import { openKeyShares } from '../participant/node.ts'
import { linesOf, logLine, type Run, until, Workplace } from './programs-testing.ts'

const ISSUER = 'https://login.example'
const TOKEN_SECONDS = 4
const RENEW_MS = 1_500

const place = new Workplace()
let issuerKey: CryptoKey
let gateway: Run & { readonly url: string }
let service: Run
let renewing: ReturnType<typeof setInterval>

/** The rooms that each side of a signing needs. */
const RIGHTS = { rooms: ['inbox-*', 'session-*', 'replies-*'], rights: ['subscribe', 'publish'] }

function token(sub: string, seconds = TOKEN_SECONDS): Promise<string> {
  const now = Math.floor(Date.now() / 1000)
  return new SignJWT({ ...RIGHTS, sub, iss: ISSUER, aud: 'sign-gateway', iat: now, exp: now + seconds })
    .setProtectedHeader({ alg: 'EdDSA', kid: 'k' })
    .sign(issuerKey)
}

/** Whole at every moment: written beside and renamed. */
function put(name: string, content: string): void {
  writeFileSync(place.path(`${name}.new`), content, { mode: 0o600 })
  renameSync(place.path(`${name}.new`), place.path(name))
}

const renew = async (): Promise<void> => {
  for (const name of ['client', 'service']) put(`${name}_token`, `${await token(name)}\n`)
}

before(async () => {
  const pair = await generateKeyPair('EdDSA')
  issuerKey = pair.privateKey
  const set = { keys: [{ ...(await exportJWK(pair.publicKey)), kid: 'k', alg: 'EdDSA' }] }
  writeFileSync(place.path('jwks.json'), JSON.stringify(set))
  await place.deal(['client', 'service'], 2, ['main'])
  await renew()
  renewing = setInterval(() => void renew(), RENEW_MS)
  const run = place.start('gateway', ['--port', '0'], {
    SIGN_GATEWAY_AUTH_MODE: 'jwt',
    SIGN_GATEWAY_AUTH_JWT_ISSUER: ISSUER,
    SIGN_GATEWAY_AUTH_JWT_AUDIENCE: 'sign-gateway',
    SIGN_GATEWAY_AUTH_JWKS_FILE: 'jwks.json',
  })
  gateway = { ...run, url: String((await logLine(run, 'listening')).url) }
  service = place.start('sign-service', ['--gateway', gateway.url], {
    SIGN_SERVICE_GATEWAY_TOKEN_FILE: 'service_token',
  })
  await logLine(service, 'serving')
})

after(() => {
  clearInterval(renewing)
  place.close()
})

test('signing goes on over many lives of a token, with the service process and the library', async () => {
  const headers = await openTokenFile(place.path('client_token'), () => {})
  assert.ok(headers, 'there is a file')
  const participant = createParticipant({
    keyShares: await openKeyShares(place.path('client_key_shares.json')),
    gateway: connectGateway({ url: gateway.url, headers }),
  })
  const stopAt = Date.now() + 2_250 * TOKEN_SECONDS
  let signed = 0
  try {
    while (Date.now() < stopAt || signed < 3) {
      const text = `message ${signed}`
      const payload = { kind: 'eip191', message: new TextEncoder().encode(text) } as const
      const result = describeSignature(await participant.sign({ account: 'main', payload, deadlineMs: 30_000 }))
      assert.equal(recoverAddress(hashMessage(text), result.signature), result.address)
      signed++
      await sleep(500)
    }
  } finally {
    participant.close()
  }
  const lost = linesOf(service.output.stdout).filter((line) => line.msg === 'gateway: lost')
  assert.ok(lost.length >= 2, 'streams did end with their tokens')
})

const sign = (env: Record<string, string>, ...args: readonly string[]) =>
  place.start('cli', ['sign', '--gateway', gateway.url, '--account', 'main', '--message', 'a', ...args], env)

async function endOf(run: Run) {
  return { exitCode: await run.ended, ...run.output }
}

test('the command line client signs with its token file', async () => {
  const { exitCode, stdout, stderr } = await endOf(sign({ WALLET_MPC_GATEWAY_TOKEN_FILE: 'client_token' }, '--json'))
  assert.equal(exitCode, 0, stderr)
  const { signature, address } = JSON.parse(stdout) as { readonly signature: string; readonly address: string }
  assert.equal(recoverAddress(hashMessage('a'), signature), address)
})

test('without a token the client is told at once; with one that has ended, at its deadline; both by code', async () => {
  const startedMs = Date.now()
  const without = await endOf(sign({}, '--deadline', '3600'))
  assert.equal(without.exitCode, 3)
  assert.match(
    without.stderr,
    /^wallet-mpc: .*gateway: refused with status 401, unauthorized\b.*\nhint: gateway\.token_file /,
  )
  assert.ok(Date.now() - startedMs < 60_000, 'long before its deadline')

  put('old_token', await token('client', -10))
  const ended = await endOf(sign({ WALLET_MPC_GATEWAY_TOKEN_FILE: 'old_token' }, '--deadline', '2'))
  assert.equal(ended.exitCode, 3)
  assert.match(
    ended.stderr,
    /^wallet-mpc: .*gateway: refused with status 401, token_expired\b.*\nhint: gateway\.token_file /,
  )
})

test('a client that waits with an ended token goes on when a good one takes its place', async () => {
  put('late_token', await token('client', -10))
  const run = sign(
    { WALLET_MPC_GATEWAY_TOKEN_FILE: 'late_token' },
    '--deadline',
    '60',
    '--json',
    '--log-level',
    'debug',
  )
  await until(() => run.output.stderr.includes('token_expired'), 'the first refusal')
  put('late_token', await token('client', 60))
  const { exitCode, stderr } = await endOf(run)
  assert.equal(exitCode, 0, stderr)
})

test('a token file that is not as it should be ends each program with 2, in one line that names it', async () => {
  writeFileSync(place.path('open_token'), 'abc', { mode: 0o644 })
  put('two_tokens', 'abc def')
  const table = [
    ['open_token', /gateway\.token_file: open_token: expected a file that only its owner can read; mode is 0644/],
    ['no_token', /gateway\.token_file: no_token: no such file\n$/],
    ['two_tokens', /gateway\.token_file: two_tokens: expected one token and nothing else\n$/],
  ] as const
  for (const [file, expected] of table) {
    const serviceEnv = { SIGN_SERVICE_GATEWAY_TOKEN_FILE: file }
    const env = { WALLET_MPC_GATEWAY_TOKEN_FILE: file }
    const joinArgs = ['join', '--room', 'x', '--account', 'a', '--name', 'me', '--yes', '--gateway', gateway.url]
    for (const run of [
      sign(env),
      place.start('sign-service', ['--gateway', gateway.url, '--check-config'], serviceEnv),
      place.start('key-gen', joinArgs, env),
    ]) {
      const { exitCode, stderr } = await endOf(run)
      assert.equal(exitCode, 2, stderr)
      assert.match(stderr, expected)
      assert.ok(!stderr.includes('abc'), 'nothing of the file')
    }
  }
})

test('key-gen is told by code when the gateway does not let it in', async () => {
  const args = ['join', '--room', 'x', '--account', 'a', '--name', 'me', '--yes', '--gateway', gateway.url]
  const { exitCode, stderr } = await endOf(place.start('key-gen', [...args, '--deadline', '3600']))
  assert.equal(exitCode, 3, stderr)
  assert.match(stderr, /key-gen: .*gateway: refused with status 401, unauthorized\b.*\nhint: gateway\.token_file /)
})

test('no token is in the log of any program', async () => {
  const log = gateway.output.stdout + gateway.output.stderr + service.output.stdout + service.output.stderr
  const [, payload = ''] = (await token('client')).split('.')
  assert.ok(!log.includes(payload.slice(0, 20)), 'not even its beginning')
})
