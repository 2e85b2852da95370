/**
 * `auth.mode: token`: a list of callers with the SHA-256 of their tokens, so that the file gives nobody a token.
 *
 * Tokens are random (`openssl rand -hex 32`), which makes a slow or salted hash pointless. Every entry is compared, in
 * constant time, whether or not one before it fits: how long it takes says nothing about the list.
 */
import { Buffer } from 'node:buffer'
import { createHash, timingSafeEqual } from 'node:crypto'
import { parseDocument } from 'yaml'
import { z } from 'zod'
import { ConfigError } from '../../config/load.ts'
import { readKeptFile } from '../../config/secret-file.ts'
import { refusals } from '../refusal.ts'
import type { Found } from '../store.ts'
import { type Identity, rightsSchema, roomsSchema } from './rights.ts'

const KEY = 'auth.token_file'
const MAX_FILE_BYTES = 1_048_576
const MAX_TOKENS = 1_000

const NAME = 'expected a name of 1 to 64 letters, digits, dots, dashes, underscores or @'
const HASH = 'expected the SHA-256 of a token as 64 hex digits'
const EXPIRES = 'expected a time such as 2027-01-31T00:00:00Z'

const entrySchema = z.strictObject({
  name: z.string({ error: NAME }).regex(/^[\w.@-]{1,64}$/, { error: NAME }),
  sha256: z.string({ error: HASH }).regex(/^[0-9a-f]{64}$/i, { error: HASH }),
  rights: rightsSchema,
  rooms: roomsSchema,
  expires: z.iso.datetime({ offset: true, error: EXPIRES }).optional(),
})
const fileSchema = z
  .array(entrySchema, { error: 'expected a list of tokens' })
  .min(1, { error: 'expected at least one token' })
  .max(MAX_TOKENS, { error: `expected at most ${MAX_TOKENS} tokens; auth.mode: jwt has no such limit` })

interface Entry {
  readonly hash: Buffer
  readonly identity: Identity
}

export type Lookup = (token: string, nowMs: number) => Found<Identity>

/** Throws ConfigError that names the file and the place in it. */
export async function readTokenFile(path: string): Promise<Lookup> {
  const entries = parseTokens((await readKeptFile(path, { key: KEY, maxBytes: MAX_FILE_BYTES })).toString('utf8'), path)
  return (token, nowMs) => {
    const hash = createHash('sha256').update(token).digest()
    let found: Identity | undefined
    for (const entry of entries) if (timingSafeEqual(entry.hash, hash)) found = entry.identity
    if (found === undefined) return { ok: false, refusal: refusals.tokenInvalid() }
    if (found.expiresAtMs !== undefined && nowMs >= found.expiresAtMs) {
      return { ok: false, refusal: refusals.tokenExpired() }
    }
    return { ok: true, value: found }
  }
}

function parseTokens(source: string, path: string): readonly Entry[] {
  const document = parseDocument(source, { prettyErrors: false })
  // not the parser's message: it may quote a piece of the file
  if (document.errors.length > 0) throw new ConfigError(`${KEY}: ${path}: not valid YAML or JSON`)
  let value: unknown
  try {
    value = document.toJS({ maxAliasCount: 10 })
  } catch {
    throw new ConfigError(`${KEY}: ${path}: not valid YAML or JSON`)
  }
  const result = fileSchema.safeParse(value)
  if (!result.success) throw new ConfigError(`${KEY}: ${path}: ${describe(result.error)}`)
  const hashes = new Set(result.data.map(({ sha256 }) => sha256.toLowerCase()))
  const names = new Set(result.data.map(({ name }) => name))
  if (hashes.size !== result.data.length) throw new ConfigError(`${KEY}: ${path}: expected each token once`)
  if (names.size !== result.data.length) throw new ConfigError(`${KEY}: ${path}: expected each name once`)
  return result.data.map(({ name, sha256, rights, rooms, expires }) => ({
    hash: Buffer.from(sha256, 'hex'),
    identity: {
      caller: `token:${name}`,
      rights: new Set(rights),
      rooms,
      expiresAtMs: expires === undefined ? undefined : Date.parse(expires),
    },
  }))
}

/** `entry 2: sha256: expected …`, counting from 1. */
function describe(error: z.ZodError): string {
  const [issue] = error.issues
  const [index, ...field] = issue?.path ?? []
  const keys = Object.keys(entrySchema.shape).join(', ')
  const message =
    issue?.code === 'unrecognized_keys' ? `unknown key, expected ${keys}` : (issue?.message ?? 'not valid')
  const where = typeof index === 'number' ? `entry ${index + 1}: ` : ''
  return `${where}${field.length > 0 ? `${field.map(String).join('.')}: ` : ''}${message}`
}
