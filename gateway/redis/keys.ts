/**
 * Names in Redis. All keys of a room, and its channel, share the hash tag `{room}`: a Redis Cluster keeps them on one node,
 * where one script can change them together.
 */
export interface RoomKeys {
  /** Hash: epoch, next id, last index, counts, who is told of messages, and the Redis process that wrote it last. */
  readonly room: string
  /** Stream: message n has the id (n + 1)-0, since 0-0 is none. */
  readonly log: string
  /** Sorted set: messages that have a time after which nobody needs them. */
  readonly expiring: string
  /** Hash: Idempotency-Keys. */
  readonly taken: string
  /** Hash: instance to the number of its streams. */
  readonly streams: string
  /** Channel that says when the room is made or gone; with `:` and a gateway's name, that gateway is told of messages. */
  readonly live: string
}

/**
 * A room id may have braces, and an empty tag (`{}`) is none to Redis: so the id is percent-encoded. The prefix has no
 * brace, which the configuration checks.
 */
export function roomKeys(prefix: string, id: string): RoomKeys {
  const tag = `${prefix}{${encodeURIComponent(id)}}`
  return {
    room: `${tag}:room`,
    log: `${tag}:log`,
    expiring: `${tag}:expiring`,
    taken: `${tag}:taken`,
    streams: `${tag}:streams`,
    live: `${tag}:live`,
  }
}

/** Sorted set of all rooms by the time until which they live at most: it is only counted. */
export function registryKey(prefix: string): string {
  return `${prefix}rooms`
}
