/**
 * What the scripts say in a room's channels: `message <epoch> <id> <ttl in ms, or nothing> <body>`, `made <epoch>`, or
 * `gone <epoch>`.
 */
import type { Buffer } from 'node:buffer'

export interface RoomMessage {
  readonly kind: 'message'
  readonly epoch: string
  readonly id: number
  readonly ttlMs: number | undefined
  readonly body: Buffer
}

export type LiveMessage = RoomMessage | { readonly kind: 'made' | 'gone'; readonly epoch: string }

const SPACE = 0x20

/** Undefined for anything that no script says. */
export function parseLiveMessage(message: Buffer): LiveMessage | undefined {
  const kindEnd = message.indexOf(SPACE)
  const kind = message.toString('latin1', 0, Math.max(kindEnd, 0))
  if (kind === 'made' || kind === 'gone') return { kind, epoch: message.toString('latin1', kindEnd + 1) }
  if (kind !== 'message') return undefined
  const epochEnd = message.indexOf(SPACE, kindEnd + 1)
  const idEnd = message.indexOf(SPACE, epochEnd + 1)
  const ttlEnd = message.indexOf(SPACE, idEnd + 1)
  if (epochEnd < 0 || idEnd < 0 || ttlEnd < 0) return undefined
  const id = message.toString('latin1', epochEnd + 1, idEnd)
  const ttl = message.toString('latin1', idEnd + 1, ttlEnd)
  if (!/^\d{1,16}$/.test(id) || !/^\d{0,16}$/.test(ttl)) return undefined
  return {
    kind,
    epoch: message.toString('latin1', kindEnd + 1, epochEnd),
    id: Number(id),
    ttlMs: ttl === '' ? undefined : Number(ttl),
    body: message.subarray(ttlEnd + 1),
  }
}
