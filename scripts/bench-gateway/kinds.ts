/**
 * What is compared. Programs of ours are built first, all in the same way, so that no loader is measured; nginx and Redis
 * are used when they are installed.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { freePort } from '../processes.ts'
import { PROBE, type Server, startServer } from './server.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
/** Beneath the packages, so that what is built finds them. */
const BUILT = join(ROOT, 'node_modules/.cache/bench-gateway')
const NCHAN_MODULES = ['/usr/lib/nginx/modules/ngx_nchan_module.so', '/usr/share/nginx/modules/ngx_nchan_module.so']
const REDIS = ['/usr/bin/redis-server', '/usr/local/bin/redis-server']
const NGINX = ['/usr/sbin/nginx', '/usr/bin/nginx']

export const KINDS = ['ours', 'kept', 'guarded', 'redis', 'raw', 'nchan'] as const
export type Kind = (typeof KINDS)[number]

export const KIND_TITLES: Readonly<Record<Kind, string>> = {
  ours: 'ours',
  kept: 'ours, all messages kept',
  guarded: 'ours, JWT and limits',
  redis: 'ours, Redis',
  raw: 'raw node:http',
  nchan: 'nginx + nchan',
}

export interface StartOptions {
  /** Further configuration of ours. */
  readonly env?: Readonly<Record<string, string>>
  readonly port?: number
  /** A Redis that is already there. */
  readonly redis?: Server
}

/** Room for what a measurement publishes; nothing else differs from the defaults. */
const LARGE = {
  SIGN_GATEWAY_LIMITS_CONNECTIONS_PER_ADDRESS: '10000',
  SIGN_GATEWAY_LIMITS_SUBSCRIBERS_PER_CALLER: '10000',
  SIGN_GATEWAY_LIMITS_REQUESTS_PER_SECOND: '1000000',
  SIGN_GATEWAY_LIMITS_REQUEST_BURST: '10000000',
  SIGN_GATEWAY_LOGGING_LEVEL: 'warn',
  SIGN_GATEWAY_LIMITS_ROOM_MESSAGES: '10000000',
  SIGN_GATEWAY_LIMITS_ROOM_BYTES: String(8 * 1024 ** 3),
  SIGN_GATEWAY_LIMITS_TOTAL_BYTES: String(16 * 1024 ** 3),
}

/** Builds what is measured from the sources as they are. */
export function buildPrograms(): void {
  mkdirSync(BUILT, { recursive: true })
  execFileSync(
    process.execPath,
    [
      join(ROOT, 'node_modules/tsup/dist/cli-default.js'),
      '--no-config',
      '--silent',
      '--format=esm',
      '--platform=node',
      '--target=node20',
      `--out-dir=${BUILT}`,
      '--entry.sign-gateway=gateway/main.ts',
      '--entry.raw=scripts/bench/raw-gateway.ts',
    ],
    { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'] },
  )
}

/** Why a kind can't be measured here, or undefined. */
export function missing(kind: Kind): string | undefined {
  if (kind === 'redis' && found(REDIS) === undefined) return 'redis-server is not installed'
  if (kind !== 'nchan') return undefined
  if (found(NGINX) === undefined) return 'nginx is not installed'
  return found(NCHAN_MODULES) === undefined ? 'the nchan module is not installed (libnginx-mod-nchan)' : undefined
}

export function startKind(kind: Kind, o: StartOptions = {}): Promise<Server> {
  switch (kind) {
    // They differ in what is published.
    case 'ours':
    case 'kept':
      return startOurs(o)
    case 'guarded':
      return startGuarded(o)
    case 'redis':
      return startOnRedis(o)
    case 'raw':
      return startRaw()
    case 'nchan':
      return startNchan()
  }
}

interface Extra {
  readonly headers?: string
  readonly helpers?: readonly Server[]
}

async function startOurs({ env = {}, port }: StartOptions, extra: Extra = {}): Promise<Server> {
  const at = port ?? (await freePort())
  return startServer({
    command: process.execPath,
    args: [...PROBE, join(BUILT, 'sign-gateway.js')],
    env: { ...LARGE, ...env, SIGN_GATEWAY_SERVER_PORT: String(at) },
    port: at,
    isProbed: true,
    ...extra,
  })
}

async function startRaw(): Promise<Server> {
  const port = await freePort()
  return startServer({
    command: process.execPath,
    args: [...PROBE, join(BUILT, 'raw.js'), String(port)],
    port,
    isProbed: true,
  })
}

/** Every request shows a signed token, and is counted against limits that it doesn't reach. */
async function startGuarded({ env = {}, port, redis }: StartOptions): Promise<Server> {
  const folder = temporaryFolder()
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: 'bench', alg: 'ES256', use: 'sig' }] }
  const file = join(folder, 'jwks.json')
  writeFileSync(file, JSON.stringify(jwks), { mode: 0o600 })
  const token = await new SignJWT({ rights: ['subscribe', 'publish', 'index'], rooms: ['*'] })
    .setProtectedHeader({ alg: 'ES256', kid: 'bench' })
    .setIssuer('https://issuer.example')
    .setAudience('sign-gateway')
    .setSubject('bench')
    .setIssuedAt()
    .setExpirationTime('50m')
    .sign(privateKey)
  const auth = {
    SIGN_GATEWAY_AUTH_MODE: 'jwt',
    SIGN_GATEWAY_AUTH_JWKS_FILE: file,
    SIGN_GATEWAY_AUTH_JWT_ALGORITHMS: 'ES256',
    SIGN_GATEWAY_AUTH_JWT_ISSUER: 'https://issuer.example',
    SIGN_GATEWAY_AUTH_JWT_AUDIENCE: 'sign-gateway',
  }
  const options = {
    env: { ...auth, ...env },
    ...(port !== undefined && { port }),
    ...(redis !== undefined && { redis }),
  }
  const server = await startOurs(options, { headers: `Authorization: Bearer ${token}\r\n` })
  return removing(server, folder)
}

