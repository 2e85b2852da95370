/** A gateway as a dishonest party uses it: what the party's own code posts is changed and signed again. */
import type { Identity } from '../../participant/party/roster.ts'
import type { Gateway } from '../../participant/room/gateway.ts'
import { decodePacket, type Envelope, encodePacket, signEnvelope } from '../../participant/wire/envelope.ts'

/** `change` gives another body for a broadcast of the party, or the same. */
export function cheatingGateway(gateway: Gateway, identity: Identity, change: (e: Envelope) => Uint8Array): Gateway {
  return {
    ...gateway,
    openRoom: (id, options) => {
      const room = gateway.openRoom(id, options)
      return {
        ...room,
        post: (raw: Uint8Array) => {
          const packet = decodePacket(raw)
          if (packet.kind !== 'clear') return room.post(raw)
          const { envelope } = packet
          const changed = signEnvelope({ ...envelope, body: change(envelope) }, identity.signingKey)
          return room.post(encodePacket({ kind: 'clear', envelope: changed }))
        },
      }
    },
  }
}
