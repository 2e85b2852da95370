/**
 * What the files of a keystore folder are called. Account ids may hold anything printable, and there are file systems
 * for which A and a are one name: the start of a hash tells them apart, what is readable of the id is for people. The name
 * is no authority: the account is the one inside.
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '../../base/bytes.ts'

const READABLE = 40

function stem(account: string): string {
  const readable = account.replace(/[^A-Za-z0-9_-]+/g, '-').slice(0, READABLE)
  return `${readable}-${bytesToHex(sha256(utf8ToBytes(account))).slice(0, 16)}`
}

export function sealedName(account: string): string {
  return `${stem(account)}.sealed`
}

/** Of the record of what was seen last. */
export function recordName(account: string): string {
  return `${stem(account)}.seen`
}

/** Also those that somebody made with `age`, under any name. */
export function isSealedName(name: string): boolean {
  return /^[^.].*\.(sealed|age)$/.test(name)
}

export function isRecordName(name: string): boolean {
  return /^[^.].*\.seen$/.test(name)
}
