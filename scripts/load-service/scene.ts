/**
 * The processes of the load, all on loopback and in one folder: gateway, sign-service, clients. Gateway and service can be
 * killed and started again on the same ports, with the same files.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose'
import { stringify } from 'yaml'
import type { SecurityLevel } from '../../participant/base/level.ts'
import { systemRandom } from '../../participant/base/random.ts'
import { formatKeyShares, type KeyShare } from '../../participant/index.ts'
import { dealTestShares } from '../../participant/key-share/testing.ts'
import { type Deal, wholeKey } from '../../test/dealt-presignatures.ts'
import { freePort, type Program, startProgram } from '../processes.ts'
import type { Run } from './client.ts'
import type { Memory } from './memory.ts'
import type { Told } from './request.ts'

export const ACCOUNT = 'load'
export const ISSUER = 'https://issuer.example'
export const AUDIENCE = 'sign-service'

/** Presignatures that the client has ahead, and how often what is missing is dealt to both sides. */
const AHEAD = 20
const DEAL_MS = 100
const START_MS = 60_000

export interface Client {
  run(o: Run, onTold: (told: Told) => void): Promise<void>
  stop(): void
}

export interface Scene {
  readonly folder: string
  readonly publicKey: string
  readonly share: KeyShare
  readonly permitKey: Uint8Array
  readonly gatewayUrl: string
  readonly apiUrl: string
  readonly metricsUrl: string
  token(claims?: JWTPayload): Promise<string>
  client(way: 'rooms' | 'http', name: string): Promise<Client>
  /** Ends it by SIGKILL, and starts it again. */
  restart(which: 'gateway' | 'service'): Promise<void>
  pid(which: 'gateway' | 'service'): number
  stop(): Promise<void>
}

export async function openScene(memory: Memory, level: SecurityLevel): Promise<Scene> {
  const folder = await mkdtemp(join(tmpdir(), 'wallet-mpc-load-'))
  const at = (name: string): string => join(folder, name)
  const secretFile = (name: string, text: string) => writeFile(at(name), text, { mode: 0o600 })
  const [gatewayPort, apiPort, metricsPort] = [await freePort(), await freePort(), await freePort()]
  const metricsUrl = `http://127.0.0.1:${metricsPort}`
  const gatewayUrl = `http://127.0.0.1:${gatewayPort}`
  const dealt = dealTestShares({
    parties: ['client', 'service'],
    threshold: 2,
    accounts: [ACCOUNT],
    level,
  })
  for (const [name, shares] of dealt) await secretFile(`${name}.json`, formatKeyShares(shares))
  const permitKey = systemRandom.bytes(32)
  await secretFile('permit.key', Buffer.from(permitKey).toString('hex'))
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  await secretFile('jwks.json', JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'k', alg: 'ES256' }] }))
  const rule = { name: 'load', accounts: [ACCOUNT], callers: 'any', kinds: ['eip191'], permit: true }
  await secretFile('policy.yaml', stringify({ version: 1, rules: [rule] }))
  await secretFile(
    'service.yaml',
    stringify({
      gateway: { url: gatewayUrl },
      server: { port: apiPort },
      mpc: { state_folder: at('state') },
      policy: { file: at('policy.yaml'), permit_key_file: at('permit.key') },
      api: {
        enabled: true,
        auth: 'jwt',
        jwt_issuer: ISSUER,
        jwt_audience: AUDIENCE,
        jwks_file: at('jwks.json'),
        jwt_algorithms: ['ES256'],
      },
      metrics: { enabled: true, port: metricsPort },
    }),
  )

  const lives = { gateway: 0, service: 0 }
  const named = (which: 'gateway' | 'service', pid: number | undefined): void => {
    lives[which] += 1
    memory.watch(`${which} ${lives[which]}`, pid ?? 0)
  }
  const startGateway = async (): Promise<Program> => {
    const argv = ['gateway/main.ts', '--port', String(gatewayPort), '--log-level', 'warn']
    const program = await startProgram(argv, { readyUrl: `${gatewayUrl}/health` })
    named('gateway', program.process.pid)
    return program
  }
  const startService = async (): Promise<ChildProcess> => {
    const child = forked('../../test/service-process.ts', [at('service.yaml'), at('service.json')], 'ignore')
    const stopAt = Date.now() + START_MS
    while (!(await isReady(`${metricsUrl}/readyz`))) {
      if (child.exitCode !== null || Date.now() > stopAt) throw new Error('the service did not start')
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    named('service', child.pid)
    return child
  }
  let gateway = await startGateway()
  let service = await startService()
  const clients: Client[] = []
  const token = (claims: JWTPayload = {}): Promise<string> => {
    const exp = Math.floor(Date.now() / 1000) + 3_500
    const good = { iss: ISSUER, aud: AUDIENCE, sub: 'wallet', exp, rights: ['sign', 'read'] }
    return new SignJWT({ ...good, ...claims }).setProtectedHeader({ alg: 'ES256', kid: 'k' }).sign(privateKey)
  }
  const share = dealt.get('client')?.get(ACCOUNT)
  if (share === undefined) throw new Error('no share')
  const apiUrl = `http://127.0.0.1:${apiPort}`
  const other = dealt.get('service')?.get(ACCOUNT)
  if (other === undefined) throw new Error('no share')
  const x = wholeKey(share, other).toString()
  let seeds = 0
  return {
    folder,
    publicKey: share.core.publicKey.toHex(true),
    share,
    permitKey,
    gatewayUrl,
    apiUrl,
    metricsUrl,
    token,
    async client(way, name) {
      const url = way === 'rooms' ? gatewayUrl : apiUrl
      const child = forked('client.ts', [way, url, at('client.json'), at('permit.key'), await token()], 'inherit')
      memory.watch(name, child.pid ?? 0)
      const client = await startClient(child, (count) => {
        const fresh = Array.from({ length: count }, () => `${way} ${seeds++}`)
        const deal: Deal = { way, account: ACCOUNT, x, seeds: fresh }
        // a service that is away does not get its part: it says so when one is asked for
        if (service.connected) service.send(deal)
        child.send(deal)
      })
      clients.push(client)
      return client
    },
    async restart(which) {
      if (which === 'gateway') {
        await gateway.stop('SIGKILL')
        gateway = await startGateway()
      } else {
        await killed(service)
        service = await startService()
      }
    },
    pid: (which) => (which === 'gateway' ? gateway.process.pid : service.pid) ?? 0,
    async stop() {
      for (const client of clients) client.stop()
      await Promise.all([gateway.stop(), killed(service)])
      await rm(folder, { recursive: true, force: true })
    },
  }
}

