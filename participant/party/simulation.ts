/**
 * A room in memory, for tests and for a dealer that runs all parties itself: the real parties, envelopes and sealing
 * over a channel that may shuffle, duplicate and delay. `Schedule` decides when each subscriber gets a packet.
 */
import type { Channel } from './channel.ts'

export interface Delivery {
  readonly packet: Uint8Array
  readonly deliver: (packet: Uint8Array) => void
}

/** Calls `deliver` for each delivery, as often and as late as it likes. */
export type Schedule = (d: Delivery) => void

export const inOrder: Schedule = ({ packet, deliver }) => queueMicrotask(() => deliver(packet))

export interface MemoryRoom extends Channel {
  /** Every packet that was posted, in order. */
  readonly log: readonly Uint8Array[]
}

export function memoryRoom(schedule: Schedule = inOrder): MemoryRoom {
  const log: Uint8Array[] = []
  const subscribers = new Set<(packet: Uint8Array) => void>()
  const give = (to: (packet: Uint8Array) => void, packet: Uint8Array): void =>
    schedule({ packet, deliver: (p) => void (subscribers.has(to) && to(p)) })
  return {
    log,
    async post(packet) {
      const copy = packet.slice()
      log.push(copy)
      for (const s of subscribers) give(s, copy)
    },
    subscribe(onPacket) {
      subscribers.add(onPacket)
      for (const packet of log) give(onPacket, packet)
      return () => subscribers.delete(onPacket)
    },
  }
}
