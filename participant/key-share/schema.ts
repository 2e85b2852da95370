/**
 * The form of a key share file: a JSON object from account id to entry. This file knows which fields there are and
 * how each is spelled; what must hold between them is in validate.ts.
 *
 *   hex(n)     exactly 2n lower-case digits; integers are big-endian and as wide as the level says, so that there is
 *              one text for each value
 *   point      33 bytes, compressed
 *   names      snake_case; `key_share` is x, `public_key` the account's key
 *
 * Strict: unknown and missing fields are refused. Messages name the field and what was expected, never a value.
 */
import { z } from 'zod'
import type { SecurityLevel } from '../base/level.ts'
import { MAX_PARTIES, PARTY_ID } from '../party/roster.ts'

export const FORMAT_VERSION = 1

/** Read before the rest, since the widths follow from the level. */
export const headSchema = z.looseObject({
  version: z.literal(FORMAT_VERSION, `expected ${FORMAT_VERSION}`),
  level: z.string('expected the name of a security level'),
})

function hex(length: number, what: string) {
  const message = `expected ${what}: ${2 * length} lower-case hex digits`
  return z.string(message).regex(new RegExp(`^[0-9a-f]{${2 * length}}$`), message)
}

function whole(min: number, max: number) {
  const message = `expected a whole number from ${min} to ${max}`
  return z.int(message).min(min, message).max(max, message)
}

const partyId = z.string('expected a party name').regex(PARTY_ID, 'expected a party name')
const point = hex(33, 'a compressed point')
const key = hex(32, 'a key')

function entryOf(level: SecurityLevel) {
  const modulus = hex(level.modulusBits / 8, 'an integer')
  const prime = hex(level.modulusBits / 16, 'a prime')
  return z.strictObject({
    version: z.literal(FORMAT_VERSION),
    curve: z.literal('secp256k1', 'expected secp256k1'),
    level: z.literal(level.name),
    epoch: whole(0, 2 ** 32 - 1),
    threshold: whole(2, MAX_PARTIES),
    public_key: point,
    key_share: hex(32, 'a scalar'),
    feldman: z.array(point).max(MAX_PARTIES, `expected at most ${MAX_PARTIES} points`),
    public_shares: z.record(partyId, point),
    chain_code: hex(32, 'a chain code'),
    roster: z
      .array(z.strictObject({ id: partyId, index: whole(1, MAX_PARTIES), verify_key: key, seal_key: key }))
      .max(MAX_PARTIES, `expected at most ${MAX_PARTIES} members`),
    identity: z.strictObject({ id: partyId, signing_key: key, sealing_key: key }),
    aux: z.strictObject({
      paillier: z.strictObject({ n: modulus, p: prime, q: prime }),
      ring_pedersen: z.strictObject({ n_hat: modulus, p: prime, q: prime, lambda: modulus, s: modulus, t: modulus }),
      peers: z.record(partyId, z.strictObject({ n: modulus, n_hat: modulus, s: modulus, t: modulus })),
    }),
  })
}

/** One account in the file. */
export type Entry = z.infer<ReturnType<typeof entryOf>>

const schemas = new Map<string, ReturnType<typeof entryOf>>()

export function entrySchema(level: SecurityLevel): ReturnType<typeof entryOf> {
  let schema = schemas.get(level.name)
  if (schema === undefined) {
    schema = entryOf(level)
    schemas.set(level.name, schema)
  }
  return schema
}

/** The first problem as `field.path: expected …`, without any value. */
export function describeIssue(error: z.ZodError): string {
  const [issue] = error.issues
  if (issue === undefined) return 'expected another form'
  const path = issue.path.map(segment).join('.')
  const where = path === '' ? 'entry' : path
  if (issue.code === 'unrecognized_keys') return `${where}: expected no field ${segment(issue.keys[0] ?? '')}`
  return `${where}: ${expectation(issue)}`
}

function expectation(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_key') return 'expected a party name'
  if (issue.code === 'invalid_type') {
    if (issue.expected === 'object' || issue.expected === 'record') return 'expected an object'
    if (issue.expected === 'array') return 'expected a list'
  }
  return issue.message
}

/** Names in the file may be anything: cut to what can't disturb a line of text. */
function segment(name: PropertyKey): string {
  return String(name)
    .slice(0, 32)
    .replace(/[^A-Za-z0-9._-]/g, '?')
}
