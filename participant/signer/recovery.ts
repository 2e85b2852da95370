/**
 * Shows that a key share which was brought back from a backup is the one that belongs to an account, without showing it:
 * a proof of knowledge of x with X = x·G, for the X that everybody else has for this party, in a message that is signed
 * with the party's identity key. The proof is for one account, epoch and moment.
 */

import { equalBytes } from '../base/bytes.ts'
import { DecodeError } from '../base/errors.ts'
import { type Random, systemRandom } from '../base/random.ts'
import type { KeyShare } from '../key-share/key-share.ts'
import { memberOf, type PartyId, rosterDigest } from '../party/roster.ts'
import { decode, encode } from '../wire/codec.ts'
import { type Envelope, envelopeCodec, signEnvelope, verifyEnvelope } from '../wire/envelope.ts'
import { Transcript } from '../wire/transcript.ts'
import { sch } from '../zk/sch.ts'

const PROTOCOL = 'recovery'
const ROUND = 'proof'

export interface Claim {
  readonly party: PartyId
  /** Unix time in ms. */
  readonly issuedAt: number
}

/** Bytes for `checkRecovery` of any other party of the account. */
export function proveRecovery(share: KeyShare, issuedAt: number, random: Random = systemRandom): Uint8Array {
  const { identity, core } = share
  const claim = { party: identity.id, issuedAt }
  const X = core.publicShares.get(identity.id)
  if (X === undefined) throw new DecodeError('key share: expected a public share of its owner')
  const proof = sch.prove(binding(share, claim), { X }, { x: core.x }, random)
  const body = encode(sch.codec(share.level), proof)
  const message = {
    session: sessionOf(share, claim),
    protocol: PROTOCOL,
    round: ROUND,
    from: identity.id,
    to: '',
    body,
  }
  return encode(envelopeCodec, signEnvelope(message, identity.signingKey))
}

export type RecoveryProblem = 'unknown party' | 'malformed' | 'identity' | 'share'

/** Why the proof doesn't show that the party has its share of this account; undefined when it does. */
export function checkRecovery(share: KeyShare, claim: Claim, proof: Uint8Array): RecoveryProblem | undefined {
  const X = share.core.publicShares.get(claim.party)
  if (X === undefined || claim.party === share.identity.id) return 'unknown party'
  let envelope: Envelope
  try {
    envelope = decode(envelopeCodec, proof)
    const isMeant = envelope.protocol === PROTOCOL && envelope.round === ROUND && envelope.to === ''
    if (!isMeant) return 'malformed'
    const { verifyKey } = memberOf(share.roster, claim.party)
    const isTheirs = envelope.from === claim.party && equalBytes(envelope.session, sessionOf(share, claim))
    if (!isTheirs || !verifyEnvelope(envelope, verifyKey)) return 'identity'
    const given = decode(sch.codec(share.level), envelope.body)
    return sch.verify(binding(share, claim), { X }, given) === undefined ? undefined : 'share'
  } catch (e) {
    if (e instanceof DecodeError) return 'malformed'
    throw e
  }
}

function binding(share: KeyShare, claim: Claim) {
  const { epoch, level } = share
  return { session: sessionOf(share, claim), epoch, level, prover: claim.party, verifier: '', slot: 'recovery' }
}

function sessionOf({ account, epoch, roster, core }: KeyShare, { party, issuedAt }: Claim): Uint8Array {
  return new Transcript('recovery')
    .text('account', account)
    .text('epoch', String(epoch))
    .bytes('roster', rosterDigest(roster))
    .bytes('public key', core.publicKey.toBytes(true))
    .text('party', party)
    .text('issued at', String(issuedAt))
    .digest()
}
