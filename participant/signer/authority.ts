/**
 * What a request carries besides its signature to show that it may be signed: a permit from a system that shares a secret
 * with the signer, and approvals from people with keys of their own. Both are about exactly one request: its id, the
 * account, the 32 bytes that are signed, and a time after which they are void. Whether they are needed, from whom and how
 * often, is for the signer's policy.
 *
 * The bytes under the HMAC and under a signature are, in this order, each with its length as four bytes before it:
 *
 *   permit      'wallet-mpc permit v1'     request id   account          digest   expiry
 *   approval    'wallet-mpc approval v1'   request id   account   kind   digest   expiry
 *
 * Text is UTF-8, the digest has 32 bytes, the expiry is Unix time in seconds as 8 bytes, big-endian.
 */
import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { bigintToBytes, equalBytes, joinBytes, utf8ToBytes } from '../base/bytes.ts'
import { DecodeError } from '../base/errors.ts'
import type { Secret } from '../base/secret.ts'
import { bytes, type Codec, encode, fixed, list, nat, struct, text, u8 } from '../wire/codec.ts'
import { curve25519 } from '../wire/curve25519.ts'

/** What a permit or an approval is about. */
export interface Request {
  /** 1 to 64 letters, digits, dots, dashes, underscores and colons; whoever makes permits gives each request its own. */
  readonly id: string
  readonly account: string
  /** The 32 bytes that are signed. */
  readonly digest: Uint8Array
}

export interface Permit {
  /** Unix time in seconds. */
  readonly expires: number
  /** HMAC-SHA256, 32 bytes. */
  readonly tag: Uint8Array
}

export interface Approval {
  /** The approver's Ed25519 key, 32 bytes. */
  readonly approver: Uint8Array
  /** Unix time in seconds. */
  readonly expires: number
  /** 64 bytes. */
  readonly signature: Uint8Array
}

/** As an invitation carries it: there is at least one of the two. */
export interface Authority {
  readonly requestId: string
  readonly permit?: Permit
  readonly approvals: readonly Approval[]
}

export const REQUEST_ID = /^[A-Za-z0-9._:-]{1,64}$/
export const APPROVALS_LIMIT = 32
/** Past the year 9999; far below 2^53. */
const TIME_BITS = 40

export function permitTag(key: Secret<Uint8Array>, request: Request, expires: number): Uint8Array {
  const { id, account, digest } = request
  const fields = [utf8ToBytes(id), utf8ToBytes(account), digest]
  return hmac(sha256, key.expose(), canonical('wallet-mpc permit v1', fields, expires))
}

/** In constant time. That it has not expired is for the caller to see. */
export function isPermit(key: Secret<Uint8Array>, request: Request, { expires, tag }: Permit): boolean {
  return equalBytes(permitTag(key, request, expires), tag)
}

/** What an approver signs. `kind` is what the policy calls the kind of thing that is signed, so that nobody approves one for another. */
export function approvalBytes({ id, account, digest }: Request, kind: string, expires: number): Uint8Array {
  return canonical(
    'wallet-mpc approval v1',
    [utf8ToBytes(id), utf8ToBytes(account), utf8ToBytes(kind), digest],
    expires,
  )
}

/** That it has not expired, and that the key is one of an approver, is for the caller to see. */
export function isApproval(request: Request, kind: string, { approver, expires, signature }: Approval): boolean {
  return curve25519.verify(signature, approvalBytes(request, kind, expires), approver)
}

/** How many byte strings there are is fixed by the label. */
function canonical(label: string, fields: readonly Uint8Array[], expires: number): Uint8Array {
  const all = [utf8ToBytes(label), ...fields, bigintToBytes(BigInt(expires), 8)]
  return joinBytes(all.map((field) => encode(bytes(1024), field)))
}

const time: Codec<number> = {
  write: (w, value) => nat(TIME_BITS).write(w, BigInt(value)),
  read: (r) => Number(nat(TIME_BITS).read(r)),
}
const permitCodec = struct<Permit>({ expires: time, tag: fixed(32) })
const approvalCodec = struct<Approval>({ approver: fixed(32), expires: time, signature: fixed(64) })
const permits = list(permitCodec, 0, 1)
const approvals = list(approvalCodec, 0, APPROVALS_LIMIT)
/** Its first byte, so that another form can follow one day. */
const VERSION = 1

/** One that is empty is not encoded: an invitation without any has none. */
export const authorityCodec: Codec<Authority> = {
  write(w, value) {
    if (isEmpty(value)) throw new RangeError('expected a permit or an approval')
    u8.write(w, VERSION)
    text(64).write(w, value.requestId)
    permits.write(w, value.permit === undefined ? [] : [value.permit])
    approvals.write(w, value.approvals)
  },
  read(r) {
    if (u8.read(r) !== VERSION) throw new DecodeError('authority: expected version 1')
    const requestId = text(64).read(r)
    if (!REQUEST_ID.test(requestId)) throw new DecodeError('authority: expected a request id')
    const [permit] = permits.read(r)
    const value = Object.freeze({
      requestId,
      ...(permit === undefined ? {} : { permit }),
      approvals: approvals.read(r),
    })
    if (isEmpty(value)) throw new DecodeError('authority: expected a permit or an approval')
    return value
  },
}

function isEmpty(value: Authority): boolean {
  return value.permit === undefined && value.approvals.length === 0
}
