/**
 * A redis-server of one test file, in a folder of its own and on a free port; a TCP proxy that can fall silent; and
 * gateways that share it. All of it ends with the tests.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { type Settings, type TestGateway, testGateway, until } from '../../testing/client.ts'

/** False, or why the tests of this file are skipped. */
export const skip = spawnSync('redis-server', ['--version']).status === 0 ? false : 'redis-server is not installed'

/** What ends when the tests of the file have: in a hook of the file, since one made inside `before` would run right after. */
const endings: (() => unknown)[] = []
after(async () => {
  for (const end of endings.reverse()) await end()
})

const DURABLE = { appendonly: 'yes', appendfsync: 'always' }
const START_MS = 20_000

export class TestRedis {
  readonly port: number
  readonly #folder = mkdtempSync(join(tmpdir(), 'redis-'))
  #settings: Readonly<Record<string, string>>
  #child: ChildProcess | undefined

  private constructor(port: number, settings: Readonly<Record<string, string>>) {
    this.port = port
    this.#settings = settings
  }

  static async start(settings: Readonly<Record<string, string>> = DURABLE): Promise<TestRedis> {
    const redis = new TestRedis(await freePort(), settings)
    endings.push(async () => {
      await redis.kill()
      rmSync(redis.#folder, { recursive: true })
    })
    await redis.start()
    return redis
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`
  }

  /** Of a node of a cluster, for the other nodes. */
  get clusterPort(): string {
    return this.#settings['cluster-port'] ?? ''
  }

  /** Again, with what is in its folder. */
  async start(settings = this.#settings): Promise<void> {
    this.#settings = settings
    const flags = { port: String(this.port), bind: '127.0.0.1', dir: this.#folder, save: '', ...settings }
    const args = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value])
    this.#child = spawn('redis-server', args, { stdio: 'ignore' })
    await until(() => /^PONG|^NOAUTH/.test(this.cli('PING')), 'redis-server answers', START_MS)
  }

  async kill(): Promise<void> {
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'close')
    child.kill('SIGKILL')
    await ended
  }

  /** The answer to one command, as redis-cli shows it. */
  cli(...command: readonly string[]): string {
    return spawnSync('redis-cli', ['-p', String(this.port), ...command])
      .stdout.toString()
      .trim()
  }
}

/** Forwards connections, until it is told to keep them open and say nothing. */
export class SilentProxy {
  readonly port: number
  readonly #sockets = new Set<Socket>()
  #isSilent = false

  private constructor(port: number) {
    this.port = port
  }

  static async start(targetPort: number): Promise<SilentProxy> {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const proxy = new SilentProxy((server.address() as AddressInfo).port)
    server.on('connection', (near) => proxy.#join(near, connect(targetPort, '127.0.0.1')))
    endings.push(() => {
      server.close()
      proxy.cut()
    })
    return proxy
  }

  #join(near: Socket, far: Socket): void {
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(from)
      from.on('data', (chunk) => {
        if (!this.#isSilent) to.write(chunk)
      })
      from.on('error', () => {})
      from.on('close', () => {
        this.#sockets.delete(from)
        if (!this.#isSilent) to.destroy()
      })
    }
  }

  /** Open connections stay open, new ones are accepted, and nothing gets through. */
  fallSilent(): void {
    this.#isSilent = true
  }

  /** Connections of the silent time stay as they are. */
  speak(): void {
    this.#isSilent = false
  }

  /** Ends every connection. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy()
  }
}

/** A gateway in this process. Two of them share nothing but Redis. */
export function sharedGateway(redis: { url: string }, settings: Settings = {}): Promise<TestGateway> {
  return testGateway({ 'store.type': 'redis', 'store.redis_url': redis.url, ...settings })
}

export interface GatewayProcess {
  readonly url: string
  readonly kill: () => Promise<void>
}

/** A gateway as a process of its own. */
export async function gatewayProcess(redis: { url: string }, port = 0): Promise<GatewayProcess> {
  const main = join(import.meta.dirname, '..', '..', 'main.ts')
  const child = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), main, '--port', String(port)], {
    cwd: tmpdir(),
    env: {
      PATH: process.env['PATH'] ?? '',
      SIGN_GATEWAY_STORE_TYPE: 'redis',
      SIGN_GATEWAY_STORE_REDIS_URL: redis.url,
      SIGN_GATEWAY_LIMITS_REQUESTS_PER_SECOND: '1000000',
      SIGN_GATEWAY_LIMITS_REQUEST_BURST: '1000000',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  child.stdout.on('data', (chunk) => (output += String(chunk)))
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'close')
    child.kill('SIGKILL')
    await ended
  }
  endings.push(kill)
  await until(() => output.includes('"listening"') || child.exitCode !== null, 'the gateway listens', START_MS)
  const line = output.split('\n').find((each) => each.includes('"listening"')) ?? ''
  return { url: String((JSON.parse(line) as { url: unknown }).url), kill }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
