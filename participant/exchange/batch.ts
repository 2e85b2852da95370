/**
 * What one request or one answer carries between a party that can only do request and response and the service: packets,
 * each for a room, and the rooms from which the sender wants to hear. The packets are those that go over a gateway, so the
 * protocol is the same; who moves them is trusted as little.
 */
import { bytes, type Codec, list, struct, text } from '../wire/codec.ts'

export interface Addressed {
  readonly room: string
  readonly packet: Uint8Array
}

export interface Batch {
  readonly listen: readonly string[]
  readonly packets: readonly Addressed[]
}

/** Longest id of a room, packets and rooms in one batch, and bytes of a packet. */
export const ROOM_ID_LIMIT = 128
export const BATCH_LIMIT = 256
export const PACKET_LIMIT = 640 * 1024

export const batchCodec: Codec<Batch> = struct<Batch>({
  listen: list(text(ROOM_ID_LIMIT), 0, BATCH_LIMIT),
  packets: list(struct<Addressed>({ room: text(ROOM_ID_LIMIT), packet: bytes(PACKET_LIMIT) }), 0, BATCH_LIMIT),
})
