/** sign-service as a process with tokens and permits, beside a gateway, and an honest client: for hostile requests. */
import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose'
import { stringify } from 'yaml'
import { testGateway } from '../../gateway/testing/client.ts'
import { INSECURE_TEST } from '../../participant/base/level.ts'
import { systemRandom } from '../../participant/base/random.ts'
import { connectExchange } from '../../participant/exchange/client.ts'
import { digestOf, formatKeyShares, permitTag, Secret } from '../../participant/index.ts'
import { dealTestShares } from '../../participant/key-share/testing.ts'
import { openParticipant } from '../../participant/signer/participant.ts'
import { logLine } from '../programs-testing.ts'
import { hostileMaterial } from './material.ts'

const ACCOUNT = 'main'
const FAST = { requests_per_second: 1_000_000, request_burst: 1_000_000, connections: 1_000 }
const ACCOUNT_FAST = { account_requests_per_second: 1_000_000, account_request_burst: 1_000_000 }

export async function serviceProcess() {
  const folder = mkdtempSync(join(tmpdir(), 'hostile-api-'))
  const at = (name: string): string => join(folder, name)
  const write = (name: string, text: string): void => writeFileSync(at(name), text, { mode: 0o600 })
  const { url } = await testGateway()
  const dealt = dealTestShares({
    parties: ['client', 'service'],
    threshold: 2,
    accounts: [ACCOUNT],
    level: INSECURE_TEST,
  })
  const share = dealt.get('client')?.get(ACCOUNT) ?? assert.fail('no share')
  write('service.json', formatKeyShares(dealt.get('service') ?? new Map()))
  const permitKey = systemRandom.bytes(32)
  write('permit.key', Buffer.from(permitKey).toString('hex'))
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  write('jwks.json', JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'k', alg: 'ES256' }] }))
  const rule = { name: 'all', accounts: [ACCOUNT], callers: 'any', kinds: ['eip191'], permit: true }
  write('policy.yaml', stringify({ version: 1, rules: [rule] }))
  const jwt = { auth: 'jwt', jwt_issuer: 'i', jwt_audience: 'a', jwks_file: at('jwks.json'), jwt_algorithms: ['ES256'] }
  write(
    'service.yaml',
    stringify({
      gateway: { url },
      server: { port: 0 },
      mpc: { state_folder: at('state') },
      policy: { file: at('policy.yaml'), permit_key_file: at('permit.key') },
      performance: { workers: 0 },
      api: { enabled: true, ...jwt, ...FAST, ...ACCOUNT_FAST },
    }),
  )
  const child = fork(join(import.meta.dirname, '../service-process.ts'), [at('service.yaml'), at('service.json')], {
    execArgv: ['--import', 'tsx'],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  const output = { stdout: '', stderr: '' }
  child.stdout?.on('data', (chunk: Buffer) => (output.stdout += chunk.toString()))
  child.stderr?.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()))
  after(() => {
    child.kill('SIGKILL')
    rmSync(folder, { recursive: true })
  })
  const run = { child, output, ended: new Promise<number>(() => undefined) }
  await logLine(run, 'serving')
  const apiUrl = String((await logLine(run, 'http interface')).url)
  const sign = (claims: JWTPayload): Promise<string> => {
    const good = {
      iss: 'i',
      aud: 'a',
      sub: 'wallet',
      exp: Math.floor(Date.now() / 1000) + 3_000,
      rights: ['sign', 'read'],
    }
    return new SignJWT({ ...good, ...claims }).setProtectedHeader({ alg: 'ES256', kid: 'k' }).sign(privateKey)
  }
  const token = await sign({})
  const headers = () => ({ authorization: `Bearer ${token}` })
  const gateway = connectExchange({ url: apiUrl, purpose: 'sign', start: { account: ACCOUNT }, headers })
  const client = openParticipant({ keyShares: new Map([[ACCOUNT, share]]), gateway })
  after(() => client.close())
  let asked = 0
  return {
    child,
    output,
    port: Number(new URL(apiUrl).port),
    auditFile: at('state/audit/audit.jsonl'),
    material: () =>
      hostileMaterial({
        apiUrl,
        account: ACCOUNT,
        share,
        permitKey,
        sign,
        signOther: (claims, alg, key) => new SignJWT(claims).setProtectedHeader({ alg, kid: 'k' }).sign(key),
      }),
    /** An honest signature over the same interface. */
    signed() {
      const requestId = `honest-${asked++}`
      const payload = { kind: 'eip191', message: new TextEncoder().encode(requestId) } as const
      const expires = Math.floor(Date.now() / 1000) + 600
      const tag = permitTag(
        new Secret(permitKey),
        { id: requestId, account: ACCOUNT, digest: digestOf(payload) },
        expires,
      )
      const authority = { requestId, permit: { expires, tag }, approvals: [] }
      return client.sign({ account: ACCOUNT, payload, authority, deadlineMs: 60_000 })
    },
  }
}
