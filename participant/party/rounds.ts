/**
 * Rounds and what was received in them. A broadcast round and a direct round are different types, so passing one for
 * the other doesn't compile.
 */
import { InternalError } from '../base/errors.ts'
import type { Codec } from '../wire/codec.ts'
import type { PartyId } from './roster.ts'

export interface BroadcastRound<M> {
  readonly kind: 'broadcast'
  readonly name: string
  readonly codec: Codec<M>
  /** With 3 parties or more, everybody shows everybody what it got before the round's messages are used. */
  readonly echo: boolean
}

export interface DirectRound<M> {
  readonly kind: 'direct'
  readonly name: string
  readonly codec: Codec<M>
}

export type Round<M> = BroadcastRound<M> | DirectRound<M>

/** Everybody gets the same message, and that is checked. */
export function broadcastRound<M>(name: string, codec: Codec<M>): BroadcastRound<M> {
  return { kind: 'broadcast', name, codec, echo: true }
}

/** For messages of which two different ones can't both pass the checks; `because` says why. */
export function boundBroadcastRound<M>(name: string, codec: Codec<M>, because: string): BroadcastRound<M> {
  if (because === '') throw new InternalError(`round ${name}: expected a reason for leaving out the echo`)
  return { kind: 'broadcast', name, codec, echo: false }
}

/** One message to each peer, sealed to it. */
export function directRound<M>(name: string, codec: Codec<M>): DirectRound<M> {
  return { kind: 'direct', name, codec }
}

export interface Received<M> {
  readonly message: M
  /** The encoded envelope, signed by its sender. */
  readonly envelope: Uint8Array
}

/** A value for each peer, in roster order; can't be made with one missing. */
export class PerPeer<T> {
  readonly #values: ReadonlyMap<PartyId, T>

  constructor(peers: readonly PartyId[], value: (peer: PartyId) => T) {
    this.#values = new Map(peers.map((id) => [id, value(id)]))
  }

  get(peer: PartyId): T {
    if (!this.#values.has(peer)) throw new InternalError('asked for the value of somebody who is no peer')
    return this.#values.get(peer) as T
  }

  entries(): readonly (readonly [PartyId, T])[] {
    return [...this.#values]
  }

  values(): readonly T[] {
    return [...this.#values.values()]
  }

  map<U>(f: (value: T, peer: PartyId) => U): PerPeer<U> {
    return new PerPeer([...this.#values.keys()], (id) => f(this.get(id), id))
  }
}
