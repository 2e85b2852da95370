/**
 * Echo broadcast for 3 parties or more. After a broadcast round each party sends the hashes of all messages that it
 * got in it. Two honest parties that were told different things see it before they use anything. Then everybody shows
 * the signed messages on which views differ: two different ones with the same author's signature convict the author,
 * and nobody else. If nobody can show two, the session ends without naming anyone: the network, or a lying echo, could
 * have done it.
 *
 * Attacks.md, row 29.
 */

import { sha256 } from '@noble/hashes/sha2.js'
import { equalBytes } from '../base/bytes.ts'
import { DecodeError, type Fault } from '../base/errors.ts'
import { bytes, type Codec, decode, encode, fixed, list, struct } from '../wire/codec.ts'
import { BODY_LIMIT, type Envelope, envelopeCodec, verifyEnvelope } from '../wire/envelope.ts'
import { MAX_PARTIES, type Member } from './roster.ts'

/** Hashes of the round's messages, in the order of the signers, the sender's own among them. */
export interface Echo {
  readonly hashes: readonly Uint8Array[]
}

/** Encoded envelopes of the round's messages on which views differ. */
export interface Opening {
  readonly envelopes: readonly Uint8Array[]
}

export const echoCodec: Codec<Echo> = struct<Echo>({ hashes: list(fixed(32), 2, MAX_PARTIES) })
export const openingCodec: Codec<Opening> = struct<Opening>({
  envelopes: list(bytes(BODY_LIMIT / MAX_PARTIES), 0, MAX_PARTIES),
})

export function echoName(round: string): string {
  return `${round}/echo`
}

export function openingName(round: string): string {
  return `${round}/opening`
}

export function hashOf(body: Uint8Array): Uint8Array {
  return sha256(body)
}

/** Positions at which some peer's view is not ours. */
export function differences(mine: Echo, theirs: readonly Echo[]): readonly number[] {
  return mine.hashes.flatMap((h, i) =>
    theirs.every((t) => equalBytes(t.hashes[i] ?? new Uint8Array(0), h)) ? [] : [i],
  )
}

/**
 * Who signed two different messages for the same round: `mine` are the envelopes that we got, `shown` what others
 * showed. Pure; needs no secret.
 */
export function equivocators(
  mine: readonly Envelope[],
  shown: readonly Uint8Array[],
  members: readonly Member[],
): readonly Fault[] {
  const faults: Fault[] = []
  for (const raw of shown) {
    const other = decoded(raw)
    if (other === undefined) continue
    const ours = mine.find((e) => e.from === other.from)
    const author = members.find((m) => m.id === other.from)
    if (ours === undefined || author === undefined) continue
    const same =
      equalBytes(ours.session, other.session) &&
      ours.protocol === other.protocol &&
      ours.round === other.round &&
      ours.to === other.to
    if (!same || equalBytes(ours.body, other.body) || !verifyEnvelope(other, author.verifyKey)) continue
    if (faults.some((f) => f.culprit === author.id)) continue
    faults.push({
      culprit: author.id,
      protocol: ours.protocol,
      round: ours.round,
      code: 'ECHO_MISMATCH',
      check: 'equivocation',
      evidence: [encode(envelopeCodec, ours), raw],
    })
  }
  return faults
}

function decoded(raw: Uint8Array): Envelope | undefined {
  try {
    return decode(envelopeCodec, raw)
  } catch (e) {
    if (e instanceof DecodeError) return undefined
    throw e
  }
}
