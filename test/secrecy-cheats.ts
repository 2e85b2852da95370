/** A message of any round, made wrong in its first or its last value: for runs that fail, whatever the protocol. */
import { G, Point } from '../participant/math/curve.ts'
import type { Party } from '../participant/party/party.ts'
import type { PartyId } from '../participant/party/roster.ts'
import type { BroadcastRound, DirectRound, Round } from '../participant/party/rounds.ts'
import { altered, type Cheat } from '../participant/protocols/testing.ts'

export type Which = 'first' | 'last'

// biome-ignore lint/suspicious/noExplicitAny: a round's message type is its own; any of them is meant
export type AnyRound = Round<any>

/** Another value of the same type near by, so that it still encodes. */
export function nudged(value: unknown, which: Which): unknown {
  if (typeof value === 'bigint') return value ^ 1n
  if (typeof value === 'boolean') return !value
  if (value instanceof Uint8Array) return value.map((b, i) => (i === 0 ? b ^ 1 : b))
  if (value instanceof Point) return value.add(G)
  if (Array.isArray(value)) {
    const at = which === 'first' ? 0 : value.length - 1
    return value.map((v, i) => (i === at ? nudged(v, which) : v))
  }
  const keys = Object.keys(value as object)
  const key = which === 'first' ? keys[0] : keys.at(-1)
  return key === undefined ? value : { ...(value as object), [key]: nudged((value as never)[key], which) }
}

export function nudging(round: AnyRound, which: Which): Cheat {
  return altered(round, (m) => nudged(m, which))
}

/** Says nothing in this round. */
export function silent(round: AnyRound): Cheat {
  const same = (r: unknown): boolean => r === round
  return (party: Party) => ({
    ...party,
    broadcast: async <M>(r: BroadcastRound<M>, m: M) => (same(r) ? undefined : party.broadcast(r, m)),
    send: async <M>(r: DirectRound<M>, to: PartyId, m: M) => (same(r) ? undefined : party.send(r, to, m)),
  })
}