function forked(file: string, args: readonly string[], output: 'ignore' | 'inherit'): ChildProcess {
  const stdio = ['ignore', output, 'inherit', 'ipc'] as const
  return fork(new URL(file, import.meta.url), [...args], { execArgv: ['--import', 'tsx'], stdio: [...stdio] })
}

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await exited
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok
  } catch {
    return false
  }
}

interface FromClient {
  readonly told?: Told
  /** Presignatures. */
  readonly left?: number
  readonly done?: true
  readonly failed?: string
}

async function startClient(child: ChildProcess, deal: (count: number) => void): Promise<Client> {
  let onTold: (told: Told) => void = () => undefined
  let left = 0
  child.on('message', (m: FromClient) => {
    left = m.left ?? left
    if (m.told !== undefined) onTold(m.told)
  })
  const finished = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const settle = (error?: string): void => {
        child.off('message', onMessage)
        child.off('exit', onExit)
        if (error === undefined) resolve()
        else reject(new Error(error))
      }
      const onExit = (code: number | null): void => settle(`the client ended with code ${code}`)
      const onMessage = ({ done, failed }: FromClient): void => {
        if (failed !== undefined) settle(`client: ${failed}`)
        else if (done === true) settle()
      }
      child.on('message', onMessage)
      child.once('exit', onExit)
    })
  await finished()
  return {
    async run(o, tell) {
      onTold = tell
      const dealMissing = (): void => {
        const missing = AHEAD - left
        left += Math.max(0, missing)
        if (missing > 0) deal(missing)
      }
      dealMissing()
      await new Promise((resolve) => setTimeout(resolve, 1_000))
      const timer = setInterval(dealMissing, DEAL_MS)
      child.send(o)
      try {
        await finished()
      } finally {
        clearInterval(timer)
      }
    },
    stop: () => void child.kill('SIGKILL'),
  }
}
