/**
 * `key-gen join` of two parties at a gateway that asks for JWTs which end in the middle of the ceremony: while somebody still
 * compares fingerprints. With token files that are renewed meanwhile it comes to its end; without, both are told why not.
 */
import assert from 'node:assert/strict'
import { existsSync, renameSync, writeFileSync } from 'node:fs'
import { PassThrough } from 'node:stream'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type CryptoKey, exportJWK, generateKeyPair, SignJWT } from 'jose'
import { runIn, testHost } from '../config/testing.ts'
import { runKeyGen } from '../key-gen/program.ts'
import { CGGMP24_3072, systemRandom } from '../participant/index.ts'
import { testAuxSecrets } from '../participant/key-share/testing.ts'
import { linesOf, logLine, type Run, until, Workplace } from './programs-testing.ts'

const ISSUER = 'https://login.example'
const TOKEN_SECONDS = 3
const FINGERPRINT = /fingerprint {2}(\S+)/
const LIMIT = { timeout: 120_000 }

const place = new Workplace()
after(() => place.close())

let issuerKey: CryptoKey
let gateway: Run & { readonly url: string }

async function putToken(name: string): Promise<void> {
  const now = Math.floor(Date.now() / 1000)
  const claims = { rooms: ['keygen-*'], rights: ['subscribe', 'publish'], sub: name, iss: ISSUER, aud: 'sign-gateway' }
  const token = await new SignJWT({ ...claims, iat: now, exp: now + TOKEN_SECONDS })
    .setProtectedHeader({ alg: 'EdDSA', kid: 'k' })
    .sign(issuerKey)
  // whole at every moment: written beside and renamed
  writeFileSync(place.path(`${name}.new`), `${token}\n`, { mode: 0o600 })
  renameSync(place.path(`${name}.new`), place.path(name))
}

before(async () => {
  const pair = await generateKeyPair('EdDSA')
  issuerKey = pair.privateKey
  const set = { keys: [{ ...(await exportJWK(pair.publicKey)), kid: 'k', alg: 'EdDSA' }] }
  writeFileSync(place.path('jwks.json'), JSON.stringify(set))
  const run = place.start('gateway', ['--port', '0', '--log-level', 'debug'], {
    SIGN_GATEWAY_AUTH_MODE: 'jwt',
    SIGN_GATEWAY_AUTH_JWT_ISSUER: ISSUER,
    SIGN_GATEWAY_AUTH_JWT_AUDIENCE: 'sign-gateway',
    SIGN_GATEWAY_AUTH_JWKS_FILE: 'jwks.json',
  })
  gateway = { ...run, url: String((await logLine(run, 'listening')).url) }
})

/** key-gen join in this process, with its token from a file; party i takes the i-th stored primes. */
function joining(i: number, name: string, room: string, deadlineSeconds: number) {
  const stdin = new PassThrough()
  const out = place.path(`${name}_key_shares.json`)
  const args = ['join', '--gateway', gateway.url, '--room', room, '--name', name, '--account', 'main', '--out', out]
  const host = testHost([...args, '--fingerprint', '-', '--deadline', String(deadlineSeconds)], {
    stdin,
    env: { WALLET_MPC_GATEWAY_TOKEN_FILE: place.path(name) },
  })
  const ended = runIn(host, (h) =>
    runKeyGen(h, {
      ofAll: () => assert.fail('not for join'),
      own: async () => testAuxSecrets(i, CGGMP24_3072, systemRandom),
    }),
  )
  return { host, ended, stdin, out }
}

const ends = (): number => linesOf(gateway.output.stdout).filter(({ msg }) => msg === 'unsubscribed').length

test(
  'tokens that end in mid-ceremony and are renewed: streams end with them, the ceremony does not',
  LIMIT,
  async () => {
    const names = ['alice', 'bob']
    const renew = () => Promise.all(names.map(putToken))
    await renew()
    const renewing = setInterval(() => void renew(), 1_000)
    try {
      const parties = names.map((name, i) => joining(i, name, 'renewed', 100))
      for (const { host } of parties) await until(() => FINGERPRINT.test(host.output.stderr), 'the fingerprint')
      const before = ends()
      // Two lives of a token pass while people compare.
      await sleep(2_000 * TOKEN_SECONDS)
      assert.ok(ends() - before >= 2, 'each stream has ended with its token at least once')
      for (const { host, stdin } of parties) stdin.end(`${FINGERPRINT.exec(host.output.stderr)?.[1]}\n`)
      for (const { exitCode, stderr } of await Promise.all(parties.map(({ ended }) => ended))) {
        assert.equal(exitCode, 0, stderr)
      }
      for (const { out } of parties) assert.ok(existsSync(out), 'key shares were written')
    } finally {
      clearInterval(renewing)
    }
  },
)

test(
  'tokens that end in mid-ceremony and stay: it ends at its deadline, by the code of the gateway',
  LIMIT,
  async () => {
    const names = ['carol', 'dave']
    await Promise.all(names.map(putToken))
    const parties = names.map((name, i) => joining(i, name, 'ended', 15))
    for (const { host } of parties) await until(() => FINGERPRINT.test(host.output.stderr), 'the fingerprint')
    await sleep(1_000 * TOKEN_SECONDS + 500)
    for (const { host, stdin } of parties) stdin.end(`${FINGERPRINT.exec(host.output.stderr)?.[1]}\n`)
    for (const { exitCode, stderr } of await Promise.all(parties.map(({ ended }) => ended))) {
      assert.notEqual(exitCode, 0)
      assert.match(stderr, /gateway: refused with status 401, token_expired\b/)
    }
    for (const { out } of parties) assert.ok(!existsSync(out), 'nothing was written')
  },
)
