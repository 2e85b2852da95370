/**
 * Loaded into a program before its own code: writes every random draw of 16 bytes and more, and whatever is taken out of a
 * `Secret`, as hex lines to the file named by CANARY_FILE. With CANARY_LEAK it prints the first of them, as a control.
 */
import { appendFileSync } from 'node:fs'
import { Secret } from '../participant/base/secret.ts'

const { CANARY_FILE = '', CANARY_LEAK } = process.env
let leak = CANARY_LEAK === '1'

function note(value: unknown): void {
  if (Array.isArray(value)) for (const v of value) note(v)
  let hex: string | undefined
  if (typeof value === 'bigint') hex = (value < 0n ? -value : value).toString(16)
  else if (value instanceof Uint8Array) hex = Buffer.from(value).toString('hex')
  if (hex === undefined || hex.length < 32) return
  appendFileSync(CANARY_FILE, `${hex.length % 2 === 0 ? hex : `0${hex}`}\n`)
  if (leak) process.stderr.write(`leaked: ${BigInt(`0x${hex}`)}\n`)
  leak = false
}

const draw = crypto.getRandomValues
crypto.getRandomValues = function <T extends ArrayBufferView | null>(this: Crypto, array: T): T {
  draw.call(crypto, array as never)
  if (array instanceof Uint8Array && array.length >= 16) note(array)
  return array
}

const expose = Secret.prototype.expose
Secret.prototype.expose = function (this: Secret<unknown>) {
  const value = expose.call(this)
  note(value)
  return value
}
