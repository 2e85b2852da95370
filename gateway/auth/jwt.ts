/**
 * `auth.mode: jwt`: tokens that somebody else signs. Checked are, by jose: the signature under one of the configured
 * algorithms (never the one the token would like), issuer, audience, and `nbf`; here: the end, and how far away it is.
 *
 * The tolerance for clocks that differ holds for the beginning of a token only. Its end counts exactly, so that requests
 * are refused at the moment at which streams are ended.
 */
import { errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose'
import { z } from 'zod'
import { KeysUnavailable } from '../../config/edge/keys.ts'
import { type Refusal, refusals } from '../refusal.ts'
import type { Found } from '../store.ts'
import { type Identity, rightsSchema, roomsSchema } from './rights.ts'

export interface JwtOptions {
  readonly keys: JWTVerifyGetKey
  readonly algorithms: readonly string[]
  readonly issuer: string
  readonly audience: string
  readonly maxLifetimeSeconds: number
  readonly toleranceSeconds: number
}

/** Claims that say what a token allows; without them it allows nothing. */
const claimsSchema = z.object({
  sub: z.string().min(1).max(256).optional(),
  rights: rightsSchema.default([]),
  rooms: roomsSchema.default([]),
})

export async function checkJwt(token: string, o: JwtOptions, nowMs: number): Promise<Found<Identity>> {
  let payload: JWTPayload
  try {
    ;({ payload } = await jwtVerify(token, o.keys, {
      algorithms: [...o.algorithms],
      issuer: o.issuer,
      audience: o.audience,
      requiredClaims: ['exp', 'iss', 'aud'],
      clockTolerance: o.toleranceSeconds,
      currentDate: new Date(nowMs),
    }))
  } catch (error) {
    return { ok: false, refusal: refusalOf(error) }
  }
  const { exp = 0, iat } = payload
  const nowSeconds = nowMs / 1000
  if (exp <= nowSeconds) return { ok: false, refusal: refusals.tokenExpired() }
  const claims = claimsSchema.safeParse(payload)
  // a token without iat is as old as this moment
  const lifetimeSeconds = exp - Math.min(iat ?? nowSeconds, nowSeconds)
  if (lifetimeSeconds > o.maxLifetimeSeconds || !claims.success) return { ok: false, refusal: refusals.tokenInvalid() }
  const { sub, rights, rooms } = claims.data
  const caller = sub === undefined ? undefined : `jwt:${sub}`
  return { ok: true, value: { caller, rights: new Set(rights), rooms, expiresAtMs: exp * 1000 } }
}

/** What is wrong with a token is told only as far as its signature was good. */
function refusalOf(error: unknown): Refusal {
  if (error instanceof errors.JWTExpired) return refusals.tokenExpired()
  if (error instanceof errors.JWTClaimValidationFailed) {
    return error.claim === 'nbf' && error.reason === 'check_failed'
      ? refusals.tokenNotYetValid()
      : refusals.tokenInvalid()
  }
  if (error instanceof KeysUnavailable || error instanceof errors.JWKSInvalid) return refusals.keysUnavailable()
  return refusals.tokenInvalid()
}
