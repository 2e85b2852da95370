/** Packets of a fixture’s sessions, opened and made with the keys of all, and networks that change them. */
import assert from 'node:assert/strict'
import { systemRandom } from '../../participant/base/random.ts'
import type { Channel } from '../../participant/party/channel.ts'
import { type Identity, memberOf, type PartyId } from '../../participant/party/roster.ts'
import { type MemoryRoom, memoryRoom } from '../../participant/party/simulation.ts'
import type { Fixture } from '../../participant/protocols/testing.ts'
import {
  decodePacket,
  type Envelope,
  encodePacket,
  type Message,
  signEnvelope,
} from '../../participant/wire/envelope.ts'
import { seal, unseal } from '../../participant/wire/sealing.ts'

export function identityOf(f: Fixture, id: PartyId): Identity {
  return f.identities.get(id) ?? assert.fail('no such party')
}

/** What is in a packet. */
export function opened(f: Fixture, raw: Uint8Array): Envelope {
  const packet = decodePacket(raw)
  return packet.kind === 'clear' ? packet.envelope : unseal(packet, identityOf(f, packet.to).sealingKey)
}

/** The message as a packet, signed by `by`; sealed to `to`, or in the clear for ''. */
export function packed(f: Fixture, m: Message, by: PartyId = m.from, to: PartyId | '' = m.to): Uint8Array {
  const envelope = signEnvelope(m, identityOf(f, by).signingKey)
  if (to === '') return encodePacket({ kind: 'clear', envelope })
  return encodePacket(seal(envelope, memberOf(f.roster, to).sealKey, systemRandom))
}

/** One room for all, in which `id` posts other packets than its own. */
export function rewriting(
  id: PartyId,
  packets: (raw: Uint8Array) => readonly Uint8Array[],
  room: MemoryRoom = memoryRoom(),
): (of: PartyId) => Channel {
  const lying: Channel = {
    ...room,
    async post(raw) {
      for (const packet of packets(raw)) await room.post(packet)
    },
  }
  return (of) => (of === id ? lying : room)
}
