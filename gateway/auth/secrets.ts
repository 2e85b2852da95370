/**
 * Everything that tokens are checked with, read from the files that the configuration names. Read at the start, where a
 * mistake ends the program, and again on SIGHUP, where a mistake leaves things as they are.
 */
import type { Buffer } from 'node:buffer'
import { randomBytes } from 'node:crypto'
import { fetchedKeySet, readKeySet } from '../../config/edge/keys.ts'
import { ConfigError } from '../../config/load.ts'
import type { GatewayConfig } from '../../config/schema.ts'
import { readKeptFile } from '../../config/secret-file.ts'
import type { Found } from '../store.ts'
import { checkJwt, type JwtOptions } from './jwt.ts'
import type { Identity } from './rights.ts'
import { readTokenFile } from './static-tokens.ts'

const MIN_SECRET_BYTES = 32
const MAX_SECRET_BYTES = 4_096

export interface Secrets {
  /** Undefined in open mode, where no token but that of a room means anything. */
  readonly identify: ((token: string, nowMs: number) => Found<Identity> | Promise<Found<Identity>>) | undefined
  readonly roomSecret: Buffer
}

/** Drawn once for a process that has no file for it. */
const drawn = randomBytes(MIN_SECRET_BYTES)

/** Throws ConfigError naming key and file. Fetches nothing yet. */
export async function readSecrets(auth: GatewayConfig['auth'], fetchImpl?: typeof fetch): Promise<Secrets> {
  const roomSecret = auth.room_secret_file === undefined ? drawn : await readRoomSecret(auth.room_secret_file)
  return { identify: await identifierOf(auth, fetchImpl), roomSecret }
}

async function identifierOf(
  auth: GatewayConfig['auth'],
  fetchImpl: typeof fetch = fetch,
): Promise<Secrets['identify']> {
  // which keys there are in which mode is checked with the configuration
  if (auth.mode === 'token') return readTokenFile(auth.token_file ?? '')
  if (auth.mode === 'open') return undefined
  const { jwks_url, jwks_file = '', jwt_issuer = '', jwt_audience = '', jwt_algorithms } = auth
  const options: JwtOptions = {
    keys: jwks_url === undefined ? await readKeySet(jwks_file, jwt_algorithms) : fetchedKeySet(jwks_url, fetchImpl),
    algorithms: jwt_algorithms,
    issuer: jwt_issuer,
    audience: jwt_audience,
    maxLifetimeSeconds: auth.jwt_max_lifetime_seconds,
    toleranceSeconds: auth.clock_tolerance_seconds,
  }
  return (token, nowMs) => checkJwt(token, options, nowMs)
}

async function readRoomSecret(path: string): Promise<Buffer> {
  const key = 'auth.room_secret_file'
  const bytes = await readKeptFile(path, { key, maxBytes: MAX_SECRET_BYTES })
  // an editor's newline at the end is no part of the secret
  const end = bytes.at(-1) === 0x0a ? bytes.length - 1 : bytes.length
  if (end < MIN_SECRET_BYTES)
    throw new ConfigError(`${key}: ${path}: expected at least ${MIN_SECRET_BYTES} random bytes`)
  return bytes.subarray(0, end)
}
