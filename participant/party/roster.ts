/**
 * Who takes part: the roster of a key share pins everybody's name, evaluation point and public identity keys.
 */
import { ed25519, x25519 } from '@noble/curves/ed25519.js'
import { bytesToHex, equalBytes } from '../base/bytes.ts'
import { UsageError } from '../base/errors.ts'
import type { Random } from '../base/random.ts'
import { type Secret, secret } from '../base/secret.ts'
import { type Codec, fixed, list, struct, text, u16 } from '../wire/codec.ts'
import { Transcript } from '../wire/transcript.ts'

/** A party's name: 1 to 32 letters, digits, dots, dashes or underscores, starting with a letter or digit. */
export type PartyId = string

export const PARTY_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$/

/** The most parties that a roster may have. */
export const MAX_PARTIES = 32

export interface Member {
  readonly id: PartyId
  /** Evaluation point of the sharing, 1 … n. */
  readonly index: number
  /** Ed25519 public key, 32 bytes: verifies the member's envelopes. */
  readonly verifyKey: Uint8Array
  /** X25519 public key, 32 bytes: seals direct messages to the member. */
  readonly sealKey: Uint8Array
}

/** Members in the order of their index. */
export interface Roster {
  readonly members: readonly Member[]
}

/** A party's own long-term keys. */
export interface Identity {
  readonly id: PartyId
  readonly signingKey: Secret<Uint8Array>
  readonly sealingKey: Secret<Uint8Array>
  readonly verifyKey: Uint8Array
  readonly sealKey: Uint8Array
}

const memberCodec: Codec<Member> = struct<Member>({
  id: text(32),
  index: u16,
  verifyKey: fixed(32),
  sealKey: fixed(32),
})
export const rosterCodec: Codec<Roster> = struct<Roster>({ members: list(memberCodec, 2, MAX_PARTIES) })

export function createIdentity(id: PartyId, random: Random): Identity {
  return identityOf(id, secret(random.bytes(32)), secret(random.bytes(32)))
}

/** From the two 32-byte secret keys. */
export function identityOf(id: PartyId, signingKey: Secret<Uint8Array>, sealingKey: Secret<Uint8Array>): Identity {
  if (!PARTY_ID.test(id))
    throw new UsageError('party name: expected 1 to 32 letters, digits, dots, dashes or underscores')
  return {
    id,
    signingKey,
    sealingKey,
    verifyKey: ed25519.getPublicKey(signingKey.expose()),
    sealKey: x25519.getPublicKey(sealingKey.expose()),
  }
}

/**
 * Members get the indices 1 … n in the order of their names, so that everybody who knows the same members makes the
 * same roster. Throws UsageError for fewer than 2, more than MAX_PARTIES, or names or keys that occur twice.
 */
export function makeRoster(members: readonly Omit<Member, 'index'>[]): Roster {
  const sorted = [...members].sort((a, b) => (a.id < b.id ? -1 : 1))
  return checkRoster({
    members: sorted.map((m, i) => ({ id: m.id, index: i + 1, verifyKey: m.verifyKey, sealKey: m.sealKey })),
  })
}

/** Throws UsageError when the roster is not one that `makeRoster` could have made. */
export function checkRoster(roster: Roster): Roster {
  const { members } = roster
  if (members.length < 2 || members.length > MAX_PARTIES)
    throw new UsageError(`roster: expected 2 to ${MAX_PARTIES} members`)
  members.forEach((m, i) => {
    if (!PARTY_ID.test(m.id)) throw new UsageError(`roster: member ${i + 1} has no valid name`)
    if (m.index !== i + 1) throw new UsageError(`roster: expected index ${i + 1} for member ${m.id}`)
    if (m.verifyKey.length !== 32 || m.sealKey.length !== 32)
      throw new UsageError(`roster: keys of ${m.id}: expected 32 bytes`)
    const before = members[i - 1]
    if (before !== undefined && before.id >= m.id) throw new UsageError('roster: expected distinct names in order')
  })
  for (const key of ['verifyKey', 'sealKey'] as const) {
    if (new Set(members.map((m) => bytesToHex(m[key]))).size !== members.length) {
      throw new UsageError(`roster: two members have the same ${key === 'verifyKey' ? 'signing' : 'sealing'} key`)
    }
  }
  return roster
}

export function rosterDigest(roster: Roster): Uint8Array {
  return new Transcript('roster').value('roster', rosterCodec, roster).digest()
}

/** 80 bits of the roster's digest for people to compare, in five groups of four hex digits. */
export function fingerprint(roster: Roster): string {
  const hex = bytesToHex(rosterDigest(roster).slice(0, 10))
  return (hex.match(/.{4}/g) as string[]).join('-')
}

/** Throws UsageError when nobody has that name. */
export function memberOf(roster: Roster, id: PartyId): Member {
  const m = roster.members.find((x) => x.id === id)
  if (m === undefined) throw new UsageError('party: expected a member of the roster')
  return m
}

/** Throws UsageError unless the identity's public keys are the ones that the roster pins. */
export function requireMember(roster: Roster, identity: Identity): Member {
  const m = memberOf(roster, identity.id)
  if (!equalBytes(m.verifyKey, identity.verifyKey) || !equalBytes(m.sealKey, identity.sealKey)) {
    throw new UsageError(`identity keys of ${identity.id}: expected the ones in the roster`)
  }
  return m
}