async function startOnRedis(o: StartOptions): Promise<Server> {
  const redis = o.redis ?? (await startRedis())
  const env = {
    SIGN_GATEWAY_STORE_TYPE: 'redis',
    SIGN_GATEWAY_STORE_REDIS_URL: `redis://127.0.0.1:${redis.port}`,
    ...o.env,
  }
  return startOurs({ ...o, env }, { helpers: o.redis === undefined ? [redis] : [] })
}

/** In memory, without a file on disk. */
export async function startRedis(): Promise<Server> {
  const port = await freePort()
  const folder = temporaryFolder()
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder]
  return removing(await startServer({ command: found(REDIS) ?? 'redis-server', args, port }), folder)
}

/** The paths of our API on nchan. Its TCP_NODELAY is off until a connection has served a request, hence `firstAsk`. */
async function startNchan(): Promise<Server> {
  const port = await freePort()
  const folder = temporaryFolder()
  const file = join(folder, 'nginx.conf')
  writeFileSync(
    file,
    `load_module ${found(NCHAN_MODULES)};
daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log stderr crit;
events { worker_connections 16384; }
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  client_body_buffer_size 64k;
  keepalive_requests 100000000;
  tcp_nodelay on;
  nchan_max_reserved_memory 512M;
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location = /ping { return 200 "ok"; }
    location ~ ^/rooms/([^/]+)/subscribe$ {
      nchan_subscriber eventsource;
      nchan_channel_id $1;
      nchan_subscriber_timeout 0;
    }
    location ~ ^/rooms/([^/]+)/broadcast$ {
      nchan_publisher;
      nchan_channel_id $1;
      nchan_message_buffer_length 100;
      nchan_message_timeout 1h;
    }
  }
}
`,
  )
  const args = ['-p', folder, '-e', 'stderr', '-c', file]
  const publishHeaders = 'X-EventSource-Event: new-message\r\n'
  const server = startServer({ command: found(NGINX) ?? 'nginx', args, port, publishHeaders, firstAsk: '/ping' })
  return removing(await server, folder)
}

function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), 'wallet-mpc-bench-gateway-'))
}

function removing(server: Server, folder: string): Server {
  return {
    ...server,
    async stop(signal) {
      const ms = await server.stop(signal)
      rmSync(folder, { recursive: true, force: true })
      return ms
    },
  }
}

function found(paths: readonly string[]): string | undefined {
  return paths.find((path) => existsSync(path))
}
