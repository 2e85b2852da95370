/**
 * The kinds of value a configuration key can have.
 *
 * Every field carries one sentence that says what it expects. That sentence is the whole error text, so that a mistake
 * in a file, a variable or a flag reads the same and a value, which may be a secret, is never printed.
 */
import { isIP } from 'node:net'
import { z } from 'zod'

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
export const LOG_FORMATS = ['json', 'pretty'] as const

export type LogLevel = (typeof LOG_LEVELS)[number]
export type LogFormat = (typeof LOG_FORMATS)[number]

/** An integer from `min` to `max`, both included. */
export function integer(min: number, max: number): z.ZodNumber {
  const error = `expected an integer from ${min} to ${max}`
  return z.number({ error }).int({ error }).min(min, { error }).max(max, { error })
}

export function boolean(): z.ZodBoolean {
  return z.boolean({ error: 'expected true or false' })
}

/** Text of 1 to `maxLength` characters, none of them a control character. */
export function text(what: string, maxLength = 4096) {
  const error = `expected ${what}`
  return z
    .string({ error })
    .min(1, { error })
    .max(maxLength, { error })
    .refine((value) => !/\p{Cc}/u.test(value), { error })
}

export function oneOf<const T extends readonly string[]>(values: T) {
  return z.enum(values, { error: `expected one of ${values.join(', ')}` })
}

export function listOf<T extends z.ZodType>(item: T, what: string) {
  const error = `expected a list of ${what}`
  return z.array(item, { error })
}

/** Base address of a gateway: http or https, may have a path, no credentials, query or fragment. Ends without a slash. */
export function gatewayUrl() {
  const error = 'expected an http or https address without user, password, query or fragment'
  return z
    .string({ error })
    .refine(isGatewayUrl, { error })
    .overwrite((value) => value.replace(/\/+$/, ''))
}

function isGatewayUrl(value: string): boolean {
  if (!/^https?:\/\//i.test(value) || /[\s\\?#]/.test(value) || !URL.canParse(value)) return false
  const url = new URL(value)
  return url.username === '' && url.password === ''
}

/** An IPv4 or IPv6 address, or a network such as 10.0.0.0/8. */
export function addressRange() {
  const error = 'expected an address or a network, such as 127.0.0.1 or 10.0.0.0/8'
  return z.string({ error }).refine(isAddressRange, { error })
}

function isAddressRange(value: string): boolean {
  const [address = '', prefix, ...rest] = value.split('/')
  const family = address.includes('%') ? 0 : isIP(address)
  if (family === 0 || rest.length > 0) return false
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 6 ? 128 : 32))
}

/** One entry of a CORS list: `*`, or an origin exactly as a browser sends it (scheme, host, port; no path, no slash). */
export function corsOrigin() {
  const error = 'expected * or an origin such as https://wallet.example (no path, no slash at the end)'
  return z.string({ error }).refine(isOrigin, { error })
}

function isOrigin(value: string): boolean {
  if (value === '*') return true
  if (!URL.canParse(value)) return false
  const url = new URL(value)
  // Schemes of apps and extensions have the opaque origin 'null' here, yet browsers send scheme://host for them.
  const origin = url.origin === 'null' ? `${url.protocol}//${url.host}` : url.origin
  return url.host !== '' && origin === value
}
