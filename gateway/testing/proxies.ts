/** nginx and Caddy as processes of the test, from a folder of their own, as the user who runs it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { SERVER_CERT, SERVER_KEY } from './certificates.ts'

const DEPLOY = join(import.meta.dirname, '../../deploy')
/** nginx is where an ordinary user doesn't look. */
const FOLDERS = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/usr/local/sbin']

const children: ChildProcess[] = []
const folders: string[] = []
after(async () => {
  await Promise.all(
    children.map(async (child) => {
      if (child.exitCode !== null || child.signalCode !== null) return
      const gone = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGKILL')
      await gone
    }),
  )
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

export interface RunningProxy {
  readonly url: string
  readonly port: number
}

/** Where a program is, or undefined: the test is skipped then. */
export function findProgram(name: string): string | undefined {
  return FOLDERS.map((folder) => join(folder, name)).find((file) => existsSync(file))
}

/** Text with each of these put in place of what stands there once. */
function replaced(text: string, pairs: readonly (readonly [string, string])[]): string {
  return pairs.reduce((done, [from, to]) => {
    if (done.split(from).length !== 2) throw new Error(`expected once: ${from}`)
    return done.replace(from, () => to)
  }, text)
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
}

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'gateway-proxy-'))
  folders.push(folder)
  writeFileSync(join(folder, 'server.crt'), SERVER_CERT)
  writeFileSync(join(folder, 'server.key'), SERVER_KEY, { mode: 0o600 })
  return folder
}

async function start(program: string, args: readonly string[], folder: string, port: number): Promise<void> {
  const env = { PATH: FOLDERS.join(':'), HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder }
  const child = spawn(program, args, { cwd: folder, env, stdio: ['ignore', 'ignore', 'pipe'] })
  children.push(child)
  let errors = ''
  child.stderr.on('data', (chunk) => {
    errors += String(chunk)
  })
  const deadline = Date.now() + 20_000
  while (!(await answers(port))) {
    if (child.exitCode !== null || Date.now() > deadline) throw new Error(`${program} did not start: ${errors}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true))
    socket.once('error', () => resolve(false))
    socket.once('close', () => socket.destroy())
    socket.once('connect', () => socket.destroy())
  })
}

/** nginx with these servers; its own defaults for everything that they don't say. */
async function startNginx(program: string, folder: string, servers: string, port: number): Promise<void> {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `${kind}_temp_path ${folder}/${kind};`)
    .join(' ')
  const conf = `daemon off; master_process off; pid ${folder}/pid; error_log stderr warn;
events { worker_connections 256; }
http { access_log off; ${temporary}
${servers}
}
`
  writeFileSync(join(folder, 'nginx.conf'), conf)
  await start(program, ['-p', folder, '-c', 'nginx.conf', '-e', 'stderr'], folder, port)
}

/** nginx with nothing but a proxy_pass to the gateway. */
export async function plainNginx(program: string, gateway: { port: number }): Promise<RunningProxy> {
  const port = await freePort()
  const server = `server { listen 127.0.0.1:${port}; location / { proxy_pass http://127.0.0.1:${gateway.port}; } }`
  await startNginx(program, newFolder(), server, port)
  return { url: `http://127.0.0.1:${port}`, port }
}

/** nginx with deploy/nginx/gateway.conf, on a free port and with a certificate of the tests. */
export async function deployedNginx(program: string, gateway: { port: number }): Promise<RunningProxy> {
  const port = await freePort()
  const folder = newFolder()
  const servers = replaced(readFileSync(join(DEPLOY, 'nginx/gateway.conf'), 'utf8'), [
    ['server 127.0.0.1:8080;', `server 127.0.0.1:${gateway.port};`],
    ['listen 443 ssl http2;', `listen 127.0.0.1:${port} ssl http2;`],
    ['    listen [::]:443 ssl http2;\n', ''],
    ['/etc/ssl/gateway.example.crt', `${folder}/server.crt`],
    ['/etc/ssl/private/gateway.example.key', `${folder}/server.key`],
  ])
  await startNginx(program, folder, servers, port)
  return { url: `https://127.0.0.1:${port}`, port }
}

/** Caddy with deploy/caddy/Caddyfile, likewise. */
export async function deployedCaddy(program: string, gateway: { port: number }): Promise<RunningProxy> {
  const port = await freePort()
  const folder = newFolder()
  const site = replaced(readFileSync(join(DEPLOY, 'caddy/Caddyfile'), 'utf8'), [
    ['127.0.0.1:8080', `127.0.0.1:${gateway.port}`],
    ['gateway.example {\n', `https://127.0.0.1:${port} {\n\tbind 127.0.0.1\n\ttls server.crt server.key\n`],
  ])
  const global = '{\n\tadmin off\n\tauto_https disable_redirects\n}\n'
  writeFileSync(join(folder, 'Caddyfile'), global + site)
  await start(program, ['run', '--config', 'Caddyfile', '--adapter', 'caddyfile'], folder, port)
  return { url: `https://127.0.0.1:${port}`, port }
}
