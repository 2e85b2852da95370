/**
 * Who may do what: the token of a request, checked as the configured mode says, against an action in a room.
 *
 * Whoever shows a token is judged by that token alone: one that is wrong or has ended is refused, also where nobody needs
 * one, and is never treated as if it weren't there. Tokens of private rooms are taken in every mode. An open room asks
 * for what the mode asks for; a private one only ever opens to its own tokens (the store compares the epoch).
 */
import type { IncomingMessage } from 'node:http'
import { type Eventual, whenKnown } from '../eventual.ts'
import type { Action, Authorize, Granted } from '../hooks.ts'
import { refusals } from '../refusal.ts'
import type { Found, Pass } from '../store.ts'
import { bearerOf } from './bearer.ts'
import { allows, type Identity, isOperator } from './rights.ts'
import { checkRoomToken, isRoomToken, type RoomToken } from './room-tokens.ts'
import type { Secrets } from './secrets.ts'
import { Verified } from './verified.ts'

type Shown =
  | { readonly kind: 'identity'; readonly identity: Identity; readonly expiresAtMs: number | undefined }
  | { readonly kind: 'room'; readonly token: RoomToken; readonly expiresAtMs: number }

export interface Authorizer {
  readonly authorize: Authorize
  /** Forgets which tokens were good, after the secrets have changed. */
  forget(): void
}

/** `secrets` is asked for each token, so that it can be exchanged. `addressOf` is whom to count those without a name for. */
export function createAuthorizer(
  secrets: () => Secrets,
  nowMs: () => number,
  addressOf: (incoming: IncomingMessage) => string,
): Authorizer {
  const verified = new Verified<Shown>()

  const show = (token: string): Eventual<Found<Shown>> => {
    const known = verified.get(token, nowMs())
    return known === undefined ? verify(token) : { ok: true, value: known }
  }
  const verify = async (token: string): Promise<Found<Shown>> => {
    const using = secrets()
    const shown = await check(token, using, nowMs())
    // not by secrets that were exchanged meanwhile
    if (shown.ok && using === secrets()) verified.add(token, shown.value, nowMs())
    return shown
  }

  return {
    forget: () => verified.clear(),
    authorize(incoming, action, roomId) {
      const bearer = bearerOf(incoming)
      if (!bearer.ok) return bearer
      if (bearer.value === undefined) return anonymous(secrets(), addressOf(incoming), action)
      return whenKnown(show(bearer.value), (shown): Found<Granted> => {
        if (!shown.ok) return shown
        return shown.value.kind === 'room'
          ? grantRoom(shown.value.token, addressOf(incoming), action, roomId)
          : grantIdentity(shown.value.identity, addressOf(incoming), action, roomId)
      })
    },
  }
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
