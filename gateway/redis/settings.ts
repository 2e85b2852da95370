/**
 * Where Redis is and how to sign in, from the configuration and the files that it names. The password is read from a file
 * that only its owner can read, and stands in no address: addresses end up in logs and process lists.
 */
import { ConfigError } from '../../config/load.ts'
import type { GatewayConfig } from '../../config/schema.ts'
import { readKeptFile } from '../../config/secret-file.ts'
import type { ConnectionOptions } from './connection.ts'

const DEFAULT_PORT = 6379
const MAX_PASSWORD_BYTES = 4096
const MAX_CA_BYTES = 1_048_576

/** Throws ConfigError when a file is not what it should be. */
export async function connectionOptions(
  store: GatewayConfig['store'],
): Promise<Omit<ConnectionOptions, 'connectTimeoutMs'>> {
  const url = new URL(store.redis_url)
  const password = await readPassword(store.redis_password_file)
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? DEFAULT_PORT : Number(url.port),
    database: Number(url.pathname.slice(1)),
    username: store.redis_username,
    password,
    tls: url.protocol === 'rediss:' ? { ca: await readAuthorities(store.redis_ca_file) } : undefined,
  }
}

async function readPassword(path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined
  const key = 'store.redis_password_file'
  const bytes = await readKeptFile(path, { key, maxBytes: MAX_PASSWORD_BYTES })
  const password = bytes.toString('utf8').replace(/\r?\n$/, '')
  if (password === '' || /[\r\n]/.test(password))
    throw new ConfigError(`${key}: ${path}: expected one line, the password`)
  return password
}

async function readAuthorities(path: string | undefined) {
  if (path === undefined) return undefined
  return readKeptFile(path, { key: 'store.redis_ca_file', maxBytes: MAX_CA_BYTES, secret: false })
}
