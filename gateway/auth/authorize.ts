/**
 * Who may do what: the token of a request, checked as the configured mode says, against an action in a room.
 *
 * Whoever shows a token is judged by that token alone: one that is wrong or has ended is refused, also where nobody needs
 * one, and is never treated as if it weren't there. Tokens of private rooms are taken in every mode. An open room asks
 * for what the mode asks for; a private one only ever opens to its own tokens (the store compares the epoch).
 */
import type { IncomingMessage } from 'node:http'
import { type Eventual, whenKnown } from '../eventual.ts'
import type { Action, Authorize, Denied, Granted, Judged } from '../hooks.ts'
import { type Refusal, refusals } from '../refusal.ts'
import type { Found, Pass } from '../store.ts'
import { bearerOf } from './bearer.ts'
import type { Denials } from './denials.ts'
import { allows, type Identity, isOperator } from './rights.ts'
import { checkRoomToken, isRoomToken, type RoomToken } from './room-tokens.ts'
import type { Secrets } from './secrets.ts'
import { Verified } from './verified.ts'

type Shown =
  | { readonly kind: 'identity'; readonly identity: Identity; readonly expiresAtMs: number | undefined }
  | { readonly kind: 'room'; readonly token: RoomToken; readonly expiresAtMs: number }

export interface Authorizer {
  readonly authorize: Authorize
  /** After the secrets have changed: no token counts before it has been checked again. */
  forget(): void
}

export interface AuthorizerOptions {
  /** Asked for each token, so that they can be exchanged. */
  readonly secrets: () => Secrets
  /** Time of the day. */
  readonly nowMs: () => number
  /** Whom to count those without a name for. */
  readonly addressOf: (incoming: IncomingMessage) => string
  readonly denials: Denials
}

export function createAuthorizer({ secrets, nowMs, addressOf, denials }: AuthorizerOptions): Authorizer {
  const verified = new Verified<Shown>()

  const show = (token: string, address: string): Eventual<Found<Shown>> => {
    const known = verified.get(token, address, nowMs())
    return known === undefined ? verify(token, address) : { ok: true, value: known }
  }
  const verify = async (token: string, address: string): Promise<Found<Shown>> => {
    const place = verified.wasGood(token, address) ? undefined : denials.attempt(address)
    if (place?.ok === false) return place
    const using = secrets()
    const shown = await check(token, using, nowMs())
    if (shown.ok) {
      place?.value()
      // not by secrets that were exchanged meanwhile
      if (using === secrets()) verified.add(token, address, shown.value, nowMs())
      return shown
    }
    const isItsFault = shown.refusal.status === 401
    if (!isItsFault) place?.value()
    else if (place === undefined) verified.drop(token, address)
    return shown
  }

  return {
    forget: () => verified.expireAll(),
    authorize(incoming, action, roomId) {
      const address = addressOf(incoming)
      const deny = (caller: string, refusal: Refusal): Denied => {
        const answer = refusal.status === 401 || refusal.status === 403 ? denials.deny(caller, refusal) : refusal
        return { ok: false, refusal: answer, caller }
      }
      const bearer = bearerOf(incoming)
      if (!bearer.ok) return deny(address, bearer.refusal)
      if (bearer.value === undefined) {
        const granted = anonymous(secrets(), address, action)
        return granted.ok ? granted : deny(address, granted.refusal)
      }
      return whenKnown(show(bearer.value, address), (shown): Judged => {
        // it has been counted
        if (!shown.ok) return { ...shown, caller: address }
        const granted =
          shown.value.kind === 'room'
            ? grantRoom(shown.value.token, address, action, roomId)
            : grantIdentity(shown.value.identity, address, action, roomId)
        return granted.ok ? granted : deny(callerOf(shown.value, address), granted.refusal)
      })
    },
  }
}

/** Whom a request is counted for that shows this. */
function callerOf(shown: Shown, address: string): string {
  return shown.kind === 'room' ? address : (shown.identity.caller ?? address)
}

async function check(token: string, { identify, roomSecret }: Secrets, nowMs: number): Promise<Found<Shown>> {
  if (isRoomToken(token)) {
    const found = await checkRoomToken(token, roomSecret, nowMs)
    if (!found.ok) return found
    return { ok: true, value: { kind: 'room', token: found.value, expiresAtMs: found.value.expiresAtMs } }
  }
  if (identify === undefined) return { ok: false, refusal: refusals.tokenInvalid() }
  const found = await identify(token, nowMs)
  if (!found.ok) return found
  return { ok: true, value: { kind: 'identity', identity: found.value, expiresAtMs: found.value.expiresAtMs } }
}

/** Without a token: in open mode everything but what belongs to the owner of a room. */
function anonymous({ identify }: Secrets, address: string, action: Action): Found<Granted> {
  if (identify !== undefined || action === 'remove' || action === 'mint') {
    return { ok: false, refusal: refusals.unauthorized() }
  }
  return { ok: true, value: { caller: address, pass: undefined } }
}

function grantIdentity(identity: Identity, address: string, action: Action, roomId: string): Found<Granted> {
  if (action === 'mint' || !allows(identity, action, roomId)) return { ok: false, refusal: refusals.forbidden() }
  const pass: Pass = isOperator(identity, action) ? '*' : undefined
  const { caller = address, expiresAtMs } = identity
  return { ok: true, value: { caller, pass, expiresAtMs } }
}

/** Counted by address: whoever has the owner's token can make as many others as they like. */
function grantRoom(token: RoomToken, address: string, action: Action, roomId: string): Found<Granted> {
  const { room, epoch, expiresAtMs, index } = token
  if (room !== roomId || !roomTokenAllows(token, action)) return { ok: false, refusal: refusals.forbidden() }
  return { ok: true, value: { caller: address, pass: epoch, expiresAtMs, sender: index } }
}

function roomTokenAllows({ isOwner, rights }: RoomToken, action: Action): boolean {
  switch (action) {
    case 'subscribe':
    case 'publish':
    case 'index':
    case 'state':
      return rights.has(action)
    case 'mint':
    case 'remove':
      return isOwner
    case 'create':
    case 'status':
      return false
    default:
      return action satisfies never
  }
}
