/**
 * The gateway's client. A gateway moves packets between the parties and is trusted with nothing: it can delay, drop,
 * repeat and invent them, and what it says about itself is used only to resume.
 *
 * Packets are bytes; over HTTP they are base64 text. Everything takes an AbortSignal, and nothing is left running
 * after it aborts.
 */
import { bytesToHex, toBase64 } from '../base/bytes.ts'
import { TransportError, UsageError } from '../base/errors.ts'
import { Transcript } from '../wire/transcript.ts'
import { type GatewayOptions, makeLink, requireRoomId } from './link.ts'
import { idempotencyKey } from './packet-log.ts'
import { checkHealth, type PostOptions, postText, type RequestOptions } from './request.ts'
import { GatewayRoom, type Room, type RoomOptions } from './room.ts'

export type { GatewayOptions, RoomEvent, Timing } from './link.ts'
export type { PostOptions, RequestOptions } from './request.ts'
export type { Room, RoomOptions } from './room.ts'

export interface Gateway {
  /** Connects in the background. Throws UsageError for an id that has no place in a URL. */
  openRoom(id: string, options?: RoomOptions): Room
  /**
   * Puts one packet into a room without listening to it. Tried until the deadline or the signal; when it fails by one of
   * them, the packet may be there all the same. TransportError: refused for good, deadline passed, or cancelled.
   */
  post(room: string, packet: Uint8Array, options?: PostOptions): Promise<void>
  /** One attempt. TransportError when the gateway doesn't answer or isn't well. */
  health(signal?: AbortSignal): Promise<void>
  /** A number from 1 that nobody else in the room gets while it lives. Fails as `post` does. */
  issueIndex(room: string, options?: RequestOptions): Promise<number>
}

/** Opens no connection yet. Throws UsageError when the URL is not of the documented form. */
export function connectGateway(o: GatewayOptions): Gateway {
  const link = makeLink(o)
  return {
    openRoom: (id, options = {}) => new GatewayRoom(link, id, options),
    async post(room, packet, options = {}) {
      requireRoomId(room)
      const text = toBase64(packet)
      await postText(link, room, 'broadcast', text, { ...options, key: idempotencyKey(text, link.random) })
    },
    health: (signal) => checkHealth(link, signal),
    async issueIndex(room, options = {}) {
      requireRoomId(room)
      return parseIndex(await postText(link, room, 'issue_unique_idx', '', options))
    },
  }
}

function parseIndex(text: string): number {
  const match = /^[ \t\r\n]*\{[ \t\r\n]*"unique_idx"[ \t\r\n]*:[ \t\r\n]*([1-9]\d{0,14})[ \t\r\n]*\}[ \t\r\n]*$/.exec(
    text,
  )
  if (match === null) throw new TransportError('gateway: expected an index as its answer')
  return Number(match[1])
}

/** The room in which a participant waits for invitations; the id says nothing to who doesn't know the key. */
export function inboxRoom(verifyKey: Uint8Array): string {
  if (verifyKey.length !== 32) throw new UsageError('verify key: expected 32 bytes')
  const digest = new Transcript('inbox room').bytes('verify key', verifyKey).digest()
  return `inbox-${bytesToHex(digest.slice(0, 20))}`
}
