/**
 * Permits and approvals as files that people and systems pass around, and the keys that make them.
 *
 * A key is a file of hex digits and nothing else: 32 to 64 bytes shared between whoever makes permits and the signer; the
 * 32 bytes of an approver's Ed25519 key, the secret part.
 */
import { ed25519 } from '@noble/curves/ed25519.js'
import { bytesToHex, fromHex } from '../base/bytes.ts'
import { DecodeError } from '../base/errors.ts'
import type { Secret } from '../base/secret.ts'
import { curve25519 } from '../wire/curve25519.ts'
import {
  type Approval,
  type Authority,
  approvalBytes,
  type Permit,
  permitTag,
  REQUEST_ID,
  type Request,
} from './authority.ts'

/** What a file is about, and for how long; what a person should look at before it is used. */
interface About {
  readonly version: 1
  readonly request: string
  readonly account: string
  /** 64 hex digits. */
  readonly digest: string
  /** Unix time in seconds. */
  readonly expires: number
}

export type PermitFile = About & { readonly type: 'permit'; readonly tag: string }
export type ApprovalFile = About & {
  readonly type: 'approval'
  readonly kind: string
  readonly approver: string
  readonly signature: string
}

export function makePermitFile(key: Secret<Uint8Array>, request: Request, expires: number): PermitFile {
  return { type: 'permit', ...aboutOf(request, expires), tag: bytesToHex(permitTag(key, request, expires)) }
}

export function makeApprovalFile(
  key: Secret<Uint8Array>,
  request: Request,
  kind: string,
  expires: number,
): ApprovalFile {
  return {
    type: 'approval',
    ...aboutOf(request, expires),
    kind,
    approver: bytesToHex(approverOf(key)),
    signature: bytesToHex(curve25519.sign(approvalBytes(request, kind, expires), key)),
  }
}

/** The public key of an approver, 32 bytes. */
export function approverOf(key: Secret<Uint8Array>): Uint8Array {
  return ed25519.getPublicKey(key.expose())
}

/**
 * One authority out of the files for one request. Throws DecodeError for a file that is none, that is about another
 * account or digest, or for two that are about different requests.
 */
export function authorityOf(files: readonly string[], about: Omit<Request, 'id'>): Authority | undefined {
  const permits: Permit[] = []
  const approvals: Approval[] = []
  const ids = new Set<string>()
  for (const text of files) {
    const file = parse(text)
    if (file['account'] !== about.account) throw new DecodeError('expected one for this account')
    if (textOf(file, 'digest', /^[0-9a-f]{64}$/) !== bytesToHex(about.digest)) {
      throw new DecodeError('expected one for what is to be signed: its digest is another')
    }
    ids.add(textOf(file, 'request', REQUEST_ID))
    const expires = timeOf(file)
    if (file['type'] === 'permit') {
      permits.push({ expires, tag: fromHex(textOf(file, 'tag', /^[0-9a-f]{64}$/)) })
    } else if (file['type'] === 'approval') {
      const approver = fromHex(textOf(file, 'approver', /^[0-9a-f]{64}$/))
      approvals.push({ approver, expires, signature: fromHex(textOf(file, 'signature', /^[0-9a-f]{128}$/)) })
    } else throw new DecodeError('type: expected permit or approval')
  }
  if (ids.size > 1) throw new DecodeError('request: expected the same id in each')
  if (permits.length > 1) throw new DecodeError('expected at most one permit')
  const [requestId] = ids
  const [permit] = permits
  return requestId === undefined ? undefined : { requestId, ...(permit === undefined ? {} : { permit }), approvals }
}

/** Undefined when it is no key. White space around it does not count. */
export function parsePermitKey(text: string): Uint8Array | undefined {
  return /^([0-9a-f]{2}){32,64}$/.test(text.trim()) ? fromHex(text.trim()) : undefined
}

/** Undefined when it is no key. White space around it does not count. */
export function parseApproverKey(text: string): Uint8Array | undefined {
  return /^[0-9a-f]{64}$/.test(text.trim()) ? fromHex(text.trim()) : undefined
}

function aboutOf({ id, account, digest }: Request, expires: number): About {
  return { version: 1, request: id, account, digest: bytesToHex(digest), expires }
}

function parse(text: string): Readonly<Record<string, unknown>> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new DecodeError('expected JSON')
  }
  if (typeof value !== 'object' || value === null) throw new DecodeError('expected a permit or an approval')
  const file = value as Readonly<Record<string, unknown>>
  if (file['version'] !== 1) throw new DecodeError('version: expected 1')
  return file
}

function textOf(file: Readonly<Record<string, unknown>>, key: string, form: RegExp): string {
  const value = file[key]
  if (typeof value !== 'string' || !form.test(value)) throw new DecodeError(`${key}: not of the form that it must have`)
  return value
}

function timeOf(file: Readonly<Record<string, unknown>>): number {
  const { expires } = file as { readonly expires?: unknown }
  if (typeof expires !== 'number' || !Number.isSafeInteger(expires) || expires < 0 || expires >= 2 ** 40) {
    throw new DecodeError('expires: expected Unix time in seconds')
  }
  return expires
}
