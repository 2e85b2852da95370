/**
 * The keys that JWTs are checked with: a JSON Web Key Set in a file, or at an https address.
 *
 * A set for public-key algorithms holds public keys only, and one for HMAC only secrets of at least the length of the
 * hash (RFC 7518, 3.2), so that no key can be used as one of the other kind. What is fetched is kept for ten minutes;
 * a key id that isn't in it fetches again, at most every half minute, and after a failure at most every second. Redirects are not followed.
 */
import { Buffer } from 'node:buffer'
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  customFetch,
  errors,
  type JSONWebKeySet,
  type JWTVerifyGetKey,
} from 'jose'
import { isHmac } from '../gateway-auth.ts'
import { ConfigError } from '../load.ts'
import { readKeptFile } from '../secret-file.ts'

const MAX_SET_BYTES = 1_048_576
const FETCH_TIMEOUT_MS = 5_000
const KEEP_MS = 600_000
const COOL_DOWN_MS = 30_000
const PAUSE_MS = 1_000
const HMAC_BYTES: Readonly<Record<string, number>> = { HS256: 32, HS384: 48, HS512: 64 }

interface Jwk {
  readonly kty?: unknown
  readonly kid?: unknown
  readonly alg?: unknown
  readonly k?: unknown
  readonly d?: unknown
}

/** Keys of the file that `key` names. Throws ConfigError. Secrets may be read by the file's owner only. */
export async function readKeySet(
  path: string,
  algorithms: readonly string[],
  key = 'auth.jwks_file',
): Promise<JWTVerifyGetKey> {
  const problem = (what: string): ConfigError => new ConfigError(`${key}: ${path}: ${what}`)
  const secret = algorithms.some(isHmac)
  const bytes = await readKeptFile(path, { key, maxBytes: MAX_SET_BYTES, secret })
  let set: { readonly keys?: unknown } | null
  try {
    set = JSON.parse(bytes.toString('utf8')) as typeof set
  } catch {
    throw problem('expected JSON')
  }
  if (!Array.isArray(set?.keys) || set.keys.length === 0 || !set.keys.every(isObject)) {
    throw problem('expected a JSON Web Key Set with at least one key')
  }
  const keys = set.keys as readonly Jwk[]
  if (secret) {
    if (!keys.every(({ kty }) => kty === 'oct')) throw problem('expected keys of type oct for HMAC algorithms')
    const shortest = Math.max(...algorithms.map((name) => HMAC_BYTES[name] ?? 0))
    if (!keys.every((each) => secretOf(each).length >= shortest)) throw problem(`expected secrets of ${shortest} bytes`)
    return hmacKeys(keys)
  }
  if (keys.some(({ d, kty }) => d !== undefined || kty === 'oct')) throw problem('expected public keys only')
  return createLocalJWKSet({ keys } as JSONWebKeySet)
}

/** The key set could not be fetched; that says nothing about the token. */
export class KeysUnavailable extends Error {}

/** Keys at an https address, fetched when the first token comes. */
export function fetchedKeySet(url: string, fetchImpl: typeof fetch = fetch): JWTVerifyGetKey {
  let failedAtMs = Number.NEGATIVE_INFINITY
  return createRemoteJWKSet(new URL(url), {
    timeoutDuration: FETCH_TIMEOUT_MS,
    cacheMaxAge: KEEP_MS,
    cooldownDuration: COOL_DOWN_MS,
    async [customFetch](target, options) {
      // a flood of tokens must not become one of fetches
      if (performance.now() - failedAtMs < PAUSE_MS) throw new KeysUnavailable()
      try {
        const response = await fetchImpl(target, { ...options, redirect: 'manual' })
        if (response.status !== 200) throw new KeysUnavailable()
        return Response.json(JSON.parse(await readBounded(response)))
      } catch {
        failedAtMs = performance.now()
        throw new KeysUnavailable()
      }
    },
  })
}

async function readBounded(response: Response): Promise<string> {
  const reader = response.body?.getReader()
  const chunks: Uint8Array[] = []
  let length = 0
  for (;;) {
    const chunk = await reader?.read()
    if (chunk?.value === undefined) return Buffer.concat(chunks).toString('utf8')
    length += chunk.value.length
    chunks.push(chunk.value)
    if (length <= MAX_SET_BYTES) continue
    await reader?.cancel()
    throw new KeysUnavailable()
  }
}

/** By key id; a token without one is taken when there is one key. */
function hmacKeys(keys: readonly Jwk[]): JWTVerifyGetKey {
  return async ({ kid, alg }) => {
    const fitting = keys.filter((key) => (kid === undefined || key.kid === kid) && (key.alg ?? alg) === alg)
    const [key] = fitting
    if (key === undefined || fitting.length > 1) throw new errors.JWKSNoMatchingKey()
    return secretOf(key)
  }
}

function secretOf({ k }: Jwk): Buffer {
  return Buffer.from(typeof k === 'string' ? k : '', 'base64url')
}

function isObject(value: unknown): value is Jwk {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
