/** A gateway as a dishonest party uses it: what the party's own code posts is changed and signed again. */
import type { Identity } from '../../participant/party/roster.ts'
import type { Gateway } from '../../participant/room/gateway.ts'
import { decodePacket, type Envelope, encodePacket, signEnvelope } from '../../participant/wire/envelope.ts'

/** `change` gives another body for a message that the party posts for everybody, or the same. */
export function cheatingGateway(gateway: Gateway, identity: Identity, change: (e: Envelope) => Uint8Array): Gateway {
  const changed = (raw: Uint8Array): Uint8Array => {
    const packet = decodePacket(raw)
    if (packet.kind !== 'clear') return raw
    const { envelope } = packet
    const body = change(envelope)
    return encodePacket({ kind: 'clear', envelope: signEnvelope({ ...envelope, body }, identity.signingKey) })
  }
  return {
    ...gateway,
    post: (id, raw, options) => gateway.post(id, changed(raw), options),
    openRoom: (id, options) => {
      const room = gateway.openRoom(id, options)
      return { ...room, post: (raw: Uint8Array) => room.post(changed(raw)) }
    },
  }
}
