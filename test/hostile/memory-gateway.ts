/** A gateway in memory; each end decides for itself which packets it is shown, and when. */
import type { Gateway } from '../../participant/room/gateway.ts'

export type Route = (packet: Uint8Array, show: () => void) => void

/** Rooms in memory; `route` decides when a packet is shown to the participant that this end is of. */
export class Rooms {
  readonly #rooms = new Map<string, { packets: Uint8Array[]; readers: Set<(packet: Uint8Array) => void> }>()

  #room(id: string) {
    const room = this.#rooms.get(id) ?? { packets: [], readers: new Set<(packet: Uint8Array) => void>() }
    this.#rooms.set(id, room)
    return room
  }

  end(route: Route): Gateway {
    const post = async (id: string, packet: Uint8Array): Promise<void> => {
      const room = this.#room(id)
      room.packets.push(packet)
      for (const reader of room.readers) reader(packet)
    }
    return {
      post,
      health: async () => undefined,
      issueIndex: async () => 1,
      openRoom: (id, { signal } = {}) => ({
        id,
        ready: Promise.resolve(),
        onRestart: () => () => undefined,
        close: () => undefined,
        post: async (packet) => {
          if (signal?.aborted !== true) await post(id, packet)
        },
        subscribe: (onPacket) => {
          let isOpen = true
          const reader = (packet: Uint8Array): void =>
            route(packet, () => isOpen && signal?.aborted !== true && onPacket(packet))
          const room = this.#room(id)
          room.readers.add(reader)
          queueMicrotask(() => {
            for (const packet of room.packets) reader(packet)
          })
          return () => {
            isOpen = false
            room.readers.delete(reader)
          }
        },
      }),
    }
  }
}
