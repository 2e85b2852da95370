/**
 * A signature from a presignature, between two signers: the owner asks, the other one answers with its partial
 * signature, and the owner checks it and adds its own. One exchange (design: warm signing; CGGMP24, Fig. 10).
 *
 * Only for two: with more, the owner could tell each of the others to sign something else with the same nonce, and a
 * round in which they agree would cost what the cold path costs.
 */
import { equalBytes } from '../base/bytes.ts'
import { DecodeError, type Fault } from '../base/errors.ts'
import type { Random } from '../base/random.ts'
import type { KeyShare } from '../key-share/key-share.ts'
import { abortOf, type Stop, sealStop, stoppedBy } from '../party/mailbox.ts'
import { memberOf, type PartyId } from '../party/roster.ts'
import { viewed } from '../party/view.ts'
import type { Signature } from '../protocols/material.ts'
import { presignedContext, sessionOf } from '../protocols/session-context.ts'
import { checkPartial, combinePartials, one, partial, tryCombine } from '../protocols/sign/protocol.ts'
import { decode, encode } from '../wire/codec.ts'
import {
  decodePacket,
  type Envelope,
  encodePacket,
  envelopeCodec,
  signEnvelope,
  verifyEnvelope,
} from '../wire/envelope.ts'
import { unseal } from '../wire/sealing.ts'
import type { Presigned } from './pool.ts'

const PROTOCOL = 'sign'

/** The answer to the owner: our partial signature. Uses the presignature up. */
export function answerPacket(share: KeyShare, presigned: Presigned, digest: Uint8Array): Uint8Array {
  const { identity } = share
  const sigma = partial(presigned.presignature, digest)
  const envelope = signEnvelope(
    {
      session: sessionOf(presignedContext(presigned.context, digest)),
      protocol: PROTOCOL,
      round: one.name,
      from: identity.id,
      to: '',
      body: encode(viewed(one.codec), { view: presigned.view, message: { sigma } }),
    },
    identity.signingKey,
  )
  return encodePacket({ kind: 'clear', envelope })
}

/** Why there is no partial signature, sealed to who asked. */
export function refusalPacket(
  share: KeyShare,
  meeting: Uint8Array,
  to: PartyId,
  stop: Stop,
  random: Random,
): Uint8Array {
  return sealStop({ session: meeting, identity: share.identity, roster: share.roster, random }, to, stop)
}

/**
 * What came into the room for answers, if it is one from `peer` to this meeting or with this presignature; undefined for
 * anything else, which the network may have made. Throws PeerStopped for a refusal.
 */
export function openAnswer(
  raw: Uint8Array,
  at: { readonly share: KeyShare; readonly meeting: Uint8Array; readonly session: Uint8Array; readonly peer: PartyId },
): Envelope | undefined {
  const { share, meeting, session, peer } = at
  const { verifyKey } = memberOf(share.roster, peer)
  try {
    const packet = decodePacket(raw)
    if (packet.kind === 'sealed') {
      if (packet.to !== share.identity.id || !equalBytes(packet.session, meeting)) return undefined
      const said = unseal(packet, share.identity.sealingKey)
      const isStop = said.from === peer && said.protocol === 'session' && said.round === 'stop'
      if (!isStop || !equalBytes(said.session, meeting) || !verifyEnvelope(said, verifyKey)) return undefined
      throw stoppedBy(peer, said)
    }
    const e = packet.envelope
    const isOurs = e.from === peer && e.to === '' && e.protocol === PROTOCOL && e.round === one.name
    return isOurs && equalBytes(e.session, session) && verifyEnvelope(e, verifyKey) ? e : undefined
  } catch (e) {
    if (e instanceof DecodeError) return undefined
    throw e
  }
}

/** The signature from the peer's partial one and ours. Uses the presignature up. Throws ProtocolAbort naming the peer. */
export function finish(presigned: Presigned, digest: Uint8Array, answer: Envelope): Signature {
  const { presignature } = presigned
  const failed = (code: Fault['code'], check: string): never => {
    const { from: culprit, protocol, round } = answer
    const evidence = [encode(envelopeCodec, answer)]
    throw abortOf([{ culprit, protocol, round, code, check, evidence, record: presigned.record }])
  }
  const { view, message } = decodeAnswer(answer, failed)
  if (!equalBytes(view, presigned.view)) return failed('VIEW', 'view')
  const sigmas = [partial(presignature, digest), message.sigma]
  const signature = tryCombine(presignature, digest, sigmas)
  if (signature !== undefined) return signature
  const wrong = checkPartial(presignature, digest, answer.from, message.sigma)
  return wrong === undefined ? combinePartials(presignature, digest, sigmas) : failed(wrong.code, wrong.check)
}

function decodeAnswer(answer: Envelope, failed: (code: Fault['code'], check: string) => never) {
  try {
    return decode(viewed(one.codec), answer.body)
  } catch (e) {
    if (e instanceof DecodeError) return failed('DECODE', `decode: ${e.message}`)
    throw e
  }
}
