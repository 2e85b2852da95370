/**
 * Sorts what comes out of a room for one session: what is for us, from a peer, signed, and of a round that the
 * protocol knows. Everything else is dropped and blames nobody, since the network could have made it.
 *
 * At most one message for each sender and round is kept, so memory is bounded by the protocol, not by the sender. The
 * same bytes again are ignored; other bytes under the same sender and round are equivocation, shown by the two
 * signatures.
 */
import { bytesToHex, equalBytes } from '../base/bytes.ts'
import { DecodeError, type Fault } from '../base/errors.ts'
import { encode } from '../wire/codec.ts'
import { decodePacket, type Envelope, envelopeCodec, verifyEnvelope } from '../wire/envelope.ts'
import { unseal } from '../wire/sealing.ts'
import type { Identity, Member, PartyId } from './roster.ts'

export interface InboxOptions {
  readonly session: Uint8Array
  readonly identity: Identity
  readonly peers: readonly Member[]
  /** Name of every round, as `protocol/round`, and whether its messages are sealed. */
  readonly rounds: ReadonlyMap<string, 'broadcast' | 'direct'>
  /** As in ConnectionOptions. */
  readonly mayRestart?: boolean
  /** Called whenever something was kept or a fault was found. */
  readonly onChange: () => void
}

/** Several times what a protocol sends to one party; two of them fit into an accusation (accusation.ts). */
export const DIRECT_LIMIT = 224 * 1024

export class Inbox {
  readonly #o: InboxOptions
  readonly #kept = new Map<string, Envelope>()
  readonly #faults: Fault[] = []
  #dropped = 0

  constructor(options: InboxOptions) {
    this.#o = options
  }

  /** Packets that were not for this session, or not signed by a peer. */
  get dropped(): number {
    return this.#dropped
  }

  /** Equivocations seen so far. */
  get faults(): readonly Fault[] {
    return this.#faults
  }

  take(from: PartyId, protocol: string, round: string): Envelope | undefined {
    return this.#kept.get(keyOf(from, protocol, round))
  }

  accept(raw: Uint8Array): void {
    const envelope = this.#open(raw)
    if (envelope === undefined) {
      this.#dropped++
      return
    }
    const key = keyOf(envelope.from, envelope.protocol, envelope.round)
    const before = this.#kept.get(key)
    if (before === undefined) {
      this.#kept.set(key, envelope)
    } else if (equalBytes(before.body, envelope.body) || this.#o.mayRestart === true) {
      return
    } else if (!this.#faults.some((f) => f.culprit === envelope.from && f.round === envelope.round)) {
      this.#faults.push({
        culprit: envelope.from,
        protocol: envelope.protocol,
        round: envelope.round,
        code: 'DUPLICATE',
        check: 'equivocation',
        evidence: [encode(envelopeCodec, before), encode(envelopeCodec, envelope)],
      })
    }
    this.#o.onChange()
  }

  /** The envelope if it is from a peer, for us, in this session, in a known round, and signed. */
  #open(raw: Uint8Array): Envelope | undefined {
    const { session, identity, peers, rounds } = this.#o
    try {
      const packet = decodePacket(raw)
      let envelope: Envelope
      if (packet.kind === 'clear') {
        envelope = packet.envelope
      } else {
        if (packet.to !== identity.id || !equalBytes(packet.session, session)) return undefined
        envelope = unseal(packet, identity.sealingKey)
      }
      if (!equalBytes(envelope.session, session)) return undefined
      const sender = peers.find((m) => m.id === envelope.from)
      if (sender === undefined) return undefined
      // no protocol's name has a slash: with one, two envelopes could claim one key
      if (envelope.protocol.includes('/')) return undefined
      const kind = rounds.get(`${envelope.protocol}/${envelope.round}`)
      if (kind === undefined) return undefined
      // A direct message counts only when it came sealed to us, a broadcast only when it came in the clear.
      if (
        kind === 'direct'
          ? packet.kind !== 'sealed' || envelope.to !== identity.id || isTooLarge(envelope)
          : packet.kind !== 'clear' || envelope.to !== ''
      ) {
        return undefined
      }
      return verifyEnvelope(envelope, sender.verifyKey) ? envelope : undefined
    } catch (e) {
      if (e instanceof DecodeError) return undefined
      throw e
    }
  }
}

/** A stop is no evidence: it may be as large as any message. */
function isTooLarge({ protocol, body }: Envelope): boolean {
  return protocol !== 'session' && body.length > DIRECT_LIMIT
}

function keyOf(from: PartyId, protocol: string, round: string): string {
  return `${bytesToHex(new TextEncoder().encode(from))}/${protocol}/${round}`
}
