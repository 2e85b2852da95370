/**
 * Tokens of private rooms, with which two parties can meet without an operator: who makes a room gets its owner's token
 * and mints narrower ones for the others.
 *
 * They are JWTs that only this gateway reads (HS256 with its own secret, a type of their own, so that they are never
 * confused with those of an issuer), and nothing of them is stored. Each is for one room id and one epoch: when the room
 * goes, its tokens are worth nothing, also in a later room of the same id.
 */
import type { Buffer } from 'node:buffer'
import { randomUUID } from 'node:crypto'
import { decodeProtectedHeader, errors, type JWTPayload, jwtVerify, SignJWT } from 'jose'
import { z } from 'zod'
import { refusals } from '../refusal.ts'
import type { Found } from '../store.ts'

/** What an owner can pass on. Removing the room and minting stay with the owner. */
export const MINTABLE = ['subscribe', 'publish', 'index', 'state'] as const
export type Mintable = (typeof MINTABLE)[number]

const TYPE = 'room+jwt'
const ISSUER = 'sign-gateway'
const AUDIENCE = 'sign-gateway rooms'

export interface RoomToken {
  readonly room: string
  readonly epoch: string
  readonly isOwner: boolean
  readonly rights: ReadonlySet<Mintable>
  /** The one index whose messages its bearer may post. */
  readonly index: number | undefined
  readonly expiresAtMs: number
}

const claimsSchema = z.object({
  room: z.string(),
  epoch: z.string(),
  owner: z.boolean(),
  rights: z.array(z.enum(MINTABLE)),
  index: z.number().optional(),
  exp: z.number(),
})

/** Whether it says that it is one of ours; nothing is known of its signature yet. */
export function isRoomToken(token: string): boolean {
  try {
    return decodeProtectedHeader(token).typ === TYPE
  } catch {
    return false
  }
}

export function signRoomToken(token: RoomToken, secret: Buffer, nowMs: number): Promise<string> {
  const { room, epoch, isOwner, rights, index, expiresAtMs } = token
  return new SignJWT({ room, epoch, owner: isOwner, rights: [...rights], ...(index !== undefined && { index }) })
    .setProtectedHeader({ alg: 'HS256', typ: TYPE })
    .setIssuer(ISSUER)
    .setAudience(AUDIENCE)
    .setJti(randomUUID())
    .setIssuedAt(Math.floor(nowMs / 1000))
    .setExpirationTime(Math.floor(expiresAtMs / 1000))
    .sign(secret)
}

export async function checkRoomToken(token: string, secret: Buffer, nowMs: number): Promise<Found<RoomToken>> {
  let payload: JWTPayload
  try {
    const options = {
      algorithms: ['HS256'],
      typ: TYPE,
      issuer: ISSUER,
      audience: AUDIENCE,
      requiredClaims: ['exp'],
      currentDate: new Date(nowMs),
    }
    ;({ payload } = await jwtVerify(token, secret, options))
  } catch (error) {
    const expired = error instanceof errors.JWTExpired
    return { ok: false, refusal: expired ? refusals.tokenExpired() : refusals.tokenInvalid() }
  }
  const claims = claimsSchema.safeParse(payload)
  if (!claims.success) return { ok: false, refusal: refusals.tokenInvalid() }
  const { room, epoch, owner, rights, index, exp } = claims.data
  return {
    ok: true,
    value: { room, epoch, isOwner: owner, rights: new Set(rights), index, expiresAtMs: exp * 1000 },
  }
}
