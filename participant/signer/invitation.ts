/**
 * How a signing starts: a sealed invitation into the inbox of each other signer. It names the account, the signers and
 * what is to be signed, so that everybody hashes and judges that for itself.
 *
 * At its end may stand a permit and approvals. An invitation without them is encoded as it was before there were any; one
 * with them is passed over by a service of that time, which can't decode it.
 *
 * The meeting id is fresh for each signing and names its room. Being able to open a room proves nothing: everything
 * that counts is signed by members of the account's roster.
 */
import { bytesToHex, equalBytes } from '../base/bytes.ts'
import { DecodeError } from '../base/errors.ts'
import type { Random } from '../base/random.ts'
import { ACCOUNT_LIMIT, type KeyShare } from '../key-share/key-share.ts'
import type { ProtocolRounds } from '../party/party.ts'
import { type Identity, MAX_PARTIES, memberOf, type PartyId, rosterDigest } from '../party/roster.ts'
import { broadcastRound } from '../party/rounds.ts'
import { type Codec, decode, encode, fixed, list, nat, struct, text, u8, u32 } from '../wire/codec.ts'
import { decodePacket, type Envelope, encodePacket, signEnvelope, verifyEnvelope } from '../wire/envelope.ts'
import { seal, unseal } from '../wire/sealing.ts'
import { Transcript } from '../wire/transcript.ts'
import { type Authority, authorityCodec } from './authority.ts'
import { type Payload, payloadCodec } from './payload.ts'

/** What is asked of the others. */
export type Ask =
  /** Make a nonce and a signature, in one session. */
  | { readonly kind: 'sign'; readonly payload: Payload }
  /** Make a presignature that `owner` may spend. */
  | { readonly kind: 'presign'; readonly owner: PartyId }
  /** Sign with the presignature of this id (32 bytes), and answer in this room. */
  | {
      readonly kind: 'sign-presigned'
      readonly payload: Payload
      readonly presignature: Uint8Array
      readonly reply: string
    }

export interface Invitation {
  readonly account: string
  readonly epoch: number
  /** Digest of the account's roster. */
  readonly roster: Uint8Array
  readonly level: string
  readonly signers: readonly PartyId[]
  readonly ask: Ask
  /** Unix time in ms at which the initiator gives up. */
  readonly deadline: bigint
  /** Permit and approvals, for signers whose policy asks for them. */
  readonly authority?: Authority
}

const asks = {
  sign: struct<Extract<Ask, { kind: 'sign' }>>({ kind: constant('sign'), payload: payloadCodec }),
  presign: struct<Extract<Ask, { kind: 'presign' }>>({ kind: constant('presign'), owner: text(32) }),
  'sign-presigned': struct<Extract<Ask, { kind: 'sign-presigned' }>>({
    kind: constant('sign-presigned'),
    payload: payloadCodec,
    presignature: fixed(32),
    reply: text(64),
  }),
}
const ASK_KINDS = ['sign', 'presign', 'sign-presigned'] as const

/** The kind goes first, as one byte. */
const askCodec: Codec<Ask> = {
  write(w, ask) {
    u8.write(w, ASK_KINDS.indexOf(ask.kind))
    ;(asks[ask.kind] as Codec<Ask>).write(w, ask)
  },
  read(r) {
    const kind = ASK_KINDS[u8.read(r)]
    if (kind === undefined) throw new DecodeError('invitation: expected a known kind')
    return asks[kind].read(r)
  },
}

/** Takes no bytes. */
function constant<T>(value: T): Codec<T> {
  return { write: () => undefined, read: () => value }
}

const base = struct<Omit<Invitation, 'authority'>>({
  account: text(ACCOUNT_LIMIT),
  epoch: u32,
  roster: fixed(32),
  level: text(32),
  signers: list(text(32), 2, MAX_PARTIES),
  ask: askCodec,
  deadline: nat(56),
})

/** The authority is last, and there when anything is left: each invitation still has one encoding. */
const codec: Codec<Invitation> = {
  write(w, value) {
    base.write(w, value)
    if (value.authority !== undefined) authorityCodec.write(w, value.authority)
  },
  read(r) {
    const value = base.read(r)
    return r.remaining === 0 ? value : Object.freeze({ ...value, authority: authorityCodec.read(r) })
  },
}

