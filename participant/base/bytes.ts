/** Byte strings: hex, base64, UTF-8, big-endian integers. Isomorphic; strict: one text per byte string. */
import { bytesToHex, concatBytes, hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { DecodeError } from './errors.ts'

export { bytesToHex, concatBytes, utf8ToBytes }

/** Lower-case hex without prefix, of even length. Throws DecodeError. */
export function fromHex(text: string): Uint8Array {
  if (!/^([0-9a-f]{2})*$/.test(text)) throw new DecodeError('expected lower-case hex digits, two for each byte')
  return hexToBytes(text)
}

/** As `concatBytes`, for as many as there are: a call with a hundred thousand arguments overflows the stack. */
export function joinBytes(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  let difference = 0
  for (let i = 0; i < a.length; i++) difference |= (a[i] as number) ^ (b[i] as number)
  return difference === 0
}

export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const n = Math.min(a.length, b.length)
  for (let i = 0; i < n; i++) {
    const d = (a[i] as number) - (b[i] as number)
    if (d !== 0) return d
  }
  return a.length - b.length
}

/** Big-endian, unsigned. The empty string is 0. */
export function bytesToBigint(bytes: Uint8Array): bigint {
  return bytes.length === 0 ? 0n : BigInt(`0x${bytesToHex(bytes)}`)
}

/** Big-endian in exactly `length` bytes; 0 ≤ value < 2^(8·length), else RangeError (the value is not quoted). */
export function bigintToBytes(value: bigint, length: number): Uint8Array {
  if (value < 0n) throw new RangeError('expected a non-negative integer')
  const hex = value === 0n ? '' : value.toString(16)
  if (hex.length > 2 * length) throw new RangeError(`expected an integer of at most ${length} bytes`)
  return hexToBytes(hex.padStart(2 * length, '0'))
}

export function bitLength(value: bigint): number {
  const v = value < 0n ? -value : value
  if (v === 0n) return 0
  const hex = v.toString(16)
  return 4 * (hex.length - 1) + (32 - Math.clz32(Number.parseInt(hex[0] as string, 16)))
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const VALUE = new Map([...ALPHABET].map((c, i) => [c, i]))

/** Standard base64 with padding (RFC 4648, section 4). */
export function toBase64(bytes: Uint8Array): string {
  let text = ''
  const chunk = 0x6000
  for (let i = 0; i < bytes.length; i += chunk) {
    text += btoa(String.fromCharCode(...bytes.subarray(i, i + chunk)))
  }
  return text
}

/** Strict: padding present, no white space, no slack bits. Throws DecodeError. */
export function fromBase64(text: string): Uint8Array {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) throw new DecodeError('expected base64')
  let binary: string
  try {
    binary = atob(text)
  } catch {
    throw new DecodeError('expected base64')
  }
  const bytes = new Uint8Array(binary.length)
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i)
  // Slack bits of the last character must be zero: there is one text for each byte string.
  const pad = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0
  if (pad > 0) {
    const last = VALUE.get(text[text.length - 1 - pad] as string) as number
    if ((last & (pad === 2 ? 15 : 3)) !== 0) throw new DecodeError('expected base64 without slack bits')
  }
  return bytes
}

/** Well-formed UTF-8 only. Throws DecodeError. */
export function fromUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw new DecodeError('expected well-formed UTF-8')
  }
}
