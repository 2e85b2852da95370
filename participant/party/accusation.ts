/**
 * What a party that stops says about others: faults with the messages that show them, so that whoever was not cheated
 * itself can check and name the same culprit. An accusation is the accuser's word until its receiver has checked it.
 */
import { equalBytes } from '../base/bytes.ts'
import { DecodeError, type Fault, type FaultCode } from '../base/errors.ts'
import { bytes, type Codec, decode, list, mapped, struct, text } from '../wire/codec.ts'
import { BODY_LIMIT, type Envelope, envelopeCodec, verifyEnvelope } from '../wire/envelope.ts'
import { MAX_PARTIES, memberOf, type PartyId, type Roster } from './roster.ts'
import { type Views, viewOf } from './view.ts'

/** For all accusations of one stop: two direct messages of any size fit, and the two largest of a protocol. */
const EVIDENCE_LIMIT = BODY_LIMIT - 32 * 1024
/** A message, and those of its author that it rests on. */
const ENVELOPES_LIMIT = 8
const NAME_LIMIT = 64
const CHECK_LIMIT = 200

type Accusation = Omit<Fault, 'record'>

export const accusationsCodec: Codec<readonly Accusation[]> = list(
  struct<Accusation>({
    culprit: text(NAME_LIMIT),
    protocol: text(NAME_LIMIT),
    round: text(NAME_LIMIT),
    // what is no code of ours fails its check, which has to find the same
    code: mapped(
      text(NAME_LIMIT),
      (code: FaultCode): string => code,
      (raw) => raw as FaultCode,
    ),
    check: text(CHECK_LIMIT),
    evidence: list(bytes(EVIDENCE_LIMIT), 1, ENVELOPES_LIMIT),
  }),
  0,
  MAX_PARTIES,
)

/** Those that can be shown and that fit into one message. */
export function accusationsOf(faults: readonly Fault[]): readonly Accusation[] {
  let left = EVIDENCE_LIMIT
  return faults.slice(0, MAX_PARTIES).flatMap(({ culprit, protocol, round, code, check, evidence }) => {
    const size = evidence.reduce((sum, e) => sum + e.length, 0)
    const fits = size <= left && new TextEncoder().encode(check).length <= CHECK_LIMIT
    if (!fits || evidence.length < 1 || evidence.length > ENVELOPES_LIMIT) return []
    left -= size
    return [{ culprit, protocol, round, code, check, evidence }]
  })
}

/** What a party knows of the session by itself. */
export interface OwnRecord {
  readonly session: Uint8Array
  readonly roster: Roster
  readonly peers: readonly PartyId[]
  readonly views: Views
  /** Every broadcast so far, signed by its sender. */
  readonly record: readonly Uint8Array[]
  /** As in ConnectionOptions. */
  readonly convicts: ((fault: Fault) => Promise<boolean>) | undefined
}

/** Those accusations that our own record proves, one for each culprit. */
export async function provenFaults(told: readonly Accusation[], mine: OwnRecord): Promise<readonly Fault[]> {
  const proven: Fault[] = []
  for (const accusation of told) {
    const { culprit } = accusation
    if (!mine.peers.includes(culprit) || proven.some((f) => f.culprit === culprit)) continue
    const fault = { ...accusation, record: mine.record }
    if (contradictsView(fault, mine) || (await mine.convicts?.(fault))) proven.push(fault)
  }
  return proven
}

/** A message that its author signed under another view than ours, although nobody was told anything else. */
function contradictsView(fault: Fault, { views, session, roster }: OwnRecord): boolean {
  const { culprit, code, protocol, round, evidence } = fault
  const mine = views.at(protocol, round)
  if (code !== 'VIEW' || mine?.isCertain !== true) return false
  const e = accusedMessage(evidence)
  return (
    e !== undefined &&
    e.from === culprit &&
    e.protocol === protocol &&
    e.round === round &&
    equalBytes(e.session, session) &&
    verifyEnvelope(e, memberOf(roster, culprit).verifyKey) &&
    !equalBytes(viewOf(e.body), mine.view)
  )
}

function accusedMessage(evidence: readonly Uint8Array[]): Envelope | undefined {
  try {
    const last = evidence.at(-1)
    return last === undefined ? undefined : decode(envelopeCodec, last)
  } catch (e) {
    if (e instanceof DecodeError) return undefined
    throw e
  }
}