const PROTOCOL = 'meet'
const ROUND = 'invitation'

export interface Join {
  /** Hash of the invitation that the party answers: all signers were invited to the same. */
  readonly invitation: Uint8Array
  readonly nonce: Uint8Array
}

export const join = broadcastRound('join', struct<Join>({ invitation: fixed(32), nonce: fixed(32) }))
export const meetRounds: ProtocolRounds = { protocol: PROTOCOL, rounds: [join] }

export function makeInvitation(
  share: KeyShare,
  signers: readonly PartyId[],
  ask: Ask,
  deadline: number,
  authority?: Authority,
): Invitation {
  const { account, epoch, roster, level } = share
  return {
    account,
    epoch,
    roster: rosterDigest(roster),
    level: level.name,
    signers,
    ask,
    deadline: BigInt(deadline),
    ...(authority === undefined ? {} : { authority }),
  }
}

export function invitationHash(meeting: Uint8Array, invitation: Invitation): Uint8Array {
  return new Transcript('invitation').bytes('meeting', meeting).value('invitation', codec, invitation).digest()
}

/** The room in which the signers of a meeting talk. */
export function meetingRoom(meeting: Uint8Array): string {
  return `session-${bytesToHex(new Transcript('meeting room').bytes('meeting', meeting).digest().slice(0, 20))}`
}

/** More than a signing of so many parties needs: somebody who puts more into its room ends it. */
export function meetingBytes(signers: number): number {
  return 1_048_576 + 65_536 * signers ** 2
}

/** The packet for the inbox of `to`. */
export function sealInvitation(
  share: KeyShare,
  meeting: Uint8Array,
  to: PartyId,
  invitation: Invitation,
  random: Random,
): Uint8Array {
  const message = {
    session: meeting,
    protocol: PROTOCOL,
    round: ROUND,
    from: share.identity.id,
    to,
    body: encode(codec, invitation),
  }
  const envelope = signEnvelope(message, share.identity.signingKey)
  return encodePacket(seal(envelope, memberOf(share.roster, to).sealKey, random))
}

export interface ReceivedInvitation {
  readonly meeting: Uint8Array
  readonly from: PartyId
  readonly invitation: Invitation
  readonly envelope: Envelope
}

/** What the packet says, if it is an invitation sealed to us; who signed it is not checked yet. */
export function openInvitation(raw: Uint8Array, identity: Identity): ReceivedInvitation | undefined {
  try {
    const packet = decodePacket(raw)
    if (packet.kind !== 'sealed' || packet.to !== identity.id) return undefined
    const envelope = unseal(packet, identity.sealingKey)
    if (envelope.protocol !== PROTOCOL || envelope.round !== ROUND) return undefined
    return { meeting: envelope.session, from: envelope.from, invitation: decode(codec, envelope.body), envelope }
  } catch (e) {
    if (e instanceof DecodeError) return undefined
    throw e
  }
}

/** The invitation is signed by a member of the share's roster other than ourselves. */
export function isFromPeer(share: KeyShare, { envelope, from }: ReceivedInvitation): boolean {
  const member = share.roster.members.find((m) => m.id === from)
  return member !== undefined && from !== share.identity.id && verifyEnvelope(envelope, member.verifyKey)
}

/** Why an invitation from a peer can't be taken, as a stop reason; undefined when it fits our share. */
export function invitationProblem(share: KeyShare, from: PartyId, i: Invitation): string | undefined {
  const order = share.roster.members.map((m) => m.id).filter((id) => i.signers.includes(id))
  if (!equalBytes(i.roster, rosterDigest(share.roster)) || i.level !== share.level.name) return 'ROSTER'
  if (i.epoch !== share.epoch) return 'EPOCH'
  const fits = order.length === share.core.threshold && order.length === i.signers.length
  if (!fits || order.some((id, at) => id !== i.signers[at])) return 'SIGNERS'
  if (!i.signers.includes(from) || !i.signers.includes(share.identity.id)) return 'SIGNERS'
  if (i.ask.kind === 'presign' && !i.signers.includes(i.ask.owner)) return 'SIGNERS'
  return undefined
}
