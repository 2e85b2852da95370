/** The packets of one room, in the order of their first arrival, each once. Bounded; what is stored must not be changed. */
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, concatBytes, utf8ToBytes } from '../base/bytes.ts'
import type { Random } from '../base/random.ts'

const BYTES_LIMIT = 64 * 1024 * 1024
const PACKETS_LIMIT = 20_000

/** Names a packet by its content. */
export function packetKey(packet: Uint8Array): string {
  return bytesToHex(sha256(packet))
}

/**
 * A key under which a gateway takes this text once, however often it is posted (the header Idempotency-Key). Another each
 * time it is asked for, and nothing of the random bytes is seen in it.
 */
export function idempotencyKey(text: string, random: Random): string {
  return bytesToHex(sha256(concatBytes(random.bytes(16), utf8ToBytes(text)))).slice(0, 32)
}

export class PacketLog {
  readonly #packets: Uint8Array[] = []
  readonly #keys = new Set<string>()
  readonly #limit: number
  #bytes = 0

  /** At most so many bytes of packets. */
  constructor(limit = BYTES_LIMIT) {
    this.#limit = limit
  }

  get length(): number {
    return this.#packets.length
  }

  at(i: number): Uint8Array | undefined {
    return this.#packets[i]
  }

  add(key: string, packet: Uint8Array): 'added' | 'known' | 'full' {
    if (this.#keys.has(key)) return 'known'
    if (this.#packets.length >= PACKETS_LIMIT || this.#bytes + packet.length > this.#limit) return 'full'
    this.#keys.add(key)
    this.#packets.push(packet)
    this.#bytes += packet.length
    return 'added'
  }
}
