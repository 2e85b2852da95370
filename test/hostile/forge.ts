/**
 * Packets that a gateway can make out of what it saw and its own keys: spoilt ones, ones put together from two, and
 * well-formed ones that claim to be somebody else's.
 */
import { ed25519, x25519 } from '@noble/curves/ed25519.js'
import { concatBytes } from '../../participant/base/bytes.ts'
import { secret } from '../../participant/base/secret.ts'
import {
  decodePacket,
  type Envelope,
  encodePacket,
  type Packet,
  signEnvelope,
} from '../../participant/wire/envelope.ts'
import { seal } from '../../participant/wire/sealing.ts'
import type { Dice } from './dice.ts'

/** Public facts about whom it deceives. */
export interface Victim {
  readonly id: string
  readonly sealKey: Uint8Array
}

const ROUNDS = [
  ...['1', '1 proofs', '2', '2 products', '2 shares', '3', '3 fac', '1/echo', '1/opening', '3/echo', 'alarm'],
  ...['alarm sum', 'alarm product 1', 'join', 'join/echo', 'invitation', 'stop', 'finish', 'hello', 'ready'],
]
const PROTOCOLS = ['presign', 'sign', 'keygen', 'aux-info', 'meet', 'session', 'ceremony', 'rendezvous', 'meet/join']

export function truncated(packet: Uint8Array, dice: Dice): Uint8Array {
  return packet.slice(0, dice.below(packet.length))
}

export function flipped(packet: Uint8Array, dice: Dice): Uint8Array {
  const out = Uint8Array.from(packet)
  for (let i = 1 + dice.below(3); i > 0; i--) {
    // half of the flips are near the ends, where the headers and the signature or tag are
    const at = dice.chance(0.5) ? dice.below(out.length) : dice.below(Math.min(130, out.length))
    const where = dice.chance(0.25) ? out.length - 1 - at : at
    out[where] = (out[where] ?? 0) ^ (1 << dice.below(8))
  }
  return out
}

/** Some bytes of `other` at the same place, or its end after our beginning. */
export function spliced(packet: Uint8Array, other: Uint8Array, dice: Dice): Uint8Array {
  const at = dice.below(Math.min(packet.length, other.length))
  if (dice.chance(0.5)) return concatBytes(packet.slice(0, at), other.slice(at))
  const out = Uint8Array.from(packet)
  out.set(other.slice(at, Math.min(packet.length, at + 1 + dice.below(64))), at)
  return out
}

/** A packet in the form of a genuine one; nothing in it can be signed by a victim unless the genuine one was. */
export function invented(genuine: Uint8Array, victims: readonly Victim[], dice: Dice): Uint8Array {
  const packet = parsed(genuine)
  if (packet === undefined) return dice.bytes(genuine.length)
  const own = secret(dice.bytes(32))
  const random = { bytes: (length: number) => dice.bytes(length) }
  const name = (): string => dice.pick(victims)?.id ?? 'mallory'
  const base: Envelope =
    packet.kind === 'clear'
      ? packet.envelope
      : {
          session: packet.session,
          protocol: dice.pick(PROTOCOLS) ?? '',
          round: dice.pick(ROUNDS) ?? '',
          from: name(),
          to: packet.to,
          body: dice.bytes(32 + dice.below(200)),
          signature: dice.bytes(64),
        }
  const clear = (envelope: Envelope): Uint8Array => encodePacket({ kind: 'clear', envelope })
  switch (dice.below(7)) {
    case 0: // another body under the true signature
      return clear({ ...base, body: flipped(concatBytes(base.body, Uint8Array.of(0)), dice).slice(0, -1) })
    case 1: // another sender
      return clear({ ...base, from: name() })
    case 2: // another round
      return clear({ ...base, round: dice.pick(ROUNDS) ?? '' })
    case 3: // another protocol, signed by ourselves
      return clear(signEnvelope({ ...base, protocol: dice.pick(PROTOCOLS) ?? '', body: dice.bytes(40) }, own))
    case 4: {
      // sealed to a victim, signed by ourselves, among them words that a peer has stopped
      const to = dice.pick(victims)
      if (to === undefined) return dice.bytes(100)
      const stop = dice.chance(0.5) ? { protocol: 'session', round: 'stop' } : {}
      return encodePacket(seal(signEnvelope({ ...base, ...stop, from: name(), to: to.id }, own), to.sealKey, random))
    }
    case 5: {
      // what was said to all, sealed to one, with its true signature
      const to = dice.pick(victims)
      if (to === undefined) return dice.bytes(100)
      return encodePacket({ ...seal(base, to.sealKey, random), to: to.id })
    }
    default: // another session
      return clear({ ...base, session: dice.bytes(32) })
  }
}

/** A hello with keys of the gateway's own, under a victim's name or a stranger's; undefined for other packets. */
export function impersonating(genuine: Uint8Array, dice: Dice): Uint8Array | undefined {
  const packet = parsed(genuine)
  if (packet?.kind !== 'clear' || packet.envelope.round !== 'hello') return undefined
  const own = dice.bytes(32)
  const keys = concatBytes(ed25519.getPublicKey(own), x25519.getPublicKey(dice.bytes(32)), dice.bytes(32))
  const { envelope } = packet
  const body = concatBytes(keys, envelope.body.slice(96))
  const from = dice.chance(0.8) ? envelope.from : 'mallory'
  return encodePacket({ kind: 'clear', envelope: signEnvelope({ ...envelope, from, body }, secret(own)) })
}

function parsed(raw: Uint8Array): Packet | undefined {
  try {
    return decodePacket(raw)
  } catch {
    return undefined
  }
}
